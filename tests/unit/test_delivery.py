"""Deliveries: legal moves, the three outcomes of a write, references, and the next step."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lapor_sync.domain.colour import Colour
from lapor_sync.domain.delivery import (
    BLOCKING,
    MAX_BARRED,
    MAX_TRIES,
    MOVES,
    OPEN_UPSTREAM,
    Body,
    Kind,
    NotSent,
    Outcome,
    Reason,
    Refused,
    Sent,
    State,
    Unknown,
    came_back_cut,
    carries,
    foreign_answers,
    outcome_of,
    reference,
    references_in,
    same_to_the_eye,
    same_words,
    unsendable_characters,
    with_reference,
)
from lapor_sync.domain.errors import Defect
from lapor_sync.domain.next_step import Confirm, Hold, Requeue, Send, Wait, next_step
from lapor_sync.domain.report import ItemKind, ThreadItem
from lapor_sync.domain.scene import Delivery, Scene, Seen, Shown, digests

T0 = datetime(2026, 3, 2, tzinfo=UTC)
REF = "LS-7F3K2Q"
TEXT = with_reference("Jalan sudah diperbaiki.", REF)


def item(content: str, id: str = "1", kind: ItemKind = ItemKind.ANSWER) -> ThreadItem:
    return ThreadItem(id=id, kind=kind, created_at=T0, content=content)


DELIVERY = Delivery(ref=REF, kind=Kind.RESPONSE, state=State.QUEUED, text=TEXT, opd="101")
FORWARD = replace(DELIVERY, kind=Kind.FORWARD)
UNKNOWN = replace(DELIVERY, state=State.UNKNOWN, scene=Scene(items={}))
SEEN = Seen(colour=Colour.MERAH, disposed_to="101", items=(), prefix="LS")
READ_BACK = replace(SEEN, absence_counts=True)
OURS = item(TEXT)
FOREIGN = item("Sudah kami jawab.", id="77")
EARLIER = item(with_reference("Lebih dulu.", "LS-AAAAAA"), id="5")


# States.


def test_the_legal_moves_are_the_table_s() -> None:
    """No move more, no move less."""
    listed = {
        "queued": "sending held cancelled sent",
        "sending": "sent refused unknown queued",
        "unknown": "sent queued held",
        "held": "queued cancelled",
        "refused": "queued cancelled",
        "sent": "",
        "cancelled": "",
    }
    assert {frm: set(to) for frm, to in MOVES.items()} == {frm: set(to.split()) for frm, to in listed.items()}
    assert set(MOVES) == set(State)


def test_every_delivery_can_come_to_an_end() -> None:
    """From each state there is a way to sent or cancelled."""
    ends = {state for state in State if not MOVES[state]}
    for _ in State:
        ends |= {state for state in State if MOVES[state] & ends}
    assert ends == set(State)


def test_only_a_read_back_or_a_person_sends_again_what_may_have_arrived() -> None:
    """Unknown never goes straight back to sending, and what was sent goes nowhere."""
    assert State.SENDING not in MOVES[State.UNKNOWN]
    assert {frm for frm in State if State.SENDING in MOVES[frm]} == {State.QUEUED}


def test_what_blocks_the_later_ones_of_a_report() -> None:
    """Refused and cancelled do not block; held does, and what is on its way."""
    assert {"queued", "sending", "unknown"} == OPEN_UPSTREAM
    assert {"queued", "sending", "unknown", "held"} == BLOCKING


# Outcomes.


def expected_outcome(status: int, body: Body) -> type[Outcome]:
    """The rules' table once more, from its last column to its first."""
    if body in {Body.GATEWAY, Body.GATEWAY_DENIED}:
        return NotSent
    if 200 <= status <= 299:
        return Sent if body is Body.SUCCESS and status in {200, 201} else Unknown
    if status == 408 or not 400 <= status <= 499 or body is not Body.FAILURE:
        return Unknown
    return NotSent if status in {401, 429} else Refused


