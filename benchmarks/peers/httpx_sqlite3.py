"""Bare httpx with the same requests, and a bare `sqlite3` insert of the same rows.

`httpx_sqlite3.py URL PAGE_SIZE DATABASE`.

Every field in a column, the follow-ups in a table of their own, the raw row beside it; one commit a page; no
comparing, no colours, no audit. As durable as ours: WAL and synchronous=FULL.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx

Json = dict[str, Any]
CONCURRENCY = 8


def main(url: str, page_size: int, path: str) -> dict[str, int]:
    """Mirror everything; how many rows there are then."""
    # One for the lister, as in `bare_httpx.py`.
    client = httpx.Client(limits=httpx.Limits(max_connections=CONCURRENCY + 1))
    database = sqlite3.connect(path)
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")

    def get(path: str) -> Any:
        return client.get(url + path).raise_for_status().json()["results"]

    def page(number: int) -> Any:
        return get(f"/complaints?page={number}&page_size={page_size}")

    def thread(report_id: int) -> list[Json]:
        rows: list[Json] = get(f"/complaints/{report_id}/followups?page=1")["data"]
        return rows

    with client, ThreadPoolExecutor(CONCURRENCY) as pool, ThreadPoolExecutor(1) as lister:
        number, pending = 1, deque[tuple[list[Json], list[Future[list[Json]]]]]()
        coming: Future[Any] | None = lister.submit(page, 1)
        while coming is not None:
            found = coming.result()
            number += 1
            coming = lister.submit(page, number) if found["next_page_url"] else None
            pending.append((found["data"], [pool.submit(thread, row["id"]) for row in found["data"]]))
            if len(pending) > 3:
                store(database, *pending.popleft())
        while pending:
            store(database, *pending.popleft())
    (reports,) = database.execute("SELECT count(*) FROM report").fetchone()
    (items,) = database.execute("SELECT count(*) FROM followup").fetchone()
    return {"reports": reports, "items": items}


def store(database: sqlite3.Connection, rows: list[Json], threads: list[Future[list[Json]]]) -> None:
    """One page in one transaction; the tables are made of the first one's fields."""
    items = [
        {**item, "report_id": row["id"]} for row, one in zip(rows, threads, strict=True) for item in one.result()
    ]
    with database:
        insert(database, "report", [{**row, "raw": json.dumps(row)} for row in rows])
        insert(database, "followup", items)


def insert(database: sqlite3.Connection, table: str, rows: list[Json]) -> None:
    """Insert rows of equal fields; what is no plain value as JSON."""
    names = list(rows[0])
    database.execute(
        f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, {', '.join(n for n in names if n != 'id')})"
    )
    values = [[json.dumps(v) if isinstance(v, list | dict) else v for v in row.values()] for row in rows]
    database.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", values
    )


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
