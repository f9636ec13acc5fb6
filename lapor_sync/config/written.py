"""Settings written into the text of their file: what else stands there, comments too, stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from lapor_sync.domain.toml import TOMLDecodeError, parse_toml

Value = str | bool | Sequence[str]


def with_values(text: str, values: Mapping[str, Value]) -> str:
    """Return the text with these settings: each where it stood, else in place of its example, else at the end."""
    lines, known = text.splitlines(), parse_toml(text)
    for name, value in values.items():
        if known.get(name) == (value if isinstance(value, str | bool) else list(value)):
            continue
        first, end = _place(lines, name)
        lines[first:end] = [f"{name} = {_toml(value)}"]
    return "\n".join(lines) + "\n"


def _place(lines: list[str], name: str) -> tuple[int, int]:
    """From which line to which the setting stands, or its example; both behind the last line where there is none."""
    for number, line in enumerate(lines):
        if re.match(rf"\s*{name}\s*=", line, re.IGNORECASE):
            return number, next(end for end in range(number + 1, len(lines) + 1) if _is_whole(lines[number:end]))
    for number, line in enumerate(lines):
        if re.match(rf"#\s*{name}\s*=", line):
            return number, number + 1
    return len(lines), len(lines)


def _is_whole(lines: list[str]) -> bool:
    """Whether a value, which may go over many lines, ends with the last of these."""
    try:
        parse_toml("\n".join(lines))
    except TOMLDecodeError:
        return False
    return True


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"[{', '.join(map(_toml, value))}]"
