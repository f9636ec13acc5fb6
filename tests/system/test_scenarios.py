"""Every day that the stand-in knows, met by a real daemon: what is true on it and after it; nothing personal is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from signal import SIGTERM

import pytest

from connectors.simulator import SCENARIOS
from lapor_sync import interface
from lapor_sync.domain.colour import City, Flag
from lapor_sync.domain.delivery import Reason, State
from lapor_sync.domain.people import of_shell
from lapor_sync.office import OutboxAct, change
from lapor_sync.store import audit, outbox, overview, quarantine, reports
from lapor_sync.store.reports import Mirrored
from tests.system.launcher import Launcher
from tests.system.rig import BEARER, OPD, TOKEN, Rig, rig, some_at_once

DAYS = [name for name in SCENARIOS if name != "maintenance-of-days"]
"""The other lasts three: tests/flow/test_bad_days.py lets them pass."""

AT_ONCE = 4
WORDS = ("Judul KANARI", "isi KANARI", "balasan KANARI", "jawaban KANARI")
"""What a citizen wrote as title, report and reply, and an officer as response."""

Running = Mapping[str, Future[list[str]]]


Wrong = list[str]


# What is true on such a day already. Each says what is not, as far as it can be seen now.


def _all_is_well(day: Day) -> Wrong:
    """The day is only harder: everything arrives, and the mirror is the world."""
    return day.city.problems()


def _without_list(day: Day) -> Wrong:
    """Answers go out, and citizens' replies come in by id; what is new waits for an export."""
    told = len(day.city.said("no_list_call"))
    wrong = [one for one in day.city.unmirrored() if one != f"{day.new} is only upstream"]
    return day.city.undelivered() + wrong + (["no_list_call was not said once"] if told != 1 else [])


def _unreadable_rows(day: Day) -> Wrong:
    """What can be read is mirrored and answered; what cannot is in quarantine, and its answers wait; titles have another
    name that day."""
    mirrored = day.mirrored()
    with day.city.mirror.store.reading() as work:
        bad = {one.report_id for one in quarantine.listing(work)}
        apart = bad | {key for key, one in mirrored.items() if one.call_id in bad}
        waiting = [one for one in outbox.listing(work) if one.state is not State.SENT]
    wrong = [one for one in day.city.unmirrored(but={"title"}) if one.split()[0] not in apart]
    stuck = [f"{one.ref} is {one.state}" for one in waiting if one.tracking_id not in apart]
    return wrong + stuck + ([] if apart else ["nothing is in quarantine"])


def _names_unknown(day: Day) -> Wrong:
    """A report keeps the colour that it had, flagged; answers go out once a person has looked."""
    with day.city.mirror.store.reading() as work:
        asked = [one.ref for one in outbox.listing(work) if one.reason is Reason.UNKNOWN_STATUS]
    for ref in asked:
        change(day.city.mirror, of_shell("siti"), OutboxAct.RETRY, ref)
    now = day.mirrored()
    flagged = {key for key, one in now.items() if Flag.UNKNOWN_STATUS in one.verdict.flags}
    answered = set(day.city.reports[:2])  # may be kuning now: the day began in between
    lost = [key for key in flagged & day.before.keys() - answered if now[key].colour is not day.before[key].colour]
    return day.city.undelivered() + lost + ([] if flagged else ["no report is flagged"])


def _nothing_gone(day: Day) -> Wrong:
    """An empty list is no evidence: nothing is missing, and answers go out."""
    gone = [key for key, one in day.mirrored().items() if one.missing_since or one.vanished_at]
    return day.city.undelivered() + gone


def _away(day: Day, alarm: str) -> Wrong:
    """One outage, one alarm, and nothing of what waits is given up."""
    with day.city.mirror.store.reading() as work:
        outage = interface.status(overview.overview(work, City()))["outage"]
        states = {one.state for one in outbox.listing(work)}
    told = len(day.city.said(alarm))
    return (
        ([] if outage else ["no outage is noted"])
        + ([] if told == 1 else [f"{alarm} was said {told} times"])
        + ([] if states <= {State.QUEUED, State.UNKNOWN} else [f"deliveries are {sorted(states)}"])
    )


