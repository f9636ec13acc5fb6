"""The agencies as their files are now: one that is added, changed or removed is noticed within seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from lapor_sync.config import Agencies, config_file, load_agencies
from lapor_sync.config.agencies import agency_files
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.log import Thinned
from lapor_sync.mirror.mirror import Log
from lapor_sync.store import work_queue


@dataclass
class Roster:
    """The agencies of this machine's files. `host` is this machine's name."""

    config: Path | None
    environ: Mapping[str, str]
    engine: Engine
    host: str
    log: Log
    trouble: Thinned
    found: Agencies = field(default_factory=lambda: Agencies(right={}))
    _seen: object = None

    def refresh(self) -> None:
        """Look at the files again, and note in the database which there are. What they share stays while it is wrong."""
        try:
            seen = self._look()
            if seen != self._seen or self.found.wrong:
                self._take(load_agencies(self.config, self.environ, work_queue.prefixes(self.engine)))
                self._seen = seen
            self.trouble.over("agencies_unreadable", as_event="agencies_readable")
        except SettingsWrong as wrong:
            self.trouble.again("agencies_unreadable", what=wrong.what, todo=wrong.todo)
        work_queue.enrol(
            self.engine,
            {key: one.ref_prefix for key, one in self.found.right.items()},
            {key: one.what for key, one in self.found.wrong.items()},
            self.host,
            here=[
                key
                for key, one in self.found.right.items()
                if one.import_dir is not None and one.import_dir.is_dir()
            ],
        )

    def _look(self) -> object:
        """What is other as soon as one of the files is."""
        folder = next((one.agencies_dir for one in self.found.right.values() if one.agencies_dir), None)
        files = [config_file(self.config), *(agency_files(folder).values() if folder else ())]
        return [(path, _stamp(path)) for path in files]

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


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino
