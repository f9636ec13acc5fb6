"""The same words for one report twice by hand: refused with the first one's reference, unless somebody means it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lapor_sync import office
from lapor_sync.domain.delivery import Kind, Reason, State
from lapor_sync.domain.delivery import Refused as RefusedByLapor
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.refusals import Refused
from lapor_sync.domain.scene import Scene
from lapor_sync.office import NewResponse, OutboxAct, origin_of
from lapor_sync.store import outbox
from lapor_sync.store.outbox import NewDelivery
from lapor_sync.words.en import told
from tests.flow.bench import OPD, OTHER_OPD
from tests.flow.scripted import Stage, row_of, stage

MINE, ITS = "7000001", "41"
TEXT = "Lubang di depan pasar sudah kami tambal."


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Stage]:
    """One report at rest."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        yield city


def from_sheet(
    city: Stage, *texts: str, opd: str = "", again: bool = False, is_secret: bool = False
) -> list[str | None]:
    rows = [
        NewResponse(
            given_id=MINE,
            text=text,
            by="siti",
            opd=opd or None,
            again=again,
            is_secret=is_secret,
            origin=origin_of(MINE, opd, text, is_secret=is_secret),
            row=n,
        )
        for n, text in enumerate(texts, 2)
    ]
    return office.respond_all(city.setup, of_shell("budi"), rows)


ALIKE = [
    TEXT,
    TEXT.upper(),
    f"  {TEXT.replace(' ', '  ')}\n",
    f"<p>{TEXT}</p>",
    TEXT.replace(".", " !"),
    TEXT.replace("a", "\u0430"),
    TEXT[:-1],
]


@pytest.mark.parametrize("text", ALIKE)
def test_the_same_words_twice_are_refused(city: Stage, text: str) -> None:
    """Layout, capitals and signs aside; whether the first one is queued, sent or held; with --again they go."""
    first = city.respond(MINE, TEXT)
    with pytest.raises(Refused, match=f"same_words.*{first} state=queued"):
        city.respond(MINE, text)
    city.cycles(2)
    with pytest.raises(Refused, match=f"same_words.*{first} state=sent"):
        city.respond(MINE, text, is_secret=True)
    again = city.respond(MINE, text, again=True)
    city.cycles(2)
    assert [city.state(ref) for ref in (first, again)] == [State.SENT, State.SENT]
    assert len(city.upstream.posted) == 2


def test_other_words_are_another_response(city: Stage) -> None:
    """One word more is enough; and another report's words are its own."""
    city.upstream.add(row_of("7000002", "42"))
    city.cycle()
    city.respond(MINE, TEXT)
    city.respond(MINE, f"{TEXT} Terima kasih.")
    city.respond("7000002", TEXT)


def test_words_without_a_letter_are_compared_as_they_are(city: Stage) -> None:
    city.respond(MINE, "\U0001f44d")
    city.respond(MINE, "\U0001f64f")
    with pytest.raises(Refused):
        city.respond(MINE, " \U0001f44d ")


@pytest.mark.parametrize("state", [State.CANCELLED, State.REFUSED])
def test_what_never_came_may_be_written_again(city: Stage, state: State) -> None:
    """Called off by a person, or refused by LAPOR."""
    first = city.respond(MINE, TEXT)
    if state is State.CANCELLED:
        office.change(city.setup, of_shell("siti"), OutboxAct.CANCEL, first)
    else:
        with city.setup.store.work() as work:
            one = outbox.get(work, first)
            assert one is not None
            outbox.move(work, one, State.SENDING, Reason.LEAVING)
        with city.setup.store.work() as work:
            one = outbox.get(work, first)
            assert one is not None
            outbox.move(work, one, State.REFUSED, Reason.REFUSED)
    assert city.respond(MINE, TEXT) != first


def test_what_was_called_off_after_a_try_of_unknown_outcome_may_have_come(city: Stage) -> None:
    """The citizen may have it: the same words ask for --again."""
    first = city.respond(MINE, TEXT)
    with city.setup.store.work() as work:
        one = outbox.get(work, first)
        assert one is not None
        outbox.hold(work, one, Reason.PERHAPS_ARRIVED)
        outbox.put_scene(work, first, Scene(items={}))
    called_off = office.change(city.setup, of_shell("siti"), OutboxAct.CANCEL, first)
    assert called_off == office.Changed(State.CANCELLED, may_have_arrived=True)
    with pytest.raises(Refused, match=f"same_words.*{first} state=cancelled"):
        city.respond(MINE, TEXT)
    assert city.respond(MINE, TEXT, again=True) != first


