"""Citizens' files are fetched while their addresses hold, kept within a budget, and never in the way."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lapor_sync.domain.citizen_files import OTHER, PICTURE, Absence, FileState
from lapor_sync.domain.errors import Missing, NotPublic, TooMuch, Unreachable, UpstreamBroken
from lapor_sync.domain.report import Attachment
from lapor_sync.store import citizen_files, marks
from lapor_sync.store.citizen_files import Kept
from lapor_sync.store.database import Work
from lapor_sync.store.file_folder import FileFolder
from lapor_sync.store.marks import Mark
from lapor_sync.sync.keep_files import A_CYCLE, TRIES, keep_files, sweep_folder
from lapor_sync.sync.setup import Keeping
from tests.flow.scripted import Stage, row_of, stage

ONE, ID = "7000001", "41"
STORE = "https://storage.test/app"


@dataclass
class Host:
    """Gives files by their addresses; what is an error is raised."""

    files: dict[str, bytes | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    before: Callable[[], object] = lambda: None

    def fetch(self, file: Attachment) -> bytes:
        self.before()
        self.asked.append(file.url)
        found = self.files.get(file.url, Missing("HTTP 403"))
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class City:
    """A city that keeps files."""

    stage: Stage
    host: Host
    folder: FileFolder

    def attach(self, *paths: str, tracking_id: str = ONE, id: str = ID, **values: Any) -> None:
        files = [{"path": path, "file_name": path.partition("?")[0].rpartition("/")[2]} for path in paths]
        self.stage.upstream.add(row_of(tracking_id, id, attachments=files, **values))

    def cycle(self) -> None:
        self.stage.cycle()

    def kept(self, tracking_id: str = ONE) -> list[Kept]:
        with self.stage.setup.store.reading() as work:
            return list(citizen_files.of_report(work, tracking_id).values())

    def stored(self) -> list[Path]:
        return [path for path in self.folder.path.glob("*/*") if path.is_file()]

    def have(self, most: int) -> None:
        keeping = Keeping(source=self.host, folder=self.folder, most=most)
        self.stage.setup = replace(self.stage.setup, keeping=keeping)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with stage(tmp_path / "kota.db") as made:
        found = City(made, Host(), FileFolder(tmp_path / "files" / "kota"))
        found.have(10**9)
        yield found


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "green").save(out, "JPEG")
    return out.getvalue()


def test_a_file_is_fetched_in_the_cycle_that_sees_it_and_never_again(city: City) -> None:
    """As it is checked by its content: a picture is drawn anew with a small copy, all else is kept as it came."""
    city.host.files = {f"{STORE}/a.jpg?Signature=1": photo(), f"{STORE}/b.jpg?Signature=1": b"MZ no picture"}
    city.attach(*city.host.files)
    city.cycle()
    kept = sorted(city.kept(), key=lambda one: str(one.kind))
    assert [(one.state, one.kind, one.small is not None) for one in kept] == [
        (FileState.KEPT, OTHER, False),
        (FileState.KEPT, PICTURE, True),
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in city.stored()} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in city.stored()} == {0o700}
    names = {name for one in kept for name in (one.stored, one.small) if name}
    assert {path.name for path in city.stored()} == names
    assert sum(path.stat().st_size for path in city.stored()) == sum(one.size for one in kept)
    asked = len(city.host.asked)
    city.attach(
        *(path.replace("=1", "=2") for path in city.host.files), title="Lain", updated_at="2026-03-01 09:00:00"
    )
    city.stage.clock.seconds += 300
    city.cycle()
    assert len(city.host.asked) == asked


def say_no_files_in_the_list(city: City) -> None:
    rows = city.stage.upstream.listed
    rows[:] = [{name: value for name, value in row.items() if name != "attachments"} for row in rows]


def details(city: City) -> int:
    """How many details were read since this was asked last."""
    calls = city.stage.upstream.calls
    count = sum(call.startswith("detail") for call in calls)
    calls.clear()
    return count


def test_files_that_only_the_detail_names_come_with_the_report(city: City) -> None:
    """Of an open report that is new: one call more, once; a change of it costs what it did."""
    city.host.files = {f"{STORE}/a.pdf": b"%PDF-1"}
    city.attach(f"{STORE}/a.pdf")
    city.attach(f"{STORE}/b.pdf", tracking_id="7000002", id="42")
    say_no_files_in_the_list(city)
    del city.stage.upstream.details["42"]
    city.cycle()
    assert [one.state for one in city.kept()] == [FileState.KEPT]
    assert details(city) == 2
    assert (city.kept("7000002"), city.stage.mirrored("7000002").report.title) == ([], "Judul 7000002")
    city.stage.upstream.listed[0]["updated_at"] = "2026-03-01 09:00:00"
    city.cycle()
    assert details(city) == 0


@pytest.mark.parametrize(
    "values",
    [{"status_name": "Selesai"}, {"updated_at": "2026-02-25 08:00:00"}, {"attachments": []}],
    ids=["closed", "changed long ago", "its row says that there are none"],
)
def test_no_detail_is_read_for_files_of_what_nobody_looks_at_now(city: City, values: dict[str, Any]) -> None:
    """A backfill costs what it did."""
    city.stage.upstream.add(row_of(ONE, ID, **values))
    city.cycle()
    assert details(city) == 0
    assert city.stage.mirrored(ONE).thread_known


def test_no_detail_is_read_for_files_where_none_are_kept(city: City) -> None:
    """Names alone do not expire."""
    city.stage.setup = replace(city.stage.setup, keeping=None)
    city.attach(f"{STORE}/a.pdf")
    say_no_files_in_the_list(city)
    city.cycle()
    assert details(city) == 0


def test_files_wait_for_deliveries(city: City) -> None:
    """The step is the last: what LAPOR is asked and told comes before."""
    city.host.files = {f"{STORE}/a.jpg": b"x"}
    city.attach(*city.host.files)
    steps: list[str] = []
    city.stage.setup = replace(city.stage.setup, step=steps.append)
    city.cycle()
    assert steps.index("pushed") < steps.index("file") < steps.index("files_kept")


def test_a_clock_that_was_a_year_ahead_puts_no_file_off(city: City) -> None:
    """Its address would be over long before that time comes again."""
    address = f"{STORE}/a.pdf?Signature=1"
    city.stage.clock.wall_ahead = 365 * 86_400
    city.host.files = {address: Unreachable("The host is away.")}
    city.attach(address)
    city.cycle()
    city.stage.clock.wall_ahead = 0
    city.host.files = {address: b"%PDF-1"}
    city.cycle()
    assert [one.state for one in city.kept()] == [FileState.KEPT]


def test_an_address_that_expired_is_asked_for_anew(city: City) -> None:
    city.attach(f"{STORE}/a.pdf?Signature=old")
    city.host.before = lambda: city.attach(f"{STORE}/a.pdf?Signature=new")
    city.host.files = {f"{STORE}/a.pdf?Signature=new": b"%PDF-1"}
    city.cycle()
    assert city.host.asked == [f"{STORE}/a.pdf?Signature=old", f"{STORE}/a.pdf?Signature=new"]
    assert city.kept()[0].state is FileState.KEPT


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Missing("HTTP 404"), Absence.EXPIRED),
        (NotPublic("inside"), Absence.NOT_ALLOWED),
        (TooMuch("much"), Absence.TOO_LARGE),
        (UpstreamBroken("a page", http_status=200), Absence.NO_FILE),
    ],
)
def test_a_file_that_cannot_be_had_is_said_so_and_tried_again_only_at_another_address(
    city: City, error: Exception, why: Absence
) -> None:
    city.host.files = {f"{STORE}/a.pdf": error}
    city.attach(f"{STORE}/a.pdf")
    for _ in range(3):
        city.cycle()
        city.stage.clock.seconds += 90_000
    assert city.host.asked == [f"{STORE}/a.pdf"]
    assert [(one.state, one.why) for one in city.kept()] == [(FileState.ABSENT, why)]
    assert ("file_absent", why) in [(event, values.get("reason")) for event, values in events(city)]
    city.host.files = {f"{STORE}/a.pdf?sig=2": b"%PDF-1"}
    city.attach(f"{STORE}/a.pdf?sig=2", title="Lain", updated_at="2026-03-05 09:00:00")
    city.cycle()
    assert city.kept()[0].state is FileState.KEPT


def events(city: City) -> list[tuple[str, dict[str, Any]]]:
    return [(one["event"], one) if isinstance(one, dict) else (one[-2], one[-1]) for one in city.stage.log.events]


def test_a_host_that_is_away_is_asked_ever_more_rarely_and_then_no_more(city: City) -> None:
    city.host.files = {f"{STORE}/a.pdf": Unreachable("no connection")}
    city.attach(f"{STORE}/a.pdf")
    for _ in range(TRIES + 3):
        city.cycle()
        city.stage.clock.seconds += 30
        city.cycle()  # too early
        city.stage.clock.seconds += 86_400 * 5
    assert len(city.host.asked) == TRIES
    assert city.kept()[0].why is Absence.AWAY


def test_a_host_that_is_away_is_left_alone_for_the_rest_of_the_cycle(city: City) -> None:
    names = [f"{STORE}/{n}.pdf" for n in range(9)]
    city.host.files = dict.fromkeys(names, Unreachable("no connection"))
    city.attach(*names)
    city.cycle()
    assert len(city.host.asked) == 3


def test_who_lets_something_go_waits_for_no_file(city: City) -> None:
    names = [f"{STORE}/{n}.pdf" for n in range(9)]
    city.host.files = dict.fromkeys(names, b"%PDF-1")
    city.attach(*names)

    def woken() -> None:
        with city.stage.setup.store.work() as work:
            marks.put(work, Mark.WAKE, "now")

    city.host.before = woken
    city.cycle()
    assert len(city.host.asked) == 1
    city.host.before = lambda: None
    city.cycle()
    assert len(city.host.asked) == 9


def test_a_cycle_fetches_for_so_long_and_goes_on_in_the_next(city: City) -> None:
    names = [f"{STORE}/{n}.pdf" for n in range(9)]
    city.host.files = dict.fromkeys(names, b"%PDF-1")
    city.attach(*names)
    city.host.before = lambda: city.stage.clock.sleep(25)
    city.cycle()
    assert len(city.host.asked) == 3
    assert A_CYCLE > 9
    for _ in range(3):
        city.cycle()
    assert len(city.host.asked) == 9


def closed(city: City, n: int) -> str:
    """A report that was closed on its day, with a file of 1,000 bytes."""
    tracking_id = f"71000{n:02}"
    url = f"{STORE}/{n}.bin"
    city.host.files[url] = bytes([n]) * 1000
    day = f"2026-02-{n:02} 08:00:00"
    city.attach(url, tracking_id=tracking_id, id=f"9{n}", status_name="Selesai", created_at=day, updated_at=day)
    return tracking_id


def test_for_want_of_room_the_oldest_closed_ones_go_first_and_it_is_said(city: City) -> None:
    city.have(3500)
    old = [closed(city, n) for n in (3, 1, 2)]
    city.cycle()
    assert len(city.stored()) == 3
    city.host.files[f"{STORE}/new.bin"] = b"n" * 1400
    city.attach(f"{STORE}/new.bin")
    city.cycle()
    states = {one: city.kept(one)[0].state for one in (ONE, *old)}
    assert states[ONE] is FileState.KEPT
    assert [one for one, state in states.items() if state is FileState.DROPPED] == [first_closed(city, old)]
    assert sum(path.stat().st_size for path in city.stored()) == 3400
    assert "files_dropped" in [event for event, _ in events(city)]


def first_closed(city: City, ids: list[str]) -> str:
    def when(one: str) -> tuple[Any, str]:
        return city.stage.mirrored(one).closed_at, one

    with city.stage.setup.store.reading() as work:
        known = [one.tracking_id for one in citizen_files.closed_longest(work, 9)]
    dropped = [one for one in ids if one not in known]
    assert when(dropped[0])[0] == min(when(one)[0] for one in ids)
    return dropped[0]


def test_what_is_kept_is_summed_once_a_cycle(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum for each new file would cost ever more as files are kept."""
    sums: list[int] = []
    size_of_all = citizen_files.size_of_all

    def counted(work: Work) -> int:
        sums.append(size_of_all(work))
        return sums[-1]

    monkeypatch.setattr(citizen_files, "size_of_all", counted)
    for n in range(4):
        city.host.files[f"{STORE}/{n}.bin"] = bytes([n]) * 1000
    city.attach(*city.host.files)
    city.cycle()
    assert (len(city.stored()), sums) == (4, [0])


