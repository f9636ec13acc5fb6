"""The folder for exports: what is dropped there is imported and moved to `done/` or `failed/`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from lapor_sync.domain.errors import BadInput
from lapor_sync.domain.ports import Clock
from lapor_sync.sync.pull import Tally
from lapor_sync.sync.setup import Log

QUIET_SECONDS = 5.0
"""A file that was written to within this time may still be growing: it is left alone."""


def take_folder(folder: Path, take: Callable[[Path], Tally], clock: Clock, log: Log) -> int:
    """Import every export in the folder that has come to rest, oldest first; how many went in.

    A file that is no export goes to `failed/` with a text beside it that says why. A database that fails leaves
    the file where it is: it is taken again.
    """
    taken = 0
    for path in list(_at_rest(folder, clock, log)):
        try:
            tally = take(path)
        except BadInput as bad:
            log.error("import_failed", what=bad.what, todo=bad.todo)
            target = _move(path, folder / "failed")
            target.with_name(target.name + ".txt").write_text(f"{bad.what}\n{bad.todo}\n", encoding="utf-8")
            continue
        _move(path, folder / "done")
        taken += 1
        log.info(
            "export_imported",
            new=tally.new,
            changed=tally.changed,
            unchanged=tally.unchanged,
            quarantined=tally.quarantined,
        )
    return taken


def _at_rest(folder: Path, clock: Clock, log: Log) -> Iterator[Path]:
    try:
        found = sorted((entry for entry in os.scandir(folder) if entry.is_file()), key=_written_at)
    except OSError as exc:
        log.error("import_dir_unreadable", what=f"{folder}: {exc.strerror}", todo="Make the folder readable.")
        return
    now = clock.now()
    for entry in found:
        age = (now - datetime.fromtimestamp(_written_at(entry), UTC)).total_seconds()
        hidden = entry.name.startswith((".", "~$"))  # Excel's own lock files begin with ~$
        # A clock that went back makes a file seem to come from the future: it is as good as at rest.
        if not hidden and not 0 <= age < QUIET_SECONDS:
            yield Path(entry.path)


def _written_at(entry: os.DirEntry[str]) -> float:
    return entry.stat().st_mtime


def _move(path: Path, folder: Path) -> Path:
    """Move a file, never over another one."""
    folder.mkdir(exist_ok=True)
    target, n = folder / path.name, 1
    while target.exists():
        target, n = folder / f"{path.stem}-{n}{path.suffix}", n + 1
    return path.rename(target)
