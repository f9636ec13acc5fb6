"""One page of any list, and what is said beside its rows of the other pages. Pure.

LAPOR's own form is Laravel's paginator under `results` (seen in part). Frameworks and gateways say the same under
other names, in other places and in other cases, or in a `Link` header: each of these is read (assumed).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from connectors.names import once_a_name
from connectors.sp4n_v3 import envelopes
from connectors.sp4n_v3.values import Row, flag, identifier, raw_text
from lapor_sync.domain.errors import UpstreamBroken


class Listing(NamedTuple):
    """The rows of one page, not read yet, and what stands beside them.

    `more` tells whether there is a next page, `current` which page this is; None for each that was not said.
    `is_full`: it holds as many rows as a page of it may; `has_gaps`: rows were taken out of those it may hold. `around`
    is the envelope without the rows.
    """

    rows: tuple[object, ...]
    more: bool | None = None
    total: int | None = None
    last_page: int | None = None
    current: int | None = None
    is_full: bool = False
    has_gaps: bool = False
    around: object = None
    beside: Beside | None = None


class Beside(NamedTuple):
    """What a page's answer says beside its rows.

    `around` is the envelope without them; `counted` are the numbers that say, under any of the usual names, how many
    rows there are; of `headers`, too; `pages` is what is said of other pages: whether there are more, how many, and the
    numbers in their addresses.
    """

    around: object
    counted: frozenset[int]
    headers: str = ""
    pages: tuple[bool | None, int | None, tuple[int, ...]] = (None, None, ())


def listing(body: bytes, link: str = "", *, is_first: bool = True, counts: str | None = None) -> Listing:
    """One page of any list; `link` is the answer's `Link` header, `counts` its headers that count: None where nobody
    asks what stands beside the rows.

    Raises UpstreamBroken where no list can be found: that is no empty one. Nor is a bare `[]` as its first page,
    which PHP makes of anything that is empty.
    """
    envelope = envelopes.envelope(body)
    if is_first and envelope == _EMPTY and body.lstrip().startswith(b"["):
        raise UpstreamBroken("the answer holds no list")
    found = envelope.get("results", envelope)
    rows = _rows(found, _DEEPEST)
    if rows is None:
        raise UpstreamBroken("the answer holds no list")
    said = _said(envelope, found)
    last_page, current = _count(said.get("last")), _count(said.get("current"))
    more = _more(said, link, last_page, current)
    rest = _less_of_rows(found, _DEEPEST)
    around = {**envelope, "results": rest} if "results" in envelope else rest
    return Listing(
        rows=rows,
        more=more,
        total=_total(said.get("total")),
        last_page=last_page,
        current=current,
        is_full=_says_full(envelope, found, len(rows)),
        has_gaps=_has_gaps(found, _DEEPEST, is_first=is_first),
        around=around,
        beside=None if counts is None else _beside(around, envelope, found, counts, link, more, last_page),
    )


def _says_full(envelope: Row, found: object, rows: int) -> bool:
    sizes = (value for level in levels(envelope, found) for name, value in level.items() if bare(name) in _SIZES)
    return rows > 0 and any(_count(size) == rows for size in sizes)


_SIZES = frozenset(["perpage", "pagesize", "limit", "size", "itemsperpage", "rowsperpage"])

_EMPTY: Row = {"results": []}


# The rows.

_ROWS = ("data", "items", "rows", "list", "records", "results", "content", "complaints", "followups")
_DEEPEST = 3


def _rows(found: object, deep: int) -> tuple[object, ...] | None:
    """The rows in it, or in what it holds under one of the usual names."""
    if isinstance(found, list):
        return tuple(found)
    if not isinstance(found, dict) or not found or not deep:
        return None
    # PHP encodes an array with gaps as an object with numeric keys; an empty one it encodes as a list.
    if all(key.isdecimal() for key in found):
        return tuple(found.values())
    return next((rows for name in _ROWS if (rows := _rows(found.get(name), deep - 1)) is not None), None)


def _has_gaps(found: object, deep: int, *, is_first: bool) -> bool:
    """Whether rows were taken out: PHP's `array_filter` leaves each its number, so that those of the others are missing.

    A later page may go on with the numbers of the one before; and the numbers may be the rows' own ids.
    """
    if not isinstance(found, dict) or not found or not deep:
        return False
    if all(key.isdecimal() for key in found):
        if all(isinstance(row, dict) and identifier(row.get("id")) == key for key, row in found.items()):
            return False
        numbers = sorted(map(_count, found), key=lambda number: number or 0)
        begin = 0 if is_first else numbers[0]
        return begin is None or numbers != list(range(begin, begin + len(numbers)))
    holder = next((name for name in _ROWS if _rows(found.get(name), deep - 1) is not None), None)
    return holder is not None and _has_gaps(found[holder], deep - 1, is_first=is_first)


def _less_of_rows(found: object, deep: int) -> object:
    """What holds the rows, without them: it counts whether these are a list, or have numbers."""
    if not isinstance(found, dict) or not found or not deep:
        return None
    if all(key.isdecimal() for key in found):
        return _NUMBERED
    holder = next(name for name in _ROWS if _rows(found.get(name), deep - 1) is not None)
    return {key: _less_of_rows(part, deep - 1) if key == holder else part for key, part in found.items()}


_NUMBERED = "rows with numbers"


def _beside(
    around: object, envelope: Row, found: object, headers: str, link: str, more: bool | None, last_page: int | None
) -> Beside:
    said = [
        number
        for level in levels(envelope, found)
        for name, value in level.items()
        if (_NAMES.get(bare(name)) == "total" or _COUNTS.search(bare(name)))
        and (number := _count(value)) is not None
    ]
    said += [int(number) for number in _HEADER_COUNTS.findall(headers)]
    return Beside(
        around,
        frozenset(said),
        headers,
        (more, last_page, _pages_in_addresses(envelope, found, link)),
    )


def _pages_in_addresses(envelope: Row, found: object, link: str) -> tuple[int, ...]:
    said = [
        raw_text(value) for level in levels(envelope, found) for name, value in level.items() if is_of_pages(name)
    ]
    return tuple(sorted({int(number) for text in (*said, link) for number in _PAGE.findall(text)}))


_PAGE = re.compile(r"[?&]page(?:\[number\])?=([0-9]{1,9})\b")

_COUNTS = re.compile(
    r"^(?:results?|rows?|items?|data|records?|elements?|followups?|comments?|tanggapan)?(?:count|jumlah)$"
    r"|^jumlah(?:data|baris|tanggapan|item)$|^numberofelements$"
)
_HEADER_COUNTS = re.compile(r"^[a-z-]*(?:count|total|range): ([0-9]{1,9})$", re.MULTILINE)


# What is said of the pages.

_NAMES: Mapping[str, str] = {
    name: means
    for means, names in {
        "total": "total totalcount totalitems totaldata totalrecords totalelements totalrows totalresults recordstotal",
        "last": "lastpage totalpages totalpage pagecount pages numpages pagestotal lastpagenumber",
        "current": "currentpage current page pagenumber pageno",
        "next": "nextpageurl nextpage next nexturl nextlink nextcursor nextpagetoken",
        "more": "hasmore hasnext hasnextpage hasmorepages hasmoredata more",
        "end": "islast islastpage last lastpagereached",
    }.items()
    for name in names.split()
}
_HOLDERS = frozenset(
    ["meta", "pagination", "paging", "paginator", "pageinfo", "page", "links", "cursor", "cursors"]
)


def _said(envelope: Row, found: object) -> dict[str, object]:
    """What is said of the pages, by what it means: nearest to the rows first, but that there is a next one wherever."""
    said: dict[str, object] = {}
    for level in levels(envelope, found):
        for name, value in level.items():
            means = _NAMES.get(bare(name))
            if means is not None and _fits(means, value) and (means not in said or _says_more(means, value)):
                said[means] = value
        if "count" in level and {"next", "previous"} <= level.keys():  # Django's; elsewhere it counts the page
            said.setdefault("total", level["count"])
        if isinstance(level.get("links"), list):
            said.update(_of_buttons(level["links"]))
    return said


def levels(envelope: Row, found: object) -> Iterator[Row]:
    """The objects in which something may be said: those that hold the rows, the envelope, and their holders."""
    deep = _DEEPEST
    inner = [found]
    while isinstance(inner[-1], dict) and deep:
        inner.append(inner[-1].get("data"))
        deep -= 1
    for level in (*reversed(inner), envelope):
        if isinstance(level, dict):
            yield level
            for holder in _holders(level):
                yield holder
                yield from _holders(holder)


def _holders(level: Row) -> Iterator[Row]:
    return (value for name, value in level.items() if isinstance(value, dict) and bare(name) in _HOLDERS)


def _fits(means: str, value: object) -> bool:
    """Whether the value is of the kind that is meant: `page` may be a number or an object, `last` an address."""
    if means in {"total", "last", "current"}:
        return _count(value) is not None
    return isinstance(value, bool) if means == "end" else not isinstance(value, list)


def _of_buttons(links: object) -> dict[str, object]:
    """Laravel's `links` as a list of buttons: the one for the next page, with its address or null."""
    for button in reversed(links) if isinstance(links, list) else ():
        if isinstance(button, dict) and _NEXT_BUTTON.search(str(button.get("label"))[:100].lower()):
            return {"next": button.get("url")}
    return {}


