"""A write without a clear answer, and an upstream that shows what it stored in any shape: it never goes out twice."""

from __future__ import annotations

import base64
import html
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from lapor_sync import office
from lapor_sync.domain.delivery import Outcome, Reason, Sent, State, Unknown
from lapor_sync.domain.people import of_shell
from lapor_sync.domain.questions import CHANGED, UNSURE
from lapor_sync.domain.report import Institution, Outgoing, OutgoingFile
from lapor_sync.store import institutions
from lapor_sync.store.conflicts import How
from lapor_sync.words.en import asked as told_in_english
from lapor_sync.words.id import asked as told_in_indonesian
from tests.flow.scripted import Row, Scripted, Stage, row_of, stage

MINE, ITS = "7000001", "41"
TEXT = "Lubang di depan pasar sudah kami tambal kemarin sore, silakan diperiksa kembali."
BEFORE = {"id": 1, "created_at": "01-03-2026 09:00:00", "content": "Mohon segera ditindaklanjuti pak wali kota"}
"""What the reporter wrote before."""

Shape = Callable[[Row, str, str], Any]
"""The usual item, the words and the reference, as an upstream might show them instead: an item, or several."""


def without(item: Row, *names: str) -> Row:
    return {key: value for key, value in item.items() if key not in names}


def retyped(text: str, ref: str) -> str:
    return text.replace(ref, "LS-QQQQQQ")


BARE = ("template_code", "institution_from_name", "institution_to_name")

SHAPES: dict[str, Shape] = {
    "as ever": lambda item, text, ref: item,
    "small letters": lambda item, text, ref: item | {"content": item["content"].lower()},
    "other hyphens": lambda item, text, ref: item | {"content": item["content"].replace("-", "\u2011")},
    "HTML": lambda item, text, ref: item | {"content": f"<p><b>{html.escape(item['content'])}</b></p>"},
    "wrapped anew": lambda item, text, ref: item | {"content": item["content"].replace(" ", "<br/>\r\n")},
    "brackets gone": lambda item, text, ref: item | {"content": f"{text} Ref {ref}"},
    "with a greeting": lambda item, text, ref: item | {"content": f"Yth. Pelapor. {item['content']} Salam."},
    "its template another": lambda item, text, ref: item | {"template_code": "tanggapan"},
    "no template": lambda item, text, ref: without(item, "template_code"),
    "no institution": lambda item, text, ref: without(item, "institution_from_name"),
    "neither": lambda item, text, ref: without(item, *BARE),
    "neither, no reference": lambda item, text, ref: without(item, *BARE) | {"content": text},
    "neither, other reference": lambda item, text, ref: (
        without(item, *BARE) | {"content": retyped(item["content"], ref)}
    ),
    "neither, cut": lambda item, text, ref: without(item, *BARE) | {"content": text[:20]},
    "neither, empty": lambda item, text, ref: without(item, *BARE) | {"content": ""},
    "neither, null": lambda item, text, ref: without(item, *BARE) | {"content": None},
    "neither, other words": lambda item, text, ref: without(item, *BARE) | {"content": "(lihat lampiran)"},
    "no reference": lambda item, text, ref: item | {"content": text},
    "other reference": lambda item, text, ref: item | {"content": retyped(item["content"], ref)},
    "other reference, other words": lambda item, text, ref: (
        item | {"content": f"Jawaban telah diterima. [Ref {retyped(ref, ref)}]"}
    ),
    "reference cut": lambda item, text, ref: item | {"content": item["content"][:-5]},
    "no longer one": lambda item, text, ref: item | {"content": f"{text} [Ref LS-1]"},
    "cut": lambda item, text, ref: item | {"content": text[:20]},
    "empty": lambda item, text, ref: item | {"content": ""},
    "null": lambda item, text, ref: item | {"content": None},
    "no content": lambda item, text, ref: without(item, "content"),
    "mojibake": lambda item, text, ref: item | {"content": text.replace("a", "\u00c3\u00a1")},
    "only the reference": lambda item, text, ref: item | {"content": f"[Ref {ref}]"},
    "other words": lambda item, text, ref: item | {"content": "Jawaban instansi menunggu persetujuan."},
    "under message": lambda item, text, ref: without(item, "content") | {"message": item["content"]},
    "under isi": lambda item, text, ref: without(item, "content") | {"isi": item["content"]},
    "under isi, bare": lambda item, text, ref: without(item, "content", *BARE) | {"isi": item["content"]},
    "in an object": lambda item, text, ref: item | {"content": {"text": item["content"]}},
    "in a list": lambda item, text, ref: item | {"content": item["content"].split("\n")},
    "in JSON text": lambda item, text, ref: (
        without(item, "content") | {"data": json.dumps({"isi": item["content"]})}
    ),
    "in template_content": lambda item, text, ref: (
        without(item, "content") | {"template_content": item["content"]}
    ),
    "as a text": lambda item, text, ref: item["content"],
    "as a list": lambda item, text, ref: [[item["id"], item["content"]]],
    "a number": lambda item, text, ref: item | {"content": 5},
    "as a log": lambda item, text, ref: item | {"template_code": "status"},
    "as a log without words": lambda item, text, ref: item | {"template_code": "status", "content": ""},
    "as a log, other words": lambda item, text, ref: (
        item | {"template_code": "status", "content": "Status laporan berubah", "institution_from_name": "Admin"}
    ),
    "as a disposition": lambda item, text, ref: item | {"template_code": "disposition"},
    "as a disposition without words": lambda item, text, ref: (
        item | {"template_code": "disposition", "content": ""}
    ),
    "no id": lambda item, text, ref: without(item, "id"),
    "no id, other words": lambda item, text, ref: without(item, "id", *BARE) | {"content": "x"},
    "id as a text": lambda item, text, ref: item | {"id": f"F-{item['id']}"},
    "the id of an older item": lambda item, text, ref: item | {"id": 1},
    "the id of an older item, bare": lambda item, text, ref: without(item, *BARE) | {"id": 1, "content": text},
    "encoded": lambda item, text, ref: (
        without(item, *BARE) | {"content": base64.b64encode(item["content"].encode()).decode()}
    ),
    "two items": lambda item, text, ref: [item | {"content": text[:40]}, item | {"id": 999, "content": text[40:]}],
    "no time": lambda item, text, ref: without(item, "created_at", *BARE) | {"content": text[:30]},
    "a comment hides it": lambda item, text, ref: item | {"content": "<!-- " + item["content"]},
    "in a script": lambda item, text, ref: item | {"content": f"<script>{item['content']}"},
    "in a tag": lambda item, text, ref: item | {"content": f'<a title="{item["content"]}">lampiran</a>'},
    "percent": lambda item, text, ref: (
        without(item, "content", *BARE) | {"link": "?isi=" + item["content"].replace(" ", "%20")}
    ),
    "in the older item": lambda item, text, ref: [],
    "in the detail": lambda item, text, ref: [],
}


