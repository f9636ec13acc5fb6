"""The first thing a city runs: questions about settings, database and LAPOR, each answered, with what to do.

Reads only: no database is made, nothing is written upstream. Each heading is a file, and yields its lines as soon as
they are known; one that needs what an earlier one found wanting says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from lapor_sync.check.access import about_access
from lapor_sync.check.clock import about_clock
from lapor_sync.check.credentials import about_credentials
from lapor_sync.check.database import about_database
from lapor_sync.check.encryption import about_certificate, about_clear_text
from lapor_sync.check.folder import about_folder
from lapor_sync.check.lines import Known, Line
from lapor_sync.check.listing import about_list
from lapor_sync.check.master_lists import about_master_lists
from lapor_sync.check.one_report import about_one_report
from lapor_sync.check.recording import about_recording, recorder_in
from lapor_sync.check.rules import about_rules
from lapor_sync.check.secrets import about_secrets
from lapor_sync.check.settings import about_settings, check_settings
from lapor_sync.check.upstream import Upstream
from lapor_sync.clock import SystemClock
from lapor_sync.config import Settings
from lapor_sync.domain.ports import Clock

__all__ = ["Line", "check", "check_settings"]


def check(
    settings: Settings,
    config: Path | None,
    environ: Mapping[str, str],
    clock: Clock | None = None,
    *,
    record: Path | None = None,
) -> Iterator[Line]:
    """Yield all lines, given settings that are sound in themselves. `record`: an empty folder for the shapes of what
    LAPOR answers."""
    clock = clock or SystemClock()
    yield from about_settings(settings, config, environ)
    yield from about_secrets(settings, config, environ)
    yield from about_credentials(settings, clock)
    yield from about_folder(settings)
    known = Known()
    yield from about_database(settings, environ, clock, known)
    yield from about_rules(settings, clock)
    if settings.can_call_upstream:
        yield from _about_upstream(settings, clock, known, record)


def _about_upstream(settings: Settings, clock: Clock, known: Known, record: Path | None) -> Iterator[Line]:
    with ExitStack() as stack:
        recorder = recorder_in(record, settings) if record else None
        upstream = Upstream(settings=settings, clock=clock, stack=stack, recorder=recorder)
        yield from about_clear_text(settings.upstream_url or "")
        yield from about_access(upstream)
        yield from about_certificate(upstream)
        if upstream.connector is None:
            return
        yield about_clock(upstream.connector)
        yield from about_list(upstream, known)
        yield from about_one_report(upstream, known)
        yield from about_master_lists(upstream)
        if recorder is not None and record is not None:
            yield about_recording(upstream, known, recorder, record)
