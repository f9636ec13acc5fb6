"""One board over many agencies: whoever is signed in at one is a stranger at the others, whatever they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from structlog.testing import capture_logs

from lapor_sync.app import place_of
from lapor_sync.config import Settings, board_address, load_agencies, load_settings
from lapor_sync.domain.errors import BadRecord
from lapor_sync.domain.people import Role
from lapor_sync.domain.report import Institution
from lapor_sync.office.people import hash_of
from lapor_sync.store import (
    channels,
    conflicts,
    drafts,
    institutions,
    own_texts,
    people,
    quarantine,
    saved_filters,
    threads,
)
from lapor_sync.store.database import Store, open_store
from lapor_sync.store.schema import metadata, person, sign_in_try
from lapor_sync.web.many import Boards
from lapor_sync.web.site import make_sites
from tests.databases import StillClock
from tests.store.samples import add, item, mirrored, new, report, save
from tests.web.site import OPD, board_on, token_in
from tests.web.test_matrix import ARGUMENTS

KEYS = ("curup", "lebong_utara")
ROLES = {Role.OFFICER: OPD, Role.LEADER: OPD, Role.ADMIN: None, Role.INSPECTOR: None}
PUBLIC = "https://{agency}.papan.example"


class Town(NamedTuple):
    """An agency of the province: its part of the database, and the ids of what is in it."""

    store: Store
    ids: dict[str, Any]

    @property
    def word(self) -> str:
        """A word that stands in all that is this agency's, and in nothing of another one's."""
        return f"kata{self.store.agency}"

    @property
    def host(self) -> str:
        return f"https://{self.store.agency.replace('_', '-')}.papan.example"

    def rows(self) -> list[object]:
        """All that the database has of it; but for tries to sign in, which anybody may make."""
        with self.store.reading() as work:
            return [
                list(map(tuple, work.conn.execute(select(table).where(table.c.agency == self.store.agency))))
                for table in metadata.sorted_tables
                if "agency" in table.c and table is not sign_in_try
            ]


@pytest.fixture
def towns(tmp_path: Path) -> Iterator[tuple[Town, Town]]:
    """Two agencies whose reports have one Tracking ID, and each of everything that a page shows."""
    opened = open_store(f"sqlite:///{tmp_path / 'lapor.db'}", KEYS[0], StillClock())
    one, other = (_town(Store(opened.engine, key, opened.clock), n) for n, key in enumerate(KEYS))
    yield one, other
    opened.close()


def _town(store: Store, n: int) -> Town:
    word = f"kata{store.agency}"
    ids: dict[str, Any] = {**ARGUMENTS, "ref": ("LS-AAAAAA", "LS-BBBBBB")[n]}
    its = report("7001", disposition_id=OPD, title=f"Jalan {word}", content=f"Rusak {word}", channel=word)
    save(store, mirrored("7001", its))
    add(store, new(str(ids["ref"]), text=f"Baik, {word}\n[Ref {ids['ref']}]"))
    with store.work() as work:
        threads.save(work, {"7001": (item(content=f"Sudah {word}"),)}, threads.load(work, ["7001"]))
        institutions.replace_all(work, [Institution(id=OPD, name=f"Dinas {word}")])
        conflicts.open_one(work, kind="closed_since", tracking_id="7001", ref=str(ids["ref"]))
        quarantine.put(work, quarantine.LIST, BadRecord(word, key=word, raw=f"bad {word}"))
        for role, opd in ROLES.items():
            number = 70 + 10 * n + list(ROLES).index(role)
            row = {"agency": work.agency, "sign_in": f"{role}{word}", "name": f"{role} {word}", "made_at": work.at}
            work.conn.execute(insert(person).values(id=number, last_sign_in_at=work.at, **row))
            post = people.add_post(work, role, opd)
            people.begin_tenure(work, str(number), post.id, work.now)
            token, session = token_of(store.agency, role), f"s{number}"
            people.begin_session(
                work, id=session, person_id=str(number), token_hash=hash_of(token), origin="10.1.2.3"
            )
            if role is Role.ADMIN:
                ids |= {"person_id": str(number), "session_id": session}
                drafts.put(work, str(number), "7001", text=f"Draf {word}", is_secret=False, seen="")
                ids["channel_id"] = channels.add(work, str(number), "email", f"{word}@example.org", ())
                saved_filters.put(work, str(number), f"Saring {word}", "colour=merah")
                ids["filter_id"] = saved_filters.of_person(work, str(number))[0].id
        ids["text_id"] = own_texts.put(work, None, f"Judul {word}", f"Isi {word}")
        ids["conflict_id"] = conflicts.listing(work)[0].id
    return Town(store, ids)


def token_of(agency: str, role: Role) -> str:
    return f"token-of-{role}-{agency}"


@pytest.fixture
def site(towns: tuple[Town, Town]) -> Flask:
    stores = {town.store.agency: town.store for town in towns}
    boards = Boards(lambda one: board_on(stores[one.agency], public_url=one.board_public_url), lambda: None, Log())
    boards.take(settings_of(towns))
    return make_sites(boards, None)


class Log:
    """Nobody reads it."""

    def info(self, event: str, **values: object) -> None: ...

    warning = error = info


def settings_of(towns: tuple[Town, Town], url: str = PUBLIC, keys: tuple[str, ...] = KEYS) -> dict[str, Settings]:
    """The settings of these agencies, as their files would give them."""
    folder = Path(str(towns[0].store.engine.url.database)).parent / "agencies"
    folder.mkdir(exist_ok=True)
    for n, key in enumerate(keys):
        (folder / f"{key}.toml").write_text(f"ref_prefix = 'L{n}'", encoding="utf-8")
    env = {"HOME": "/", "LAPOR_SYNC_AGENCIES_DIR": str(folder), "LAPOR_SYNC_BOARD_PUBLIC_URL": url}
    found = load_agencies(None, env)
    return {key: found.right[key] for key in keys}


def entered(site: Flask, town: Town, role: Role) -> FlaskClient:
    """A browser that sends that person's cookie to whatever name it is led to: a real one would not even do that."""
    client = site.test_client(use_cookies=False)
    client.environ_base["HTTP_COOKIE"] = f"__Host-papan={token_of(town.store.agency, role)}"
    return client


