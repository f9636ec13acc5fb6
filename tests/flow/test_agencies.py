"""Many agencies, a file each: what their files must say, which one a command is of, and what is told of all."""

from __future__ import annotations

import csv
import errno
import json
import re
from contextlib import closing
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlalchemy import insert, text

from connectors.simulator import Simulator
from lapor_sync import config
from lapor_sync.clock import SystemClock
from lapor_sync.config import load_agencies, load_settings
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.files import read_text
from lapor_sync.recap.figures import NUMBERS
from lapor_sync.store import marks, work_queue
from lapor_sync.store.database import make_engine, open_store
from lapor_sync.store.marks import Mark
from lapor_sync.store.schema import notice
from tests.city import City, settings
from tests.databases import fresh_postgres

OWN = ("BEARER", "TOKEN", "INSTITUTION_ID", "USER_ID", "OPD_IDS")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of agencies, with a main file that names it."""
    made = tmp_path / "agencies"
    made.mkdir()
    (tmp_path / "main.toml").write_text(f'agencies_dir = "{made}"\npoll_seconds = 60\n', encoding="utf-8")
    return made


def put(folder: Path, key: str, *lines: str) -> Path:
    path = folder / f"{key}.toml"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def problems(folder: Path, key: str | None = None, **environ: str) -> str:
    """What is wrong, as every command of that agency says it."""
    with pytest.raises(SettingsWrong) as wrong:
        load_settings(folder.parent / "main.toml", {"HOME": "/home/sari", **environ}, key)
    return wrong.value.what


def loaded(folder: Path, key: str | None = None, **environ: str) -> object:
    return load_settings(folder.parent / "main.toml", {"HOME": "/home/sari", **environ}, key)


def test_an_agencys_file_is_over_the_main_one_and_below_the_environment(folder: Path) -> None:
    put(folder, "curup", "timezone = 'Asia/Makassar'", "poll_seconds = 30", "observe = true")
    put(folder, "manna", "ref_prefix = 'MN'")
    curup = load_settings(folder.parent / "main.toml", {"HOME": "/", "LAPOR_SYNC_OBSERVE": "false"}, "curup")
    manna = load_settings(folder.parent / "main.toml", {"HOME": "/"}, "manna")
    assert (curup.agency, curup.poll_seconds, curup.timezone.key, curup.observe) == (
        "curup",
        30,
        "Asia/Makassar",
        False,
    )
    assert (manna.agency, manna.poll_seconds, manna.ref_prefix) == ("manna", 60, "MN")


def test_one_agency_in_one_file_needs_no_option(folder: Path) -> None:
    put(folder, "curup", "agency = 'curup'")
    (folder / "curup.toml.bak").write_text("agency = 'x'", encoding="utf-8")
    (folder / ".manna.toml").write_text("", encoding="utf-8")
    assert load_settings(folder.parent / "main.toml", {"HOME": "/"}).agency == "curup"


def test_a_command_of_one_agency_must_be_told_which(folder: Path) -> None:
    assert "holds no agency; there must be a file KEY.toml" in problems(folder)
    put(folder, "curup")
    put(folder, "manna")
    assert "there are 2 agencies (curup, manna): --agency KEY must say" in problems(folder)
    assert "'mana' is no agency of this configuration; did you mean manna?" in problems(folder, "mana")
    assert "`lapor-sync agencies` lists them" in problems(folder, "xyz")


def test_a_city_without_a_folder_is_its_own_one_agency() -> None:
    assert load_settings(None, {"HOME": "/"}, "kota").agency == "kota"
    with pytest.raises(SettingsWrong, match="'curup' is no agency"):
        load_settings(None, {"HOME": "/"}, "curup")
    assert load_agencies(None, {"HOME": "/"}).keys == ("kota",)


def test_what_is_wrong_names_file_and_line(folder: Path) -> None:
    path = put(
        folder, "curup", "# the city", "", "poll_seconds = -1", "'database_url' = 'sqlite:////x'", "polls = 3"
    )
    said = problems(folder)
    assert f"poll_seconds in {path}:3 is -1; it must be a number" in said
    assert f"database_url in {path}:4 is the machine's; it must be in the main file" in said
    assert f"polls in {path}:5 is no setting of lapor-sync" in said
    path = put(folder, "curup", "user_id = 1", "bearer = ")
    assert f"{path} is no TOML" in problems(folder)
    assert "line 2" in problems(folder)
    path = put(folder, "curup", "agency = 'manna'")
    assert f"agency in {path}:1 is not as the file is named; it must be curup, or left out" in problems(folder)
    path.rename(folder / "Kota Curup.toml")
    assert "is 'Kota Curup'; it must be 1 to 32 of a-z" in problems(folder)


def test_what_tells_agencies_apart_is_nobody_elses(folder: Path, tmp_path: Path) -> None:
    """In the main file or the environment it would be every agency's: two cities with one account."""
    put(folder, "curup")
    (tmp_path / "bearer").write_text("geheim", encoding="ascii")
    said = problems(folder, LAPOR_SYNC_USER_ID="7", LAPOR_SYNC_AGENCY="curup", CREDENTIALS_DIRECTORY=str(tmp_path))
    assert "LAPOR_SYNC_USER_ID is one agency's; it must be in its file, KEY.toml" in said
    assert "LAPOR_SYNC_AGENCY is one agency's" in said
    assert "credential bearer is one agency's; it must be in its file" in said
    assert "or the credential KEY.bearer" in said
    assert "geheim" not in said
    (tmp_path / "bearer").write_text("\n", encoding="ascii")  # as the package leaves it, for who has no account
    assert loaded(folder, CREDENTIALS_DIRECTORY=str(tmp_path))