def seen_before(city: Stage) -> None:
    """An answer that came back as it should, so that this upstream is known to name who writes."""
    first = city.respond(MINE, "Laporan kami terima dan kami teruskan kepada petugas lapangan.")
    city.cycles(2)
    assert (city.state(first), city.delivery(first).seen_count) == (State.SENT, 1)


@contextmanager
def at_rest(tmp_path: Path, *, is_first: bool = False) -> Iterator[Stage]:
    """A city with one report at rest; unless `is_first`, an answer to it was seen before. Nothing is counted yet."""
    database, upstream = rested(is_first)
    path = tmp_path / "kota.db"
    path.write_bytes(database)
    with stage(path) as city:
        city.clock.seconds = upstream.clock.seconds
        city.upstream.listed = deepcopy(upstream.listed)
        city.upstream.details = deepcopy(upstream.details)
        city.upstream.items = deepcopy(upstream.items)
        yield city


@cache
def rested(is_first: bool) -> tuple[bytes, Scripted]:
    """What such a city and its upstream hold: each test comes to it as the next process does."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kota.db"
        with stage(path) as city:
            city.upstream.add(row_of(MINE, ITS))
            city.upstream.items[ITS] = [BEFORE]
            city.cycles(2)
            if not is_first:
                seen_before(city)
        return path.read_bytes(), city.upstream


def stored_as(city: Stage, name: str) -> Callable[[Outgoing], Outcome]:
    """A write that is stored and shown in that shape, and whose answer is lost."""

    def store(outgoing: Outgoing) -> Outcome:
        upstream = city.upstream
        shown = SHAPES[name](upstream.shown(outgoing), TEXT, outgoing.ref)
        thread = upstream.items.setdefault(ITS, [])
        thread += shown if isinstance(shown, list) else [shown]
        if name == "in the older item":
            thread[0] = thread[0] | {"content": f"{thread[0]['content']} -- {outgoing.text}"}
        if name == "in the detail":
            upstream.details[ITS] = upstream.details[ITS] | {"last_reply": {"isi": outgoing.text.upper()}}
        return Unknown(why="lost")

    return store


@pytest.mark.parametrize(
    ("name", "is_first"),
    [
        pytest.param(name, is_first, marks=[] if one % 2 == is_first else pytest.mark.soak)
        for one, name in enumerate(SHAPES)
        for is_first in (True, False)
    ],
)
def test_however_it_is_shown_it_is_posted_once(tmp_path: Path, name: str, is_first: bool) -> None:
    """Found, or held for a person; also where earlier answers were shown as they should be."""
    with at_rest(tmp_path, is_first=is_first) as city:
        ref = city.respond(MINE, TEXT)
        city.upstream.store = stored_as(city, name)
        city.cycles(4, 800)
        assert len(city.upstream.posted) == 1
        city.clock.seconds += 86_400  # what cannot be read is waited for so long
        city.cycles(2)
        assert len(city.upstream.posted) == 1
        assert city.state(ref) in {State.SENT, State.HELD}


SHOWN_RIGHTLY = (
    "as ever,small letters,other hyphens,HTML,wrapped anew,brackets gone,with a greeting,its template another,"
    "no template,no institution,no reference,no id,id as a text,in template_content"
)


@pytest.mark.parametrize("name", SHOWN_RIGHTLY.split(","))
def test_what_still_says_all_is_found_and_asks_nobody(tmp_path: Path, name: str) -> None:
    """Upstream changes case, hyphens, tags, lines, escapes: the citizen has the answer."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.items[ITS] = [BEFORE]
        city.cycles(2)
        ref = city.respond(MINE, TEXT)
        city.upstream.store = stored_as(city, name)
        city.cycles(3)
        assert (city.state(ref), city.delivery(ref).reason) == (State.SENT, Reason.FOUND)