@pytest.mark.parametrize("body", Body)
def test_the_outcome_of_every_status_and_body(body: Body) -> None:
    """Only a sound 200 or 201 is sent: 202 means later, 206 a part; all that may have been stored is unknown."""
    for status in range(100, 600):
        outcome = outcome_of(status, body)
        assert type(outcome) is expected_outcome(status, body), status
        assert outcome.http_status == status


@pytest.mark.parametrize("status", [-1, 0, 99, 600, 999])
def test_a_status_that_is_none_is_unknown(status: int) -> None:
    """Nobody can tell what such an answer means."""
    assert isinstance(outcome_of(status, Body.SUCCESS), Unknown)


def test_only_lapors_401_and_the_gateway_say_that_the_credentials_are_denied() -> None:
    """A 403 needs the reads to tell; a firewall's 401 tells nothing."""

    def denied(body: Body) -> set[int]:
        return {s for s in range(100, 600) if isinstance(o := outcome_of(s, body), NotSent) and o.denied}

    assert denied(Body.FAILURE) == {401}
    assert denied(Body.GATEWAY_DENIED) == set(range(100, 600))
    assert denied(Body.GATEWAY) == denied(Body.OTHER) == set()


def test_an_outcome_carries_what_upstream_said() -> None:
    """The message, else the status; how long to wait, for 429."""
    assert outcome_of(429, Body.FAILURE, retry_after=7.5) == NotSent(
        why="HTTP 429", http_status=429, retry_after=7.5
    )
    assert outcome_of(429, Body.OTHER, retry_after=7.5) == Unknown(
        why="HTTP 429", http_status=429, retry_after=7.5
    )
    assert outcome_of(422, Body.FAILURE, message="terlalu panjang") == Refused(
        why="terlalu panjang", http_status=422
    )
    assert outcome_of(200, Body.FAILURE) == Unknown(why="HTTP 200", http_status=200)


# What comes back.


@pytest.mark.parametrize(
    ("item_", "is_cut"),
    [
        (item("Jalan sudah"), True),
        (item("<p>JALAN  sudah</p>"), True),
        (item("..."), True),
        (item("Jalan sudah diperbaiki."), False),  # only the reference is gone
        (item("Kami tinjau dulu."), False),
        (item(TEXT), False),
        (item("Jalan", kind=ItemKind.REPORTER), False),  # a citizen may begin with the same word
        (item("", kind=ItemKind.REPORTER), True),
        (item("\u00a0", kind=ItemKind.REPORTER), True),
        (item("Kapan selesai?", kind=ItemKind.REPORTER), False),
        (item("", kind=ItemKind.LOG), True),  # an institution's, and nothing more
        (item("", kind=ItemKind.LOG)._replace(template_code="status"), False),
        (item("", kind=ItemKind.DISPOSITION), False),
        (item("", kind=ItemKind.LOG)._replace(template_code="reply"), True),
        (item("Catatan", kind=ItemKind.LOG)._replace(template_code="reply"), False),
    ],
)
def test_a_response_that_came_back_cut_or_empty_is_known(item_: ThreadItem, is_cut: bool) -> None:
    """By an answer that is its beginning, or that says nothing; never where the whole stands there too."""
    assert came_back_cut(TEXT, REF, [item_]) is is_cut
    assert not came_back_cut(TEXT, REF, [item_, OURS])
    assert not came_back_cut(TEXT, REF, [])


@pytest.mark.parametrize(
    ("text", "said", "is_cut"),
    [
        ("Sudah. \U0001f64f Terima kasih.", "Sudah.", True),
        ("Sudah. \U0001f64f Terima kasih.", "Sudah", True),
        ("Sudah. Terima kasih. \U0001f64f", "Sudah.", False),
        ("\U0001f64f Sudah kami perbaiki.", "", True),
        ("Terima kasih atas laporan Anda, sudah kami perbaiki.", "Terima kasih", False),
        ("Terima kasih atas laporan Anda, sudah kami perbaiki.", "Terima kasih atas laporan Anda, sudah", True),
    ],
)
def test_what_is_left_of_a_response_may_look_like_the_reporter_s(text: str, said: str, is_cut: bool) -> None:
    """Without template and institution: its text up to the first emoji, or so much of it that no citizen says it."""
    bare = item(said, kind=ItemKind.REPORTER)
    assert came_back_cut(with_reference(text, REF), REF, [bare]) is is_cut


