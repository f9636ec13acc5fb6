"""What a monitor is told of the mirror and of both processes: every number, and nothing of a person or a report."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from waitress.server import create_server
from werkzeug.test import Client

from lapor_sync.daemon import SILENT_SECONDS, Notifier
from lapor_sync.domain.colour import City
from lapor_sync.domain.delivery import State
from lapor_sync.domain.errors import BadRecord, SettingsWrong
from lapor_sync.domain.people import Role
from lapor_sync.domain.report import Institution
from lapor_sync.listening import Address
from lapor_sync.monitoring import mirrored as collecting
from lapor_sync.monitoring import serving as monitoring
from lapor_sync.monitoring.health import NO_AGENCY, Polled, none_ready, not_ready
from lapor_sync.monitoring.measures import (
    BoardMeasures,
    CycleMeasures,
    agency_files,
    daemon_working,
    registry_of_process,
)
from lapor_sync.monitoring.mirrored import MirrorCollector
from lapor_sync.monitoring.serving import application, metrics_address, serving
from lapor_sync.store import conflicts, institutions, marks, outages, outbox, people, quarantine, reports
from lapor_sync.store.database import Store, Work
from lapor_sync.store.marks import Mark
from tests.databases import START, StillClock
from tests.store.samples import HIJAU, MERAH, mirrored, new, report
from tests.web.site import board_on, client_of

ROOT = Path(__file__).parents[2]
CANARY = "Kenari"
Registry = CollectorRegistry


@pytest.fixture
def registry(store: Store, clock: StillClock) -> Registry:
    """All that both processes tell, each call and page asked for once."""
    made = registry_of_process()
    made.register(MirrorCollector(lambda: [Polled(store, 300, City())], clock))
    daemon, board = CycleMeasures(made), BoardMeasures(made)
    agency_files(made).labels("wrong").set(1)
    daemon.call("kota", "GET /complaints/{id}", "2xx", 0.2)
    daemon.cycle("kota", "done", 4)
    daemon_working(made).labels("kota").set(1)
    board.request("/laporan/<report_id>", "GET", 200, 0.03)
    return made


@pytest.fixture
def busy(store: Store, clock: StillClock) -> Store:
    """A city with something of everything, and with the canary in every text."""
    late = {"due_at": START - timedelta(days=1)}
    with store.work() as work:
        said = {"title": CANARY, "content": CANARY, "reporter_name": CANARY}
        for number, (opd, verdict, more) in enumerate(
            [("611", MERAH, late), ("611", MERAH, late), ("612", HIJAU, {}), (None, MERAH, {}), ("613", HIJAU, {})]
        ):
            one = report(f"770{number}", disposition_id=opd, **said)
            reports.save(work, [mirrored(one.tracking_id, one, verdict=verdict, **more)])
        institutions.replace_all(work, [Institution(id="611", name='Dinas "PU"\nKota')])
        outbox.add(work, new("LS-AAAAAA", "7700", text=CANARY, by=CANARY))
        outbox.add(work, new("LS-BBBBBB", "7701", text=CANARY, by=CANARY), state=State.HELD)
        conflicts.open_one(work, kind="closed_since", tracking_id="7700")
        quarantine.put(work, quarantine.LIST, BadRecord(CANARY, key="7709", raw=CANARY, report_id="7709"))
        outages.begin(work, START - timedelta(minutes=5), "Denied")
        marks.put_time(work, Mark.LAST_SUCCESS, START - timedelta(minutes=7))
        people.add_post(work, Role.OFFICER, "611")
    clock.advance(60)
    return store


def exported(registry: Registry) -> dict[str, tuple[str, frozenset[str]]]:
    """Each metric with its kind and the names of its labels, as Prometheus reads them."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): (
            family.type,
            frozenset(name for sample in family.samples for name in sample.labels) - {"le"},
        )
        for family in text_string_to_metric_families(generate_latest(registry).decode())
    }


def value(registry: Registry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"lapor_sync_{name}", {"agency": "kota", **labels})


