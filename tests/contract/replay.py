"""A recording of `check --record` as an upstream: its shapes with values that are made up, one for each class."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import respx

from connectors.sp4n_v3 import Sp4nSettings, Sp4nV3
from connectors.sp4n_v3.sampling import NO_JSON
from connectors.sp4n_v3.shapes import JSON, NO_DATE
from connectors.transport import Shown, Transport, TransportSettings
from tests.contract.stages import HastyClock

BASE = "https://lapor.test/lapor/3.0.0"
TOKEN = "{00000000-0000-0000-0000-000000000000}"
WHEN = datetime(2026, 1, 23, 9, 15, 20, 123456, UTC)
REPORT = "9"
"""Begins the ids by which the recorded reports are asked for."""


def made_up(shape: Any) -> Any:
    """A value of that shape."""
    if isinstance(shape, dict):
        if JSON in shape:
            return json.dumps(made_up(shape[JSON]))
        return {key: made_up(part) for key, part in shape.items() if not key.startswith("+")}
    if isinstance(shape, list):
        return [made_up(part) for part in shape if not (isinstance(part, str) and part.startswith("+"))]
    return _text(shape) if isinstance(shape, str) else shape


def _text(shape: str) -> Any:
    kind, _, rest = shape.partition(" ")
    size, _, more = rest.partition(" ")
    match kind:
        case "=":
            return rest.replace("?", "Lain")
        case "date":
            form = WHEN.strftime(rest) if "%" in rest else "3 Januari 2026 pukul 09.15 WIB"
            return "0000-00-00" if shape == NO_DATE else form
        case "int" | "digits":
            number = _number(int(size), more)
            return number if kind == "int" else str(number)
        case "float":
            return 4.5
        case "url":
            return f"{size}://berkas.test/9/foto.jpg{'?tanda=x' if '?' in rest else ''}"
        case "text" | "html":
            written = more.partition(" #")[0] if not more.startswith("#") else ""
            begin = f"{'<p>' if kind == 'html' else ''}{written}{more.rpartition('#')[2] if '#' in more else ''}"
            return (begin + "abcdefghi " * (int(size) // 10 + 1))[: max(int(size), len(begin))].strip() or "a"
        case _:
            return None if kind == "deep" else ""


def _number(digits: int, more: str) -> int:
    """The number of an id by its own, which is the same wherever it stands."""
    least = 10 ** (digits - 1)
    at = int(more.removeprefix("#")) if more.startswith("#") else 2
    return least + 1 + (at % (9 * least - 1 if digits > 1 else 8))


@dataclass
class Recording:
    """The answers of a recording, by call, report and page; the first of each counts."""

    folder: Path
    answers: dict[tuple[str, int | None, int], Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(self.folder.glob("[0-9]*.json")):
            one = json.loads(path.read_text(encoding="utf-8"))
            if set(one["asked_with"]) <= {"page", "page_size"}:
                self.answers.setdefault((one["call"], one["report"], one["page"]), one)

    def pages(self, call: str, report: int | None = None) -> int:
        return max((page for name, of, page in self.answers if (name, of) == (call, report)), default=0)

    def reports(self, call: str) -> list[int]:
        return sorted({of for name, of, _ in self.answers if name == call and of is not None})

    def answer(self, call: str, report: int | None, page: int) -> httpx.Response:
        """The recorded answer with made-up values; the last recorded page is the last one."""
        one = self.answers.get((call, report, page))
        if one is None:
            return httpx.Response(404, json={"status": False, "message": "Tidak ditemukan"})
        if one["body"] == NO_JSON:
            return httpx.Response(one["http"], text="<html>", headers={"Content-Type": one["media_type"]})
        body = made_up(one["body"])
        _end_at(body, page, self.pages(call, report))
        return httpx.Response(one["http"], json=body, headers={"Date": "Tue, 06 Jan 2026 03:00:00 GMT"})


def _end_at(body: Any, page: int, last: int) -> None:
    """Say of the pages what is so of those that were recorded, under the names that are there."""
    levels = [body, body.get("results")] if isinstance(body, dict) else []
    for level in (one for one in levels if isinstance(one, dict) and isinstance(one.get("data"), list)):
        following = None if page == last else f"?page={page + 1}"
        said = {"current_page": page, "last_page": last, "next_page_url": following}
        level.update({name: value for name, value in said.items() if name in level})
        level.pop("total", None)  # it counts rows of which only the number was kept


@contextmanager
def replayed(folder: Path, shown: Shown | None = None) -> Iterator[tuple[Sp4nV3, Recording]]:
    """The connector before an upstream that answers as the recording says; a report's id is `REPORT` and its number."""
    recording = Recording(folder)
    settings = TransportSettings(
        base_url=BASE, bearer="simulator", token=TOKEN, rate_per_second=0, read_timeout=5, pause=lambda tries: 0.0
    )

    def asked(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", 1))
        *_, begin, last = request.url.path.split("/")
        call = {"complaint": "report", "followups": "thread", "external": "institutions", "templates": "templates"}
        name = call.get(last, "list")
        of = int(begin.removeprefix(REPORT)) if name in {"report", "thread"} else None
        return recording.answer(name, of, page)

    with (
        respx.mock(assert_all_called=False) as router,
        Transport(settings, clock=HastyClock(), shown=shown) as client,
    ):
        router.route(host="lapor.test").mock(side_effect=asked)
        yield Sp4nV3(client, Sp4nSettings()), recording
