"""What may be a response that was tried, and what cannot be: the table of the rules, item by item."""

from __future__ import annotations

import html
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from lapor_sync.domain.absence import heads_moved, is_of_before, says_otherwise, without_random
from lapor_sync.domain.colour import Colour
from lapor_sync.domain.delivery import Kind, Reason, State, says_all_of, with_reference
from lapor_sync.domain.next_step import Confirm, Hold, Requeue, Send, Wait, next_step, times_arrived
from lapor_sync.domain.report import ItemKind, ThreadItem
from lapor_sync.domain.scene import Delivery, Scene, Seen, Shown, digests
from lapor_sync.domain.traces import is_clearly_other, letters, traces
from tests.growth import is_linear

REF, WORDS = "LS-7F3K2Q", "Jalan di depan pasar sudah kami perbaiki."
TEXT = with_reference(WORDS, REF)
ASKED = "Kapan lampu taman dinyalakan lagi?"


TRIED = datetime(2026, 3, 2, 3, 10, 20, tzinfo=UTC)
ENDED = TRIED + timedelta(seconds=10)
LATER = TRIED + timedelta(minutes=10)


def item(content: str, id: str = "9", kind: ItemKind = ItemKind.ANSWER, at: datetime | None = LATER) -> ThreadItem:
    return ThreadItem(id=id, kind=kind, created_at=at, content=content)


OLD = item("Mohon ditindak", id="1", kind=ItemKind.REPORTER)
SHOWN = Shown(
    call_id="41",
    traces=(0, 1, 1),
    parts=4,
    marks={"1": "m1"},
    beside="b1",
    detail={"status_name": "d1"},
    status="Terverifikasi",
)
SCENE = Scene(
    items=digests([OLD], ["h:1"]),
    shown=replace(SHOWN, counts={"followups_count": 2, "pending_count": 0, "answer_count": 0}),
    began_at=TRIED,
)
UNKNOWN = Delivery(ref=REF, kind=Kind.RESPONSE, state=State.UNKNOWN, text=TEXT, opd="101", scene=SCENE)
QUEUED = replace(UNKNOWN, state=State.QUEUED, tries=1)
SEEN = Seen(
    colour=Colour.MERAH,
    disposed_to="101",
    items=(OLD,),
    prefix="LS",
    absence_counts=True,
    names_sender=True,
    bad=frozenset({"h:1"}),
    shown=replace(
        SHOWN,
        counts={"followups_count": 2, "pending_count": 0, "views_count": 9},
        read_at=TRIED + timedelta(hours=2),
    ),
    ended_at=ENDED,
    grace=timedelta(seconds=120),
    others=frozenset({"kementerian", "700"}),
)
GIVEN_ON = item(ASKED, kind=ItemKind.DISPOSITION)._replace(author="Kementerian")
COMMENT = item(ASKED, kind=ItemKind.REPORTER)
PERHAPS = Hold(reason=Reason.PERHAPS_ARRIVED)
SIBLING = "LS-SSSSSS"


KAMI_CEK: dict[str, Any] = {"siblings": {SIBLING: "Kami cek."}}
NOT_SURELY_LATER = [
    None,
    TRIED,
    TRIED - timedelta(days=400),
    ENDED + timedelta(seconds=119),
    ENDED + timedelta(seconds=240),
    TRIED + timedelta(hours=1),  # LAPOR shows it in Central Indonesia's time
    ENDED + timedelta(hours=1, seconds=100),
    TRIED + timedelta(hours=2, seconds=1),  # to come
    datetime(2026, 3, 2, 4, tzinfo=UTC),  # perhaps only the hour, or the day, was said
]


T = TypeVar("T", Scene, Seen)


def other(one: T, **values: Any) -> T:
    """It with other values, those of what upstream showed among them."""
    beside = {each.name for each in fields(Shown)}
    shown = {name: value for name, value in values.items() if name in beside}
    rest = {name: value for name, value in values.items() if name not in beside}
    return replace(one, shown=replace(one.shown, **shown), **rest)


def with_new(*items: ThreadItem, **values: object) -> Seen:
    return other(SEEN, items=(OLD, *items), **values)


