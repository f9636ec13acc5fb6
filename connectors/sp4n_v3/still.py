"""What upstream says of a report, less what moves while nothing happens to it. Pure.

After a write without a clear answer, whatever else has changed may be the only trace of what was stored: a count, a
time, a note beside the rows. So digests are kept of every field. Left out of them is what moves with each read: how an
address is signed, who answered and when, how often it was looked at (all assumed). How long ago something was is kept as
an age: it may grow with the time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from functools import partial
from typing import TypeGuard

from connectors.names import LONGEST_NAME, once_a_name, words_of
from connectors.sp4n_v3.envelopes import envelope
from connectors.sp4n_v3.listing import Beside, bare, is_of_pages, is_of_rows
from connectors.sp4n_v3.values import MAX_DEPTH, Row, hash_of, moment, unpacked
from lapor_sync.domain import loose
from lapor_sync.domain.ages import BESIDE, OF, Age

_WORDS_OF_LOOKING = """
view views viewed viewer viewers visits visitors hit hits seen read reads accessed dilihat dibaca
support supports supporter supporters dukungan like likes liked vote votes share shares
"""
_LOOKING = frozenset(_WORDS_OF_LOOKING.split())
"""Words in the name of what looking at a thing, or other citizens, move."""

_WORDS_OF_REPLYING = """
reply replies replied answer answers answered response responses comment comments followup followups followed
tanggapan jawaban balasan komentar
"""
_REPLYING = frozenset(_WORDS_OF_REPLYING.split())
"""With one of these such a name tells of an answer."""

_ENDING = frozenset(["expire", "expires", "expired", "expiry", "ttl", "signed", "signature"])
"""Words in the name of what tells how long something still holds."""

_LEFT = frozenset(["remaining", "left", "sisa"])
"""The same, with a word of `_COUNTED_DOWN`: without one an answer may be what takes from it (`attempts_left`)."""

_AGES = frozenset(
    ["age", "umur", "usia", "ago", "elapsed", "berlalu", "since", "human", "humans", "humanized", "relative"]
)
"""Words in the name of what tells how long ago something was."""

_NAMES_OF_DATES = """
timestamp time date datetime now servertime serverdate servertimestamp currenttime requesttime responsetime
waktu waktuserver waktusekarang
generated generatedat generatedon cached cachedat cachetime fetchedat retrievedat refreshedat renderedat snapshotat asof
"""
_DATES = frozenset(_NAMES_OF_DATES.split())
"""Names under which an answer says when it was made."""

_NAMES_OF_ITS_OWN = """
requestid reqid requestuuid uuid guid logid trxid traceid correlationid transactionid xrequestid spanid sessionid
nonce csrf csrftoken
executiontime exectime processtime processingtime elapsed elapsedtime elapsedms duration durationms took tookms latency
latencyms runtime loadtime rendertime waktuproses waktueksekusi ms memory memoryusage
querytime queries querycount host hostname server servername node nodeid instance pod worker container pid ip clientip
ratelimit ratelimitreset quota
"""
_ITS_OWN = _DATES.union(_NAMES_OF_ITS_OWN.split())
"""Names of what an answer says of itself: in a record some of them are its own."""

_QUERY = re.compile(r"""\?[\w%.~\[\]-]+=[^\s"'<>\\]*""")
_ISO = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})")
_UNITS = {
    "detik second": 1,
    "menit minute": 60,
    "jam hour": 3600,
    "hari day": 86_400,
    "minggu week": 7 * 86_400,
    "bulan month": 30 * 86_400,
    "tahun year": 365 * 86_400,
}
_SECONDS = {word: seconds for words, seconds in _UNITS.items() for word in words.split()}
_COUNTED_DOWN = frozenset([*_SECONDS, *(f"{word}s" for word in _SECONDS), "time", "waktu", "rate", "limit"])
_PART = rf"([0-9]{{1,9}}|an?|se) ?({'|'.join(_SECONDS)})s?"
_PARTS = re.compile(_PART)
_AGE = re.compile(rf"(?:(?:about|sekitar|kurang lebih) )?(?:{_PART}[ ,]*)+(?P<ago>ago|(?:yang )?lalu)?")
_RUN = re.compile(r"([0-9]{1,6}):([0-5][0-9]):([0-5][0-9])")
_JUST_NOW = {
    "just now": Age(0, 60),
    "baru saja": Age(0, 60),
    "yesterday": Age(1, 86_400),
    "kemarin": Age(1, 86_400),
}
_MOST = 10**12
_LONGEST_AGE = 100


