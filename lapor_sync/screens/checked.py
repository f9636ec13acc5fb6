"""The questions of `check`, answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lapor_sync import output
from lapor_sync.layout import fold, layout, width
from lapor_sync.output import plain, say
from lapor_sync.screens.parts import bold, shade

if TYPE_CHECKING:
    from lapor_sync.check import Line


def check(lines: Iterable[Line]) -> int:
    """Show each question with its answer as it comes. Return the exit code: 0, 1, or 2 where the settings are wrong."""
    verdicts, room = [], output.columns()
    for line in lines:
        verdicts.append(line)
        cells = (shade(line.verdict), plain(line.question), plain(line.answer))
        say(layout((5, 36, width(cells[-1])), room)(cells))
        for at, part in enumerate(fold(plain(line.todo), room and room - 14) if line.todo else ()):
            say(f"       {bold('To do:') if at == 0 else '      '} {part}")
    wrong = [line for line in verdicts if line.verdict == "WRONG"]
    looks = sum(line.verdict == "look" for line in verdicts)
    say(f"\n{_summary(len(wrong), looks)}")
    return 2 if any(line.is_setting for line in wrong) else int(bool(wrong))


def _summary(wrong: int, looks: int) -> str:
    more = f"; {looks} to look at" if looks else ""
    if wrong:
        return f"{wrong} wrong{more}. Nothing was changed."
    return f"Nothing is wrong{more}. Nothing was changed."