# References.


def test_a_reference_is_the_prefix_and_six_of_a_to_z_and_2_to_7() -> None:
    """No 0, 1, 8 or 9, that a person on the telephone would mistake for a letter."""
    made = {reference("LS") for _ in range(200)}
    assert all(re.fullmatch(r"LS-[A-Z2-7]{6}", one) for one in made)
    assert len(made) == 200
    assert reference("BKL", choose=lambda letters: letters[-1]) == "BKL-777777"


def test_the_reference_ends_the_text_on_a_line_of_its_own() -> None:
    """Whatever space the text ended with."""
    assert with_reference("Sudah.\n \n", REF) == f"Sudah.\n[Ref {REF}]"


@example("<!--")
@example("Sudah <script")
@given(st.text())
def test_whatever_the_text_its_reference_is_found_again(text: str) -> None:
    """As it left, and after upstream escaped it once or twice or wrapped it in tags."""
    whole = with_reference(text, REF)
    once = html.escape(whole)
    for stored in (whole, once, html.escape(once), f"<p>{once}</p>", f"<p>{once.replace(chr(10), '<br />')}</p>"):
        assert carries(stored, REF)
        assert REF in references_in(stored, "LS")


@pytest.mark.parametrize(
    "stored",
    [
        f"jawaban ref {REF}",
        f"({REF})",
        f"Ref&nbsp;{REF}.",
        "LS&#45;7F3K2Q",
        "<b>LS</b>-<i>7F3K2Q</i>",
        "LS-7F3<wbr>K2Q",
        f"kurang < 5 [Ref {REF}] -> terima kasih",
        f"isi <nama\n[Ref {REF}]</p>",
    ],
)
def test_the_bare_reference_is_found_after_unescaping_and_stripping(stored: str) -> None:
    """Brackets, tags and entities around or inside it do not hide it."""
    assert carries(stored, REF)
    assert references_in(stored, "LS") == {REF}


@pytest.mark.parametrize(
    "stored",
    ["", "7F3K2Q", f"X{REF}", f"A-{REF}", f"{REF}A", f"{REF}9", "LS-7F3K2", "LS 7F3K2Q"],
)
def test_a_reference_is_not_found_inside_another_word(stored: str) -> None:
    """A longer reference is another reference."""
    assert not carries(stored, REF)
    assert REF not in references_in(stored, "LS")


@pytest.mark.parametrize("stored", ["[ref ls-7f3k2q]", "Ls-7f3k2q.", "LS\u20117F3K2Q", "LS&ndash;7F3K2Q"])
def test_a_reference_that_upstream_spelt_anew_is_found(stored: str) -> None:
    """One that was issued is known by its letters; a word that only looks like ours is no proof."""
    assert carries(stored, REF)
    assert references_in(stored, "LS") == frozenset()


def test_a_prefix_means_itself() -> None:
    """It is no pattern, and another city's prefix that ends like ours is not ours."""
    assert references_in("LxS-7F3K2Q", "L.S") == frozenset()
    assert references_in("PLS-7F3K2Q dan LS-AAAAAAA, LS-A1AAAA", "LS") == {"LS-AAAAAAA"}


def test_the_reporter_quoting_a_reference_proves_nothing() -> None:
    """With every word of the response beside it, too: whoever read it elsewhere can write it."""
    for said in (f"apa itu {REF}?", TEXT):
        quoted = item(said, kind=ItemKind.REPORTER)
        assert next_step(DELIVERY, replace(SEEN, items=(quoted,))) != Confirm()
        assert next_step(DELIVERY, replace(SEEN, items=(quoted, OURS))) == Confirm()