@pytest.mark.parametrize(
    ("seen", "then"),
    [
        (SEEN, None),
        # surely another
        (with_new(item(ASKED, kind=ItemKind.REPORTER)), None),
        (with_new(item(ASKED)), None),  # held by the next question, as somebody else's answer
        (with_new(GIVEN_ON), None),
        (with_new(GIVEN_ON._replace(author="700")), None),
        (
            with_new(
                COMMENT, beyond={"1": frozenset({"user", "user=b", "rating"}), "9": frozenset({"user", "user=b"})}
            ),
            None,
        ),
        (with_new(COMMENT, beyond={"1": frozenset({"user", "rating"}), "9": frozenset({"rating"})}), None),
        (with_new(item(with_reference("Kami cek.", SIBLING)), siblings={SIBLING: "Kami cek."}), None),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), siblings={SIBLING: "Kami cek."}), None),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), parts=9), None),
        (other(SEEN, parts=None), None),
        (other(SEEN, detail=None), None),
        (other(SEEN, marks=None, beside=None, counts=None), None),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), counts={"followups_count": 3}), None),
        (
            other(
                SEEN,
                items=(OLD._replace(content=with_reference("Kami cek.", SIBLING)),),
                marks={"1": "m2"},
                **KAMI_CEK,
            ),
            None,
        ),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), detail={"status_name": "d2"}), None),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), detail={"status_name": "d2"}, status=None), None),
        (replace(SEEN, items=(OLD._replace(content=with_reference("Kami cek.", SIBLING)),), **KAMI_CEK), None),
        # perhaps ours
        *((with_new(item(ASKED, kind=ItemKind.REPORTER, at=at)), PERHAPS) for at in NOT_SURELY_LATER),
        *((with_new(GIVEN_ON._replace(created_at=at)), PERHAPS) for at in NOT_SURELY_LATER),
        (with_new(GIVEN_ON._replace(author="Kota")), PERHAPS),
        (with_new(GIVEN_ON._replace(author=None)), PERHAPS),
        (with_new(COMMENT, beyond={"9": frozenset({"info_disposition"})}), PERHAPS),
        (with_new(COMMENT, beyond=None), PERHAPS),
        (
            with_new(COMMENT, beyond={"1": frozenset({"user", "user=b"}), "9": frozenset({"user", "user=c"})}),
            PERHAPS,
        ),
        (with_new(COMMENT, beyond={"1": frozenset({"type"}), "9": frozenset({"type", "type=c"})}), PERHAPS),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), ended_at=None), PERHAPS),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), read_at=None), PERHAPS),
        (other(SEEN, parts=5), PERHAPS),
        (
            with_new(item(ASKED, kind=ItemKind.REPORTER), detail={"status_name": "d2"}, status="Dalam Proses"),
            PERHAPS,
        ),
        (other(SEEN, marks={"1": "m2"}), PERHAPS),  # a count or a time of an item that was there
        (other(SEEN, beside="b2"), PERHAPS),  # a note, or a count, beside the items
        (with_new(item(ASKED, kind=ItemKind.REPORTER), detail={"status_name": "d2"}, beside="b2"), PERHAPS),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), marks={"1": "m2", "9": "m9"}), PERHAPS),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), counts={"followups_count": 4}), PERHAPS),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), counts={"pending_count": 1}), PERHAPS),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), counts={"answer_count": 1}), PERHAPS),
        (replace(SEEN, elsewhere=("7000009",)), PERHAPS),
        (other(SEEN, detail={"status_name": "d2"}), PERHAPS),  # its status or time moved, and no item tells why
        (replace(SEEN, items=(OLD._replace(content="Mohon ditindak pak"),)), PERHAPS),
        (
            replace(SEEN, items=(OLD._replace(content=with_reference("Kami lihat.", SIBLING)),), **KAMI_CEK),
            PERHAPS,
        ),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), names_sender=False), Wait()),
        (with_new(item(ASKED, kind=ItemKind.REPORTER), names_sender=False, is_long_ago=True), PERHAPS),
        (with_new(item(WORDS, kind=ItemKind.REPORTER), names_sender=False), PERHAPS),
        (with_new(item("Terima kasih", kind=ItemKind.REPORTER)), PERHAPS),
        (with_new(item(WORDS, kind=ItemKind.REPORTER)), PERHAPS),
        (with_new(item("Jalan di depan pasar", kind=ItemKind.REPORTER)), PERHAPS),
        (with_new(item(f"Kata Anda: {WORDS} Bohong!", kind=ItemKind.REPORTER)), PERHAPS),
        (with_new(item("jalan depan pasar sudah baik", kind=ItemKind.REPORTER)), PERHAPS),
        (with_new(item("", kind=ItemKind.LOG)), PERHAPS),
        (with_new(item(ASKED, kind=ItemKind.LOG)), PERHAPS),
        (with_new(GIVEN_ON._replace(content="")), PERHAPS),
        (with_new(item(f"{WORDS} [Ref LS-QQQQQQ]")), PERHAPS),
        (with_new(item(f"{ASKED} [Ref LS-QQQQQQ]")), PERHAPS),
        (with_new(item(f"[Ref {REF}]")), PERHAPS),
        (with_new(item(with_reference(WORDS, SIBLING)), siblings={SIBLING: "Kami cek."}), PERHAPS),
        (replace(SEEN, items=(OLD._replace(content=f"Mohon ditindak {WORDS}"),)), PERHAPS),
        (replace(SEEN, bad=frozenset({"h:1", "h:2"})), PERHAPS),
        (with_new(item(f"Gagal menyimpan tanggapan: {TEXT}", kind=ItemKind.LOG)), PERHAPS),
        (with_new(item(f"{TEXT} Ditolak moderator.", kind=ItemKind.LOG)), PERHAPS),
        (with_new(GIVEN_ON._replace(content=f"Dikembalikan untuk diperbaiki: {TEXT}")), PERHAPS),
        (other(SEEN, traces=(1, 1, 1)), PERHAPS),
        (other(SEEN, traces=(0, 1, 2)), PERHAPS),
        # nothing can be said
        (replace(SEEN, items=()), Wait()),
        (replace(SEEN, bad=frozenset()), Wait()),
        (replace(SEEN, is_whole=False), Wait()),
        (replace(SEEN, items=(), is_long_ago=True), Hold(reason=Reason.CANNOT_READ_BACK)),
        (other(SEEN, call_id="42"), Hold(reason=Reason.ANOTHER_REPORT)),
        # it is there
        (with_new(item(TEXT)), Confirm()),
        (with_new(item(f"Yth. Ibu Sari. {TEXT}")), Confirm()),
        (with_new(item(TEXT, kind=ItemKind.LOG)), Confirm()),
    ],
)
def test_what_is_new_after_a_try(seen: Seen, then: object) -> None:
    """The same is asked after the grace, and once more right before the next send."""
    assert next_step(UNKNOWN, seen) == (then or Requeue())
    again = next_step(QUEUED, seen)
    if then is None and any(one.kind is ItemKind.ANSWER for one in seen.items) and not seen.siblings:
        assert again == Hold(reason=Reason.ANSWERED_ELSEWHERE)
    elif then is not None and then != PERHAPS:
        assert again == then
    else:
        assert isinstance(again, Hold if then else Send)