def test_a_thread_with_nothing_new_is_absence(tmp_path: Path) -> None:
    """Then it goes out again by itself."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.items[ITS] = [BEFORE]
        city.cycles(2)
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle()
        city.upstream.store = None
        city.cycles(2)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 2)


HOUR = 3600.0


def comment(city: Stage, ago: float) -> Row:
    """A reporter's further words, of so many seconds ago by LAPOR's clock."""
    at = (city.upstream.upstream_now() + timedelta(hours=7, seconds=-ago)).strftime("%d-%m-%Y %H:%M:%S")
    return {"id": 50, "created_at": at, "content": "Apakah ada kabar tentang laporan ini, pak?"}


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("as it is written", {"ago": 410}),
        ("as the reply is lost", {"ago": 400}),
        ("within the grace", {"ago": 300}),
        ("right after it", {"ago": 200}),
        ("of another zone", {"ago": 390 - 3600}),
        ("of a zone to the west", {"ago": 390 + 7 * 3600}),
        ("before the try, and not seen then", {"ago": 86_400}),
        ("to come", {"ago": -60}),
        ("only a day", {"at": "02-03-2026"}),
        ("midnight", {"at": "02-03-2026 00:00:00"}),
        ("an hour", {"at": "02-03-2026 10:00:00"}),
        ("unreadable", {"at": "kemarin"}),
        ("none", {"at": None}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bare_item_of_the_time_of_the_try_is_asked_about_whatever_it_says(
    tmp_path: Path, name: str, made: dict[str, Any]
) -> None:
    """Upstream may withhold the words until they are moderated: only an item that was surely made later is another."""
    with at_rest(tmp_path) as city:
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle(400)
        item = comment(city, made.get("ago", 0.0)) | ({"created_at": made["at"]} if "at" in made else {})
        city.upstream.items[ITS].append(item)
        city.upstream.store = None
        city.cycles(3)
        assert (city.delivery(ref).reason, len(city.upstream.posted)) == (Reason.PERHAPS_ARRIVED, 1)


def test_a_reporter_s_comment_holds_nothing_where_upstream_names_who_writes(tmp_path: Path) -> None:
    """An answer of ours was once shown with its institution; other words, no institution, made after the grace: it
    is the reporter."""
    with at_rest(tmp_path) as city:
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle()
        city.upstream.items[ITS].append(comment(city, ago=60))
        city.upstream.store = None
        city.cycles(2)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 2)


def test_a_comment_is_asked_about_where_nobody_knows_how_answers_are_shown(tmp_path: Path) -> None:
    """Of the very first answer it could be the answer itself: asked after a day, unless another one tells before."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle()
        city.upstream.items[ITS] = [comment(city, ago=60)]
        city.cycles(3)
        assert (city.state(ref), len(city.upstream.posted)) == (State.UNKNOWN, 1)
        city.clock.seconds += 86_400
        city.cycle()
        one = city.delivery(ref)
        assert (one.state, one.reason, len(city.upstream.posted)) == (State.HELD, Reason.PERHAPS_ARRIVED, 1)