@pytest.mark.parametrize(
    ("content", "same"),
    [
        ("Jalan sudah diperbaiki.", True),
        ("<p>JALAN&nbsp;sudah<br>diperbaiki</p>", True),
        (TEXT, True),
        ("Jalan sudah diperbaiki. Terima kasih", False),
        ("Jalan diperbaiki.", False),
        ("", False),
    ],
)
def test_the_same_words_whatever_the_layout(content: str, same: bool) -> None:
    """Case, space, tags and punctuation aside."""
    assert same_words(content, TEXT, REF) is same


@pytest.mark.parametrize(
    ("content", "same"),
    [
        ("J\u0430l\u0430n sud\u0430h diperb\u0430iki.", True),
        ("\uff2a\uff41\uff4c\uff41\uff4e sudah diperbaiki", True),
        ("Jal\u00e1n sud\u00e0h diperba\u0131ki", True),
        ("Jala\u0301n sudah diperbaiki", True),
        ("\U0001d409alan sudah \u24d3iperbaiki", True),
        ("Jalan su\u3164dah diperbai\u2800ki", True),
        ("Jalan su\U000e0001dah diper\u00adbaiki", True),
        ("\u0408\u0391\u039b\u0410N SUDAH DIPERBA\u0399K\u0406", False),
        ("Jalan sudah diperbaiki lagi", False),
        ("", False),
    ],
)
def test_the_same_words_to_the_eye(content: str, same: bool) -> None:
    """A person is asked about them; that they arrived is proven by the words themselves only."""
    assert same_to_the_eye(content, TEXT, REF) is same


def test_look_alike_words_are_no_proof_that_a_response_arrived() -> None:
    assert not same_words(TEXT.replace("a", "\u0430"), TEXT, REF)


@pytest.mark.parametrize("text", ["", "...", "\U0001f44d"])
def test_a_text_without_a_letter_is_like_no_other(text: str) -> None:
    """Else two answers of mere signs would be taken for one."""
    assert not same_words("!!!", with_reference(text, REF), REF)


def test_an_answer_is_foreign_unless_it_carries_a_reference_of_ours() -> None:
    """One of our prefix, or one issued here under another prefix."""
    old = item("Dulu. [Ref OLD-AAAAAA]", id="9")
    items = (
        OURS,
        FOREIGN,
        EARLIER,
        old,
        item("kata", kind=ItemKind.REPORTER),
        item("d", kind=ItemKind.DISPOSITION),
    )
    assert foreign_answers(items, "LS") == (FOREIGN, old)
    assert foreign_answers(items, "LS", ["OLD-AAAAAA"]) == (FOREIGN,)


# The next step.


@pytest.mark.parametrize("state", sorted(set(State) - {State.QUEUED, State.UNKNOWN}))
def test_other_states_have_no_next_step(state: State) -> None:
    """Asking for one is a defect of ours."""
    with pytest.raises(Defect):
        next_step(replace(DELIVERY, state=state), SEEN)


