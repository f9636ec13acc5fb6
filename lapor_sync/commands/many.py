"""What every agency of the configuration is like: for `status` and `agencies`, and for other commands over all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from lapor_sync import interface, screens
from lapor_sync.clock import SystemClock
from lapor_sync.commands.base import Call
from lapor_sync.config import Agencies, Settings, load_machine
from lapor_sync.domain.colour import City
from lapor_sync.domain.errors import SettingsWrong, StoreDamaged
from lapor_sync.interface import Json
from lapor_sync.output import say_json_lines
from lapor_sync.store import lock, overview, work_queue
from lapor_sync.store.database import Store, open_store


def show_all(call: Call, *, as_json: bool) -> None:
    """Show every agency, or say it as JSON."""
    found = call.agencies()
    told = list(_told(found))
    if as_json:
        say_json_lines(told)
        return
    screens.agencies(told, load_machine(call.config, os.environ).timezone)


def _told(found: Agencies) -> Iterator[Json]:
    """Yield each agency as JSON. What cannot be looked at, since its file is wrong, is told with what is wrong."""
    if not found.right:
        yield from (interface.agency(key, wrong=problems_of(found, key)) for key in found.keys)
        return
    with _opened(found) as opened:
        queued = work_queue.look(opened.engine)
        for key in found.keys:
            try:
                with Store(opened.engine, key, opened.clock).reading() as work:
                    city = found.right[key].city if key in found.right else City()
                    whole, late = overview.overview(work, city), overview.count_overdue(work)
            except StoreDamaged as damaged:  # a row is one agency's; where the file is, each says so
                yield interface.agency(key, wrong=(damaged.what, *problems_of(found, key)))
                continue
            yield interface.agency(
                key,
                whole=whole,
                late=late,
                queue=queued.get(key),
                worker=lock.holder(opened.engine, key),
                wrong=problems_of(found, key, is_queued=key in queued),
            )


@contextmanager
def mirrors(found: Agencies) -> Iterator[Iterator[tuple[Store, Settings]]]:
    """Let the mirror of each agency be looked at whose file is right. Raises SettingsWrong where none is."""
    if not found.right:
        raise SettingsWrong(tuple(problem for one in found.wrong.values() for problem in one.problems))
    with _opened(found) as opened:
        yield ((Store(opened.engine, key, opened.clock), one) for key, one in sorted(found.right.items()))


@contextmanager
def _opened(found: Agencies) -> Iterator[Store]:
    first = next(iter(found.right.values()))
    opened = open_store(first.database_url, first.agency, SystemClock(), anew=False)
    try:
        yield opened
    finally:
        opened.close()


def problems_of(found: Agencies, key: str, *, is_queued: bool = False) -> tuple[str, ...]:
    """Return what keeps an agency from being worked: what is wrong with its file, or missing in it.

    Of one that workers queue nothing is missing: systemd may hand its secrets to them, and this shell sees none.
    """
    if (wrong := found.wrong.get(key)) is not None:
        return wrong.problems
    settings = found.right[key]
    if is_queued or settings.can_call_upstream or settings.import_dir is not None:
        return ()
    missing = ", ".join(name.removeprefix("LAPOR_SYNC_") for name in settings.missing_for_upstream())
    return (
        f"{missing} missing; set them in its file (`lapor-sync-root agencies check` sees what systemd hands over), "
        "or IMPORT_DIR for exports without an API account",
    )
