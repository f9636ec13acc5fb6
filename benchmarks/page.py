"""What is kept: docs/performance.json holds every figure, docs/performance.md and .svg are made of it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from math import isnan, nan
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.form import SUBJECTS, Goal, Line, Point, Subject
from benchmarks.processes import PEERS_PYTHON, ROOT

DOCUMENT = ROOT / "docs" / "performance.md"
FIGURES = ROOT / "docs" / "performance.json"
PICTURE = ROOT / "docs" / "performance.svg"
BEGIN, END = "<!-- BEGIN: measured -->", "<!-- END: measured -->"


def title_of(subject: Subject) -> str:
    """The first line of its docstring, without the full stop."""
    return (subject.__doc__ or "").strip().partition("\n")[0].rstrip(".")


def keep(name: str, title: str, began: datetime, runs: int, lines: list[Line], points: list[Point]) -> None:
    """Put one subject's figures in the place of its last ones, and write the document anew between its marks."""
    kept: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    kept[name] = {
        "title": title,
        "on": f"{began:%Y-%m-%d}",
        "machine": machine.told(),
        "runs": runs,
        "lines": [{**asdict(line), "figure": None if isnan(line.figure) else line.figure} for line in lines],
        "points": [asdict(point) for point in points if not isnan(point.value)],
    }
    FIGURES.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    write(DOCUMENT, kept)
    draw()


def write(document: Path, kept: dict[str, Any]) -> None:
    """The tables of all subjects, between the document's marks."""
    text = document.read_text()
    tables = "\n\n".join(_section(kept[name]) for name in SUBJECTS if name in kept)
    body = f"{BEGIN}\n\n{tables}\n\n{END}"
    document.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: body, text, flags=re.DOTALL))


def _section(one: dict[str, Any]) -> str:
    lines = [_line(line) for line in one["lines"]]
    about = f"{one['on']}; {one['runs']} rounds; {one['machine']}."
    notes = [f"- {line.what}: {line.note}" for line in lines if line.note]
    return "\n".join([f"### {one['title']}", "", about, "", *table(lines), *(["", *notes] if notes else [])])


def _line(kept: dict[str, Any]) -> Line:
    goal = Goal(**kept["goal"]) if kept["goal"] else None
    return Line(**{**kept, "goal": goal, "figure": nan if kept["figure"] is None else kept["figure"]})


def table(lines: Iterable[Line]) -> list[str]:
    """The lines as a table of Markdown."""
    head = ["| what | ours | against | figure | goal | |", "|---|---|---|---|---|---|"]
    return head + [f"| {' | '.join(cells(line))} |" for line in lines]


def cells(line: Line) -> tuple[str, ...]:
    """One line's cells."""
    return (line.what, line.ours, line.against, line.shown, str(line.goal or ""), line.verdict)


def draw() -> None:
    """The growth plot, by the library that only the benchmarks have."""
    subprocess.run([PEERS_PYTHON, ROOT / "benchmarks" / "draw.py", FIGURES, PICTURE], check=True)