def test_every_metric_that_is_told_is_in_the_document_and_no_other(busy: Store, registry: Registry) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    documented = {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert exported(registry) == documented


def test_names_and_units_are_as_prometheus_wants_them(busy: Store, registry: Registry) -> None:
    """By its own tool, where that is there."""
    told = generate_latest(registry)
    assert b"_created" not in told
    for name, (kind, _labels) in exported(registry).items():
        assert name.endswith("_total") == (kind == "counter"), name
        assert not re.search(r"_(ms|minutes|hours|days|kb|mb|count)(_|$)", name), name
    if promtool := shutil.which("promtool"):
        ran = subprocess.run([promtool, "check", "metrics"], input=told, capture_output=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, b"")


def test_the_numbers_of_a_mirror(busy: Store, registry: Registry) -> None:
    wanted: Mapping[tuple[str, tuple[tuple[str, str], ...]], float] = {
        ("reports", (("opd", "611"), ("colour", "merah"))): 2,
        ("reports", (("opd", "611"), ("colour", "hijau"))): 0,
        ("reports", (("opd", ""), ("colour", "merah"))): 1,
        ("reports_overdue", (("opd", "611"),)): 2,
        ("reports_overdue", (("opd", "612"),)): 0,
        ("opd_info", (("opd", "611"), ("opd_name", 'Dinas "PU"\nKota'))): 1,
        ("deliveries", (("state", "queued"),)): 1,
        ("deliveries", (("state", "sent"),)): 0,
        ("delivery_oldest_age_seconds", (("state", "held"),)): 60,
        ("oldest_waiting_age_seconds", ()): 60,
        ("conflicts", (("kind", "closed_since"),)): 1,
        ("quarantine_records", (("source", "list"),)): 1,
        ("quarantine_records", (("source", "export"),)): 0,
        ("posts_vacant", (("role", "officer"),)): 1,
        ("posts_quiet", (("role", "officer"),)): 0,
        ("upstream_up", ()): 0,
        ("outage_seconds", ()): 360,
        ("credentials_refused", ()): 1,
        ("delivery_paused", ()): 0,
        ("last_success_timestamp_seconds", ()): (START - timedelta(minutes=7)).timestamp(),
        ("last_answer_timestamp_seconds", ()): 0,
        ("database_up", ()): 1,
    }
    found = {(name, labels): value(registry, name, **dict(labels)) for name, labels in wanted}
    assert found == wanted
    assert value(registry, "stale_after_seconds") == 3600
    assert value(registry, "backup_age_seconds") == 60, "since there is something to back up"
    assert value(registry, "audit_rows_total") is not None


def test_nothing_that_is_told_names_a_person_or_a_report(busy: Store, registry: Registry) -> None:
    told = generate_latest(registry).decode()
    assert CANARY not in told
    labels = re.findall(r'="([^"]*)"', told)  # a number may have any digits
    assert labels
    for secret in ("7700", "7709", "LS-AAAAAA"):
        assert not any(secret in label for label in labels)


def test_a_city_without_anything_is_told_as_such(store: Store, registry: Registry) -> None:
    assert value(registry, "upstream_up") == 1
    assert value(registry, "oldest_waiting_age_seconds") == 0
    assert value(registry, "last_success_timestamp_seconds") == 0


def test_beyond_the_largest_institutions_are_told_together(
    busy: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many institutions a report may be disposed to, no more lines come of it."""
    monkeypatch.setattr(collecting, "MOST_OPDS", 1)
    assert value(registry, "reports", opd="611", colour="merah") == 2
    assert value(registry, "reports", opd="other", colour="hijau") == 2
    assert value(registry, "reports", opd="612", colour="hijau") is None


def test_the_database_is_asked_once_in_ten_seconds(busy: Store, registry: Registry, clock: StillClock) -> None:
    assert value(registry, "deliveries", state="queued") == 1
    with busy.work() as work:
        outbox.add(work, new("LS-CCCCCC", "7702"))
    clock.advance(9)
    assert value(registry, "deliveries", state="queued") == 1
    clock.advance(1)
    assert value(registry, "deliveries", state="queued") == 2


def test_a_database_that_does_not_answer_is_told_and_the_process_all_the_same(
    busy: Store, registry: Registry
) -> None:
    with busy.engine.begin() as conn:
        conn.exec_driver_sql("DROP TABLE mark")
    assert value(registry, "database_up") == 0
    assert value(registry, "upstream_up") is None
    assert value(registry, "cycle_duration_seconds_count", outcome="done") == 1
    assert not_ready(busy, 300) == "the database does not answer"


def test_many_agencies_are_told_each_as_it_is_now_and_one_that_is_well_is_enough_to_be_ready(
    busy: Store, clock: StillClock
) -> None:
    desa, told = Store(busy.engine, "desa", clock), list[Polled]()
    registry = CollectorRegistry()
    registry.register(MirrorCollector(lambda: told, clock))
    assert (none_ready(told), value(registry, "upstream_up")) == (NO_AGENCY, None)
    clock.advance(10)
    told += [Polled(desa, 7200, City()), Polled(busy, 300, City())]
    assert none_ready(told[:1]) == "no cycle went through yet"
    assert none_ready(told) is None
    assert value(registry, "upstream_up") == 0
    assert registry.get_sample_value("lapor_sync_upstream_up", {"agency": "desa"}) == 1
    assert registry.get_sample_value("lapor_sync_stale_after_seconds", {"agency": "desa"}) == 3 * 7200
    assert registry.get_sample_value("lapor_sync_backup_age_seconds", {"agency": "desa"}) is None, "nothing yet"


def test_a_scrape_of_hundreds_of_agencies_ends_in_time_and_the_next_goes_on(
    busy: Store, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus waits for ten seconds; 300 agencies took 34, and nothing was told at all."""
    stores = [Store(busy.engine, f"kota-{n}", clock) for n in range(5)]
    registry = CollectorRegistry()
    registry.register(MirrorCollector(lambda: [Polled(one, 300, City()) for one in stores], clock))
    reading = Store.reading

    def slow(store: Store) -> AbstractContextManager[Work]:
        clock.advance(1)
        return reading(store)

    monkeypatch.setattr(Store, "reading", slow)

    def told() -> set[str]:
        found = next(one for one in registry.collect() if one.name == "lapor_sync_upstream_up")
        return {sample.labels["agency"] for sample in found.samples}

    assert told() == {"kota-0", "kota-1", "kota-2"}
    clock.advance(10)
    assert told() == {f"kota-{n}" for n in range(5)}
    del stores[0]
    clock.advance(10)
    assert told() == {f"kota-{n}" for n in range(1, 5)}


def test_two_registries_know_nothing_of_each_other() -> None:
    """So no test, and no second agency, finds the numbers of another."""
    first, second = registry_of_process(), registry_of_process()
    CycleMeasures(first).call("kota", "GET /complaints", "none", 90)
    CycleMeasures(second)
    assert second.get_sample_value("lapor_sync_upstream_request_duration_seconds_count") is None


# The pages.


def test_a_monitor_asks_over_the_network(registry: Registry) -> None:
    wrong: list[str | None] = [None, None]
    pages = application(registry, lambda: wrong[0], lambda: wrong[1])
    with serving(pages, metrics_address("0")) as at:
        assert at.is_loopback
        with urlopen(f"{at.url}/metrics", timeout=20) as answer:
            assert b"lapor_sync_upstream_up" in answer.read()
        with urlopen(f"{at.url}/healthz", timeout=20) as answer:
            assert answer.read() == b"ok\n"
        wrong[1] = "no cycle went through yet"
        with pytest.raises(HTTPError, match="503") as caught:
            urlopen(f"{at.url}/readyz", timeout=20)
        assert caught.value.read() == b"no cycle went through yet\n"
        with pytest.raises(SettingsWrong, match="already in use"), serving(pages, at):
            raise AssertionError("never reached")
    with pytest.raises(OSError, match="refused"):
        urlopen(f"{at.url}/healthz", timeout=20)


def test_its_end_waits_for_nobody_who_keeps_a_connection(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Prometheus does; and what it was answered with is closed only when nobody writes into it any more."""
    monkeypatch.setattr(
        monitoring, "create_server", lambda *a, **k: create_server(*a, **(k | {"channel_timeout": 200}))
    )
    with serving(application(registry, lambda: None, lambda: None), metrics_address("0")) as at:
        kept = HTTPConnection("127.0.0.1", at.port, timeout=20)
        kept.request("GET", "/healthz")
        assert kept.getresponse().read() == b"ok\n"
        began = time.monotonic()
    assert time.monotonic() - began < 100
    assert not [one for one in threading.enumerate() if one.name == "metrics"]
    kept.close()


def test_other_addresses_are_not_there(registry: Registry) -> None:
    client = Client(application(registry, lambda: None, lambda: None))
    assert client.get("/").status_code == 404
    assert client.post("/metrics").status_code == 405


@pytest.mark.parametrize(
    ("given", "there"),
    [
        ("9464", Address("127.0.0.1", 9464)),
        ("localhost:9464", Address("127.0.0.1", 9464)),
        ("[::1]:9464", Address("::1", 9464)),
        ("0.0.0.0:9464", Address("0.0.0.0", 9464)),
    ],
)
def test_a_port_alone_is_of_this_machine(given: str, there: Address) -> None:
    assert metrics_address(given) == there


def test_a_daemon_that_makes_no_step_lives_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    notifier = Notifier({})
    notifier.alive()
    assert notifier.silent() is None
    now[0] += SILENT_SECONDS + 5
    assert notifier.silent() == "no step for 605 s"


# The board.


def test_a_page_is_counted_by_its_rule_and_not_by_what_stands_in_it(store: Store) -> None:
    registry = CollectorRegistry()
    client = client_of(board_on(store, measure=BoardMeasures(registry).request))
    client.get("/laporan/7700")
    client.get(f"/{CANARY}")
    client.open("/masuk", method=CANARY)
    told = generate_latest(registry).decode()
    assert 'page="/laporan/<report_id>",status="3xx"' in told
    assert 'method="GET",page="none",status="4xx"' in told
    assert 'method="other"' in told
    assert CANARY not in told
    assert "laporan/7700" not in told  # the seconds that it took may hold the number