def test_the_next_response_that_comes_back_tells_how_answers_are_shown(tmp_path: Path) -> None:
    """Then the comment is the reporter's, and what did not arrive goes again."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.add(row_of("7000002", "42"))
        city.cycles(2)
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle()
        city.upstream.items[ITS] = [comment(city, ago=60)]
        city.cycle()
        city.upstream.store = None
        other = city.respond("7000002", TEXT)
        city.cycles(3)
        assert [city.state(one) for one in (ref, other)] == [State.SENT, State.SENT]
        assert [one.ref for one in city.upstream.posted] == [ref, other, ref]


# What tells of it without showing it.


def field_of_item(city: Stage) -> None:
    city.upstream.items[ITS][0] = city.upstream.items[ITS][0] | {"replies_count": 1}


def time_of_item(city: Stage) -> None:
    city.upstream.items[ITS][0] = city.upstream.items[ITS][0] | {"updated_at": "02-03-2026 10:00:00"}


def beside(city: Stage) -> None:
    city.upstream.beside = "one more is held back"


def field_of_detail(city: Stage) -> None:
    city.upstream.details[ITS]["comments_total"] = 3


def time_in_list(city: Stage) -> None:
    city.upstream.listed[0] |= {"updated_at": "2026-03-02 10:00:00"}


@pytest.mark.parametrize(
    ("hint", "named"),
    [
        (field_of_item, "followups/1"),
        (time_of_item, "followups/1"),
        (beside, "followups"),
        (field_of_detail, "complaint.comments_total"),
        (time_in_list, "list.updated_at"),
    ],
)
def test_what_was_known_and_says_more_now_is_asked_about(
    tmp_path: Path, hint: Callable[[Stage], None], named: str
) -> None:
    """Moderation withholds the item past the grace; anything else that moved since the try may tell of it."""
    with at_rest(tmp_path) as city:
        city.upstream.listed[0] = dict(city.upstream.listed[0])
        city.upstream.details[ITS].pop("updated_at")
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle()
        hint(city)
        city.upstream.store = None
        city.cycles(3)
        assert (city.delivery(ref).reason, len(city.upstream.posted)) == (Reason.PERHAPS_ARRIVED, 1)
        assert [one.facts for one in city.conflicts()] == [{CHANGED: named}]
        assert told_in_english(Reason.PERHAPS_ARRIVED, {CHANGED: named}).endswith(f"before the try: {named})")
        assert told_in_indonesian(Reason.PERHAPS_ARRIVED, {CHANGED: named}).endswith(f"sebelum dikirim: {named})")


def test_what_each_read_moves_holds_nothing(tmp_path: Path) -> None:
    """How an address is signed, how often it was looked at: what did not arrive goes again."""
    with at_rest(tmp_path) as city:

        def moved(n: int) -> None:
            files = [{"path": f"https://files.example/a.jpg?Expires={n}&Signature={n}"}]
            city.upstream.items[ITS][0] = city.upstream.items[ITS][0] | {"attachments": files, "views": n}
            city.upstream.details[ITS] |= {"views": n, "attachments": files}

        moved(1)
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle()
        moved(2)
        city.upstream.store = None
        city.cycles(3)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 2)


def test_a_person_s_word_covers_what_was_known_then_and_nothing_later(tmp_path: Path) -> None:
    """After "keep ours" it goes again; what moves after that second try, which is lost too, is asked about anew."""
    with at_rest(tmp_path) as city:
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle()
        field_of_item(city)
        city.cycles(2)
        office.settle(city.setup, of_shell("siti"), MINE, How.KEEP_OURS)
        city.cycle()
        assert len(city.upstream.posted) == 2
        beside(city)
        city.upstream.store = None
        city.cycles(3)
        assert (city.delivery(ref).reason, len(city.upstream.posted)) == (Reason.PERHAPS_ARRIVED, 2)


@pytest.mark.parametrize("says_it", [False, True], ids=["other words", "the reference"])
def test_a_person_s_word_covers_what_cannot_be_read(tmp_path: Path, *, says_it: bool) -> None:
    """An item that is no object is new after a lost reply: asked about once, and then it goes."""
    with at_rest(tmp_path) as city:
        city.upstream.moving = lambda said: said
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle()
        city.upstream.items[ITS].append(f"Lihat {ref} pak" if says_it else "Terima kasih")
        city.upstream.store = None
        city.cycles(3, seconds=90_000)
        assert (city.state(ref), len(city.upstream.posted)) == (State.HELD, 1)
        office.settle(city.setup, of_shell("siti"), MINE, How.KEEP_OURS)
        city.cycles(2)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 2)


# An old answer, and another order.


def try_that_is_lost(city: Stage) -> str:
    """A response that was stored, is hidden past the grace, and is told of by nothing."""
    ref = city.respond(MINE, TEXT)
    city.upstream.lose(shown=False)
    city.cycle()
    city.upstream.store = None
    return ref


def test_an_answer_that_dates_itself_before_the_try_proves_no_absence(tmp_path: Path) -> None:
    """A cache gives what it had, without a word but the answer's own time; the response waits until a new answer came.
    After a day a person is asked, and told why."""
    with at_rest(tmp_path) as city:
        made_at = city.upstream.upstream_now()
        city.upstream.dated = lambda: {"timestamp": made_at}
        ref = try_that_is_lost(city)
        city.cycles(3)
        assert (city.state(ref), len(city.upstream.posted)) == (State.UNKNOWN, 1)
        city.clock.seconds += 86_400
        city.cycle()
        assert (city.delivery(ref).reason, len(city.upstream.posted)) == (Reason.CANNOT_READ_BACK, 1)
        assert [one.facts for one in city.conflicts()] == [{UNSURE: "old_answer"}]


def test_an_old_answer_right_before_it_goes_again(tmp_path: Path) -> None:
    """By one read it is not there; the next one is of a cache: it waits for one of now."""
    with at_rest(tmp_path) as city:
        before = city.upstream.upstream_now()
        city.upstream.dated = lambda: {"last-modified": city.upstream.upstream_now()}
        ref = try_that_is_lost(city)

        def step(name: str) -> None:
            if name == "claim_committed":
                city.upstream.dated = lambda: {"last-modified": before}

        city.cycles_with(step)
        assert (city.state(ref), len(city.upstream.posted)) == (State.QUEUED, 1)
        city.upstream.dated = lambda: {"last-modified": city.upstream.upstream_now()}
        city.cycle()
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 2)


@pytest.mark.parametrize(
    ("off", "stands"),
    [
        (timedelta(0), False),
        (timedelta(hours=-7), False),
        (timedelta(hours=8, seconds=30), False),
        (timedelta(minutes=-5), False),
        (timedelta(days=-900), False),
        (timedelta(days=-900), True),
    ],
    ids=str,
)
def test_a_clock_that_was_off_before_the_try_holds_nothing(
    tmp_path: Path, off: timedelta, *, stands: bool
) -> None:
    """Another zone's, one that is wrong, or a time of long ago that is the same in every answer."""
    with at_rest(tmp_path) as city:
        made_at = city.upstream.upstream_now() + off
        city.upstream.dated = lambda: {"timestamp": made_at if stands else city.upstream.upstream_now() + off}
        ref = try_that_is_lost(city)
        city.cycles(3)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 2)


def test_the_same_items_in_another_order_are_asked_about(tmp_path: Path) -> None:
    """What is sorted by what happened last moves for an item that is not shown, too."""
    with at_rest(tmp_path) as city:
        ref = try_that_is_lost(city)
        city.upstream.ordered = lambda rows: rows[::-1]
        city.cycles(2)
        assert (city.delivery(ref).reason, len(city.upstream.posted)) == (Reason.PERHAPS_ARRIVED, 1)
        assert [one.facts for one in city.conflicts()] == [{CHANGED: "followups (order)"}]


def test_an_order_that_moves_from_read_to_read_tells_nothing(tmp_path: Path) -> None:
    with at_rest(tmp_path) as city:
        turns = itertools.count()
        city.upstream.ordered = lambda rows: rows[:: -1 if next(turns) % 2 else 1]
        ref = try_that_is_lost(city)
        city.cycles(3)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 2)


# What went from the thread.


