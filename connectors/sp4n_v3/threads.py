"""Follow-ups, read tolerantly as a thread in reading order. Pure. Source: upstream, "How lapor-sync reads it"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from types import MappingProxyType

from connectors.sp4n_v3.files import attachments
from connectors.sp4n_v3.still import marks_of_items
from connectors.sp4n_v3.unshown import says_unshown
from connectors.sp4n_v3.values import (
    MAX_NAME,
    Row,
    derived_key,
    hash_of,
    mapping,
    moment_or_none,
    name_of,
    pointer,
    raw_text,
    row_key,
    text_of,
    text_or_none,
)
from connectors.sp4n_v3.verdict import reports_named
from lapor_sync.domain import thread as talk
from lapor_sync.domain.report import (
    BadItem,
    Thread,
    ThreadItem,
)


def thread(
    items: Iterable[object],
    *,
    zone: tzinfo,
    began_at: datetime,
    why: str = "",
    beside: str | None = None,
    dated: Mapping[str, datetime] | None = None,
    beside_marks: Mapping[str, str] = MappingProxyType({}),
    heads: Mapping[str, str] | None = None,
    about: frozenset[str] = frozenset(),
    is_old: bool = False,
) -> Thread:
    """The follow-ups as a thread in reading order; those that are no object are its `bad`.

    `why` says why they may not be all; "" where they are. `about`, `beside`, `dated`, `heads` and `is_old` as `Thread`
    has them: with `beside`, all is marked, with what has marks of its own beside the items.
    """
    rows = list(items)
    keyed = list(zip(item_keys(rows), rows, strict=True))
    return Thread(
        items=talk.in_order(_item(key, row, zone) for key, row in keyed if isinstance(row, dict)),
        began_at=began_at,
        raw=raw_text(rows),
        complete=not why,
        why=why,
        bad=tuple(
            BadItem(key=key, raw=raw_text(row), reason="not an object")
            for key, row in keyed
            if not isinstance(row, dict)
        ),
        named=frozenset[str]().union(*(reports_named(row) for _, row in keyed if isinstance(row, dict))),
        about=about,
        beyond=None if beside is None else {key: _beyond(row) for key, row in keyed if isinstance(row, dict)},
        marks=None if beside is None else {**marks_of_items(keyed), **beside_marks},
        beside=beside,
        order=None if beside is None else tuple(key for key, _ in keyed),
        dated=dated,
        heads=heads,
        is_old=is_old,
        unshown=frozenset(key for key, row in keyed if isinstance(row, dict) and says_unshown(row)),
    )


_FIELDS_OF_ITEMS = """
id created_at updated_at date content template_code template_content attachments data
institution_from_name institution_to_name
"""
_OF_ANY_ITEM = frozenset(_FIELDS_OF_ITEMS.split())
"""The fields of items as they were seen."""


def _beyond(row: Row) -> frozenset[str]:
    """What an item has beyond the fields of any item: each other name, and what stands under it if it is not empty."""
    others = {name: value for name, value in row.items() if name not in _OF_ANY_ITEM}
    filled = {name: value for name, value in others.items() if value and value != "0"}
    return frozenset(others) | {f"{name}={hash_of(value).hex()[:8]}" for name, value in filled.items()}


def item_keys(rows: Iterable[object], first: dict[str, object] | None = None) -> list[str]:
    """The id of each item, its hash where it has none or where another item has the same one.

    Were one of two such items to hide the other, a response that arrived could look lost and go out again. `first`
    holds the items of the pages before, by id, and gets these.
    """
    first = {} if first is None else first
    derived: dict[str, str] = {}  # of those in `first`: one may be long, and thousands may have its id
    keys = []
    for row in rows:
        key = row_key(row, "id")
        same = first.setdefault(key, row)
        if same is not row and same != row:
            if key not in derived:
                derived[key] = derived_key(same)
            its_own = derived_key(row)
            key = key if its_own == derived[key] else its_own
        keys.append(key)
    return keys


def _item(key: str, row: Row, zone: tzinfo) -> ThreadItem:
    content = _item_content(row)
    sender = _institution(row, "from")
    code = text_or_none(row.get("template_code"))
    data = mapping(row.get("data"))
    return ThreadItem(
        id=key,
        kind=talk.kind_of(template_code=code, institution_from=sender, content=content),
        created_at=moment_or_none(row.get("created_at") or row.get("date"), zone),
        content=content,
        author=sender,
        institution_to=_institution(row, "to"),
        template_code=code,
        status_old=_status(row, data, "status_old"),
        status_new=_status(row, data, "status_new"),
        attachments=attachments(row.get("attachments")),
    )


def _item_content(row: Row) -> str:
    """What was written, or where nothing was, the template's words."""
    written = substituted(text_of(row.get("content")), row)
    return (
        written if talk.has_words(written) else substituted(text_of(row.get("template_content")), row) or written
    )


def _institution(row: Row, side: str) -> str | None:
    """Who sent or gets an item: by name (seen), else by id, so that no agency is taken for the reporter."""
    for field in _PARTIES[side]:
        if (name := _party(row.get(field))) is not None:
            return name
    return None


_PARTIES = {side: tuple(f"institution_{side}{form}" for form in ("_name", "", "_id")) for side in ("from", "to")}


def _party(value: object) -> str | None:
    return (name_of(value) or pointer(value)) if isinstance(value, dict) else _named(value)


def _named(value: object) -> str | None:
    text = text_of(value)[:MAX_NAME]
    return None if text in {"", "0"} else text


def _status(row: Row, data: Row, key: str) -> str | None:
    return name_of(data.get(key)) or name_of(row.get(key))


MAX_PLACEHOLDERS = 1000
"""In one text. Each becomes a name: more would make of a small text one that no memory holds."""

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def substituted(text: str, row: Row) -> str:
    """`text` with upstream's placeholders filled in from its own item; those without a value become nothing."""
    if "{{" not in text:
        return text
    sender, receiver = _institution(row, "from"), _institution(row, "to")
    data = mapping(row.get("data"))
    values = {
        "institution_from": sender,
        "institution_from_link": sender,
        "institution_to": receiver,
        "institution_to_link": receiver,
        "institution": _named(name_of(row.get("institution"))) or sender or receiver,
        "status_old": _status(row, data, "status_old"),
        "status_new": _status(row, data, "status_new"),
    }
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]) or "", text, count=MAX_PLACEHOLDERS)