_NEXT_BUTTON = re.compile("next|berikut|selanjut|&raquo;|»|›")


def _more(said: Row, link: str, last_page: int | None, current: int | None) -> bool | None:
    """Whether there is a next page: where two say different things, yes, for a page in vain costs little."""
    told = []
    if "next" in said:
        told.append(_is_there(said["next"]))
    if "more" in said:
        told.append(flag(said["more"]))
    if "end" in said:
        told.append(not said["end"])
    if rels := _REL.findall(link[:_LONGEST_LINK].lower()):
        told.append(any("next" in rel.split() for rel in rels))
    if not told and last_page is not None and current is not None:
        told.append(current < last_page)
    return any(told) if told else None


def _says_more(means: str, value: object) -> bool:
    """Whether it says that there is a next page, whatever else says that there is none."""
    if means == "end":
        return not value
    return means in {"next", "more"} and _is_there(value)


def _is_there(value: object) -> bool:
    """Whether an address of the next page, or an object that holds it, is one."""
    return _is_there(value.get("href", value.get("url"))) if isinstance(value, dict) else flag(value)


_REL = re.compile(r'rel="?([a-z ]{1,40})')
_LONGEST_LINK = 4000


def is_of_pages(name: str) -> bool:
    """Whether that stands under a name which says where a page lies among the others."""
    plain = bare(name)
    return plain in _OF_PAGES or _NAMES.get(plain, "total") != "total"


def is_of_rows(name: str) -> bool:
    """Whether that stands under a name which says how many rows there are, or on a page."""
    plain = bare(name)
    return plain in _SIZES or _NAMES.get(plain) == "total" or bool(_COUNTS.search(plain))


_OF_PAGES = frozenset(
    ["from", "offset", "skip", "start", "links", "path", "self", "first", "prev", "previous", "firstpage"]
    + [f"{place}pageurl" for place in ("first", "prev", "previous", "last")]
)


@once_a_name
def bare(name: str) -> str:
    """`next_page_url` and `nextPageUrl` are one name; one that is too long is none."""
    return re.sub(r"[^a-z]", "", name.lower()) if len(name) <= _LONGEST_NAME else ""


_LONGEST_NAME = 40


def _total(value: object) -> int | None:
    """The number of all rows, also where it stands in words ("9 tanggapan", "1-5 of 9": the greatest is meant)."""
    if (number := _count(value)) is not None or not isinstance(value, str):
        return number
    return max(map(int, re.findall(r"[0-9]{1,9}", value[:100])), default=None)


def _count(value: object) -> int | None:
    number = identifier(value)
    return int(number) if number is not None and re.fullmatch(r"[0-9]{1,9}", number) else None
