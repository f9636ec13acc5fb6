"""Two agencies in one PostgreSQL database, each with its own LAPOR, settings and daemon, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.system.rig import Postgres, Program, Rig, rig

CITIES = ("bengkulu", "curup")


class Pair(NamedTuple):
    one: Rig
    other: Rig


@pytest.fixture
def cities(tmp_path: Path, server: Postgres) -> Iterator[Pair]:
    """Two cities whose reports have the same Tracking IDs, for they were made with the same dice."""
    database = server.database()
    folders = [tmp_path / name for name in CITIES]
    for folder in folders:
        folder.mkdir()
    with (
        rig(folders[0], database, seed=5, env={"AGENCY": CITIES[0]}) as one,
        rig(folders[1], database, seed=5, env={"AGENCY": CITIES[1]}) as other,
    ):
        assert one.reports == other.reports
        yield Pair(one, other)


def write_to_all(town: Rig, name: str) -> list[str]:
    """Two answers to each of a few reports, in the name of that city; their references."""
    return [
        town.respond(tracking_id, f"Jawaban {n} dari kota {name} untuk warga.")
        for tracking_id in town.reports[:3]
        for n in (1, 2)
    ]


def said_in(town: Rig) -> str:
    """All that citizens of that city can read."""
    return json.dumps([town.world.thread(tracking_id)["items"] for tracking_id in town.reports])


def verified(town: Rig, *args: str) -> Program:
    with town.program("audit", "verify", *args) as ran:
        ran.ends()
    return ran


def head_of(town: Rig) -> str:
    ran = verified(town)
    assert ran.out.startswith("ok "), ran.out
    return ran.out.split()[-1]


def test_two_daemons_of_two_agencies_deliver_side_by_side(cities: Pair) -> None:
    """Each answer arrives once, in order, at its own city's LAPOR; one daemon that ends stops nobody else's."""
    one, other = cities
    with one.program() as first, other.program() as second:
        first.says("cycle_done")
        second.says("cycle_done")
        refs = [write_to_all(town, name) for town, name in zip(cities, CITIES, strict=True)]
        one.settles(first)
        other.settles(second)
        assert not set(refs[0]) & set(refs[1])
        for town, mine, theirs in ((one, CITIES[0], CITIES[1]), (other, CITIES[1], CITIES[0])):
            assert f"kota {mine}" in said_in(town)
            assert theirs not in said_in(town)
        assert first.terminate() == 0
        late = other.respond(other.reports[3], f"Jawaban susulan dari kota {CITIES[1]}.")
        other.settles(second)
        assert late in said_in(other)
        assert second.terminate() == 0
    heads = [head_of(town) for town in cities]
    assert heads[0] != heads[1]
    for town, theirs in ((one, heads[1]), (other, heads[0])):
        assert verified(town, "--head", theirs).ends() == 1
    with one.program("status", "--json") as ran:
        ran.ends()
    assert json.loads(ran.out)["outbox"]["sent"] == len(refs[0])