def marks_of_items(keyed: Iterable[tuple[str, object]]) -> dict[str, str]:
    """Of each item, by its key, a digest over every field that stays, the ages in it, and what is loose in it."""
    found: dict[str, str] = {}
    left = _MOST_LOOSE_IN_ITEMS
    for key, record in keyed:
        found[key] = mark_of(record)
        found |= _owned(key, ages_in(record))
        free = loose_in(record, most=left)
        found |= _owned(key, free)
        left -= len(free)
    return found


_MOST_LOOSE = 50
_MOST_LOOSE_IN_ITEMS = 2000
"""So many loose parts are told apart in a record, and in all items of a thread."""


def _owned(key: str, marks: Mapping[str, str]) -> dict[str, str]:
    return {f"{key}{OF}{place}": mark for place, mark in marks.items()}


def mark_of(record: object) -> str:
    """16 hexadecimal digits over every field of a record that stays."""
    return _digest(_still(record))


def _digest(value: object, digits: int = 16) -> str:
    return hash_of(value).hex()[:digits]


def marks_of_answer(body: bytes, headers: str = "") -> tuple[dict[str, str], dict[str, int]]:
    """A digest of each field of the one record that an answer is about, and of the rest under ""; and what the record
    says that there are so many of.

    `headers` as `Answer.counts` has them.
    """
    whole = envelope(body)
    results = whole.pop("results", None)
    inner = _less_of_answer(results) if isinstance(results, dict) else {"": results}
    record = inner.pop("data", None)
    fields = _together(record if isinstance(record, dict) else {"data": record}, inner)
    rest = {"": _digest([_said_beside(whole), headers])} | marks_beside([whole])
    return _marks_of(fields) | rest, _counts_of(results)


def marks_of_row(text: str) -> dict[str, str]:
    """A digest of each field of a list's row, which is given as JSON."""
    row = unpacked(text)
    return _marks_of(row) if isinstance(row, dict) else {}


def _together(record: Row, beside: Row) -> Row:
    """Both; under a name that both have, what both say."""
    both = record.keys() & beside.keys()
    return {**record, **beside, **{name: {"in": record[name], "beside": beside[name]} for name in both}}


def _marks_of(fields: Row) -> dict[str, str]:
    parts = ((name, _still({name: value})) for name, value in fields.items())
    marks = {_place("", name): _digest(part, _DIGITS) for name, part in parts if part}
    return marks | ages_in(fields) | loose_in(fields)


def _place(path: str, name: str) -> str:
    """Where in it something stands; no two things stand at one place, whatever dots their names hold."""
    own = name.replace("\\", "\\\\").replace(".", "\\.") or "\\"
    return f"{path}.{own}" if path else own


def ages_in(record: object, path: str = "") -> dict[str, str]:
    """How long ago things were, by where it is said."""
    if isinstance(record, list):
        record = {str(number): part for number, part in enumerate(record)}
    if not isinstance(record, dict):
        return {}
    found: dict[str, str] = {}
    for name, value in record.items():
        place = _place(path, name)
        if _moves(name):
            continue
        if isinstance(value, dict | list):
            found |= ages_in(value, place)
        elif (age := _age_of(name, value)) is not None:
            found[place] = str(age)
    return found