@pytest.mark.parametrize("left", [[], [BEFORE]], ids=["empty", "shorter"])
def test_a_thread_that_shrank_proves_nothing_until_it_is_whole(tmp_path: Path, left: list[Row]) -> None:
    """Read after read, however often; what arrived is among what is not shown."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        whole = [BEFORE, comment(city, ago=HOUR)]
        city.upstream.items[ITS] = list(whole)
        city.cycles(2)
        ref = city.respond(MINE, TEXT)
        city.upstream.lose()
        city.cycle(0)
        stored = city.upstream.items[ITS][-1]
        city.upstream.items[ITS] = list(left)
        city.setup_anew()
        city.cycles(6)
        assert (city.state(ref), len(city.upstream.posted)) in {(State.SENT, 1), (State.UNKNOWN, 1)}
        city.upstream.items[ITS] = [*whole, stored]
        city.cycles(2)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 1)


def test_a_thread_that_stays_short_is_asked_about_after_a_day(tmp_path: Path) -> None:
    """An item may have been taken away for good: nobody waits for ever, and nothing is guessed."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.items[ITS] = [BEFORE, comment(city, ago=HOUR)]
        city.cycles(2)
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle()
        city.upstream.items[ITS] = [BEFORE]
        city.cycles(3)
        assert city.state(ref) is State.UNKNOWN
        city.clock.seconds += 86_400
        city.cycle()
        assert (city.delivery(ref).reason, len(city.upstream.posted)) == (Reason.CANNOT_READ_BACK, 1)


def test_it_shrinks_right_before_it_goes_again(tmp_path: Path) -> None:
    """Not there by one read, and the next one, right before the send, is empty: it waits."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.items[ITS] = [BEFORE]
        city.cycles(2)
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle()

        def step(name: str) -> None:
            if name == "claim_committed":
                city.upstream.items[ITS] = []

        city.cycles_with(step)
        assert (city.state(ref), len(city.upstream.posted)) == (State.QUEUED, 1)
        city.upstream.items[ITS] = [BEFORE]
        city.upstream.store = None
        city.cycle()
        assert city.state(ref) is State.SENT


# A mention.


@pytest.mark.parametrize(
    "item",
    [
        {"content": "Tanggapan {ref} sedang kami siapkan.", "institution_from_name": "Admin Kota"},
        {"content": "Apa itu {ref}?"},
        {"content": "Menunggu {ref}", "template_code": "status", "institution_from_name": "Admin Kota"},
        {"content": "Sudah. {ref}", "template_code": "reply", "institution_from_name": "Dinas PUPR"},
        {"content": "Ini fotonya, Pak.", "attachments": [{"path": "/x/1", "file_name": "{ref}.pdf"}]},
        {"content": "", "template_code": "status", "data": '{"status_new": "Selesai", "note": "{ref}"}'},
        {"content": "Kapan, Pak?", "replies": [{"template_code": "reply", "isi": "Tanggapan {ref}"}]},
    ],
)
def test_a_mention_of_what_never_left_is_no_arrival(tmp_path: Path, item: Row) -> None:
    """Held, wherever in the item it stands; once a person has looked, it goes out."""
    from lapor_sync import office
    from lapor_sync.store.conflicts import How

    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE, TEXT)
        said = json.loads(json.dumps(item).replace("{ref}", ref))
        city.upstream.items[ITS] = [{"id": 9, **said}]
        city.cycles(2)
        assert (city.delivery(ref).reason, city.upstream.posted) == (Reason.MENTIONED, [])
        assert city.delivery(ref).seen_at is None
        office.settle(city.setup, of_shell("siti"), MINE, How.KEEP_OURS)
        city.cycles(2)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 1)


def test_typed_by_hand_on_lapor_s_own_site_it_has_arrived(tmp_path: Path) -> None:
    """An agency's answer with the words and the reference: the citizen has it."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE, TEXT)
        said = {"id": 9, "content": f"{TEXT} (Ref {ref})", "institution_from_name": "Dinas PUPR"}
        city.upstream.items[ITS] = [said]
        city.cycle()
        assert (city.state(ref), city.upstream.posted) == (State.SENT, [])


@pytest.mark.parametrize(
    "said", [{"deleted_at": "2026-03-02 10:00:00"}, {"is_published": 0}, {"moderation": {"status": "ditolak"}}]
)
def test_what_upstream_says_that_it_does_not_show_has_not_arrived(tmp_path: Path, said: Row) -> None:
    """Stored, the reply lost, and deleted or refused by now: a person is asked, and nothing leaves a second time."""
    with at_rest(tmp_path) as city:
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(**said)
        city.cycle()
        city.upstream.store = None
        city.cycles(3)
        assert (city.delivery(ref).reason, len(city.upstream.posted)) == (Reason.PERHAPS_ARRIVED, 1)
        assert city.delivery(ref).seen_at is None
        city.upstream.items[ITS][-1] = without(city.upstream.items[ITS][-1], *said)
        city.upstream.listed[0]["updated_at"] = "2026-03-02 12:00:00"
        city.cycles(2)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 1)


