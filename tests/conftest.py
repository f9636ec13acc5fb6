"""What holds for every test: how hard Hypothesis tries, what comes first, and that nothing leaves this machine."""

from __future__ import annotations

import fcntl
import gc
import ipaddress
import os
import signal
import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from argon2 import PasswordHasher
from coverage import Coverage
from hypothesis import settings
from respx.mocks import HTTPCoreMocker

import connectors
import lapor_sync
from lapor_sync.office import passwords
from tests.databases import compile_once, migrate_once, never_wait_for_the_disk, stop_server
from tests.system.launcher import stop_launcher

# The same examples each time: a red run tells of the change. Who looks for faults takes "thorough", which throws new.
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("thorough", parent=settings.get_profile("ci"), max_examples=2000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

HTTPCoreMocker.add_targets(
    "connectors.transport.wire.Wire"
)  # what takes requests where no pool of httpcore's does

MEASURED_EXAMPLES = 10
"""Of a property so many are run with coverage: those that follow go where these went, in half as long again."""

LONGEST = (
    *("test_kills.py", "test_daemon.py", "test_network.py", "test_delivering.py", "test_cli_backups.py"),
    *("test_city.py", "test_histories.py", "test_shapes.py", "test_scenarios.py", "test_mirroring.py"),
    *("test_bad_days.py", "test_nasty_values.py", "test_holding.py", "test_outages.py"),
    "test_workers.py",
)
UNMEASURED = {
    "system": (
        *("test_after_an_outage.py", "test_cli_backups.py", "test_cli_process.py", "test_daemon.py"),
        *("test_kills.py", "test_network.py", "test_outages.py", "test_scenarios.py", "test_two_agencies.py"),
        *("test_cli_strange_files.py", "test_workers.py"),
    ),
    "flow": (
        *("test_again.py", "test_ailing.py", "test_at_once.py", "test_bad_days.py", "test_city.py"),
        *("test_delivering.py", "test_exports.py", "test_histories.py", "test_mirroring.py"),
        *("test_nasty_values.py", "test_pausing.py", "test_recap.py", "test_restoring.py"),
        *("test_shapes.py", "test_vanishing.py"),
    ),
    "office": ("test_people.py", "test_tenure_in_the_act.py"),
    "store": (
        *("test_agencies.py", "test_audit.py", "test_database.py", "test_database_file.py"),
        *("test_every_function.py", "test_migrations.py", "test_moving.py", "test_outbox.py", "test_reports.py"),
        *("test_small_tables.py", "test_work_queue.py"),
    ),
    "web": ("test_many.py", "test_matrix.py"),
    "unit": (
        *("test_below_the_faces.py", "test_monitoring_files.py", "test_numbers.py", "test_shapes.py"),
        *("test_simulator_bad_days.py", "test_sp4n_values.py"),
    ),
    "contract": ("test_connector.py",),
    "browser": ("test_answering.py", "test_every_page.py", "test_passkey.py", "test_words_kept.py"),
}
"""Files that run without coverage, which would make them half as long again: they go where others go."""

OF_UPSTREAM = (
    *("test_bad_days.py", "test_corners.py", "test_delivering.py", "test_exports.py", "test_holding.py"),
    *("test_city.py", "test_mirroring.py", "test_pausing.py", "test_vanishing.py"),
    *("test_network.py", "test_after_an_outage.py"),
)
"""Files about what upstream or the way to it does, which no database sees: `make test` lives them on SQLite."""
OF_THE_DATABASE = (
    *("killed", "lost_the_database", "first_cycle_mirrors_everything", "was_cut_short", "writes_its_heartbeat"),
    *("rules_judge_every_report", "are_dropped_in_time", "until_it_is_resumed", "mirrors_every_report"),
    *("the_real_daemon", "every_screen_shows", "is_taken_once", "is_audited"),
)
"""What of them is about it all the same: many rows at once, what is deleted, and what a transaction leaves."""

_ALIKE = {"flow", "office", "store", "web"}
"""Folders in which the cases of a test go the same way through the program."""


def pytest_configure() -> None:
    """Whatever starts the measuring anew would measure each process, too, which nobody asks for after the workers."""
    if (coverage := Coverage.current()) is not None:
        coverage.set_option("run:patch", [])


@contextmanager
def unmeasured() -> Iterator[None]:
    """Without coverage, which makes all of Python half as slow again, whatever is measured."""
    if (coverage := Coverage.current()) is None:
        yield
        return
    coverage.stop()
    try:
        yield
    finally:
        coverage.start()


@contextmanager
def measured_at_first(test: Any) -> Iterator[None]:
    """Coverage of a Hypothesis test ends after its first examples; any other test is measured to its end."""
    coverage, handle = Coverage.current(), getattr(test, "hypothesis", None)
    if coverage is None or handle is None:
        yield
        return
    inner, left = handle.inner_test, MEASURED_EXAMPLES

    @wraps(inner)
    def example(*args: Any, **values: Any) -> Any:
        nonlocal left
        if left == 0:
            coverage.stop()
        left -= 1
        return inner(*args, **values)

    handle.inner_test = example
    try:
        yield
    finally:
        handle.inner_test = inner
        if left < 0:
            coverage.start()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """The first worker alone, the others after it: it leaves the tests compiled, which takes as long as all else.

    Only the program's own loading is measured, once, not that of the tests.
    """
    coverage = Coverage.current()
    if session.config.pluginmanager.hasplugin("dsession"):
        if coverage is not None:
            coverage.stop()  # who hands out the tests runs none
        return (yield)
    with Path(__file__).open() as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if coverage is not None:
                _load_the_program()
        except BlockingIOError:
            fcntl.flock(turn, fcntl.LOCK_SH)
        with unmeasured():
            result = yield
    gc.freeze()  # what was collected stays to the end: no search for garbage need walk through it
    return result


def _load_the_program() -> None:
    for package in (lapor_sync, connectors):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if not {"__main__", "migrations"} & set(module.name.split(".")):  # these begin to work at once
                import_module(module.name)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: the workers of `make test` share what is short at the end.

    What is `unmeasured` goes where others go: whole processes, browsers, what is long; each further case of a flow, of
    an act of the office, of the store, or of a page, on PostgreSQL or with another value. Elsewhere each case may be a
    branch of its own.
    Of a flow, or an act of the office, `make test` runs one case there at most, the last one: cases differ in what
    upstream or a person does. `make soak` runs the others.
    """
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
    measured, last = set[str](), dict[str, pytest.Item]()
    for item in items:
        file, folder, test = item.path.name, item.path.parent.name, item.nodeid.partition("[")[0]
        on_postgresql = "postgresql" in item.name
        is_long = file in UNMEASURED.get(folder, ())
        if is_long or (test in measured and (on_postgresql or folder in _ALIKE)):
            item.add_marker(pytest.mark.unmeasured)
        measured.add(test)
        if on_postgresql and folder in {"flow", "office"} and item.get_closest_marker("soak") is None:
            if earlier := last.get(test):
                earlier.add_marker(pytest.mark.soak)
            last[test] = item
        if on_postgresql and file in OF_UPSTREAM and not any(word in test for word in OF_THE_DATABASE):
            item.add_marker(pytest.mark.soak)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Without coverage what is marked `unmeasured`, and all but the first examples of a property."""
    if item.get_closest_marker("unmeasured") is not None:
        with unmeasured():
            return (yield)
    with measured_at_first(getattr(item, "obj", None)):
        return (yield)


def pytest_sessionfinish() -> None:
    """Here and not as the process ends, for which a worker has ten seconds before it is killed with what it measured."""
    if (measured := Coverage.current()) is not None:
        measured.save()  # now: a worker that takes long to end is killed by xdist
    stop_server()
    stop_launcher()


@pytest.fixture(autouse=True, scope="session")
def _signals_are_heard() -> None:
    """A shell lets what it starts in the background ignore Ctrl-C, nohup what it starts ignore the end of the terminal;
    and so would every program that a test starts."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(autouse=True, scope="session")
def _no_process_is_measured() -> Iterator[None]:
    """What tests start would measure itself: each start takes half as long again, and goes where tests go already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _nothing_leaves_this_machine() -> Iterator[None]:
    """A connection to any other host fails the test, whatever the code under test would make of an OSError."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _loopback_only(getattr(socket.socket, name)))
        yield


@pytest.fixture(autouse=True, scope="session")
def _what_never_differs_is_done_once() -> Iterator[None]:
    """And passwords are hashed with little work."""
    with pytest.MonkeyPatch.context() as patch:
        compile_once(patch)
        migrate_once(patch)
        never_wait_for_the_disk(patch)
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


def _loopback_only(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            pytest.fail(f"a test tried to connect to {address[0]}")
        return connect(self, address)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