def asked(site: Flask, ids: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each method and path of the site, of the things that have these ids."""
    adapter = site.url_map.bind("papan.example")
    for rule in site.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield method, adapter.build(rule.endpoint, ids, method=method)
            if rule.endpoint == "reports.page":
                yield method, f"/laporan?q=kata&semua=1&opd={OPD}"


@pytest.mark.parametrize("role", ROLES)
def test_nothing_of_another_agency_is_shown_or_changed(site: Flask, towns: tuple[Town, Town], role: Role) -> None:
    """Each page by the ids of either agency, each form by the other's: under the own name only what is one's own, under
    the other's nothing without signing in there."""
    mine, theirs = towns
    before, shown, client = theirs.rows(), 0, entered(site, mine, role)
    form = {"csrf": token_in(client.get("/akun", base_url=mine.host)), "choice": "keep_ours", "text": "Halo."}
    for ids in (mine.ids, theirs.ids):
        for method, path in asked(site, ids):
            if method == "POST" and (ids is mine.ids or path == "/keluar"):
                continue
            for town in towns:
                answer = client.open(
                    path, method=method, base_url=town.host, data=form if method == "POST" else None
                )
                assert theirs.word.encode() not in answer.data, (method, path, town.host)
                shown += mine.word.encode() in answer.data
                assert town is mine or mine.word.encode() not in answer.data, (method, path, town.host)
    assert shown > 8
    assert theirs.rows() == before


def test_each_name_has_its_own_people_and_an_unknown_one_nobody_s(site: Flask, towns: tuple[Town, Town]) -> None:
    one, other = towns
    client = entered(site, other, Role.OFFICER)
    assert other.word in client.get("/laporan", base_url=other.host).text
    led = client.get("/laporan", base_url=one.host)
    assert (led.status_code, led.location) == (303, "/masuk?next=/laporan")
    for host in ("https://manna.papan.example", "https://papan.example", "https://[x"):
        stray = (
            client.get("/laporan", base_url=host) if "[" not in host else client.get("/", headers={"Host": "[x"})
        )
        assert stray.status_code == 400
        assert stray.text.startswith("Papan tidak dibuka di alamat ini.")
    assert [client.get(path, base_url="https://10.1.2.3").text for path in ("/healthz", "/readyz")] == [
        "ok\n",
        "ready\n",
    ]


@pytest.mark.parametrize(
    ("its_own", "shared", "address"),
    [
        ("", "", "http://lebong-utara.localhost:8080"),
        ("", f"board_public_url = '{PUBLIC}'", "https://lebong-utara.papan.example"),
        (
            "board_public_url = 'https://lapor.lebong.example'",
            f"board_public_url = '{PUBLIC}'",
            "https://lapor.lebong.example",
        ),
    ],
)
def test_links_begin_with_the_address_of_the_agency_s_own_board(
    tmp_path: Path, its_own: str, shared: str, address: str
) -> None:
    (tmp_path / "agencies").mkdir()
    (tmp_path / "agencies" / "lebong_utara.toml").write_text(its_own, encoding="utf-8")
    main = tmp_path / "config.toml"
    main.write_text(f"agencies_dir = '{tmp_path / 'agencies'}'\n{shared}", encoding="utf-8")
    settings = load_settings(main, {"HOME": "/"}, "lebong_utara")
    assert board_address(settings) == address
    assert place_of(settings).url == (address if shared else "")


def test_the_boards_follow_the_files_and_one_address_is_one_agency_s(towns: tuple[Town, Town]) -> None:
    made: list[str] = []

    def make(one: Settings) -> object:
        made.append(f"{one.agency} {one.poll_seconds:.0f}")
        return object()

    why: list[str | None] = ["the database does not answer"]
    boards = Boards(make, why.pop, structlog.get_logger())  # type: ignore[arg-type]
    both = settings_of(towns)
    boards.take(both)
    first = boards.of("curup.papan.example")
    boards.take(both)
    assert boards.of("curup.papan.example") is first
    boards.take({"curup": both["curup"].model_copy(update={"poll_seconds": 60.0})})
    assert boards.of("curup.papan.example") is not first
    assert boards.of("lebong-utara.papan.example") is None
    assert made == ["curup 300", "curup 60"]
    with capture_logs() as logs:
        for _ in range(2):
            boards.take(settings_of(towns, "https://papan.example"))
    assert [(one["event"], one["agency"], one["id"]) for one in logs] == [
        ("board_address_taken", "lebong_utara", "curup")
    ]
    client = make_sites(boards, None).test_client()
    assert client.get("/readyz", base_url="https://10.1.2.3").status_code == 503