@pytest.mark.parametrize(
    ("then", "now", "otherwise"),
    [
        ({"detail": {"ago": "~3/86400"}}, {"detail": {"ago": "~3/86400"}}, ()),
        ({"detail": {"ago": "~3/86400"}}, {"detail": {"ago": "~0/60"}}, ("complaint.ago",)),
        ({"detail": {}}, {"detail": {"ago": "~0/60"}}, ("complaint.ago",)),
        ({"row": {"ago": "~3/60"}}, {"row": {"ago": "~99/60"}}, ()),
        ({"row": {"ago": "~3/60"}}, {"row": {"ago": "~0/60"}}, ("list.ago",)),
        ({"marks": {"1": "m1", "1\0ago": "~9/1"}}, {"marks": {"1": "m1", "1\0ago": "~7209/1"}}, ()),
        ({"marks": {"1": "m1", "1\0ago": "~9/1"}}, {"marks": {"1": "m1", "1\0ago": "~3/1"}}, ("followups/1/ago",)),
        ({"marks": {"1": "m1"}}, {"marks": {"1": "m1", "2": "m2", "2\0ago": "~3/1"}}, ()),
        ({"marks": {}}, {"marks": {"(beside)\0ago": "~3/1"}}, ("followups/(beside)/ago",)),
        ({"marks": {"2026/7": "m1"}}, {"marks": {"2026/7": "m2"}}, ("followups/2026/7",)),
    ],
)
def test_only_an_age_that_grows_with_the_time_tells_nothing(
    then: dict[str, Any], now: dict[str, Any], otherwise: tuple[str, ...]
) -> None:
    scene = other(SCENE, read_at=TRIED, **then)
    seen = other(SEEN, **now)
    assert says_otherwise(scene, seen) == otherwise
    assert next_step(replace(UNKNOWN, scene=scene), seen) == (PERHAPS if otherwise else Requeue())


