"""A bare `sqlite3` insert of the same rows as `inside.py` mirrors: `bare_insert.py REPORTS DATABASE`."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

from benchmarks.peers.httpx_sqlite3 import insert
from benchmarks.upstream.replies import PAGE_SIZE, followups, row


def main(count: int, path: Path) -> dict[str, int]:
    """Insert them all, a commit a page; how many rows there are then."""
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
    for first in range(0, count, PAGE_SIZE):
        numbers = range(first, min(first + PAGE_SIZE, count))
        rows = [row(number) for number in numbers]
        with database:
            insert(database, "report", [{**one, "raw": json.dumps(one)} for one in rows])
            insert(database, "followup", [{**item, "report_id": n} for n in numbers for item in followups(n)])
    (reports,) = database.execute("SELECT count(*) FROM report").fetchone()
    (items,) = database.execute("SELECT count(*) FROM followup").fetchone()
    return {"reports": reports, "items": items}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), Path(sys.argv[2]))))