def loose_in(record: object, *, is_beside: bool = False, most: int = _MOST_LOOSE) -> dict[str, str]:
    """The marks of what may be another thing at each read, by where it stands; one of all where there are too many.

    `is_beside`: it stands beside a record or rows.
    """
    found = dict(_loose_in(record, "", is_beside=is_beside, tells=False))
    return found if len(found) <= max(0, min(most, _MOST_LOOSE)) else {_MANY: _digest(found)}


_MANY = "(many)"


def _loose_in(record: object, path: str, *, is_beside: bool, tells: bool) -> Iterator[tuple[str, str]]:
    """What stands in something whose name tells of an answer, or of a state, is told apart, and counts as it is."""
    if isinstance(record, list):
        record = {str(number): part for number, part in enumerate(record) if isinstance(part, dict | list)}
    if not isinstance(record, dict):
        return
    for name, value in record.items():
        is_inner = isinstance(value, dict | list)
        if not (is_inner or _is_loose(name, value)) or _leaves_out(
            name, value, is_beside=is_beside, loose_too=False
        ):
            continue
        place = _place(path, name)
        if is_inner:
            yield from _loose_in(value, place, is_beside=is_beside, tells=tells or _tells(name))
        else:
            digest = _digest(value, _DIGITS)
            yield place, digest if tells else loose.mark(digest)


def _is_loose(name: str, value: object) -> bool:
    """Whether it may be another thing at each read: a number, or letters with a digit that are no words and no time."""
    if isinstance(value, str):
        return bool(_NONCE.fullmatch(value)) and not _DATE.match(value) and not _tells(name)
    return isinstance(value, int | float) and not isinstance(value, bool) and not _tells(name)


_NONCE = re.compile(r"(?=[^0-9]{0,40}[0-9])[A-Za-z0-9+/=_-]{6,128}")
_DATE = re.compile(r"[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,4}")


@once_a_name
def _tells(name: str) -> bool:
    """Whether what stands under that name tells of an answer, of a state, of what a thing is, or how many there are."""
    is_count = is_of_pages(name) or is_of_rows(name) or bool(_COUNTS.search(name))
    return is_count or len(name) > LONGEST_NAME or bool(words_of(name) & _TELLING)


_WORDS_OF_STATES = """
status state stage phase step tahap level priority prioritas rating rate flag is has
pending hide hidden hold held moderate moderated moderation approve approved approval verify verified queue queued
position wait waiting draft draf tunda tunggu menunggu antre antrean sembunyi tersembunyi
visible publish published publik sent send delivered submitted received new baru unread
id ids code kode name nama title judul type jenis kind key template text teks content isi note notes message msg pesan
error warning user author by url path file image link lat lng lon latitude longitude
at date time waktu tanggal last latest terakhir update updated change changed changes modified activity
count counts total jumlah num number nomor size length page pages row rows item items thread
"""
_TELLING = _REPLYING.union(_LEFT, _WORDS_OF_STATES.split())


def marks_beside(arounds: Iterable[Row]) -> dict[str, str]:
    """The ages that the first of some pages says beside its rows, and what is loose beside those of all of them."""
    pages = [_less_of_answer(around) for around in arounds]
    free = [loose_in(page, is_beside=True) for page in pages]
    said = {name: sorted({page[name] for page in free if name in page}) for name in set[str]().union(*free)}
    marks = {name: each[0] if len(each) == 1 else _of_pages(each) for name, each in said.items()}
    return _owned(BESIDE, marks | (ages_in(pages[0]) if pages else {}))


def _of_pages(marks: list[str]) -> str:
    return loose.mark(_digest(marks, _DIGITS)) if loose.are_loose(*marks) else _digest(marks, _DIGITS)