@pytest.mark.parametrize(
    ("delivery", "seen", "step"),
    [
        (DELIVERY, SEEN, Send()),
        (DELIVERY, replace(SEEN, colour=Colour.KUNING), Send()),
        (DELIVERY, replace(SEEN, colour=None), Send()),
        (DELIVERY, replace(SEEN, disposed_to=None), Send()),
        (DELIVERY, replace(SEEN, items=(EARLIER,)), Send()),
        (DELIVERY, replace(SEEN, items=(OURS,)), Confirm()),
        (DELIVERY, replace(SEEN, items=(OURS, FOREIGN), colour=Colour.HIJAU, disposed_to="9"), Confirm()),
        # 1: closed since
        (DELIVERY, replace(SEEN, colour=Colour.HIJAU), Hold(reason=Reason.CLOSED_SINCE)),
        (DELIVERY, replace(SEEN, colour=Colour.ABU), Hold(reason=Reason.CLOSED_SINCE)),
        (DELIVERY, replace(SEEN, colour=Colour.ABU, disposed_to="9"), Hold(reason=Reason.DISPOSED_ELSEWHERE)),
        (DELIVERY, replace(SEEN, colour=Colour.HIJAU, disposed_to="9"), Hold(reason=Reason.CLOSED_SINCE)),
        (replace(DELIVERY, accepted_closed=True), replace(SEEN, colour=Colour.HIJAU), Send()),
        # 2: answered by someone else
        (DELIVERY, replace(SEEN, items=(FOREIGN,)), Hold(reason=Reason.ANSWERED_ELSEWHERE)),
        (replace(DELIVERY, baseline=frozenset({"77"})), replace(SEEN, items=(FOREIGN,)), Send()),
        (replace(DELIVERY, baseline=None), replace(SEEN, items=(FOREIGN,)), Hold(reason=Reason.FIRST_READ)),
        (replace(DELIVERY, baseline=None), SEEN, Send()),
        (DELIVERY, replace(SEEN, items=(item("Dulu. OLD-AAAAAA"),), issued=frozenset({"OLD-AAAAAA"})), Send()),
        # 3: with another institution
        (DELIVERY, replace(SEEN, disposed_to="102"), Hold(reason=Reason.DISPOSED_ELSEWHERE)),
        (replace(DELIVERY, accepted_disposition="102"), replace(SEEN, disposed_to="102"), Send()),
        (
            replace(DELIVERY, accepted_disposition="102"),
            replace(SEEN, disposed_to="103"),
            Hold(reason=Reason.DISPOSED_ELSEWHERE),
        ),
        # the whole text is looked for only once it was tried
        (
            replace(DELIVERY, tries=1, scene=Scene(items={})),
            replace(SEEN, items=(item("jalan sudah diperbaiki"),)),
            Confirm(),
        ),
        (
            DELIVERY,
            replace(SEEN, items=(item("jalan sudah diperbaiki"),)),
            Hold(reason=Reason.ANSWERED_ELSEWHERE),
        ),
        # unknown: read back
        (UNKNOWN, SEEN, Wait()),
        (UNKNOWN, replace(SEEN, items=(OURS,)), Confirm()),
        (UNKNOWN, replace(SEEN, items=(item("jalan sudah diperbaiki"),)), Confirm()),
        (UNKNOWN, READ_BACK, Requeue()),
        (UNKNOWN, replace(READ_BACK, colour=Colour.HIJAU), Requeue()),
        (replace(UNKNOWN, is_secret=True), SEEN, Wait()),
        (replace(UNKNOWN, is_secret=True), READ_BACK, Hold(reason=Reason.CANNOT_READ_BACK)),
        (UNKNOWN, replace(READ_BACK, readable=False), Hold(reason=Reason.CANNOT_READ_BACK)),
        (replace(UNKNOWN, tries=MAX_TRIES - 2), READ_BACK, Requeue()),
        (replace(UNKNOWN, tries=MAX_TRIES - 1), READ_BACK, Hold(reason=Reason.NOT_FOUND_AGAIN)),
        # something in between answered
        (UNKNOWN, replace(READ_BACK, barred=MAX_BARRED - 1), Requeue()),
        (UNKNOWN, replace(READ_BACK, barred=MAX_BARRED), Hold(reason=Reason.BARRED)),
        (UNKNOWN, replace(SEEN, barred=MAX_BARRED), Wait()),
        (UNKNOWN, replace(READ_BACK, items=(OURS,), barred=MAX_BARRED), Confirm()),
        # taken, to be stored later
        (UNKNOWN, replace(READ_BACK, is_promised=True), Hold(reason=Reason.CANNOT_READ_BACK)),
        (UNKNOWN, replace(SEEN, is_promised=True), Wait()),
        (UNKNOWN, replace(READ_BACK, items=(OURS,), is_promised=True), Confirm()),
        # two equal answers in one thread are two answers
        (
            replace(UNKNOWN, baseline=frozenset({"1"})),
            replace(READ_BACK, items=(item("jalan sudah diperbaiki"),)),
            Requeue(),
        ),
        # hand-overs
        (FORWARD, SEEN, Send()),
        (FORWARD, replace(SEEN, items=(FOREIGN,)), Send()),
        (FORWARD, replace(SEEN, disposed_to="102"), Hold(reason=Reason.DISPOSED_ELSEWHERE)),
        (FORWARD, replace(SEEN, colour=Colour.HIJAU), Hold(reason=Reason.CLOSED_SINCE)),
        (FORWARD, replace(SEEN, log_texts=("lain", f"Bukan kewenangan: {TEXT}")), Confirm()),
        (FORWARD, replace(SEEN, log_texts=("lain", f"apa itu {REF}?")), Hold(reason=Reason.MENTIONED)),
        (FORWARD, replace(SEEN, log_texts=(f"Pelimpahan gagal disimpan: {TEXT}",)), Hold(reason=Reason.MENTIONED)),
        (
            replace(FORWARD, state=State.UNKNOWN),
            replace(READ_BACK, log_texts=(f"Permintaan ditolak: {TEXT}",)),
            Hold(reason=Reason.FORWARD_NOT_FOUND),
        ),
        (FORWARD, replace(SEEN, items=(item(TEXT, kind=ItemKind.LOG),)), Confirm()),
        (replace(FORWARD, state=State.UNKNOWN), SEEN, Wait()),
        (replace(FORWARD, state=State.UNKNOWN), READ_BACK, Hold(reason=Reason.FORWARD_NOT_FOUND)),
        (DELIVERY, replace(SEEN, log_texts=(TEXT,)), Send()),
    ],
)
def test_the_next_step(delivery: Delivery, seen: Seen, step: object) -> None:
    """One row for each thing that can be seen of a report."""
    assert next_step(delivery, seen) == step


