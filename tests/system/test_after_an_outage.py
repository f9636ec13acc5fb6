"""LAPOR comes back after an outage, or with a new token: how the daemon waits for it, and in what order it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lapor_sync.domain.delivery import State
from lapor_sync.store import reports
from tests.system.rig import BEARER, TOKEN, Rig, rig, wait_until

NEW_TOKEN = "{11111111-1111-1111-1111-111111111111}"


def town(folder: Path, database: str) -> Iterator[Rig]:
    """A city that asks one thing after the other; its reports are mirrored.

    `reports` are four that wait for an OPD, no two of them due at once, the last one that is due first.
    """
    with rig(folder, database, env={"CONCURRENCY": "1"}, seed=5, filed=0, reports=40) as one:
        with one.program("--once") as mirrored:
            assert mirrored.ends() == 0
        with one.mirror.store.reading() as work:
            known = reports.load(work, reports.ids_after(work, "", 100)).values()
        waiting = [report for report in known if report.verdict.waiting_on == "opd"]
        due = {report.due_at: report.tracking_id for report in waiting if report.due_at}
        one.reports[:] = [due[at] for at in sorted(due, reverse=True)][:4]
        assert len(one.reports) == 4
        yield one


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Rig]:
    """On SQLite."""
    yield from town(tmp_path, f"sqlite:///{tmp_path}/city.db")


@pytest.fixture
def any_city(tmp_path: Path, new_database: Callable[[], str]) -> Iterator[Rig]:
    """On each database."""
    yield from town(tmp_path, new_database())


def calls(city: Rig) -> list[dict[str, Any]]:
    """The last calls that the stand-in answered, oldest first."""
    found: list[dict[str, Any]] = city.world.requests(2000)["recent"]
    return found


def in_order_of_arrival(city: Rig) -> list[str]:
    """The reports that were answered through the API, in the order in which the answers were stored."""
    threads = {one: city.world.thread(one)["items"] for one in city.reports}
    stored = [(item["id"], one) for one, items in threads.items() for item in items if item["source"] == "api"]
    return [one for _, one in sorted(stored)]


def all_answer(city: Rig) -> None:
    """An officer answers each report."""
    for one in city.reports:
        city.respond(one, "Sudah kami perbaiki.")


def revoke(city: Rig) -> None:
    """LAPOR takes a new token only, from now on."""
    city.world.options = replace(city.world.options, token=NEW_TOKEN)


def test_one_goes_first_and_then_the_oldest_deadline(any_city: Rig) -> None:
    """The first send is alone, with its report read again after it; all follow by deadline, not as written."""
    city = any_city
    with city.program() as daemon:
        daemon.says("cycle_done")
        city.world.set_scenario("maintenance")
        daemon.says("upstream_away")
        all_answer(city)
        city.world.reset_requests()
        city.world.set_scenario("calm")
        city.settles(daemon)
        assert len(daemon.events("upstream_away")) == len(daemon.events("upstream_back")) == 1
    by_deadline = city.reports[::-1]
    assert in_order_of_arrival(city) == by_deadline
    made = calls(city)
    first, second = [n for n, call in enumerate(made) if call["method"] == "POST"][:2]
    oldest = f"/{city.world.find(by_deadline[0]).id}"
    assert any(oldest in call["path"] for call in made[first + 1 : second]), "read again before the next leaves"
    city.verified()


def test_a_revoked_token(city: Rig, tmp_path: Path) -> None:
    """One alarm, and no call but the probe while answers wait; with the new token in its file it goes on by itself."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    with city.program(TOKEN="", TOKEN_FILE=str(file)) as daemon:
        daemon.says("cycle_done")
        revoke(city)
        daemon.says("credentials_refused")
        all_answer(city)
        city.world.reset_requests()
        wait_until(lambda: len(calls(city)) >= 3)
        assert all(call["method"] == "GET" and "/complaints?" in call["path"] for call in calls(city))
        assert city.states() == {State.QUEUED}
        file.write_text(f"{NEW_TOKEN}\n")
        city.settles(daemon)
        assert len(daemon.events("credentials_refused")) == len(daemon.events("upstream_back")) == 1
        assert not daemon.events("upstream_away")
    assert in_order_of_arrival(city) == city.reports[::-1]


def test_with_load_credential_the_alarm_says_to_restart(tmp_path: Path) -> None:
    """systemd gives the service copies: a new token reaches it with a restart only, and the alarm says so."""
    given = tmp_path / "credentials"
    given.mkdir()
    (given / "bearer").write_text(BEARER)
    (given / "token").write_text(TOKEN)
    with rig(tmp_path, f"sqlite:///{tmp_path}/city.db", reports=0, filed=1) as city:
        city.env["CREDENTIALS_DIRECTORY"] = str(given)
        revoke(city)
        with city.program(BEARER="", TOKEN="") as daemon:
            daemon.says("credentials_refused")
            (alarm,) = daemon.events("credentials_refused")
            assert "With LoadCredential= restart the service then" in alarm["todo"]
            assert daemon.terminate() == 0
        (given / "token").write_text(NEW_TOKEN)
        with city.program(BEARER="", TOKEN="") as daemon:
            daemon.says("upstream_back")
            city.settles(daemon)