def _age_of(name: str, value: object) -> Age | None:
    """How long ago something was; None where the value does not say that. A number says so by its name alone."""
    words = words_of(name)
    is_named = bool(words & _AGES)
    if isinstance(value, str):
        return _age_in(value.strip().lower(), is_named=is_named) if len(value) < _LONGEST_AGE else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _MOST:
        return None
    unit = next((_SECONDS[word] for word in _singular(words) if word in _SECONDS), 0)
    is_duration = bool(unit) and not words & _REPLYING  # `days_open`; not `answered_in_days`
    return Age(value, unit) if is_named or is_duration else None


def _singular(words: Iterable[str]) -> Iterator[str]:
    return (word.removesuffix("s") for word in sorted(words))


def _age_in(text: str, *, is_named: bool) -> Age | None:
    if text in _JUST_NOW:
        return _JUST_NOW[text]
    if (whole := _AGE.fullmatch(text)) is not None and (is_named or whole["ago"]):
        parts = [(int(count) if count.isdecimal() else 1, _SECONDS[unit]) for count, unit in _PARTS.findall(text)]
        finest = min(unit for _, unit in parts)
        return Age(sum(count * unit for count, unit in parts) / finest, finest)
    if is_named and (run := _RUN.fullmatch(text)) is not None:
        return Age(int(run[1]) * 3600 + int(run[2]) * 60 + int(run[3]), 1)
    return Age(int(text), 0) if is_named and text.isdecimal() and len(text) < _LONGEST_COUNT else None


_LONGEST_COUNT = 12


_DIGITS = 8


def marks_of_heads(call: str, heads: Mapping[str, str]) -> dict[str, str]:
    """A digest of what each header says, by that name of the call and its own; `heads` as `Answer.heads` has them."""
    return {f"{call} {name}": _digest(value, _DIGITS) for name, value in heads.items()}


def dates_of_answer(body: bytes, headers: Mapping[str, str], zone: tzinfo) -> dict[str, datetime]:
    """When the answer about one record says that it was made, by each name under which it does; not what the record
    says. `headers` as `Answer.dates` has them."""
    whole = envelope(body)
    results = whole.pop("results", None)
    beside = {name: part for name, part in results.items() if name != "data"} if _holds_record(results) else {}
    return dates({**whole, "results": beside}, headers, zone)


def _holds_record(results: object) -> TypeGuard[Row]:
    return isinstance(results, dict) and "data" in results


def dates(around: object, headers: Mapping[str, str], zone: tzinfo) -> dict[str, datetime]:
    """As `dates_of_answer`, of what stands around rows; what is only a day tells too little."""
    return earliest(
        (name, at)
        for name, value in (*_dates_in(around, MAX_DEPTH), *headers.items())
        if (at := _moment(value, zone))
    )


def earliest(dates: Iterable[tuple[str, datetime]]) -> dict[str, datetime]:
    """The earliest date of each name: an answer of several pages is as old as its oldest one."""
    found: dict[str, datetime] = {}
    for name, at in dates:
        found[name] = min(at, found.get(name, at))
    return found


def _moment(value: object, zone: tzinfo) -> datetime | None:
    try:
        at, is_day = moment(value, zone)
    except ValueError:
        return None
    return None if is_day else at


def _dates_in(around: object, deep: int) -> Iterator[tuple[str, object]]:
    """Each name and value of a date in objects within objects; a list holds records."""
    if not isinstance(around, dict) or not deep:
        return
    for name, value in around.items():
        if bare(name) in _DATES:
            yield bare(name), value
        else:
            yield from _dates_in(value, deep - 1)


def _less_of_answer(row: Row) -> dict[str, object]:
    return {name: part for name, part in row.items() if bare(name) not in _ITS_OWN}