@pytest.mark.parametrize(
    "said", [{"is_deleted": 1}, {"is_published": 0}, {"template_code": "status", "content": "Gagal menyimpan: {}"}]
)
def test_accepted_and_said_not_to_be_shown_is_asked_about(tmp_path: Path, said: Row) -> None:
    """Its reply was clear, and the citizen has nothing: nobody would look again. Shown later it answers itself."""
    with at_rest(tmp_path) as city:

        def store(outgoing: Outgoing) -> Outcome:
            shown = city.upstream.shown(outgoing)
            words = {"content": said["content"].format(shown["content"])} if "content" in said else {}
            city.upstream.items[ITS].append(shown | said | words)
            whole.append(shown)
            return Sent(http_status=200)

        whole: list[Row] = []
        city.upstream.store = store
        ref = city.respond(MINE, TEXT)
        city.cycles(2)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 1)
        assert [(one.kind, one.ref) for one in city.conflicts()] == [("not_shown", ref)]
        assert len(city.log.named("not_shown")) == 1
        city.upstream.items[ITS][-1] = whole[0]
        city.upstream.listed[0]["updated_at"] = "2026-03-02 12:00:00"
        city.cycles(2)
        assert city.conflicts() == []


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"is_deleted": 1}, "not_shown"),
        ({"content": "Gagal menyimpan: {}"}, "not_shown"),
        ({"content": ""}, "text_cut"),
        ({"content": "Lubang di depan pasar sudah kami"}, "text_cut"),
        ({}, "files_lost"),
    ],
)
def test_what_appears_only_later_and_not_as_it_was_sent_is_asked_about_once(
    tmp_path: Path, said: Row, kind: str
) -> None:
    """LAPOR shows it a cycle later, from a replica that is behind: the read right after it told nothing."""
    with at_rest(tmp_path) as city:
        late: list[Row] = []

        def store(outgoing: Outgoing) -> Outcome:
            late.append(city.upstream.shown(outgoing))
            return Sent(http_status=200)

        city.upstream.store = store
        ref = city.respond(MINE, TEXT, files=(OutgoingFile(file_name="bukti.pdf", content=b"%PDF-1.4"),))
        city.cycles(2)
        assert (city.state(ref), city.conflicts()) == (State.SENT, [])
        shown = late[0] | said | {"content": said.get("content", "{}").format(late[0]["content"])}
        city.upstream.items[ITS].append(shown)
        city.cycles(2)
        assert [(one.kind, one.ref) for one in city.conflicts()] == [(kind, ref)]
        office.settle(city.setup, of_shell("siti"), MINE, How.KEEP_OURS)
        city.upstream.items[ITS][-1] = shown | {"id": "of another row now"}
        city.upstream.listed[0]["updated_at"] = "2026-03-02 12:00:00"
        city.cycles(2)
        assert (city.conflicts(), len(city.upstream.posted)) == ([], 1)


@pytest.mark.parametrize(("seconds", "is_asked"), [(400, True), (90_000, False)])
def test_shown_at_first_and_hidden_within_a_day_is_asked_about_once(
    tmp_path: Path, seconds: float, *, is_asked: bool
) -> None:
    """A filter took it away before the citizen had the time to read it; later it is a moderator's own act."""
    with at_rest(tmp_path) as city:
        ref = city.respond(MINE, TEXT)
        city.cycle(seconds)
        for hour in (12, 13, 14):
            for said in ({"deleted_at": "2026-03-02 10:05:00"}, {"deleted_at": None}):
                city.upstream.items[ITS][-1] |= said
                city.upstream.listed[0]["updated_at"] = (
                    f"2026-03-02 {hour}:0{len(said['deleted_at'] or '') % 7}:00"
                )
                city.cycle()
                asked = [("not_shown", ref)] if is_asked and hour == 12 and said["deleted_at"] else []
                assert [(one.kind, one.ref) for one in city.conflicts()] == asked
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 1)


def test_words_that_were_withheld_and_come_with_a_refusal_are_asked_about(tmp_path: Path) -> None:
    """The item was there before, with other words: that it was refused stands in it only now."""
    with at_rest(tmp_path) as city:

        def store(outgoing: Outgoing) -> Outcome:
            shown.append(city.upstream.shown(outgoing, id=950))
            city.upstream.items[ITS].append(shown[0] | {"template_code": "status", "content": "Sedang diproses."})
            return Sent(http_status=200)

        shown: list[Row] = []
        city.upstream.store = store
        ref = city.respond(MINE, TEXT)
        city.cycles(2)
        assert city.conflicts() == []
        city.upstream.items[ITS][-1] = shown[0] | {"is_rejected": 1}
        city.cycles(2)
        assert [(one.kind, one.ref) for one in city.conflicts()] == [("not_shown", ref)]


def test_a_citizen_s_photo_is_not_what_became_of_a_response_that_is_not_shown_yet(tmp_path: Path) -> None:
    """It has no words and no sender, and came after a read that showed nothing new."""
    with at_rest(tmp_path) as city:
        city.upstream.store = lambda outgoing: Sent(http_status=200)
        city.respond(MINE, TEXT)
        city.cycles(2)
        city.upstream.items[ITS].append({"id": 77, "content": "", "attachments": [{"path": "/foto.jpg"}]})
        city.cycles(2)
        assert city.conflicts() == []


def test_what_comes_beside_a_response_that_stands_without_its_reference_is_not_its_rest(tmp_path: Path) -> None:
    with at_rest(tmp_path) as city:

        def store(outgoing: Outgoing) -> Outcome:
            city.upstream.items[ITS].append(city.upstream.shown(outgoing, id=950, content=TEXT))
            return Sent(http_status=200)

        city.upstream.store = store
        city.respond(MINE, TEXT)
        city.cycle()
        city.upstream.items[ITS].append({"id": 951, "content": "", "institution_from_name": "Dinas PUPR"})
        city.cycles(2)
        assert city.conflicts() == []


def test_an_emoji_waits_for_one_that_was_taken_and_is_not_shown_yet(tmp_path: Path) -> None:
    """Else a database that cuts there empties all answers before the first one is shown."""
    with at_rest(tmp_path) as city:
        city.upstream.add(row_of("7000002", "42"))
        city.cycle()
        late: list[tuple[str, Row]] = []

        def store(outgoing: Outgoing) -> Outcome:
            late.append((outgoing.report_id, city.upstream.shown(outgoing)))
            return Sent(http_status=200)

        city.upstream.store = store
        refs = [city.respond(one, f"\U0001f64f {TEXT}") for one in (MINE, "7000002")]
        city.cycle(30)
        assert len(city.upstream.posted) == 1
        id, row = late[0]
        city.upstream.items.setdefault(id, []).append(row)
        city.cycle(30)
        assert [city.state(ref) for ref in refs] == [State.SENT, State.SENT]


