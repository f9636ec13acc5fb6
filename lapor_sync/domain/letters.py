"""Letters as people see them: those that look alike are alike, and some are not seen. Pure."""

from __future__ import annotations

import re
import unicodedata

UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""What no eye sees, for a class of a pattern; white space apart. Source: Unicode's Default_Ignorable_Code_Point, with
the blank of Braille and the marks between lines."""

_UNSEEN = re.compile(f"[{UNSEEN}]")


def without_unseen(text: str) -> str:
    """Return the text without marks that no eye sees: a name or a word with one in it is the same as without."""
    return text if text.isascii() else _UNSEEN.sub("", text)


def folded(text: str) -> str:
    """Return `text` in small letters, each in its plain form: without accents, wide or styled forms, and those of
    another alphabet that look like ours. Letter by letter: many marks in a row would take a text's normal form hours.
    """
    small = text.casefold()
    odd = {ord(letter): _plain(letter) for letter in set(small) if letter > "\x7f"}
    return _NOT_ASCII.sub(lambda some: some[0].translate(odd), small) if odd else small


def _plain(letter: str) -> str:
    parts = unicodedata.normalize("NFKD", letter)[:_LONGEST_LETTER].casefold()
    return "".join(part for part in parts.translate(_LOOK_ALIKES) if not unicodedata.combining(part))


_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_LONGEST_LETTER = 4
"""Some signs stand for a whole sentence."""

_LOOK_ALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u0432\u043c\u043d\u0442\u043a"
    "\u051b\u051d\u04cf\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7"
    "\u0131\u0142\u00f8\u0111\u0127\u0251\u0261\u0268\u017f",
    "aeopcyxijsdhbmhtkqwlabezhikmvoptuxilodhagis",
)
"""Cyrillic and Greek small letters, and the Latin ones that look like them or like their capitals; and those of other
Latin alphabets that Unicode takes for no accented ones."""