def test_open_ones_never_go_for_another(city: City) -> None:
    city.have(1500)
    for n in range(2):
        city.host.files[f"{STORE}/{n}.bin"] = bytes([n]) * 1000
        city.attach(f"{STORE}/{n}.bin", tracking_id=f"720000{n}", id=f"8{n}")
    city.cycle()
    assert sorted(one.state for n in range(2) for one in city.kept(f"720000{n}")) == ["dropped", "kept"]
    assert len(city.stored()) == 1


def test_a_file_that_two_reports_have_stays_while_one_of_them_keeps_it(city: City) -> None:
    city.have(2500)
    first, second = closed(city, 1), closed(city, 2)
    city.host.files[f"{STORE}/2.bin"] = city.host.files[f"{STORE}/1.bin"]
    city.cycle()
    assert len(city.stored()) == 1
    city.host.files[f"{STORE}/new.bin"] = b"n" * 1000
    city.attach(f"{STORE}/new.bin")
    city.cycle()
    assert sorted(one.state for each in (first, second) for one in city.kept(each)) == ["dropped", "kept"]
    assert len(city.stored()) == 2


def test_a_death_between_file_and_row_leaves_nothing_wrong(city: City) -> None:
    """The file is fetched again; what nothing stands for is swept after an hour, and a part that was begun."""

    class Killed(Exception):
        pass

    def step(name: str) -> None:
        if name == "file_stored":
            raise Killed

    city.host.files = {f"{STORE}/a.pdf": b"%PDF-1"}
    city.attach(f"{STORE}/a.pdf")
    whole = city.stage.setup
    city.stage.setup = replace(whole, step=step)
    with pytest.raises(Killed):
        city.cycle()
    assert city.kept()[0].state is FileState.WANTED
    city.stage.setup = whole
    city.cycle()
    (stored,) = city.stored()
    stray, part = city.folder.path / "ff" / ("f" * 64), stored.parent / ".x.part"
    stray.parent.mkdir()
    for path in (stray, part):
        path.write_bytes(b"x")
    assert sweep_folder(city.stage.setup) == 0
    for path in (stored, stray, part):
        os.utime(path, (0, 0))
    assert sweep_folder(city.stage.setup) == 1
    assert city.stored() == [stored]


def test_a_folder_that_cannot_be_written_ends_the_step_and_nothing_else(city: City, tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    city.host.files = {f"{STORE}/a.pdf": b"%PDF-1"}
    city.attach(f"{STORE}/a.pdf")
    city.cycle()
    assert "files_not_kept" in [event for event, _ in events(city)]
    assert city.kept()[0].state is FileState.WANTED


def test_where_files_are_not_kept_none_is_asked_for(city: City) -> None:
    city.stage.setup = replace(city.stage.setup, keeping=None)
    city.attach(f"{STORE}/a.pdf")
    city.cycle()
    assert city.host.asked == []
    assert keep_files(city.stage.setup) == 0
    assert sweep_folder(city.stage.setup) == 0


def test_a_file_that_is_not_attached_any_more_is_not_asked_for(city: City) -> None:
    city.stage.setup, whole = replace(city.stage.setup, keeping=None), city.stage.setup
    city.attach(f"{STORE}/a.pdf")
    city.cycle()
    city.attach(title="Lain", updated_at="2026-03-05 09:00:00")
    city.stage.setup = whole
    city.stage.clock.seconds += timedelta(days=1).total_seconds()
    city.cycle()
    assert city.host.asked == []
    assert city.kept()[0].why is Absence.EXPIRED