def test_an_emoji_waits_no_longer_than_lapor_may_take_to_show_one(tmp_path: Path) -> None:
    with at_rest(tmp_path) as city:
        city.upstream.add(row_of("7000002", "42"))
        city.cycle()
        city.upstream.store = lambda outgoing: Sent(http_status=200)
        for one in (MINE, "7000002"):
            city.respond(one, f"\U0001f64f {TEXT}")
        city.cycles(2)
        assert len(city.upstream.posted) == 2


@pytest.mark.parametrize("said", ["Tanggapan {}", "Lihat:\n{}", ['"\n{}"'], [{"content": "Lihat:\t{}"}]])
def test_a_mention_in_what_cannot_be_read_of_another_report_holds(tmp_path: Path, said: object) -> None:
    """Also at the beginning of a line, which is `\\n` before it in what is kept."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of("7000002", "42"))
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE, TEXT)
        city.upstream.moving = deepcopy
        city.upstream.items["42"] = [json.loads(json.dumps(said).replace("{}", ref))]
        city.upstream.listed[0]["updated_at"] = "2026-03-02 12:00:00"
        city.cycle()
        assert (city.delivery(ref).reason, city.upstream.posted) == (Reason.MENTIONED, [])


def test_typed_by_hand_and_hidden_since_it_is_a_mention(tmp_path: Path) -> None:
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.cycles(2)
        ref = city.respond(MINE, TEXT)
        said = {"id": 9, "content": f"{TEXT} (Ref {ref})", "institution_from_name": "Dinas PUPR", "is_hidden": "1"}
        city.upstream.items[ITS] = [said]
        city.cycles(2)
        assert (city.delivery(ref).reason, city.upstream.posted) == (Reason.MENTIONED, [])


# Accepted, and shown cut.


@pytest.mark.parametrize("shape", ["neither, empty", "neither, null", "empty", "no template, empty"])
def test_accepted_and_shown_empty_stops_the_report_whoever_seems_to_have_written_it(
    tmp_path: Path, shape: str
) -> None:
    """Once the whole text is shown the question has answered itself; what was held waits for a person."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(MINE, ITS))
        city.upstream.items[ITS] = [BEFORE]
        city.cycles(2)

        def store(outgoing: Outgoing) -> Outcome:
            usual = city.upstream.shown(outgoing)
            item = {**SHAPES, **EMPTIED}[shape](usual, TEXT, outgoing.ref)
            city.upstream.items[ITS].append(item)
            whole.append(usual)
            return Sent(http_status=200)

        whole: list[Row] = []
        city.upstream.store = store
        first, second = (
            city.respond(MINE, "\U0001f64f " + TEXT),
            city.respond(MINE, "Tahap dua menyusul pekan depan."),
        )
        city.cycles(3)
        assert (city.state(first), city.state(second), len(city.upstream.posted)) == (State.SENT, State.HELD, 1)
        assert {(one.kind, one.ref) for one in city.conflicts()} == {("text_cut", first), ("text_cut", second)}
        city.upstream.items[ITS][-1] = whole[0]
        city.upstream.listed[0]["updated_at"] = "2026-03-02 12:00:00"
        city.cycles(2)
        assert [one.ref for one in city.conflicts()] == [second]


@pytest.mark.parametrize(
    ("by", "is_ours"), [("Kota", True), ("601", True), ("Dinas X", True), ("Provinsi", False)]
)
def test_a_later_disposition_is_another_s_only_where_that_is_sure(
    tmp_path: Path, by: str, *, is_ours: bool
) -> None:
    """By LAPOR's list of institutions; the city's own may be what LAPOR made of the response."""
    with at_rest(tmp_path) as city:
        with city.setup.store.work() as work:
            known = {"601": "Kota", "701": "Provinsi", "702": "kota"}
            institutions.replace_all(work, [Institution(id=id, name=name) for id, name in known.items()])
        ref = try_that_is_lost(city)
        at = (city.upstream.upstream_now() + WIB_AHEAD - timedelta(seconds=30)).strftime("%d-%m-%Y %H:%M:%S")
        given_on = {"id": 80, "created_at": at, "template_code": "disposition", "content": "Mohon diperiksa pula"}
        city.upstream.items[ITS].append(given_on | {"institution_from_name": by})
        city.cycles(3)
        assert (city.state(ref), len(city.upstream.posted)) == ((State.HELD, 1) if is_ours else (State.SENT, 2))


@pytest.mark.parametrize("is_random", [False, True])
def test_a_header_that_moved_since_the_try_is_asked_about(tmp_path: Path, *, is_random: bool) -> None:
    """Of a kind that says another thing in each read it tells nothing."""
    with at_rest(tmp_path) as city:
        each = itertools.count()
        city.upstream.heads = lambda: {"etag": "a", "x-id": str(next(each)) if is_random else "one"}
        ref = try_that_is_lost(city)
        if not is_random:
            city.upstream.heads = lambda: {"etag": "b", "x-id": "one"}
        city.cycles(3)
        assert (city.state(ref), len(city.upstream.posted)) == ((State.SENT, 2) if is_random else (State.HELD, 1))
        if not is_random:
            assert "complaint etag (header)" in str([one.facts for one in city.conflicts()])


def test_what_one_of_several_reads_shows_is_there(tmp_path: Path) -> None:
    """Of two replicas one is behind; a header that is random has LAPOR read more often than once."""
    with at_rest(tmp_path) as city:
        each = itertools.count()
        city.upstream.heads = lambda: {"x-id": str(next(each))}
        ref = city.respond(MINE, TEXT)
        city.upstream.lose()
        city.upstream.ordered = lambda rows: [
            row for row in rows if ref not in row["content"] or city.upstream.proofs % 4 == 3
        ]
        city.cycle()
        city.upstream.store = None
        city.upstream.proofs = 0
        city.cycles(3)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 1)


