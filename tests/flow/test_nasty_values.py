"""A fuzz: nasty values at every place of LAPOR's answers, through every command that looks, on both databases.

Each round gives every report but a few sound ones a nasty value of its own, somewhere in its row, detail or thread.
`LAPOR_FUZZ_ROUNDS` makes it longer (`make fuzz`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, TypeVar

import pytest

from connectors.simulator import OPD_IDS, Options, Simulator
from connectors.transport import Answer, Transport
from tests.city import City
from tests.flow.bench import OPD
from tests.oracle import arrived

T = TypeVar("T")
ROUNDS = int(os.environ.get("LAPOR_FUZZ_ROUNDS", "1"))
RANDOM_NAME = "".join(Random(5).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=5000))

NASTY = [
    *(
        "1" * 5000,
        "-1",
        "1e999",
        "9223372036854775808",
        "1" * 70,
        "NaN",
        "1.5",
        "true",
        "null",
        "[]",
        "{}",
        "[[]]",
    ),
    *("[" * 3000 + "]" * 3000, '{"name":' * 300 + "1" + "}" * 300, '{"name":{"name":[1]}}', "[null,1,true,{}]"),
    *(
        json.dumps(text)
        for text in (
            *(
                "",
                " ",
                ".",
                "..",
                "a/b",
                "%2e%2e",
                "7?x#y",
                "-",
                "0",
                "null",
                "=1+1",
                "\x1b[31m",
                "\x00",
                "\ud800",
            ),
            *(
                "&#" + "9" * 4400 + ";",
                "&#x" + "f" * 4400,
                "&" * 4000,
                "<!--" * 4000,
                "<a " * 4000,
                "<b></p>" * 2000,
            ),
            *(
                "9999-12-31T23:59:59-12:00",
                "9999-12-31 23:59:59",
                "0001-01-01 00:00:00",
                "0002-01-01",
                "-0044-03-15",
            ),
            *(
                "2026-03-02T10:00:00+99:99",
                "24-24-2024 24:24:24",
                "{{institution_from}}" * 3000,
                "[1,2]",
                '{"a":' * 400,
            ),
            *(
                RANDOM_NAME,
                "\U0001f600" * 3000,
                "\u202e\u2028\u0085",
                "a\nb\r\tc",
                '{"status_old":{"name":"\\u0000"}}',
            ),
        )
    ),
]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside."""
    parts: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*at, key)
        yield from places(part, (*at, key))


class Fuzz:
    """What one round does to each report: where, and with what."""

    def __init__(self, luck: int, sound: set[str]) -> None:
        self.luck, self.sound = luck, sound
        self.put = 0

    def on(self, part: str, its_id: str, value: Any) -> list[tuple[str, str]]:
        """Put a mark at one place of `value`, if this part of this report is to be nasty; what stands for the mark."""
        chance = Random(f"{self.luck} {its_id}")
        if its_id in self.sound or chance.choice(["row", "detail", "thread"]) != part:
            return []
        found = list(places(value))
        if not found:
            return []
        *path, last = chance.choice(found)
        for key in path:
            value = value[key]
        value[last] = mark = f"@@{its_id}@@"
        self.put += 1
        return [(json.dumps(mark), chance.choice(NASTY))]

    def changed(self, path: str, of: str, body: bytes) -> bytes:
        """The answer with its nasty values."""
        said = json.loads(body)
        if path == "/complaints":
            rows = said["results"]["data"]
            marks = [mark for row in rows for mark in self.on("row", str(row["id"]), row)]
        elif path.endswith("/complaint"):
            marks = self.on("detail", of, said["results"])
        elif path.endswith("/followups"):
            marks = self.on("thread", of, said["results"]["data"])
        else:
            return body
        text = json.dumps(said)
        for mark, value in marks:
            text = text.replace(mark, value)
        return text.encode()


def fuzzed(monkeypatch: pytest.MonkeyPatch, fuzz: Fuzz) -> None:
    """Let every read bring nasty values."""
    read = Transport.read

    def nasty(
        self: Transport,
        path: str,
        parse: Callable[[Answer], T],
        *,
        of: str = "",
        params: Mapping[str, Any] | None = None,
        most: int | None = None,
        fresh: bool = False,
    ) -> T:
        def parsed(answer: Answer) -> T:
            return parse(answer._replace(body=fuzz.changed(path, of, answer.body)))

        return read(self, path, parsed, of=of, params=params, most=most, fresh=fresh)

    monkeypatch.setattr(Transport, "read", nasty)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A stand-in with forty reports: a nasty value in each."""
    with Simulator(Options(seed=3, reports=40, late_seconds=0.5, slow_seconds=0.1)) as running:
        yield running


LOOKING = """status|status --json|reports|reports --json|reports --csv|reports --csv --include-rahasia|outbox
outbox --json|plan|plan --json|conflicts|conflicts --json|quarantine|quarantine --json|audit verify|audit export"""


@pytest.mark.parametrize("luck", range(ROUNDS))
def test_whatever_a_record_holds_nobody_else_pays(
    city: City, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, luck: int
) -> None:
    """Each cycle goes through, the sound reports are mirrored and answered, and no command fails."""
    sound = [simulator.world.file_report(opd=OPD)["tracking_id"] for _ in range(2)]
    listed = {str(row["tracking_id"]): str(row["id"]) for row in simulator.world.summary()["reports"]}
    fuzz = Fuzz(luck, {one for tracking_id in sound for one in (tracking_id, listed[tracking_id])})
    fuzzed(monkeypatch, fuzz)
    city.run("--once")
    assert fuzz.put
    for one in sound:
        city.run("respond", one, "--text", "Sudah kami perbaiki.")
    for _ in range(3):
        city.run("--once")
    city.run("--backfill")
    assert [len(arrived(simulator.world, one)) for one in sound] == [1, 1]
    for looking in LOOKING.replace("\n", "|").split("|"):
        city.run(*looking.split())
    for row in city.json("reports"):
        assert city.run("show", row["tracking_id"]).out
        assert city.json("show", row["tracking_id"])[0]["tracking_id"] == row["tracking_id"]
    assert OPD in OPD_IDS
