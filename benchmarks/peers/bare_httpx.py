"""The limit: the same requests by a bare client with the same concurrency, nothing stored.

`bare_httpx.py URL PAGE_SIZE CONCURRENCY [detail]`: every list page in order (each names the next one), the thread of
each report of it, and its detail where asked for. JSON is decoded, no more. Threads of the synchronous client: the
same on an event loop took 1.9 times the processor time.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx


def main(url: str, page_size: int, concurrency: int, *, with_detail: bool) -> dict[str, int]:
    """Read everything; how much it was. The next list page is fetched while the threads of this one are."""
    reports = items = 0
    # One for the lister: where threads wait for a connection of the pool, it was seen to hand out a closed one.
    client = httpx.Client(limits=httpx.Limits(max_connections=concurrency + 1))

    def get(path: str) -> Any:
        return client.get(url + path).raise_for_status().json()["results"]

    def one(report_id: int) -> int:
        if with_detail:
            get(f"/complaints/{report_id}/complaint")
        return len(get(f"/complaints/{report_id}/followups?page=1")["data"])

    with client, ThreadPoolExecutor(concurrency) as pool, ThreadPoolExecutor(1) as lister:
        page, running = 1, deque[Future[int]]()
        coming: Future[Any] | None = lister.submit(get, f"/complaints?page=1&page_size={page_size}")
        while coming is not None:
            found = coming.result()
            page += 1
            more = found["next_page_url"] is not None
            coming = lister.submit(get, f"/complaints?page={page}&page_size={page_size}") if more else None
            reports += len(found["data"])
            running.extend(pool.submit(one, row["id"]) for row in found["data"])
            while len(running) > 3 * page_size:
                items += running.popleft().result()
        items += sum(one.result() for one in running)
    return {"reports": reports, "items": items}


if __name__ == "__main__":
    base, size, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps(main(base, size, at_once, with_detail="detail" in sys.argv[4:])))
