"""What of a delivery can be found in what upstream said, however it is shown there: its letters, counted."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lapor_sync.domain import thread as talk
from lapor_sync.domain.letters import folded
from lapor_sync.domain.scene import Delivery

_ESCAPE = re.compile(r'\\+(?:u([0-9a-fA-F]{4})|["/nrtbf])?')
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_SIMPLE_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_NO_LETTER = re.compile(r"[\W_]+")
_ASCII_SIGNS = bytes(code for code in range(128) if not chr(code).isalnum())
_PROBE = 48
MAX_SEARCHED = 4_000_000
"""Characters of what upstream said of one report that are searched."""


def letters(text: str) -> str:
    """What no layout changes: the letters and digits of a text, small, its escapes undone, its tags gone."""
    text = without_escapes(text)
    if "%" in text:
        text = _PERCENT.sub(lambda found: bytes.fromhex(found[0].replace("%", "")).decode(errors="replace"), text)
    for _ in range(2 if "&" in text else 0):
        text = talk.unescaped(text)
    shown = _SIMPLE_TAG.sub(" ", text)
    if shown.isascii():  # nearly all, and ten times faster
        return shown.encode().translate(None, _ASCII_SIGNS).decode().lower()
    return folded(_NO_LETTER.sub("", shown))


def without_escapes(text: str) -> str:
    """`text` as JSON's escapes mean it, in JSON within JSON, too: signs and line ends are spaces."""
    return _ESCAPE.sub(_letter, text) if "\\" in text else text


def _letter(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else " "


def traces(delivery: Delivery, said: Iterable[str]) -> tuple[int, ...]:
    """How often the reference, the beginning and the end of the words stand in what upstream said, under any key.

    Both with and without what looks like a tag: either may hide them. It takes time by the length of the texts.
    """
    text = delivery.text.replace(f"[Ref {delivery.ref}]", "")
    words = letters(text)
    probes = [letters(delivery.ref), *filter(None, dict.fromkeys((words[:_PROBE], words[-_PROBE:])))]
    raw = "\n".join(said)[:MAX_SEARCHED]
    shown = (letters(raw), letters(raw.replace("<", " "))) if "<" in raw else (letters(raw),)
    return tuple(max(each.count(probe) for each in shown) for probe in probes)


def parts(said: Iterable[str]) -> int:
    """Of how many parts that which upstream said is made: a new item, reply or log is one more, whatever it says."""
    return sum(each.count("{") for each in said)


_LEAST_SHARE = 0.4


def is_clearly_other(content: str, text: str) -> bool:
    """Whether two texts are two: each says something, none is a part of the other, and few words stand in both."""
    said, ours = letters(content), letters(text)
    if not said or said in ours or ours in said:
        return False
    its, mine = vocabulary(content), vocabulary(text)
    return len(its & mine) < _LEAST_SHARE * min(len(its), len(mine))


def vocabulary(text: str) -> set[str]:
    """The words of a text, each as people see it."""
    return set(re.findall(r"\w+", folded(talk.words(text))))