ITEMS = [
    OURS,
    FOREIGN,
    EARLIER,
    item("jalan sudah diperbaiki", id="8"),
    item(f"apa itu {REF}?", id="6", kind=ItemKind.REPORTER),
    item("diteruskan", id="7", kind=ItemKind.DISPOSITION),
]

deliveries = st.builds(
    Delivery,
    ref=st.just(REF),
    kind=st.sampled_from(Kind),
    state=st.sampled_from([State.QUEUED, State.UNKNOWN]),
    text=st.just(TEXT),
    opd=st.sampled_from(["101", "102"]),
    is_secret=st.booleans(),
    tries=st.integers(0, MAX_TRIES),
    baseline=st.none() | st.frozensets(st.sampled_from([one.id for one in ITEMS])),
    accepted_closed=st.booleans(),
    accepted_disposition=st.sampled_from([None, "102", "999"]),
    scene=st.none()
    | st.builds(
        Scene,
        items=st.lists(st.sampled_from(ITEMS)).map(digests),
        shown=st.builds(Shown, call_id=st.sampled_from([None, "1", "2"])),
    ),
)
views = st.builds(
    Seen,
    colour=st.sampled_from([None, *Colour]),
    disposed_to=st.sampled_from([None, "101", "102", "999"]),
    items=st.lists(st.sampled_from(ITEMS), unique_by=lambda one: one.id).map(tuple),
    prefix=st.just("LS"),
    log_texts=st.sampled_from([(), ("lain",), (TEXT,)]),
    absence_counts=st.booleans(),
    readable=st.booleans(),
    is_whole=st.booleans(),
    is_long_ago=st.booleans(),
    names_sender=st.booleans(),
    shown=st.builds(Shown, call_id=st.sampled_from([None, "1"])),
)


