"""Texts in TOML, of whoever wrote them. Pure."""

from __future__ import annotations

import re
import tomllib
from tomllib import TOMLDecodeError
from typing import Any

__all__ = ["TOMLDecodeError", "parse_toml"]

MOST_LEVELS = 20
"""Tables and lists within each other: far more than a file of ours has, and far less than what Python cannot show."""

_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"""(?<![\w"'-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MOST_LEVELS},}}""")
"""No sentence in a text has one either."""


def parse_toml(text: str) -> dict[str, Any]:
    """Return what a text holds. Raises TOMLDecodeError, also for nesting and numbers that cannot be shown.

    It takes time by the length of the text only: of a key of many parts `tomllib` looks at each part once for each.
    """
    try:
        if _LONG_KEY.search(text):
            raise RecursionError
        found = tomllib.loads(text)
        if _is_deeper(found, MOST_LEVELS):
            raise RecursionError
        repr(found)
    except RecursionError:
        raise TOMLDecodeError("Nested too deep") from None
    except TOMLDecodeError:
        raise
    except ValueError:
        raise TOMLDecodeError("A number is too long") from None
    return found


def _is_deeper(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(inner) and (not levels or any(_is_deeper(one, levels - 1) for one in inner))
