"""What upstream says of a report, less what moves while nothing happens to it. Pure.

After a write without a clear answer, whatever else has changed may be the only trace of what was stored: a count, a
time, a note beside the rows. So digests are kept of every field. Left out of them is what moves with each read: how an
address is signed, who answered and when, how often it was looked at, how long ago something was (all assumed).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from connectors.sp4n_v3.envelopes import envelope
from connectors.sp4n_v3.listing import Beside, bare, is_of_pages
from connectors.sp4n_v3.values import hash_of

_MOVED_BY_READING = """
view views viewcount viewscount viewed viewedat hit hits hitcount seencount seenat lastseenat lastviewedat lastreadat
accessedat lastaccessedat dilihat jumlahdilihat
expires expiresat expiresin expiry expiredat urlexpiresat signature signedat
age umur ago elapsed timeago humantime remaining daysleft sisawaktu sisahari
"""
_OF_READING = frozenset(_MOVED_BY_READING.split())
"""Names of what looking at a thing, or the passing of time, moves."""

_SAID_OF_ANSWERS = """
timestamp time date datetime now servertime serverdate servertimestamp currenttime requesttime responsetime generatedat
requestid reqid requestuuid traceid correlationid transactionid xrequestid spanid sessionid nonce csrf csrftoken
executiontime exectime processtime processingtime elapsedtime duration took latency runtime ms memory memoryusage
querytime queries querycount host hostname server servername node nodeid instance pod worker container pid ip clientip
ratelimit ratelimitremaining ratelimitreset quota
"""
_OF_ANSWER = _OF_READING | frozenset(_SAID_OF_ANSWERS.split())
"""Names of what an answer says of itself: in a record some of them are its own."""

_QUERY = re.compile(r"""\?[\w%.~\[\]-]+=[^\s"'<>\\]*""")
_AGE = re.compile(
    r"""\s*(?:(?:about|sekitar|kurang\ lebih)\ )?(?:[0-9]+|an?|se)\ *
    (?:second|minute|hour|day|week|month|year|detik|menit|jam|hari|minggu|bulan|tahun)s?\ *(?:ago|(?:yang\ )?lalu)
    |\s*(?:just\ now|baru\ saja|yesterday|kemarin)""",
    re.IGNORECASE | re.VERBOSE,
)
_LONGEST_AGE = 100


def mark_of(record: object) -> str:
    """16 hexadecimal digits over every field of a record that stays."""
    return hash_of(_still(record, _OF_READING)).hex()[:16]


def mark_of_answer(body: bytes, headers: str = "") -> tuple[str, dict[str, int]]:
    """As `mark_of`, over a whole answer about one record, and what it says that there are so many of.

    `headers` as `Answer.counts` has them.
    """
    whole = envelope(body)
    results = whole.pop("results", None)
    if isinstance(results, dict):
        results = {name: part for name, part in results.items() if bare(name) not in _OF_ANSWER}
    mark = hash_of([_still(results, _OF_READING), _still(whole, _OF_ANSWER), headers]).hex()[:16]
    return mark, _counts_of(results)


def mark_of_pages(pages: Iterable[tuple[Beside, int]], count: int) -> str:
    """A digest of what stands beside the rows of a list's pages: each with how many rows it has, `count` in all.

    Numbers that say how many rows there are stand for that: so one row more changes nothing here. What is said of the
    pages themselves is `paging`'s to judge.
    """
    pages = list(pages)
    marks = {
        hash_of(_counted([_still(page.around, _OF_ANSWER), page.headers], frozenset({rows, count}))).hex()
        for page, rows in pages
    }
    repeats = sum(rows for _, rows in pages) - count
    return hash_of([sorted(marks), repeats]).hex()[:16]


def contradiction(pages: Iterable[tuple[Beside, int]], count: int) -> str:
    """Why a list whose pages have so many rows, and `count` in all, is not what is said of it; "" where nothing is."""
    for page, rows in pages:
        for number in page.counted - {rows, count}:
            return f"LAPOR counts {number} rows beside it, and {count} could be read"
    return ""


def _counts_of(record: object) -> dict[str, int]:
    if not isinstance(record, dict):
        return {}
    own = {name: part for name, part in record.items() if type(part) is int and _COUNTS.search(name)}
    return {**own, **{name: n for part in record.values() for name, n in _counts_of(part).items()}}


_COUNTS = re.compile(r"(?:^|[_-])(?:count|total|jumlah|num)|(?:Count|Total|Jumlah)$", re.IGNORECASE)


def _still(value: object, names: Collection[str]) -> object:
    """`value` without what moves by itself."""
    if isinstance(value, str):
        text = _QUERY.sub("", value) if "?" in value else value
        return "" if len(text) < _LONGEST_AGE and _AGE.fullmatch(text) else text
    if isinstance(value, list):
        return [_still(part, names) for part in value]
    if isinstance(value, dict):
        return {key: _still(part, names) for key, part in value.items() if bare(key) not in names}
    return value


def _counted(value: object, counts: Collection[int]) -> object:
    """`value` without what is said of the pages, and with a sign for each number that is one of `counts`."""
    if isinstance(value, str):
        return _NUMBER.sub(lambda found: _ROWS if int(found[0]) in counts else found[0], value)
    if isinstance(value, list):
        return [_counted(part, counts) for part in value]
    if isinstance(value, dict):
        return {key: _counted(part, counts) for key, part in value.items() if not is_of_pages(key)}
    return _ROWS if type(value) is int and value in counts else value


_NUMBER = re.compile(r"(?<![\w.])[0-9]{1,9}(?![\w.])")
_ROWS = "#"