@pytest.mark.parametrize("is_told", [False, True])
@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_a_checksum_of_the_read_tells_nothing_and_hides_nothing(
    tmp_path: Path, *, is_told: bool, is_elsewhere: bool
) -> None:
    """Where it is another one at each read of a report, too, that nothing was written to."""
    with at_rest(tmp_path) as city:
        each = itertools.count()
        told: list[Row] = []
        city.upstream.moving = lambda row: {**row, "meta": {"checksum": f"{next(each):08x}", "pending": len(told)}}
        if is_elsewhere:
            city.upstream.add(row_of("7000002", "42"))
            city.upstream.items["42"] = [BEFORE | {"id": 90}]
        ref = try_that_is_lost(city)
        assert city.upstream.calls.count("detail 42 fresh") == 0
        if is_told:
            told.append(BEFORE)
        city.cycles(3)
        is_sent = is_elsewhere and not is_told
        assert (city.state(ref), len(city.upstream.posted)) == ((State.SENT, 2) if is_sent else (State.HELD, 1))
        if is_elsewhere and is_told:
            facts = str([one.facts for one in city.conflicts()])
            assert "complaint.meta" in facts
            assert "checksum" not in facts.replace("list.meta.checksum", "")


WIB_AHEAD = timedelta(hours=7)

EMPTIED: dict[str, Shape] = {
    "no template, empty": lambda item, text, ref: without(item, "template_code") | {"content": ""}
}


# What is told elsewhere: in the list, under another report, under another response's words.


@pytest.mark.parametrize(
    "told",
    [
        {"updated_at": "2026-03-02 14:00:00"},
        {"status_name": "Dalam Proses"},
        {"replies_count": 1},
        {"last_reply": {"content": "Sudah kami perbaiki"}},
    ],
    ids=str,
)
def test_the_list_tells_of_what_detail_and_thread_do_not_show(tmp_path: Path, told: Row) -> None:
    """A replica that is behind gives both as they were; the row alone says that something came."""
    with at_rest(tmp_path) as city:
        ref = try_that_is_lost(city)
        city.upstream.listed = [dict(one) | told for one in city.upstream.listed]
        city.cycles(4)
        assert (city.delivery(ref).reason, len(city.upstream.posted)) == (Reason.PERHAPS_ARRIVED, 1)
        assert f"list.{next(iter(told))}" in str([one.facts for one in city.conflicts()])


def test_in_a_push_that_takes_longer_than_the_grace_no_absence_is_proven(tmp_path: Path) -> None:
    """The rows of the list were asked for before the try: only the next cycle's may tell of it."""
    with at_rest(tmp_path) as city:
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)

        def slow(step: str) -> None:
            city.clock.seconds += 400 * (step == "settle_committed")

        city.cycles_with(slow)
        city.upstream.listed = [dict(one) | {"replies_count": 1} for one in city.upstream.listed]
        city.cycles(2)
        assert (city.delivery(ref).reason, len(city.upstream.posted)) == (Reason.PERHAPS_ARRIVED, 1)


def test_a_row_that_only_catches_up_with_what_the_detail_said_holds_nothing(tmp_path: Path) -> None:
    """The list is read before the detail: what it says later was known when the try began."""
    with at_rest(tmp_path) as city:
        [row] = city.upstream.listed
        city.upstream.details[row["id"]] = row | {"updated_at": "2026-03-02 14:00:00"}
        ref = try_that_is_lost(city)
        city.upstream.listed = [city.upstream.details[row["id"]]]
        city.cycles(4)
        assert (city.state(ref), len(city.upstream.posted)) == (State.SENT, 2)


def test_what_stands_under_another_report_is_not_sent_again(tmp_path: Path) -> None:
    """Its reference was read in the thread of another citizen's report."""
    with at_rest(tmp_path) as city:
        city.upstream.add(row_of("7000009", "49"))
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(shown=False)
        city.cycle()
        city.upstream.store = None
        city.upstream.items["49"] = [city.upstream.shown(city.upstream.posted[0])]
        city.upstream.listed[1] = city.upstream.details["49"] = row_of(
            "7000009", "49", updated_at="2026-03-02 14:00:00"
        )
        city.cycles(3)
        assert (city.delivery(ref).reason, len(city.upstream.posted)) == (Reason.PERHAPS_ARRIVED, 1)
        assert "followups of 7000009" in str([one.facts for one in city.conflicts()])


def test_a_second_item_with_the_words_of_an_earlier_response_may_be_ours(tmp_path: Path) -> None:
    """A cache of contents shows the new item with the words of the one before: that one stood there already."""
    with at_rest(tmp_path) as city:
        city.respond(MINE, "Terima kasih, laporan sudah kami teruskan ke lapangan.")
        city.cycle()
        ref = city.respond(MINE, TEXT)
        city.upstream.lose(content=city.upstream.posted[0].text)
        city.cycle()
        city.upstream.store = None
        city.cycles(3)
        assert (city.delivery(ref).reason, len(city.upstream.posted)) == (Reason.PERHAPS_ARRIVED, 2)


def test_what_may_have_got_another_s_answer_is_read_again(tmp_path: Path) -> None:
    """By the id that is called, though another report's Tracking ID is that number."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(id="7", tracking_id="70"))
        city.upstream.add(row_of(id="8", tracking_id="7"))
        city.cycles(3)
        city.upstream.mixed_up = frozenset({"7"})
        city.cycle()
        city.upstream.calls.clear()
        city.cycle()
        assert [call for call in city.upstream.calls if "thread" in call] == ["thread 7"]
        city.cycles(2)
        city.upstream.calls.clear()
        city.cycle()
        assert not [call for call in city.upstream.calls if "thread" in call]
