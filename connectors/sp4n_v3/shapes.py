"""What an answer says without what it says of anybody: its shape. Pure; time is linear in what it is given.

Nothing is taken over that is not in `vocabulary`, so that no name, text, number, token or address of a citizen can be:
a key keeps the words of it that are known here, and each value becomes its class. Only where a status, a code or
the envelope's own word stands, the known words of the value are kept too. A shape is JSON:

| in the answer | in the shape |
|---|---|
| an object, a list | the same of shapes; after `MOST` parts `"+80"` says how many more there were |
| null, true, false, 0, 1 | itself |
| a status or a code | `"= Dalam Proses"`; as a number, itself, up to 999 |
| a time | `"date %d-%m-%Y %H:%M:%S"`, `"date ?"` in a form that has no name here |
| a number, a text of digits | `"int 8"`, `"digits 8"`: how many; `"float"` |
| an address, JSON in a text | `"url https ?"` (`?`: with a query), `{"(json)": shape}` |
| any other text | `"text 100"`, `"html 1000"`: the greatest power of ten in its length, and its placeholders |
| an id | as above, and `#3`: the third of those that were seen; the same id has the same number |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from connectors.moments import read_moment
from connectors.sp4n_v3.values import unpacked
from connectors.sp4n_v3.vocabulary import WORDS

Shape = object
Number = Callable[[str], int]
"""Gives an id its number."""

MOST = 20
"""Parts of a list or an object that are looked at."""
DEEPEST = 12
LOOKED_AT = 4096
"""Letters of a text that are looked at."""
JSON = "(json)"
"""The one key of the shape of JSON in a text; no key of an answer keeps its brackets."""

PLACEHOLDERS = frozenset(
    f"{name}{part}"
    for name in ("institution", "institution_from", "institution_to", "status_old", "status_new")
    for part in ("", "_link")
)


def shape_of(value: object, number: Number, key: str = "", deep: int = DEEPEST, *, is_code: bool = False) -> Shape:
    """Return the shape of a value that stands under that key; `is_code`: that it is a status or a code, told by what
    holds it."""
    if isinstance(value, dict | list) and not deep:
        return "deep"
    if isinstance(value, dict):
        return _object(value, number, key, deep)
    if isinstance(value, list):
        parts = [shape_of(part, number, key, deep - 1, is_code=is_code) for part in value[:MOST]]
        return [*parts, f"+{len(value) - MOST}"] if len(value) > MOST else parts
    is_code = is_code or bool(_CODE.search(_in_snake_case(key)))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _of_number(value, key, number, is_code=is_code)
    return _of_text(str(value), key, number, deep, is_code=is_code)


def _object(value: Mapping[str, object], number: Number, key: str, deep: int) -> Shape:
    found: dict[str, Shape] = {}
    holds_code = bool(_STATUS.search(_in_snake_case(key)))
    for at, (name, part) in enumerate(value.items()):
        if at == MOST_KEYS:
            found[f"+{len(value) - MOST_KEYS}"] = None
            break
        shape = shape_of(part, number, name, deep - 1, is_code=holds_code and name == "name")
        kept = in_words(name)
        while kept in found:  # two names of which nothing is known: both are there
            kept += "?"
        found[kept] = shape
    return found


MOST_KEYS = 80
MOST_JSON = 65_536
"""Letters of a text that is looked at as JSON."""

_CODE = re.compile(r"(^|_)(status|code)$|^status_|^message$")
_STATUS = re.compile(r"(^|_)status(_old|_new)?$")
_ID = re.compile(r"(^|_)id$")


def _in_snake_case(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key[:_LONGEST]).lower()


_LONGEST = 60
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[_\-. /]|.", re.DOTALL)
_MOST_WORDS = 16


def in_words(text: str) -> str:
    """Return a text with `?` for each part of it that is no word of `WORDS`; of digits up to three are kept."""
    kept: list[str] = []
    digits = sum(map(str.isdigit, text[:_LONGEST]))
    for part in _WORD.findall(text[:_LONGEST]):
        is_known = part in _BETWEEN or part.lower() in WORDS or (part.isascii() and part.isdigit() and digits <= 3)
        if is_known or kept[-1:] != ["?"]:
            kept.append(part if is_known else "?")
    return "".join(kept[: 2 * _MOST_WORDS]).strip() or ("?" if text else "")


_BETWEEN = frozenset("_-. /")


def _of_number(value: int | float, key: str, number: Number, *, is_code: bool) -> Shape:
    if isinstance(value, float):
        return "float"
    if value in (0, 1) or (is_code and 0 <= value < 1000):
        return value
    return f"int {_digits(value)}{_numbered(value, key, number)}"


def _digits(value: int) -> int:
    """How many digits; nothing is made of a number that is too long for a text."""
    return len(str(value).lstrip("-")) if abs(value) < 10**30 else 30


def _numbered(value: object, key: str, number: Number) -> str:
    return f" #{number(str(value)[:_LONGEST])}" if _ID.search(_in_snake_case(key)) else ""


def _of_text(text: str, key: str, number: Number, deep: int, *, is_code: bool) -> Shape:
    whole, size = text, len(text)
    text = text[:LOOKED_AT].strip()
    if not text:
        return ""
    if text.isascii() and text.isdigit():
        small = f"= {text}" if text in {"0", "1"} or (is_code and len(text) <= 3) else ""
        return small or f"digits {size}{_numbered(text, key, number)}"
    if when := _of_moment(text):
        return when
    if is_code:
        return f"= {in_words(text)}"
    if text[0] in "[{" and size <= MOST_JSON and isinstance(inner := unpacked(whole), dict | list):
        return {JSON: shape_of(inner, number, key, deep - 1)}
    if found := _URL.match(text):
        return f"url {found[1].lower()}{' ?' if '?' in text else ''}"
    kind = "html" if _TAG.search(text) else "text"
    held = [name for name in _PLACEHOLDER.findall(text) if name in PLACEHOLDERS]
    parts = [kind, str(10 ** (len(str(size)) - 1)), *(f"{{{{{name}}}}}" for name in held[:MOST])]
    return " ".join(parts) + _numbered(text, key, number)


_URL = re.compile(r"(https?)://\S+$", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z]|&[a-z]{2,6};|&#")
_PLACEHOLDER = re.compile(r"\{\{ ?([a-z_]{1,40}) ?\}\}")

FORMATS = (
    "%d-%m-%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%f%z",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%d",
    "%d-%m-%Y",
    "%d-%m-%Y %H:%M",
    "%Y-%m-%d %H:%M",
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%H:%M:%S",
)
"""Those of a time that have a name. What fits two of them is taken for the first."""
_ZONES = ("Z", "+0700", "+07:00", "-0700", "-07:00")


def _marks(text: str) -> str:
    """What stands between the digits."""
    return re.sub(r"\s+", " ", re.sub(r"\d+", "", text)).upper()


_BY_MARKS: dict[str, list[str]] = {}
for _form in FORMATS:  # `strptime` keeps five formats, and makes any other anew each time: 0.2 ms
    for _written in {datetime(2000, 1, 1, tzinfo=UTC).strftime(_form.replace("%z", zone)) for zone in _ZONES}:
        _BY_MARKS.setdefault(_marks(_written), []).append(_form)
NO_DATE = "date 0000-00-00"
_LONGEST_DATE = 40
_NONE = re.compile(r"0000-00-00( 00:00:00)?$")


def _of_moment(text: str) -> str:
    """The form of a time; "" for what is none."""
    if len(text) > _LONGEST_DATE or not any(map(str.isdigit, text)):
        return ""
    if _NONE.match(text):
        return NO_DATE
    for form in _BY_MARKS.get(_marks(text), ()):
        try:
            datetime.strptime(text, form)  # noqa: DTZ007 - only whether it has that form is asked
        except ValueError:
            continue
        return f"date {form}"
    try:
        return "date ?" if read_moment(text, UTC) else ""
    except ValueError:
        return ""


# What is walked through.

_FLAGS = frozenset("01")


def fields(shape: Shape, path: str = "") -> Iterator[tuple[str, str, str | None]]:
    """Yield each place of a shape, the kind of what stands there (null and "" are of none), and a status or code in it.

    A place is the names on the way, `[]` for any part of a list, `{}` for what a text of JSON holds. What stands under a
    number is a part of a list too: PHP writes so one that has gaps.
    """
    if isinstance(shape, dict) and JSON in shape:
        yield path, "json", None
        yield from _inside(shape[JSON], path + "{}")
    elif isinstance(shape, dict | list):
        yield path, ("object" if isinstance(shape, dict) else "list") if shape else "", None
        yield from _inside(shape, path)
    elif isinstance(shape, str) and not shape.startswith("+"):
        kind, _, rest = shape.partition(" ")
        if kind == "=":
            yield path, "text", None if rest in _FLAGS else rest
        else:
            yield path, shape if kind == "date" else kind, None
    elif shape is None:
        yield path, "", None
    elif not isinstance(shape, str):
        is_flag = isinstance(shape, bool)
        yield path, "bool" if is_flag else "int", None if is_flag or shape in (0, 1) else str(shape)


def _inside(shape: Shape, path: str) -> Iterator[tuple[str, str, str | None]]:
    if isinstance(shape, list):
        for part in shape:
            yield from fields(part, path + "[]")
    elif isinstance(shape, dict):
        for name, part in shape.items():
            if not name.startswith("+"):
                yield from fields(part, path + "[]" if name.isdigit() else f"{path}.{name}".lstrip("."))