@given(deliveries, views)
def test_what_stands_upstream_is_never_sent_again(delivery: Delivery, seen: Seen) -> None:
    """The promise: exactly once. A reference in the thread means sent, whatever else there is to see."""
    if any(one.kind is not ItemKind.REPORTER and carries(one.content, REF) for one in seen.items):
        assert next_step(delivery, seen) == Confirm()


@given(deliveries, views)
def test_absence_is_evidence_only_after_the_grace(delivery: Delivery, seen: Seen) -> None:
    """An unknown that cannot be read back yet only waits, or is found; after a day a person is asked."""
    if delivery.state is State.UNKNOWN and not seen.absence_counts:
        step = next_step(delivery, seen)
        asked = Hold(reason=Reason.CANNOT_READ_BACK)
        assert isinstance(step, Wait | Confirm) or (seen.is_long_ago and step == asked)


@given(deliveries, views)
def test_an_unknown_never_leaves_without_being_queued_again(delivery: Delivery, seen: Seen) -> None:
    """What cannot be read back, and a hand-over, does not go out again by itself at all."""
    if delivery.state is State.UNKNOWN:
        step = next_step(delivery, seen)
        assert not isinstance(step, Send)
        if delivery.kind is Kind.FORWARD or delivery.is_secret or not seen.readable:
            assert not isinstance(step, Requeue)


@given(deliveries, views)
def test_nothing_is_sent_over_a_reason_to_hold(delivery: Delivery, seen: Seen) -> None:
    """Closed, answered by someone else, or with another institution: a person decides, unless one did."""
    if not isinstance(next_step(delivery, seen), Send):
        return
    assert seen.colour not in {Colour.HIJAU, Colour.ABU} or delivery.accepted_closed
    assert seen.disposed_to in {None, delivery.opd, delivery.accepted_disposition}
    if delivery.kind is Kind.RESPONSE:
        known = delivery.baseline or frozenset()
        assert all(one.id in known for one in seen.items if one.id in {"77", "8"})


@given(deliveries, views)
def test_every_step_is_a_legal_move(delivery: Delivery, seen: Seen) -> None:
    """The database would refuse any other."""
    leads_to = {Send: State.SENDING, Confirm: State.SENT, Requeue: State.QUEUED, Hold: State.HELD}
    step = next_step(delivery, seen)
    assert isinstance(step, Wait) or leads_to[type(step)] in MOVES[delivery.state]


@given(deliveries, views)
def test_tries_end_after_ten(delivery: Delivery, seen: Seen) -> None:
    """One that was sent ten times and not found is not queued an eleventh time."""
    if isinstance(next_step(delivery, seen), Requeue):
        assert delivery.tries + 1 < MAX_TRIES


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Sudah kami perbaiki.\n\tTerima kasih \U0001f64f\u200d\r\nPak Budi – “baik”", ()),
        ("a\x07b\x07c\x1b", ("U+0007", "U+001B")),
        ("\x00", ("U+0000",)),
        ("Telepon \u202a+62 812\u202c", ("U+202A", "U+202C")),
        ("\u2067biaya 000.5 pR\u2069", ("U+2067", "U+2069")),
        *((mark, (f"U+{ord(mark):04X}",)) for mark in "\u061c\u200e\u200f\u202b\u202d\u202e\u2066\u2068"),
        ("\x7f\x85", ("U+007F", "U+0085")),
        ("satu\u2028dua\u2029tiga", ("U+2028", "U+2029")),
        ("\ufff9a\ufffab\ufffb", ("U+FFF9", "U+FFFA", "U+FFFB")),
        ("\U000e0041\U000e007f", ("U+E0041", "U+E007F")),
        ("\ufffd\udc80", ("U+FFFD", "U+DC80")),
        ("\ufffe\ufdd0\U0001ffff", ("U+FFFE", "U+FDD0", "U+1FFFF")),
    ],
)
def test_what_no_response_may_hold(text: str, found: tuple[str, ...]) -> None:
    """Control characters, marks of direction and damaged letters, each told once; line ends, tabs and emoji may be."""
    assert unsendable_characters(text) == found
