"""The agencies as their files are now: one that is added, changed or removed is noticed within seconds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from lapor_sync.clock import SystemClock
from lapor_sync.config import Agencies, Settings, config_file, load_agencies
from lapor_sync.config.agencies import agency_files
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.log import Thinned
from lapor_sync.mirror.mirror import Log
from lapor_sync.monitoring.health import Polled
from lapor_sync.store import work_queue
from lapor_sync.store.database import Store

LOOK_SECONDS = 5.0
"""How long a change of a file may stay unseen."""

Stamp = tuple[int, int, int] | None
"""What is other as soon as a file is; None where there is none."""


class Seen(NamedTuple):
    """The files as they were looked at: the main one, and those of the agencies by their keys."""

    main: Stamp = None
    agencies: Mapping[str, Stamp] = {}


@dataclass
class Roster:
    """The agencies of this machine's files, over the database that they share."""

    config: Path | None
    environ: Mapping[str, str]
    engine: Engine
    log: Log
    trouble: Thinned
    found: Agencies = field(default_factory=lambda: Agencies(right={}))
    _seen: Seen | None = None

    def refresh(self) -> None:
        """Look at the files again. What they share stays while it is wrong, and where it names no folder any more:
        a main file that is being written is empty for a moment, which would be one agency of no name.

        Only what changed is read again, and what was wrong: that may lie in another file that it names. Raises
        StoreUnavailable.
        """
        try:
            seen = self._look()
            if seen != self._seen or self.found.wrong:
                held = work_queue.prefixes(self.engine)
                found = load_agencies(self.config, self.environ, held, known=self._known(seen))
                if self.found.folder is not None and found.folder is None:
                    raise SettingsWrong(("the folder of agencies is named no longer: those that were there stay",))
                self._take(found)
                self._seen = seen
            self.trouble.over("agencies_unreadable", as_event="agencies_readable")
        except SettingsWrong as wrong:
            self.trouble.again("agencies_unreadable", what=wrong.what, todo=wrong.todo)

    def polled(self) -> list[Polled]:
        """Return the mirrors of the agencies whose files are right, for a monitor."""
        clock, here = SystemClock(), self.found.right.values()
        return [Polled(Store(self.engine, one.agency, clock), one.poll_seconds, one.city) for one in here]

    def _look(self) -> Seen:
        files: Mapping[str, Path] = {}
        # The main file may name another folder by now; to read it tells what is wrong.
        with suppress(SettingsWrong):
            files = agency_files(self.found.folder) if self.found.folder else {}
        return Seen(_stamp(config_file(self.config)), {key: _stamp(path) for key, path in files.items()})

    def _known(self, seen: Seen) -> Mapping[str, Settings]:
        """The agencies whose file is as it was read, and right."""
        last = self._seen
        if last is None or last.main != seen.main:
            return {}
        return {
            key: one
            for key, one in self.found.right.items()
            if (stamp := seen.agencies.get(key)) is not None and last.agencies.get(key) == stamp
        }

    def _take(self, found: Agencies) -> None:
        for key in found.keys:
            if (wrong := found.wrong.get(key)) is None:
                if key in self.found.wrong:
                    self.log.info("agency_right", agency=key)
            elif str(wrong) != str(self.found.wrong.get(key)):
                self.log.error("agency_wrong", agency=key, what=wrong.what, todo=wrong.todo)
        for event, keys in (
            ("agency_added", {*found.keys} - {*self.found.keys}),
            ("agency_removed", {*self.found.keys} - {*found.keys}),
        ):
            for key in sorted(keys):
                self.log.info(event, agency=key)
        self.found = found


def _stamp(path: Path) -> Stamp:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino
