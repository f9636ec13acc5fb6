"""Single values as upstream writes them, read tolerantly: ids, flags, times, texts, and what is hashed. Pure.

None of these raises, but `moment` (ValueError for what is no date).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, tzinfo

import msgspec

from connectors.moments import read_moment

Row = Mapping[str, object]

MAX_ID = 64
"""An id longer than this is none."""

MAX_NAME = 500
"""Of a name so many letters are kept: an index of PostgreSQL takes no more than 2,704 bytes."""

MAX_DEPTH = 50
"""Deeper nesting than this is no data of theirs."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
UNSTORABLE_ESCAPE = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)|" + "\x00")


def storable(value: object, deep: int = MAX_DEPTH) -> object:
    """Lone surrogates and NUL replaced, all through: SQLite refuses the first, PostgreSQL both.

    What is nested deeper than `deep` becomes null, so that no later step runs out of stack.
    """
    if isinstance(value, dict | list) and not deep:
        return None
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [storable(part, deep - 1) for part in value]
    if isinstance(value, dict):
        return {_UNSTORABLE.sub("\ufffd", key): storable(part, deep - 1) for key, part in value.items()}
    return value


def is_shallow(value: object, deep: int = MAX_DEPTH) -> bool:
    """Whether nothing is nested deeper than `deep`."""
    if not isinstance(value, dict | list):
        return True
    inner = [
        part for part in (value.values() if isinstance(value, dict) else value) if isinstance(part, dict | list)
    ]
    return deep > 0 and all(is_shallow(part, deep - 1) for part in inner)


def identifier(value: object) -> str | None:
    """An id from a number or a string (`123`, `"123"`, `123.0`); None for anything else, booleans too."""
    if type(value) is int and 0 <= value < _ANY_SERIAL:  # nearly all
        return str(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < _NO_ID else None
    found = clean(value) if isinstance(value, str) else ""
    return found if 0 < len(found) <= MAX_ID else None


_NO_ID = 10**MAX_ID
_ANY_SERIAL = 2**63


def flag(value: object) -> bool:
    """0/1, "0"/"1", true, "true"; any word that does not say no is a yes: better hidden than shown by mistake."""
    if isinstance(value, str):
        return value.strip().lower() not in {"", "0", "false", "no", "n", "off", "tidak", "null"}
    return bool(value)


def moment(value: object, zone: tzinfo) -> tuple[datetime | None, bool]:
    """A time in UTC and whether it is only a day (then its first moment in `zone`); None for the empty forms.

    Raises ValueError for what is no time; see `moments.read_moment`.
    """
    read = read_moment(value, zone)
    return read or (None, False)


def moment_or_none(value: object, zone: tzinfo) -> datetime | None:
    """As `moment`, None also for what is no date: an item's place in a thread is not worth its loss."""
    try:
        return moment(value, zone)[0]
    except ValueError:
        return None


def clean(text: str) -> str:
    """Without space around it, and without what no database stores."""
    # An ASCII text knows that it is one: most need no search.
    if text.isascii() and "\x00" not in text:
        return text.strip()
    return _UNSTORABLE.sub("\ufffd", text).strip()


def text_of(value: object) -> str:
    """A text as it is, a number as one; "" for anything else."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return identifier(value) or str(value)[:MAX_ID]
    return ""


def text_or_none(value: object) -> str | None:
    """As `text_of`, None where there is no text."""
    return text_of(value) or None


def joined(value: object) -> str | None:
    """Tags as one text, or as a list of them."""
    if isinstance(value, list):
        return ", ".join(filter(None, (name_of(part) for part in value))) or None
    return text_or_none(value)


def name_of(value: object) -> str | None:
    """An institution or status as a string, or as an object with `name` (both seen)."""
    return text_of(value.get("name") if isinstance(value, dict) else value)[:MAX_NAME] or None


def pointer(value: object) -> str | None:
    """The id of something else, as such or inside of an object; 0 is PHP's way to say none (assumed)."""
    found = identifier(value.get("id") if isinstance(value, dict) else value)
    return None if found == "0" else found


def mapping(value: object) -> Row:
    """An object, as such or as a string of JSON (seen in `data`, sometimes escaped twice); else an empty one."""
    found = unpacked(value) if value else None
    return found if isinstance(found, dict) else {}


def unpacked(value: object) -> object:
    """What a string of JSON holds, unescaped up to twice; None where it is no JSON; any other value as it is."""
    for _ in range(2):
        if not isinstance(value, str):
            break
        value = _loaded(value)
    return value


def _loaded(text: str) -> object:
    if text in {"", "[]", "{}"}:  # by far the most common ones
        return None
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def strictly(text: str) -> object:
    """What a JSON text holds. Raises ValueError where it is none, or where an object says two things under one name."""
    try:
        return json.loads(text, strict=False, object_pairs_hook=_one_value_each, parse_constant=_no_constant)
    except RecursionError as exc:
        raise ValueError("nested too deep") from exc


def is_read_whole(text: str) -> bool:
    """Whether all that a JSON text holds is read: no object in it says two things under one name, of which only one is
    read, and nothing is nested so deep that null stands for it."""
    try:
        found = json.loads(text, strict=False, object_pairs_hook=_one_value_each, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return is_shallow(found)


def doubled_names(text: str) -> frozenset[str]:
    """The names under which an object in a JSON text says two things, of which only the last is read.

    Behind the place from which the text cannot be read there are none.
    """
    doubled = set[str]()

    def note(pairs: list[tuple[str, object]]) -> Row:
        found = dict(pairs)
        doubled.update(_doubled(found, pairs))
        return found

    with suppress(ValueError, RecursionError):
        json.loads(text, strict=False, object_pairs_hook=note, parse_int=str)
    return frozenset(doubled)


def _one_value_each(pairs: list[tuple[str, object]]) -> Row:
    found = dict(pairs)
    if _doubled(found, pairs):
        raise ValueError("one name has two values")
    return found


def _doubled(found: Row, pairs: list[tuple[str, object]]) -> list[str]:
    return [name for name, value in pairs if found[name] != value] if len(found) < len(pairs) else []


def _no_constant(said: str) -> None:
    raise ValueError(f"{said} is no JSON")


_plain = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="sorted").encode


def raw_text(value: object) -> str:
    """`value` as JSON text that any database stores."""
    return _encoded(_plain, value).decode()


def hash_of(value: object) -> bytes:
    """16 bytes over the canonical form: key order and space do not matter, nor how long an address is signed for."""
    text = _encoded(_canonical, value)
    if b"ignature=" in text or b"?sig=" in text or b"&sig=" in text:
        text = _SIGNED.sub(b"", text)
    return hashlib.blake2b(text, digest_size=16).digest()


_SIGNED = re.compile(rb"""\?[^"'\s<>?\\]*?(?:[Ss]ignature|\bsig)=[^"'\s<>\\]*""")
"""The query of a signed address, which is another one at each reading (a file's `path`, seen)."""


def _encoded(encode: Callable[[object], bytes], value: object) -> bytes:
    try:
        return encode(value)
    except UnicodeEncodeError:
        return encode(storable(value))


def derived_key(value: object) -> str:
    """A key made of the record itself, for one that has no id."""
    return f"h:{hash_of(value).hex()}"


def identity(key: str) -> int:
    """`key` as a 64-bit number, to count what a long listing brought without keeping its texts."""
    if _SERIAL.fullmatch(key):
        return int(key)
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


_SERIAL = re.compile(r"[1-9][0-9]{0,17}")


def row_key(row: object, *names: str, or_else: str | None = None) -> str:
    """What a row counts as: the first id among `names`, else `or_else`, else its hash."""
    if isinstance(row, dict):
        for name in names:
            if (found := identifier(row.get(name))) is not None:
                return found
    return or_else or derived_key(row)
