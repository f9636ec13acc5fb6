"""A sample of LAPOR's answers, looked at as they come: for the watch over its contract, and for a recording of it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from connectors.sp4n_v3 import client
from connectors.sp4n_v3.envelopes import anything
from connectors.sp4n_v3.shapes import Shape, fields, in_words, shape_of
from connectors.transport import Answer
from lapor_sync.domain.contract import Look
from lapor_sync.domain.errors import UpstreamBroken

_CALLS = {
    f"GET {path}": name
    for path, name in {
        client.DETAIL: "report",
        client.FOLLOWUPS: "thread",
        client.INSTITUTIONS: "institutions",
        client.TEMPLATES: "templates",
    }.items()
}


NO_JSON = "none"
"""The shape of an answer that is no JSON."""


def call_of(what: str, list_path: str) -> str | None:
    """Return the name of a read; None for one that says nothing of the contract: a file's."""
    return "list" if what == f"GET {list_path}" else _CALLS.get(what)


class Sample:
    """Some of the answers since the last look: so many of each call that a look costs a moment."""

    MOST = 60
    """Answers of a call."""
    ENOUGH = 2_097_152
    """Bytes of a call: a page of a list takes as long to look at as twenty threads."""
    LARGEST = 1_048_576
    """Bytes of an answer."""

    def __init__(self, list_path: str) -> None:
        self._list_path = list_path
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._look = Look()
        self._answers: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def seen(self, what: str, _of: str, _params: Mapping[str, object], answer: Answer) -> None:
        """Look at an answer; of a failed call nothing is learned."""
        call = call_of(what, self._list_path)
        if call is None or not 200 <= answer.status < 300 or len(answer.body) > self.LARGEST:
            return
        with self._lock:  # one at a time: it is no hurry, and takes a processor anyway
            if self._answers[call] >= self.MOST or self._bytes[call] >= self.ENOUGH:
                return
            self._answers[call] += 1
            self._bytes[call] += len(answer.body)
            with suppress(Exception):  # what cannot be looked at is no reason to lose what was read
                self._look.add(call, fields(shape_of(anything(answer.body), lambda _id: 0)))

    def take(self) -> Look | None:
        """Return what was seen, and begin anew; None while there is too little to learn from."""
        with self._lock:
            found = self._look
            if not found.is_enough:
                return None
            self._begin()
            return found


class Recorder:
    """Keeps the shape of each answer in a file of its own, and all fields that there were in another."""

    MOST = 200
    """Answers."""

    def __init__(self, folder: Path, list_path: str) -> None:
        self._folder = folder
        self._list_path = list_path
        self._look = Look()
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()
        self.count = 0
        self.failed = ""

    def number(self, of: str) -> int:
        """Return the number of an id, which is the same wherever the id stands."""
        return self._numbers.setdefault(of, len(self._numbers) + 1)

    def seen(self, what: str, of: str, params: Mapping[str, object], answer: Answer) -> None:
        """Keep an answer, a failed one too. Where a file cannot be written, `failed` says why, and no more are."""
        call = call_of(what, self._list_path)
        with self._lock:
            if call is None or self.count >= self.MOST or self.failed:
                return
            self.count += 1
            shape = self._shape(answer.body)
            self._look.add(call, fields(shape))
            kept = {
                "call": call,
                "report": self.number(of) if of else None,
                "page": params.get("page", 1),
                "asked_with": sorted(map(in_words, params)),
                "http": answer.status,
                "media_type": in_words(answer.media_type),
                "counts": sorted({in_words(line.partition(":")[0]) for line in answer.counts.splitlines()}),
                "body": shape,
            }
            self._write(f"{self.count:03}-{call}.json", kept)

    def _shape(self, body: bytes) -> Shape:
        try:
            return shape_of(anything(body), self.number)
        except UpstreamBroken:
            return NO_JSON

    def end(self, program: str) -> None:
        """Write which fields there were, by call: how many rows have them, how many say something, forms, codes."""
        calls = {
            call: {path: [one.rows, one.said, one.forms, one.codes] for path, one in sorted(found.items())}
            for call, found in sorted(self._look.calls.items())
        }
        self._write("fields.json", {"program": program, "answers": self.count, "calls": calls})

    def _write(self, name: str, content: object) -> None:
        text = json.dumps(content, indent=1, ensure_ascii=False)
        try:
            with open(self._folder / name, "x", encoding="utf-8") as file:
                file.write(text + "\n")
        except OSError as error:
            self.failed = error.strerror or type(error).__name__