def test_credentials_are_named_after_the_agency(folder: Path, tmp_path: Path) -> None:
    put(folder, "curup")
    put(folder, "manna", "ref_prefix = 'MN'")
    for name in ("curup.bearer", "curup.token", "manna.bearer", "extra_headers"):
        (tmp_path / name).write_text("apikey = 'k'" if "." not in name else f"of-{name}", encoding="ascii")
    found = load_agencies(folder.parent / "main.toml", {"HOME": "/", "CREDENTIALS_DIRECTORY": str(tmp_path)}).right
    bearers = {key: one.bearer.get_secret_value() for key, one in found.items() if one.bearer}
    assert bearers == {"curup": "of-curup.bearer", "manna": "of-manna.bearer"}
    assert found["curup"].token is not None
    assert found["manna"].token is None
    assert {one.extra_headers_file for one in found.values()} == {tmp_path / "extra_headers"}


def test_a_wrong_file_is_that_agencys_trouble_alone(folder: Path) -> None:
    put(folder, "curup", "poll_seconds = 'x'")
    put(folder, "manna")
    found = load_agencies(folder.parent / "main.toml", {"HOME": "/"})
    assert (set(found.right), set(found.wrong)) == ({"manna"}, {"curup"})
    with pytest.raises(SettingsWrong, match="RATE_PER_SECOND"):
        load_agencies(folder.parent / "main.toml", {"HOME": "/", "LAPOR_SYNC_RATE_PER_SECOND": "-1"})
    with pytest.raises(SettingsWrong, match="cannot be read"):
        load_agencies(None, {"HOME": "/", "LAPOR_SYNC_AGENCIES_DIR": str(folder / "none")})


