"""Who speaks in a thread, in what order, and with what words. Source: rules, section 1."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from lapor_sync.domain.report import ItemKind, ThreadItem

# As browsers read it: "<" before anything but a name is text, as in "harga < 5.000 -> mahal".
_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]*>|<[!?][^<>]*>", re.DOTALL)
_BLOCK_TAG = re.compile(r"<(?:br|/p|/div|/li)\b[^<>]*>", re.IGNORECASE)
_AT_ONCE = re.compile(r"(?:\s|</?[A-Za-z]+>)*[A-Za-z0-9]")
"""A text that begins like this, but for whole tags, has words whatever follows."""
_INVISIBLE = re.compile(r"[\s\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\u2800\u3164\ufe0e\ufe0f\ufeff]+")
_START = datetime.min.replace(tzinfo=UTC)


def plain(text: str) -> str:
    """`text` as a citizen reads it: entities unescaped, tags gone, line ends kept.

    Unescaped twice, since upstream may escape what a client had escaped already.
    """
    for _ in range(2):
        if "<" not in text and "&" not in text:
            return text
        text = html.unescape(_TAG.sub("", _BLOCK_TAG.sub("\n", text)))
    return _TAG.sub("", text)


def words(text: str) -> str:
    """`text` without tags, entities and surplus space: "" where a citizen can read nothing."""
    return _INVISIBLE.sub(" ", plain(text)).strip()


def has_words(text: str) -> bool:
    """Whether a citizen can read anything in `text`."""
    if _AT_ONCE.match(text):
        return True
    shown = plain(text)
    return bool(shown) and _INVISIBLE.fullmatch(shown) is None


def kind_of(*, template_code: str | None, institution_from: str | None, content: str) -> ItemKind:
    """The kind of an item; rows in the order of the rules' table, the first that fits."""
    code = (template_code or "").strip().lower()
    institution = (institution_from or "").strip()
    if code == "disposition":
        return ItemKind.DISPOSITION
    if (code.startswith("reply") or (not code and institution)) and has_words(content):
        return ItemKind.ANSWER
    if not code and not institution:
        return ItemKind.REPORTER
    return ItemKind.LOG


def in_order(items: Iterable[ThreadItem]) -> tuple[ThreadItem, ...]:
    """The items by `created_at`, then id (numbers as numbers, before other ids); what has no date is first."""
    return tuple(sorted(items, key=_place))


def since_disposition(items: tuple[ThreadItem, ...]) -> tuple[ThreadItem, ...]:
    """The items after the last disposition; all where there is none."""
    for at in range(len(items) - 1, -1, -1):
        if items[at].kind is ItemKind.DISPOSITION:
            return items[at + 1 :]
    return items


def last_word(items: tuple[ThreadItem, ...]) -> ItemKind | None:
    """Who spoke last with words that the citizen can read: ANSWER, REPORTER, or None."""
    for item in reversed(items):
        if item.kind is ItemKind.ANSWER or (item.kind is ItemKind.REPORTER and words(item.content)):
            return item.kind
    return None


def _place(item: ThreadItem) -> tuple[datetime, bool, int, str]:
    is_number = item.id.isascii() and item.id.isdecimal()
    # Numbers by how many digits they have, then as text: int() refuses very long ones.
    digits = item.id.lstrip("0") if is_number else ""
    return (item.created_at or _START, not is_number, len(digits), digits or item.id)