def test_a_header_that_says_otherwise_holds() -> None:
    """Unless each read has another one; two states may be two replicas', and what was not there before is news."""
    scene = other(SCENE, heads={"followups etag": "a", "followups x-id": "b"})
    moved = {"followups etag": "c", "followups x-id": "d", "followups retry-after": "e"}
    assert heads_moved(scene, moved) == moved.keys()
    tried = replace(UNKNOWN, scene=scene)
    assert next_step(tried, other(SEEN, heads=moved)) == PERHAPS
    assert says_otherwise(scene, other(SEEN, heads={"followups etag": "a"})) == ("followups x-id (header)",)
    assert next_step(tried, other(SEEN, heads=None)) == Requeue()
    assert scene.shown.heads is not None
    reads = [moved, {**moved, "followups x-id": "f"}, {"followups etag": "g", "followups x-id": "h"}]
    assert without_random(scene.shown.heads, reads) == {**moved, "followups x-id": "b"}
    gone = [moved, {**moved, "followups x-id": "f"}, {"followups etag": "h"}]
    assert without_random(scene.shown.heads, gone) == moved


LAST = "followups timestamp"
SOON = TRIED - timedelta(seconds=3)
WIB = timedelta(hours=7)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("then", "said", "expected"),
    [
        # A clock that goes right, in our zone or in another.
        (SOON, LATER, False),
        (SOON + WIB, LATER + WIB, False),
        (SOON - WIB, LATER - WIB, False),
        (SOON, ENDED + minutes(2), False),
        (SOON, ENDED + minutes(1.9), True),  # within the grace what was stored need not be shown
        (SOON, SOON, True),
        (SOON, SOON - minutes(9), True),
        (SOON + WIB, SOON + WIB, True),
        (SOON - WIB, SOON - WIB + minutes(1), True),
        # One that was late before, or an answer that was old before.
        (SOON - minutes(5), LATER - minutes(5), False),
        (SOON - minutes(9), LATER - minutes(9), True),
        (SOON - minutes(9), SOON - minutes(9), True),
        # A constant, and a clock that is wrong by years.
        (SOON - timedelta(days=400), SOON - timedelta(days=400), False),
        (SOON - timedelta(days=400), LATER - timedelta(days=400), False),
        (SOON - timedelta(days=400), SOON - timedelta(days=399), True),
        # It says so for the first time.
        (None, LATER, False),
        (None, SOON, True),
    ],
)
def test_what_an_answer_says_of_its_own_age(then: datetime | None, said: datetime, *, expected: bool) -> None:
    """It is held against what it said before the try, so that one that was always wrong holds nothing."""
    scene = other(SCENE, dated={} if then is None else {LAST: then}, read_at=SOON)
    seen = other(SEEN, dated={LAST: said}, read_at=LATER)
    tried = replace(UNKNOWN, scene=scene)
    assert is_of_before(tried, scene, seen) is expected
    assert next_step(tried, seen) == (Wait() if expected else Requeue())
    assert is_of_before(tried, SCENE, seen) is False  # an earlier program's, which does not know
    assert is_of_before(replace(tried, state=State.QUEUED), scene, other(seen, dated=None)) is False


def test_a_read_of_before_the_try_proves_no_absence() -> None:
    """By the `Date` of its answers; where it is not known when the try was, or the read, nothing is said of that."""
    assert is_of_before(QUEUED, SCENE, other(SEEN, read_at=SOON))
    assert not is_of_before(QUEUED, other(SCENE, began_at=None), other(SEEN, read_at=SOON))
    assert not is_of_before(QUEUED, SCENE, other(SEEN, read_at=None))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (("1", "2", "3"), False),
        (("9", "1", "2", "8", "3"), False),  # new ones, wherever they stand
        (("1", "3"), False),
        (None, False),
        (("3", "2", "1"), True),
        (("2", "1", "3", "9"), True),
    ],
)
def test_in_another_order(now: tuple[str, ...] | None, *, expected: bool) -> None:
    scene = other(SCENE, order=("1", "2", "3"))
    seen = other(SEEN, order=now)
    assert says_otherwise(scene, seen) == (("followups (order)",) if expected else ())
    assert next_step(replace(UNKNOWN, scene=scene), seen) == (PERHAPS if expected else Requeue())


def test_what_says_otherwise_is_named() -> None:
    """So that the person who is asked knows where to look."""
    seen = other(SEEN, marks={"1": "m2"}, beside="b2", detail={"status_name": "d2", "rating": "d3"})
    named = ("followups/1", "followups", "complaint.rating", "complaint.status_name")
    assert says_otherwise(SCENE, seen) == named
    assert says_otherwise(SCENE, SEEN) == ()


