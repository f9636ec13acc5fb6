"""Who speaks in a thread, in what order, and with what words. Source: rules, "Who speaks in a thread"."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from lapor_sync.domain.letters import UNSEEN
from lapor_sync.domain.report import ItemKind, ThreadItem

# Tags as browsers tell them: "<" before anything but a name is text, as in "harga < 5.000 -> mahal". Each part of a
# text is looked at once, however often something begins in it: a parser that makes a tree takes minutes for some.
_OPENING = re.compile(r"<(?:!--|[!?]|(/?)([A-Za-z][A-Za-z0-9]{0,9}))")
_COMMENT_END = re.compile(r"--!?>")
_TAG_STEP = re.compile(r"[<>]|=\s*([\"'])")
_UNSEEN = {name: re.compile(rf"(?=</{name}(?![A-Za-z0-9]))", re.IGNORECASE) for name in ("script", "style")}
"""What stands in these is no text: up to their ends."""
_BREAKS = frozenset({("", "br"), ("/", "p"), ("/", "div"), ("/", "li"), ("/", "br")})
"""Each of these ends a line, an empty one too."""
_BLOCK = re.compile(
    "address|article|aside|blockquote|body|caption|center|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|"
    "footer|form|frameset|h[1-6]|head|header|hgroup|hr|html|legend|li|listing|main|menu|nav|ol|optgroup|option|p|"
    "plaintext|pre|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|ul|xmp"
)
"""What begins and ends on a line of its own, and a table's cells: there a line ends that has begun. Source: the
elements that browsers show as blocks (HTML, section Rendering)."""
_AT_ONCE = re.compile(r"(?:\s|</?(?:p|b|br|i|em|ul|ol|li|div|span|strong)>){0,20}[A-Za-z0-9]", re.IGNORECASE)
"""A text that begins like this, but for whole tags, has words whatever follows."""
_LONG_NUMBER = re.compile(r"&#([0-9]{8,})")
_INVISIBLE = re.compile(rf"[\s{UNSEEN}]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_START = datetime.min.replace(tzinfo=UTC)


def plain(text: str) -> str:
    """`text` as a citizen reads it: entities unescaped, tags gone, line ends kept. It takes time by its length only.

    Unescaped twice, since upstream may escape what a client had escaped already.
    """
    if "<" not in text and "&" not in text:
        return text
    return _plain(text) if len(text) < _LONG else _plain_of_long(text)


_LONG = 65_536


@lru_cache(maxsize=4)
def _plain_of_long(text: str) -> str:
    """As `_plain`: of one report it is asked a dozen times in a row, and a megabyte of openings takes 0.2 s."""
    return _plain(text)


def _plain(text: str) -> str:
    for _ in range(2):
        text = unescaped(_untagged(text))
        if "<" not in text and "&" not in text:
            return text
    return _untagged(text)


def unescaped(text: str) -> str:
    """Return `text` with its entities as letters.

    A number is cut to what no letter has: `int` refuses very long ones.
    """
    return html.unescape(_LONG_NUMBER.sub(lambda found: f"&#{found[1].lstrip('0')[:8] or 0}", text))


def _untagged(text: str) -> str:
    """`text` without tags and comments. A tag that never ends is text; a comment that never does hides the rest."""
    said: list[str] = []
    has_begun = False  # whether a letter stands in the line so far
    at = start = 0
    last, has_quotes = text.rfind(">"), True
    while (opening := _OPENING.search(text, start)) is not None:
        name = opening[2] and opening[2].lower()
        if opening[0] == "<!--":
            end = _end_of(_COMMENT_END, text, opening.start() + 2)  # "<!-->" is one, too
        elif opening.start() > last:
            break
        elif name is None:
            end = text.index(">", opening.start()) + 1
        else:
            end, passed_quotes = _tag_end(text, opening.end(), has_quotes)
            if not end:
                has_quotes = has_quotes and not passed_quotes  # else they could be passed again and again
                start = opening.end()
                continue
            if opening[0][1:].lower() in _UNSEEN:
                end = _end_of(_UNSEEN[name], text, end)
        part = text[at : opening.start()]
        said.append(part)
        tail = part.rstrip(" \t\r\f")
        has_begun = not tail.endswith("\n") if tail else has_begun
        if (opening[1], name) in _BREAKS or (has_begun and name and _BLOCK.fullmatch(name)):
            said.append("\n")
            has_begun = False
        at = start = end
    said.append(text[at:])
    return "".join(said)


def _end_of(closing: re.Pattern[str], text: str, at: int) -> int:
    found = closing.search(text, at)
    return found.end() if found else len(text)


def _tag_end(text: str, at: int, has_quotes: bool) -> tuple[int, bool]:
    """Where the tag ends whose name ends at `at`, 0 where it is none; whether quotation marks were passed.

    It ends with the first ">" that is not in quotation marks, unless a "<" comes before.
    """
    passed = False
    while (found := _TAG_STEP.search(text, at)) is not None:
        if found[1] is None:
            return (found.end() if found[0] == ">" else 0), passed
        passed = has_quotes
        at = text.find(found[1], found.end()) + 1 if has_quotes else found.end()
        if not at:
            break
    return 0, passed


def words(text: str) -> str:
    """`text` without tags, entities and surplus space: "" where a citizen can read nothing."""
    return _INVISIBLE.sub(" ", plain(text)).strip()


def paragraphs(text: str) -> str:
    """Return `text` as `words` has it, with its line breaks: one blank line at most between two others."""
    lines = "\n".join(_one_spaced(line) for line in plain(text).splitlines())
    return (_BLANK_LINES.sub("\n\n", lines) if "\n\n\n" in lines else lines).strip()


def _one_spaced(line: str) -> str:
    """`line` with one space for all that is not seen; most lines are so already."""
    if line.isascii() and line.isprintable() and "  " not in line:
        return line.strip()
    return _INVISIBLE.sub(" ", line).strip()


def has_words(text: str) -> bool:
    """Whether a citizen can read anything in `text`."""
    if _AT_ONCE.match(text):
        return True
    shown = plain(text)
    return bool(shown) and _INVISIBLE.fullmatch(shown) is None


def hiding(text: str) -> str | None:
    """The beginning of what in `text` may keep the rest, or a part of it, from whoever reads it where markup is obeyed.

    A comment, an element whose content is not shown, a tag that never ends; also where it is escaped, since upstream
    may undo that. None for a text that is seen whole, but for its tags.
    """
    for said in dict.fromkeys((text, unescaped(text))):
        for opening in _OPENING.finditer(said):
            name = opening[2] and opening[2].lower()
            is_hidden = name is None or (not opening[1] and name in _NOT_SHOWN)
            if is_hidden or not _tag_end(said, opening.end(), has_quotes=True)[0]:
                return said[opening.start() :][:20]
    return None


_NOT_SHOWN = frozenset(
    {
        *("script", "style", "template", "noscript", "iframe", "noembed", "noframes", "textarea", "title", "head"),
        *("xmp", "plaintext", "select", "datalist", "object", "audio", "video", "canvas", "svg", "math", "dialog"),
        *("details", "frameset"),
    }
)
"""Elements of which browsers show nothing, or something else than the text in them."""


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
    """The items by `created_at`, then id (numbers as numbers, before other ids).

    One whose time is not known stands where its id says, behind the next smaller one; where ids are no numbers,
    where it was listed.
    """
    listed = tuple(items)
    timed = sorted((item for item in listed if item.created_at is not None), key=_place)
    if len(timed) == len(listed) or not timed:
        return tuple(sorted(listed, key=_place))
    order = _with_numbered(timed, [item for item in listed if item.created_at is None])
    placed = {id(item) for item in order}
    behind = defaultdict[int | None, list[ThreadItem]](list)
    before: int | None = None
    for item in listed if _is_ascending(listed) else reversed(listed):
        if id(item) in placed:
            before = id(item)
        else:
            behind[before].append(item)
    return (*behind[None], *(one for item in order for one in (item, *behind[id(item)])))


def _with_numbered(timed: list[ThreadItem], untimed: list[ThreadItem]) -> list[ThreadItem]:
    """The timed items with each other one whose id is a number behind the item with the next smaller one; one that is
    smaller than all stands before the smallest. None of these where no timed item has a number."""
    numbers = sorted((_digits(item.id), at) for at, item in enumerate(timed) if _is_number(item.id))
    if not numbers:
        return timed
    before, behind = list[ThreadItem](), defaultdict[int, list[ThreadItem]](list)
    for item in sorted((item for item in untimed if _is_number(item.id)), key=_place):
        smaller = bisect_right(numbers, (_digits(item.id), len(timed)))
        (behind[numbers[smaller - 1][1]] if smaller else before).append(item)
    first = numbers[0][1]
    return [
        one
        for at, item in enumerate(timed)
        for one in (*(before if at == first else ()), item, *behind.get(at, ()))
    ]


def _is_ascending(listed: tuple[ThreadItem, ...]) -> bool:
    """Whether LAPOR listed the oldest first."""
    times = [item.created_at for item in listed if item.created_at is not None]
    return times[0] <= times[-1]


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
    length, digits = _digits(item.id) if _is_number(item.id) else (0, "")
    return (item.created_at or _START, not _is_number(item.id), length, digits or item.id)


def _is_number(item_id: str) -> bool:
    return item_id.isascii() and item_id.isdecimal()


def _digits(number: str) -> tuple[int, str]:
    """Numbers by how many digits they have, then as text: int() refuses very long ones."""
    bare = number.lstrip("0")
    return len(bare), bare