def test_what_lapor_refused_did_not_come(city: Stage) -> None:
    """Its refusal is an answer: nothing is in doubt, and the words may be written again."""
    first = city.respond(MINE, TEXT)
    city.upstream.store = lambda _outgoing: RefusedByLapor(http_status=422, why="no")
    city.cycles(2)
    assert city.state(first) is State.REFUSED
    again = office.change(city.setup, of_shell("siti"), OutboxAct.CANCEL, first)
    assert again == office.Changed(State.CANCELLED, may_have_arrived=False)
    assert city.respond(MINE, TEXT) != first


def test_a_reason_for_a_hand_over_is_no_response(city: Stage) -> None:
    office.forward(city.setup, of_shell("siti"), MINE, OTHER_OPD, TEXT)
    city.respond(MINE, TEXT)


def test_a_sheet_s_row_after_a_response_is_refused_with_its_reference(city: Stage) -> None:
    """None of the sheet is taken; with --again all of it is. The same sheet twice says nothing new."""
    first = city.respond(MINE, TEXT)
    with pytest.raises(Refused) as refused:
        from_sheet(city, "Baik.", TEXT)
    what, _ = told(refused.value)
    assert f"row 3: The same words were written for report {MINE} before: {first}, queued (--again" in what
    refs = from_sheet(city, "Baik.", TEXT, again=True)
    assert all(refs)
    assert from_sheet(city, "Baik.", TEXT) == [None, None]
    assert from_sheet(city, "Baik.", TEXT, again=True) == [None, None]
    assert from_sheet(city, "Baik.", TEXT, opd=OPD) == [None, None]


def test_a_response_after_a_sheet_is_refused(city: Stage) -> None:
    (first,) = from_sheet(city, TEXT)
    with pytest.raises(Refused, match=f"same_words.*{first} state=queued"):
        city.respond(MINE, TEXT)


def test_after_a_restore_what_was_found_upstream_counts(city: Stage) -> None:
    """The first one is known by its thread alone."""
    said = NewDelivery(
        ref="LS-QQQQQQ",
        tracking_id=MINE,
        kind=Kind.RESPONSE,
        opd="",
        text=f"<p>{TEXT}</p>[ref ls-qqqqqq]",
        by="unknown",
    )
    with city.setup.store.work() as work:
        outbox.add(work, said, state=State.SENT, reason=Reason.RECOVERED)
    with pytest.raises(Refused, match=r"same_words.*LS-QQQQQQ state=sent"):
        city.respond(MINE, TEXT)


def test_after_a_restore_what_is_found_only_later_holds_the_second(city: Stage) -> None:
    """Written again before the thread was read: its words stand there under a reference that is not known."""
    second = city.respond(MINE, TEXT)
    shown = {"id": 9, "content": f"{TEXT}\n[Ref LS-QQQQQQ]", "template_code": "reply"}
    city.upstream.items[ITS] = [shown | {"institution_from_name": "Dinas PUPR"}]
    city.cycles(2)
    one = city.delivery(second)
    assert (one.state, one.reason, city.upstream.posted) == (State.HELD, Reason.ANSWERED_ELSEWHERE, [])


@pytest.mark.parametrize("opd", ["", "Dinas PUPR"])
@pytest.mark.parametrize("was_secret", [False, True])
def test_a_row_that_is_secret_is_not_the_open_one_that_was_taken(city: Stage, opd: str, was_secret: bool) -> None:
    """It was passed over, and the words went out in public, whatever the sheet says; once that is called off it goes."""
    (first,) = from_sheet(city, TEXT, is_secret=was_secret)
    assert first is not None
    assert from_sheet(city, TEXT, opd=opd, is_secret=was_secret) == [None]
    with pytest.raises(Refused, match=f"same_words.*{first}"):
        from_sheet(city, TEXT, opd=opd, is_secret=not was_secret)
    office.change(city.setup, of_shell("siti"), OutboxAct.CANCEL, first)
    (second,) = from_sheet(city, TEXT, opd=opd, is_secret=not was_secret)
    city.cycles(2)
    assert [city.state(ref) for ref in (first, second or "")] == [State.CANCELLED, State.SENT]
