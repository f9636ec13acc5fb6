"""Can exports be imported from the folder, and can nobody else put another in its place?"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lapor_sync.check.lines import LOOK, WRONG, Line
from lapor_sync.config import Settings
from lapor_sync.store.backup import database_file
from lapor_sync.sync.intake import why_not


def about_folder(settings: Settings) -> Iterator[Line]:
    """Tell whether files that are dropped there can be taken."""
    folder, question = settings.import_dir, "Can exports be imported?"
    if folder is None:
        return
    reason, database = why_not(folder), database_file(settings.database_url)
    if reason is not None:
        todo = "Make a folder for exports alone, and set LAPOR_SYNC_IMPORT_DIR to it."
        yield Line(question=question, answer=f"no: {reason}", verdict=WRONG, todo=todo)
    elif not os.path.isdir(folder):  # `is_dir` fails at a closed one
        yield Line(
            question=question, answer=f"no: {folder} is no folder", verdict=WRONG, todo=f"mkdir -p {folder}"
        )
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        todo = "Give the user that runs lapor-sync the right to read and write there."
        yield Line(question=question, answer=f"no: {folder} is closed to this user", verdict=WRONG, todo=todo)
    elif database is not None and str(database.parent) == os.path.realpath(folder):
        todo = "Whoever may drop exports there could replace the database: make a folder for exports alone."
        answer = f"from {folder}, where the database lies too"
        yield Line(question=question, answer=answer, verdict=LOOK, todo=todo)
    else:
        yield _taken(question, folder)
        yield from replaceable(folder)


def _taken(question: str, folder: Path) -> Line:
    if not os.path.ismount(folder):
        return Line(question=question, answer=f"yes, from {folder}")
    answer = f"from {folder}, the top of a disk or share: every workbook there is taken"
    todo = "Nothing, if it is for exports alone; else make a folder in it, and set LAPOR_SYNC_IMPORT_DIR to that."
    return Line(question=question, answer=answer, verdict=LOOK, todo=todo)


def replaceable(path: Path) -> Iterator[Line]:
    """Say where every user may put another file or folder in the place of this one."""
    for folder in Path(os.path.realpath(path)).parents:
        with suppress(OSError):
            mode = folder.stat().st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                answer = f"no: every user may write in {folder}, and so put another in the place of {path}"
                todo = f"chmod o-w {folder}"
                yield Line(question="Is it safe from other users?", answer=answer, verdict=WRONG, todo=todo)