TODAY: Mapping[str, Callable[[Day], Wrong]] = {
    "restricted": _without_list,
    "schema-drift": _unreadable_rows,
    "unknown-status": _names_unknown,
    "empty-list": _nothing_gone,
    "maintenance": partial(_away, alarm="upstream_away"),
    "expired-token": partial(_away, alarm="credentials_refused"),
}


@dataclass(frozen=True, kw_only=True)
class Day:
    """One city on its bad day; `new` was filed on it, `before` is the mirror of the day before."""

    city: Rig
    new: str
    before: Mapping[str, Mirrored]

    def mirrored(self) -> dict[str, Mirrored]:
        return mirror_of(self.city)


def mirror_of(city: Rig) -> dict[str, Mirrored]:
    """Every report as it is mirrored now."""
    with city.mirror.store.reading() as work:
        return reports.load(work, reports.ids_after(work, "", 1000))


def meet(city: Rig, launcher: Launcher, scenario: str) -> list[str]:
    """One such day with work to do, and the day after; every personal thing that was told."""
    child = city.start(launcher)
    city.settles(child)
    title, content, reply, answer = WORDS
    before = mirror_of(city)
    city.world.set_scenario(scenario)
    new = city.world.file_report(title=title, content=content, opd=OPD)["tracking_id"]
    for one in city.reports[1:3]:
        city.world.reply(one, content=reply)
    for one in city.reports[:2]:
        city.respond(one, answer)
    day = Day(city=city, new=new, before=before)
    city.comes_true(lambda: TODAY.get(scenario, _all_is_well)(day), child)
    assert not child.wait(1), f"the daemon ended: {city.last_words()}"
    city.world.set_scenario("calm")
    city.settles(child)
    city.verified()
    child.send(SIGTERM)
    assert child.wait(10)
    assert '"daemon_stopped"' in city.last_words()
    said = told(city)
    return [secret for secret in personal(city) if secret in said]


def told(city: Rig) -> str:
    """All that may be shown to whoever helps: the log with its errors, every audit row, and `status`."""
    with city.mirror.store.reading() as work:
        chain = "\n".join(map(str, audit.rows(work.conn, work.agency)))
        return "\n".join(
            (
                city.stderr.read_text(encoding="utf-8"),
                chain,
                json.dumps(interface.status(overview.overview(work, City()))),
            )
        )


def personal(city: Rig) -> set[str]:
    """Credentials, addresses with a path, names, titles and texts of this world."""
    found = {BEARER, TOKEN.strip("{}"), city.simulator.url, *WORDS}
    for one in city.world.summary()["reports"]:
        words = city.world.find(one["tracking_id"]).words
        texts = (words.title, words.content, words.reporter, *(item.content for item in words.items))
        found |= {text[:30] for text in texts if len(text) > 4}
    return found


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    new_database: Callable[[], str],
    launcher: Launcher,
) -> Iterator[Running]:
    """A city for each scenario that was asked for."""

    def met(days: Sequence[str]) -> list[str]:
        (scenario,) = days
        folder = tmp_path_factory.mktemp(scenario)
        with rig(folder, new_database(), seed=7, late_seconds=0.3, slow_seconds=0.3) as city:
            return meet(city, launcher, scenario)

    with some_at_once(request, "scenario", [(day,) for day in DAYS], met, AT_ONCE) as futures:
        yield futures


@pytest.mark.timeout(280)
@pytest.mark.parametrize("scenario", DAYS)
def test_a_day(running: Running, scenario: str) -> None:
    """The daemon does what it can on the day, and all is right on the next; nothing told names or quotes anybody."""
    assert running[scenario].result(270) == []