@pytest.mark.parametrize(
    "line",
    [
        "opd_ids = " + "[" * 5000 + "]" * 5000,
        "poll_seconds" + ".a" * 1000 + " = 1",
        "poll_seconds = " + "9" * 5000,
        "institution_id = 0x" + "F" * 5000,
        "\n".join(f"key_{n} = 1" for n in range(50_000)),
        "holidays_file = '{folder}/holidays'",
        "extra_headers_file = '{folder}/holidays'",
        "notify_urls_file = '{folder}/holidays'",
    ],
    ids=lambda line: line[:20],
)
def test_what_cannot_even_be_shown_is_that_agencys_trouble_alone(
    folder: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TOML that Python cannot read raised out of it, and no agency was worked, nor told of.

    Of thousands of keys each was told at length, which took longer than an agency is polled that was not seen again.
    """
    (folder / "holidays").write_text("a = " + "[" * 5000 + "]" * 5000, encoding="ascii")
    put(folder, "curup", line.replace("{folder}", str(folder)))
    put(folder, "manna")
    near = Mock(wraps=get_close_matches)
    monkeypatch.setattr(config, "get_close_matches", near)
    found = load_agencies(folder.parent / "main.toml", {"HOME": "/"})
    assert near.call_count < 100
    assert (set(found.right), set(found.wrong)) == ({"manna"}, {"curup"})
    assert "no TOML" in found.wrong["curup"].what or "holds 50000 keys" in found.wrong["curup"].what
    assert len(found.wrong["curup"].what) < 1000


def test_a_file_that_goes_while_it_is_read_was_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(folder, "curup", "polls = 3")

    def read_and_gone(one: Path) -> str:
        text = read_text(one)
        if one == path:
            one.unlink()
        return text

    monkeypatch.setattr("lapor_sync.config.read_text", read_and_gone)
    assert f"polls in {path}:1 is no setting" in problems(folder)


@pytest.mark.parametrize(("held", "wrong"), [({}, "manna"), ({"manna": "LS"}, "curup")])
def test_a_mark_is_one_agencys_and_who_had_it_first_keeps_it(
    folder: Path, held: dict[str, str], wrong: str
) -> None:
    """By one that both had, each would take the other's answers for its own."""
    put(folder, "curup")
    put(folder, "manna")
    found = load_agencies(folder.parent / "main.toml", {"HOME": "/"}, held)
    assert list(found.wrong) == [wrong]
    assert "ref_prefix" in found.wrong[wrong].what
    assert "'LS', as that of" in found.wrong[wrong].what


def test_a_folder_of_exports_is_one_agencys(folder: Path) -> None:
    for key in ("curup", "manna"):
        put(folder, key, f"ref_prefix = '{key[:2].upper()}'", "import_dir = '/srv/exports'")
    assert (
        "import_dir of manna.toml" in load_agencies(folder.parent / "main.toml", {"HOME": "/"}).wrong["manna"].what
    )
    (folder / "link").symlink_to("/srv/exports")
    put(folder, "manna", "ref_prefix = 'MA'", f"import_dir = '{folder}/link'")
    assert set(load_agencies(folder.parent / "main.toml", {"HOME": "/"}).wrong) == {"manna"}


@pytest.fixture
def province(
    folder: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> City:
    """Two cities that are right, over one database."""
    env = settings(folder.parent, simulator)
    own = {name: env.pop(f"LAPOR_SYNC_{name}") for name in OWN}
    env |= {"LAPOR_SYNC_AGENCIES_DIR": str(folder)}
    lines = [f"{name.lower()} = '{value}'" for name, value in own.items()]
    put(folder, "curup", *lines, "ref_prefix = 'CU'")
    put(folder, "manna", *lines, "ref_prefix = 'MN'")
    return City(env, monkeypatch, capsys)


def test_commands_are_of_one_agency_and_some_of_all(province: City, folder: Path) -> None:
    """`--agency` stands before or after a command; `status` and `agencies` sum up; a wrong file is said."""
    unnamed = province.run("--once", code=2).err
    assert "Error: Settings: there are 2 agencies" in unnamed
    assert "To do: Say --agency KEY with the command" in unnamed
    once = province.run("--once", "--agency", "curup")
    assert '"agency": "curup"' in once.err
    assert len(province.run("--agency", "curup", "reports", "--json").rows) == 16
    assert province.run("reports", "--json", "--agency", "manna").rows == []
    assert "given twice" in province.run("--agency", "curup", "reports", "--agency", "manna", code=2).err
    assert province.json("status", "--agency", "curup")[0]["last_success_at"] is not None
    put(folder, "arga", "ref_prefix = 'x'")
    told = {one["agency"]: one for one in province.json("agencies")}
    assert province.json("status") == list(told.values())
    assert list(told) == ["arga", "curup", "manna"]
    assert sum(told["curup"]["colours"].values()) == 16
    assert (told["manna"]["last_success_at"], told["manna"]["queue"], told["manna"]["worker"]) == (
        None,
        None,
        None,
    )
    assert "arga.toml:1" in told["arga"]["wrong"][0]
    province.run("outbox", "pause", "--agency", "curup")
    shown = province.run("agencies").out
    assert "Delivery of curup is paused since" in shown
    assert "arga is not worked: ref_prefix in" in shown.replace("\n", " ")


def test_a_recap_and_notices_are_over_all_agencies_where_none_is_named(province: City, folder: Path) -> None:
    """The sum's means are over all reports; an agency whose file is wrong is named as left out."""
    province.run("--once", "--agency", "curup")
    province.run("--once", "--agency", "manna")
    put(folder, "arga", "ref_prefix = 'x'")
    year = f"{datetime.now(UTC).year - 1}-01-01..{datetime.now(UTC).year}-12-31"
    told = province.run("recap", "--period", year, "--format", "json").rows[0]
    assert [row["agency"] for row in told["rows"]] == ["curup", "manna"]
    assert told["without"] == ["arga"]
    own = province.run("recap", "--period", year, "--format", "json", "--agency", "curup").rows[0]
    assert {name: told["rows"][0][name] for name in NUMBERS} == {name: own["total"][name] for name in NUMBERS}
    assert told["total"]["total"] == 2 * own["total"]["total"] == 32
    assert told["total"]["days_to_first_answer"] == own["total"]["days_to_first_answer"]
    lines = list(csv.reader(province.run("recap", "--period", year, "--format", "csv").out.splitlines()))
    assert [line[:2] for line in lines] == [
        ["line", "agency"],
        ["total", ""],
        ["agency", "curup"],
        ["agency", "manna"],
    ]
    shown = province.run("recap", "--period", year).out
    assert "manna" in shown
    assert "Without arga: its file is wrong" in shown
    for one_agencys in (["--opd", "611"], ["--fix"], ["--format", "xlsx", "--out", str(folder / "r.xlsx")]):
        refused = province.run("recap", "--period", year, *one_agencys, code=2).err
        assert "over all of them there is a table, JSON or CSV" in refused
        assert f"--agency KEY, or leave out {one_agencys[0]}" in refused

    for key, at in (("curup", 1), ("manna", 2), ("curup", 3)):
        with (
            closing(open_store(province.env["LAPOR_SYNC_DATABASE_URL"], key, SystemClock())) as store,
            store.work() as work,
        ):
            row = {"agency": key, "channel": "technical:0", "key": f"k{at}", "kind": "system", "facts": "{}"}
            work.conn.execute(
                insert(notice).values(**row, made_at=f"2026-11-2{at}T00:00:00.000000Z", state="waiting", tries=0)
            )
    assert [(one["agency"], one["key"]) for one in province.json("notices")] == [
        ("curup", "k3"),
        ("manna", "k2"),
        ("curup", "k1"),
    ]
    assert province.run("notices").out.splitlines()[1].startswith("curup")
    assert "agency" not in province.json("notices", "--agency", "manna")[0]


def test_secrets_that_systemd_hands_to_the_workers_are_no_trouble_of_a_shell(province: City, folder: Path) -> None:
    """A shell cannot see them: of an agency that workers know it must not say that it is not worked."""
    with fresh_postgres() as address:
        province.run("--once", "--agency", "curup", DATABASE_URL=address)
        path = folder / "manna.toml"
        without = re.sub(r"(bearer|token) = .*\n", "", path.read_text(encoding="utf-8"))
        path.write_text(without, encoding="utf-8")
        assert "manna is not worked: BEARER, TOKEN missing" in province.run("agencies", DATABASE_URL=address).out
        engine = make_engine(address, anew=False)
        work_queue.install(engine)
        with engine.begin() as conn:
            conn.execute(text("INSERT INTO lapor_queue.agency (agency, seen_at) VALUES ('manna', now())"))
        engine.dispose()
        assert "not worked" not in province.run("agencies", DATABASE_URL=address).out
        said = province.run("agencies", "check", code=2, DATABASE_URL=address).out
        assert "`lapor-sync-root agencies check` sees what systemd hands over" in said


def test_a_provinces_database_is_backed_up_as_a_whole(
    province: City, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No agency need be named: the package asks so before an upgrade. Each knows afterwards that there is a backup."""
    with fresh_postgres() as address:
        said = province.run("backup", str(folder / "all.dump"), code=2, DATABASE_URL=address).err
    assert "pg_dump --format=custom" in said
    for key in ("curup", "manna"):
        province.run("--once", "--agency", key)
    place = Path(
        load_settings(None, {"HOME": "/", **province.env}, "curup").database_url.removeprefix("sqlite:///")
    )

    def closed(path: str | Path) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr("os.listdir", closed)
        said = province.run("backup", str(folder / "all.db")).out
    assert "curup: 16 reports" in said
    assert f"Copy {place.parent / 'files' / 'curup'} as well" in said  # it may hold some
    for key in ("curup", "manna"):
        one = load_settings(None, {"HOME": "/", **province.env}, key)
        with closing(open_store(one.database_url, key, SystemClock())) as store, store.reading() as work:
            assert marks.get_time(work, Mark.BACKED_UP) is not None


def test_a_row_that_cannot_be_read_is_that_agencys_trouble_alone(province: City) -> None:
    for key in ("curup", "manna"):
        province.run("--once", "--agency", key)
    one = load_settings(None, {"HOME": "/", **province.env}, "curup")
    with closing(open_store(one.database_url, "curup", SystemClock())) as store, store.work() as work:
        marks.put(work, Mark.LAST_SUCCESS, "tomorrow")
    said = {row["agency"]: row for row in map(json.loads, province.run("agencies", "--json").out.splitlines())}
    assert "The mark last_success_at cannot be read" in str(said["curup"]["wrong"])
    assert said["manna"]["colours"]
    assert "last_success_at" in province.run("agencies").out


def test_agencies_check_says_what_each_can_do(province: City, folder: Path) -> None:
    assert province.run("agencies", "check").out.splitlines() == [
        "curup  right: marked [Ref CU-...]",
        "manna  right: marked [Ref MN-...]",
    ]
    put(folder, "arga", "ref_prefix = 'AR'")
    put(folder, "bintuhan", "ref_prefix = 'CU'", "import_dir = '/srv/b'")
    put(
        folder,
        "kepahiang",
        "ref_prefix = 'KP'",
        "import_dir = '/srv/k'",
        "board_public_url = 'https://manna.example'",
    )
    put(folder, "lais", "ref_prefix = 'LA'", "import_dir = '/srv/l'", "board_public_url = 'https://manna.example'")
    said = province.run("agencies", "check", code=2).out
    assert "arga  wrong: UPSTREAM_URL" not in said  # the province's own address is in the environment
    assert "arga  wrong: BEARER, TOKEN missing; set them in its file" in said
    assert "bintuhan  right: exports only" in said
    assert "curup  wrong: ref_prefix of curup.toml is 'CU', as that of bintuhan.toml" in said
    assert "kepahiang  right: exports only" in said
    assert "lais  wrong: its board is not served: manna.example is that of kepahiang's; give it another" in said
    assert "'CU', as that of bintuhan.toml" in province.run("--once", "--agency", "curup", code=2).err
