"""What a citizen asked for holds, whatever LAPOR sends of the report again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from lapor_sync import interface
from lapor_sync.domain.delivery import State
from lapor_sync.domain.errors import BadRecord
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.personal import ERASED_WORDS
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import Attachment
from lapor_sync.mirror.write import rejudge
from lapor_sync.office import citizens
from lapor_sync.store import audit, citizen_files, quarantine
from lapor_sync.store.dossier import dossier
from lapor_sync.store.file_folder import FileFolder
from lapor_sync.sync.pull import Span
from lapor_sync.sync.take_export import take_export
from tests.flow.bench import ON_BOTH, Bench, bench

pytestmark = ON_BOTH

SARI = of_shell("sari")
NAME = "Zulkarnaen"
"""It stands in all that the citizen and the OPD wrote: nothing else in the city has it."""


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield stack.enter_context(bench(tmp_path / "kota.db", reports=5))


def folder(city: Bench) -> FileFolder:
    return FileFolder(city.path.parent / "files")


def closed(city: Bench) -> tuple[str, str]:
    """A report that was answered by us, answered on by the citizen, and closed; with the reference of our answer."""
    title, content = f"{NAME} mengadu", f"Saya {NAME}."
    one = city.report(title=title, content=content, anonymous=False, secret=False)
    city.settle_down()
    ref = city.respond(one, f"Yth. {NAME}, sudah kami perbaiki.")
    city.cycles(2)
    city.world.reply(one, content=f"Terima kasih. {NAME}")
    city.world.answer(one, content=f"Salam, {NAME}.")
    city.world.close(one)
    city.cycles(3)
    assert city.state(ref) is State.SENT
    return one, ref


def holds_the_name(city: Bench) -> list[str]:
    """The tables that have the name in any column."""
    return [
        table
        for table, rows in city.contents().items()
        if any(NAME in str(value) for row in rows for value in row)
    ]


def test_what_is_erased_does_not_come_back(city: Bench) -> None:
    """Not with a poll, a sweep or a change upstream; colour, counts and the chain are as before."""
    one, ref = closed(city)
    assert {"report", "thread_item", "raw_payload", "delivery"} <= set(holds_the_name(city))
    before = city.mirrored(one)
    assert before.report.reporter_name

    citizens.erase(city.setup, SARI, one, folder(city))

    assert holds_the_name(city) == []
    city.world.reply(one, content=f"Masih rusak. {NAME}")
    city.world.touch(one)
    city.cycles(4, apart=90_000)
    city.restart()
    city.cycles(2)
    assert holds_the_name(city) == []
    assert city.mirrored(one).report.reporter_name is None
    after = city.mirrored(one)
    kept = ("disposition_id", "category", "kecamatan", "created_at", "channel")
    assert [getattr(after.report, name) for name in kept] == [getattr(before.report, name) for name in kept]
    assert after.answers == before.answers
    assert city.delivery(ref).seen_count == 1
    assert city.arrived(one) != []
    assert all(item.content.startswith(ERASED_WORDS) for item in city.thread(one) if item.content)
    with city.store.reading() as work:
        audit.verify(work.conn, work.agency)
        whole = interface.show(dossier(work, city.mirrored(one)), work.now, ())
    assert (whole["withheld"], whole["title"], whole["content"]) == ("erased", "", "")


def test_erasing_moves_no_colour(city: Bench) -> None:
    """What the rules say of an erased report is what they said before: of each closed report of a city."""
    city.settle_down()
    closed_ones = [one for one, known in city.all_mirrored().items() if known.closed_at is not None]
    one, _ = closed(city)
    for each in (one, *closed_ones):
        before = city.mirrored(each)
        citizens.erase(city.setup, SARI, each, folder(city))
        with city.store.work() as work:
            rejudge(work, city.setup, [each])
        after = city.mirrored(each)
        assert (after.verdict, after.agreed, after.closed_at) == (before.verdict, before.agreed, before.closed_at)


def test_what_is_held_back_is_as_rahasia_until_it_is_let_go(city: Bench) -> None:
    """The name goes and does not come back; let go, the report is read again as LAPOR has it."""
    one, _ = closed(city)
    citizens.hold(city.store, SARI, one)
    city.world.touch(one)
    city.cycles(3)
    held = city.mirrored(one).report
    assert (held.is_secret, held.reporter_name) == (True, None)
    citizens.let_go(city.store, SARI, one)
    city.cycles(2)

    assert not city.mirrored(one).report.is_secret
    with pytest.raises(Refused) as refused:
        citizens.let_go(city.store, SARI, one)
    assert refused.value.code is Code.NOT_HELD_BACK


def test_what_is_not_over_is_not_erased(city: Bench) -> None:
    """An open report is still worked on, and what waits is still compared with the thread: it may be held back."""
    one = city.report()
    city.settle_down()
    with pytest.raises(Refused) as refused:
        citizens.erase(city.setup, SARI, one, folder(city))
    assert refused.value.code is Code.NOT_OVER
    city.respond(one)
    city.world.close(one)
    assert citizens.hold(city.store, SARI, one).withheld == "held"


def test_a_record_that_cannot_be_read_keeps_nothing_of_an_erased_report(city: Bench) -> None:
    """Quarantine keeps a record as it came: not of a citizen who wanted it erased."""
    one, _ = closed(city)
    citizens.erase(city.setup, SARI, one, folder(city))
    city.world.corrupt(one, how="bad-date")
    city.world.touch(one)
    city.cycles(3)
    with city.store.reading() as work:
        assert len(quarantine.listing(work)) == 1
    assert holds_the_name(city) == []


def test_all_that_is_kept_is_found_and_shown_and_the_look_is_told(city: Bench) -> None:
    """A name is found wherever it stands, in what could not be read too; who looked stands in the audit, the name does
    not."""
    one, _ = closed(city)
    with city.store.work() as work:
        bad = BadRecord("x", key="row 7", raw=json.dumps({"reporter": NAME}), report_id="990001")
        quarantine.put(work, quarantine.LIST, bad)
    assert citizens.find(city.store, SARI, NAME.lower()) == {
        one: ["title", "content", "thread", "delivery"],
        "990001": ["quarantine"],
    }
    citizens.here(city.store, of_shell("budi"), one)
    _, beside = citizens.here(city.store, SARI, one)
    assert beside.payloads > 0
    assert [(look.who, look.what) for look in beside.looks] == [("budi", "citizen_shown")]
    assert "audit" not in holds_the_name(city)


def test_its_files_go_with_it(city: Bench) -> None:
    """Those of a citizen that were kept, and no file that another report has too."""
    kept = folder(city)
    one, other = closed(city)[0], sorted(city.all_mirrored())[0]
    mine, shared = kept.put(b"mine"), kept.put(b"shared")
    with city.store.work() as work:
        for report, key, stored in ((one, "1", mine), (one, "2", shared), (other, "1", shared)):
            citizen_files.note(
                work, {report: [Attachment(url=f"https://a.example/{key}", file_name=f"{key}.pdf")]}
            )
            (wanted,) = citizen_files.wanted(work, 1)
            citizen_files.keep(work, wanted, "application/pdf", stored, None, 6)
    citizens.erase(city.setup, SARI, one, kept)
    assert (kept.read(mine), kept.read(shared)) == (None, b"shared")


def test_an_export_does_not_bring_back_what_was_erased(city: Bench) -> None:
    """Nor what was held back: where LAPOR is read from files, too."""
    erased, held = closed(city)[0], sorted(city.all_mirrored())[0]
    citizens.erase(city.setup, SARI, erased, folder(city))
    citizens.hold(city.store, SARI, held)
    rows = [
        report._replace(title=NAME, content=NAME, reporter_name=NAME, is_secret=False, is_anonymous=False)
        for report in (city.mirrored(one).report for one in (erased, held))
    ]
    take_export(city.setup, rows, city.clock.now() + timedelta(days=9), on_day=False, span=Span())
    assert city.mirrored(erased).report.title == ""
    assert (city.mirrored(held).report.title, city.mirrored(held).report.is_secret) == (NAME, True)
    assert city.mirrored(held).report.reporter_name is None