def mark_of_pages(pages: Iterable[tuple[Beside, int]], count: int) -> str:
    """A digest of what stands beside the rows of a list's pages: each with how many rows it has, `count` in all.

    Numbers that say how many rows there are stand for that: so one row more changes nothing here. How many pages
    there are counts, how they are called does not.
    """
    pages = list(pages)
    marks = {
        _digest([page.pages, _counted([_said_beside(page.around), page.headers], frozenset({rows, count}))])
        for page, rows in pages
    }
    repeats = sum(rows for _, rows in pages) - count
    return _digest([sorted(marks), repeats])


def contradiction(pages: Iterable[tuple[Beside, int]], count: int) -> str:
    """Why a list whose pages have so many rows, and `count` in all, is not what is said of it; "" where nothing is."""
    for page, rows in pages:
        for number in page.counted - {rows, count}:
            return f"LAPOR counts {number} rows beside it, and {count} could be read"
    return ""


def _counts_of(record: object) -> dict[str, int]:
    """By the name under which they stand; what stands under it in several places, together."""
    counts: Counter[str] = Counter()
    if isinstance(record, dict):
        for name, part in record.items():
            if type(part) is int and _COUNTS.search(name) and not _moves(name) and not words_of(name) & _AGES:
                counts[name] += part
            counts.update(_counts_of(part))
    return dict(counts)


_COUNTS = re.compile(r"(?:^|[_-])(?:count|total|jumlah|num)|(?:Count|Total|Jumlah)$", re.IGNORECASE)


def _mapped(value: object, said: Callable[[object], object], leaves_out: Callable[[str, object], bool]) -> object:
    """`value` with what is neither list nor object as `said` has it, without the names that are left out."""
    if isinstance(value, list):
        return [_mapped(part, said, leaves_out) for part in value]
    if isinstance(value, dict):
        return {
            name: _mapped(part, said, leaves_out) for name, part in value.items() if not leaves_out(name, part)
        }
    return said(value)


def _still(value: object) -> object:
    """`value` without what moves by itself."""
    return _mapped(value, _still_said, _leaves_out)


def _still_said(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = _QUERY.sub("", value) if "?" in value else value
    if iso := _ISO.fullmatch(text):
        return " ".join(iso.groups())  # the list writes with a space what the detail writes with a T
    return "" if _age_of("", text) is not None else text


def _leaves_out(name: str, value: object, *, is_beside: bool = False, loose_too: bool = True) -> bool:
    """Whether it is not in a digest: it moves by itself, or has a mark of its own."""
    if (is_beside and bare(name) in _ITS_OWN) or _moves(name) or _age_of(name, value) is not None:
        return True
    return loose_too and _is_loose(name, value)


@once_a_name
def _moves(name: str) -> bool:
    words = words_of(name)
    is_left = bool(words & _LEFT and words & _COUNTED_DOWN)
    return (is_left or bool(words & (_ENDING | _LOOKING))) and not words & _REPLYING


def _said_beside(around: object) -> object:
    """What stands beside rows, without what an answer says of itself: a time within a sentence, too."""
    return _mapped(around, _without_times, partial(_leaves_out, is_beside=True))


def _without_times(value: object) -> object:
    text = _still_said(value)
    return _TIME.sub("", text) if isinstance(text, str) and not _TIME.fullmatch(text) else text


_TIME = re.compile(
    r"[0-9]{1,4}[-/][0-9]{1,2}[-/][0-9]{1,4}(?:[T ][0-9:.+]{4,20})?|\b[0-9]{1,2}[:.][0-9]{2}[0-9:.]{0,9}"
)


def _counted(value: object, counts: Collection[int]) -> object:
    """`value` without what is said of the pages, and with a sign for each number that is one of `counts`."""

    def said(part: object) -> object:
        if isinstance(part, str):
            return _NUMBER.sub(lambda found: _ROWS if int(found[0]) in counts else found[0], part)
        return _ROWS if type(part) is int and part in counts else part

    return _mapped(value, said, lambda name, _: is_of_pages(name))


_NUMBER = re.compile(r"(?<![\w.])[0-9]{1,9}(?![\w.])")
_ROWS = "#"
