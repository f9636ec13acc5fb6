"""A status name that nobody knows may say that the report is closed: nothing runs late, and an answer asks first."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapor_sync import office
from lapor_sync.domain.colour import Colour
from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.refusals import Refused
from lapor_sync.sync.plan import plan
from lapor_sync.words.en import told
from tests.flow.scripted import Stage, row_of, stage

ONE, ID = "7000001", "41"
ODD = "Menunggu Konfirmasi Pusat"


def turn(city: Stage, status: str, at: str) -> None:
    city.upstream.listed[0] |= {"status_name": status, "updated_at": at}


def test_under_an_unknown_name_no_deadline_runs(tmp_path: Path) -> None:
    """It has its last colour and no clock; with a name that is known the clocks are back."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(ONE, ID))
        city.cycle()
        due = city.mirrored(ONE).due_at
        assert due is not None
        turn(city, ODD, "2026-03-02 08:00:00")
        city.cycle()
        one = city.mirrored(ONE)
        assert (one.colour, one.due_at, one.deadline_clock) == (Colour.MERAH, None, None)
        turn(city, "Dalam Proses", "2026-03-02 09:00:00")
        city.cycle()
        assert city.mirrored(ONE).due_at == due


def test_an_answer_under_an_unknown_name_asks_first(tmp_path: Path) -> None:
    """Refused with the reason, unless the person says so; then it leaves."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(ONE, ID, status_name=ODD))
        city.cycle()
        with pytest.raises(Refused) as refused:
            city.respond(ONE)
        assert ODD in told(refused.value)[0]
        assert "--any-status" in told(refused.value)[1]
        with pytest.raises(Exception, match=ODD):
            office.respond_all(
                city.setup, of_shell("budi"), [office.NewResponse(given_id=ONE, text="Sudah.", row=2)]
            )
        ref = city.respond(ONE, any_status=True)
        city.cycles(2)
        assert city.state(ref) is State.SENT


def test_what_is_queued_when_the_name_turns_unknown_is_held(tmp_path: Path) -> None:
    """As `plan` foresees. A person looks, and lets it go for that name alone."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(ONE, ID))
        city.cycle()
        ref = city.respond(ONE)
        turn(city, ODD, "2026-03-02 08:00:00")
        city.cycle(observe=True)
        with city.setup.store.reading() as work:
            (planned,) = plan(work, city.setup.rules)
        assert planned.next
        assert (planned.next.step, planned.next.reason) == ("hold", Reason.UNKNOWN_STATUS)
        city.cycle()
        assert (city.state(ref), city.delivery(ref).reason) == (State.HELD, Reason.UNKNOWN_STATUS)
        assert [one.kind for one in city.conflicts()] == ["unknown_status"]
        office.change(city.setup, of_shell("budi"), office.OutboxAct.RETRY, ref)
        turn(city, "Status Ketiga", "2026-03-02 09:00:00")
        city.cycle()
        assert (city.state(ref), city.upstream.posted) == (State.HELD, [])
        office.change(city.setup, of_shell("budi"), office.OutboxAct.RETRY, ref)
        turn(city, "STATUS KETIGA.", "2026-03-02 10:00:00")  # the same name
        city.cycle()
        assert city.state(ref) is State.SENT
