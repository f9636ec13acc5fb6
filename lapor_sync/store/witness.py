"""How far an agency's chain had come when something was about to leave, in a file beside SQLite's database.

A log that was lost, a copy put in the database's place by hand, a disk that forgot: the database is older then, and
says nothing of it. What is in the file here and not in its audit tells. A server's database has nothing beside it.
"""

from __future__ import annotations

import glob
import os
import re
from contextlib import suppress
from pathlib import Path

from lapor_sync.store.audit import Head
from lapor_sync.store.database import Store
from lapor_sync.store.lock import ITSELF, database_of

ENDING = ".head"
"""Behind the database's own name and the agency's."""

_FORM = re.compile(r" *([0-9]{1,19}) ([0-9a-f]{64})\n")


def keep(store: Store) -> None:
    """Write down what this process committed last.

    Where the disk does not take it the file tells of an earlier row, which is in the chain too.
    """
    file, head = _file(store), store.head
    if file is None or head is None:
        return
    with suppress(OSError):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | ITSELF, 0o600)
        try:
            os.pwrite(descriptor, f"{head.count:19} {head.hash}\n".encode(), 0)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def seen(store: Store) -> Head | None:
    """Return the row that was kept last; None where none was, or it cannot be read."""
    file = _file(store)
    if file is None:
        return None
    try:
        descriptor = os.open(file, os.O_RDONLY | ITSELF)
    except OSError:
        return None
    try:
        found = _FORM.fullmatch(os.pread(descriptor, 200, 0).decode(errors="replace"))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return Head(int(found[1]), found[2]) if found else None


def drop(store: Store) -> None:
    """Forget what was kept of this agency."""
    if (file := _file(store)) is not None:
        file.unlink(missing_ok=True)


def forget(database: Path) -> None:
    """Believe a database whatever it lacks, for all of its agencies: somebody said that it was restored."""
    for file in database.parent.glob(f"{glob.escape(database.name)}.*{ENDING}"):
        file.unlink(missing_ok=True)


def _file(store: Store) -> Path | None:
    database = database_of(store.engine)
    return None if database is None else Path(f"{database}.{store.agency}{ENDING}")