def test_what_was_known_when_it_was_written_is_not_new() -> None:
    """It had gone when the try left, and came back."""
    back = replace(QUEUED, baseline=frozenset({"9"}))
    assert next_step(back, with_new(item(ASKED))) == Send()


def test_without_a_scene_an_absence_proves_nothing() -> None:
    """A try of an earlier program, which kept none."""
    assert next_step(replace(UNKNOWN, scene=None), SEEN) == Hold(reason=Reason.CANNOT_READ_BACK)


@pytest.mark.parametrize(
    ("then", "now", "step"),
    [
        ("Kami cek lampunya.", "Kami cek lampunya. 1 balasan lagi.", PERHAPS),
        ("Kami cek", "Kami cek lampunya. 1 balasan lagi.", PERHAPS),
        ("Kami cek", "<p>Kami cek lampunya.</p>", Requeue()),
    ],
)
def test_another_response_of_ours_that_says_more_than_it_is(then: str, now: str, step: object) -> None:
    """LAPOR may join what was stored to it, and withhold the words; whole at last it tells of itself alone."""
    was, mine = (item(with_reference(words, SIBLING), id="5", at=TRIED) for words in (then, now))
    scene = replace(SCENE, items=digests([OLD, was], ["h:1"]))
    siblings = {SIBLING: with_reference("Kami cek lampunya.", SIBLING)}
    assert next_step(replace(UNKNOWN, scene=scene), with_new(mine, siblings=siblings)) == step


def test_a_hand_over_that_was_let_go_again_asks_for_nothing_new() -> None:
    """What may be one in a thread cannot be told: a person said that it goes."""
    assert next_step(replace(QUEUED, kind=Kind.FORWARD), with_new(item("", kind=ItemKind.LOG))) == Send()


def test_its_words_under_a_reference_that_is_not_known_here() -> None:
    """An older backup was restored, and the same was written once more: a person is asked."""
    first = item(with_reference(WORDS, "LS-QQQQQQ"))
    new = replace(QUEUED, scene=None, tries=0)
    assert next_step(new, with_new(first)) == Hold(reason=Reason.ANSWERED_ELSEWHERE)
    assert next_step(replace(new, baseline=frozenset({"9"})), with_new(first)) == Send()
    assert next_step(new, with_new(first, siblings={"LS-QQQQQQ": WORDS})) == Send()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT, True),
        (TEXT.lower().replace("-", "\u2010"), True),
        (f"<p>{html.escape(TEXT)}</p>", True),
        (f"Yth. Bapak/Ibu. {TEXT}", True),
        (f"{WORDS} Ref: {REF}", True),
        (f"[Ref {REF}]", False),
        (f"Perihal {REF}: belum", False),
        (f"{WORDS} " * 3, False),
    ],
)
def test_an_answer_says_all_of_a_response_or_only_mentions_it(content: str, expected: bool) -> None:
    """Letters and digits count; a little beside them is a greeting, much is another text."""
    assert says_all_of(content, TEXT, REF) is expected


def test_a_text_without_a_letter_is_said_by_its_reference_alone() -> None:
    """Upstream may drop the emoji; what is left is the reference."""
    thumb = with_reference("\U0001f44d", REF)
    assert says_all_of(f"[Ref {REF}]", thumb, REF)
    assert not says_all_of(f"apa {REF}", thumb, REF)


def test_how_often_a_response_arrived() -> None:
    """A log that repeats it is none; a mention is none, save of what upstream accepted and shows in other words."""
    log, mention = item(TEXT, "2", ItemKind.LOG), item(f"lihat {REF}", "3")
    sent = replace(UNKNOWN, state=State.SENT)
    assert times_arrived((item(TEXT), log), sent) == 1
    assert times_arrived((item(TEXT), item(TEXT, "4")), sent) == 2
    assert times_arrived((log,), sent) == 1
    assert times_arrived((mention,), sent) == 1
    assert times_arrived((mention,), UNKNOWN) == 0
    assert times_arrived((mention._replace(kind=ItemKind.REPORTER),), sent) == 0


@pytest.mark.parametrize(
    "said",
    [
        "Gagal dikirim: {}",
        "{} (dihapus)",
        "Belum-tersimpan. {}",
        "Kesalahan: {}",
        "{} was rejected",
        "{} ditarik",
        "[Draf] {}",
        "Menunggu moderasi: {}",
        "Awaiting approval. {}",
        "Sedang ditinjau - {}",
    ],
)
def test_words_of_a_failure_beside_it_are_no_arrival(said: str) -> None:
    """Unless they are the response's own: an officer may write that something is not done yet."""
    assert times_arrived((item(said.format(TEXT)),), UNKNOWN) == 0
    own = replace(UNKNOWN, text=with_reference(said.format(WORDS), REF))
    assert times_arrived((item(own.text),), own) == 1


@pytest.mark.parametrize("sign", ["-", "/", "_", ", "])
def test_signs_that_upstream_changes_are_no_words_of_a_failure(sign: str) -> None:
    """Nor are its statuses: what an officer wrote is there, and a log of LAPOR tells how a report stood."""
    text, shown = (with_reference(f"{WORDS} Jalan tidak{between}dapat dilalui.", REF) for between in (sign, " "))
    assert times_arrived((item(shown),), replace(UNKNOWN, text=text)) == 1
    assert times_arrived((item(f"Belum Terverifikasi oleh Dinas. {TEXT}"),), UNKNOWN) == 1


def test_what_is_not_shown_is_no_arrival() -> None:
    there = replace(SEEN, items=(OLD, item(TEXT)))
    assert next_step(UNKNOWN, there) == Confirm()
    assert next_step(UNKNOWN, replace(there, unshown=frozenset({"9"}))) == PERHAPS
    bare = replace(SEEN, items=(OLD, item(WORDS)))
    assert next_step(UNKNOWN, bare) == Confirm()
    assert next_step(UNKNOWN, replace(bare, unshown=frozenset({"9"}))) == PERHAPS


def test_clearly_other_texts_share_few_words() -> None:
    assert is_clearly_other(ASKED, WORDS)
    assert not is_clearly_other("", WORDS)
    assert not is_clearly_other("...", WORDS)


# Traces.


@pytest.mark.parametrize(
    "said",
    [
        json.dumps({"isi": TEXT}),
        json.dumps({"isi": TEXT}, ensure_ascii=True).upper(),
        json.dumps({"data": json.dumps({"a": json.dumps({"isi": TEXT})})}),
        html.escape(html.escape(json.dumps({"isi": TEXT}))),
        json.dumps(TEXT.split()),
        TEXT.replace(" ", "%20"),
        TEXT.replace(" ", "<br>"),
        "<!-- " + TEXT,
        f'<a title="{TEXT}">',
        "\\u0022" + TEXT.replace(" ", "\\u00a0"),
        TEXT.replace("a", "\u00e0").replace("i", "\u00ef"),
        TEXT.replace("a", "a\u0300\u0316"),
        "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in TEXT),
        TEXT.replace("a", "\u0430").replace("K", "\u041a").replace("o", "\u03bf"),
        "\u200b".join(TEXT),
        "".join(f"&#{ord(letter)};" for letter in TEXT),
    ],
)
def test_its_words_are_found_under_whatever_form(said: str) -> None:
    """Reference, beginning and end of the words."""
    assert traces(UNKNOWN, [said]) == (1, 1)
    assert traces(UNKNOWN, ["{}", said, said]) == (2, 2)
    assert traces(UNKNOWN, ["{}"]) == (0, 0)


def test_the_beginning_and_the_end_of_long_words_are_found_alone() -> None:
    """One letter in the middle may be another one."""
    text = " ".join(f"kata{n}" for n in range(60))
    long = replace(UNKNOWN, text=with_reference(text, REF))
    assert traces(long, [text[:300]]) == (0, 1, 0)
    assert traces(long, [text[200:]]) == (0, 0, 1)


HOSTILE = (
    "\\",
    "&#",
    "&#4",
    "<",
    "<a ",
    "<!--",
    "%",
    "%2",
    "\\u",
    "&amp;",
    "[Ref ",
    "ref",
    "-",
    " ",
    "a\u0316\u0300",
    "\u0316\u0300",
    "\ufdfa",
)


@pytest.mark.parametrize("part", HOSTILE)
def test_a_search_takes_time_by_the_length_of_the_text(part: str) -> None:
    """Much of anything that begins something."""
    assert is_linear(letters, lambda size: part * (size // len(part)), 4_000)


def test_a_number_of_thousands_of_digits_is_no_letter() -> None:
    """Python refuses to read it, and no citizen stops the city by it."""
    for escaped in ("&#" + "4" * 5000, "&amp;#" + "4" * 5000 + ";"):
        assert letters(f"a{escaped} b").startswith("a")
