"""The same posts and re-reads by a bare client: `bare_delivery.py URL CONCURRENCY WAY ID ...`, the ids, in order.

For each response the detail and the thread before it, one post, the detail and the thread after it; the responses of one
report one after another. WAY `own`: what decides about a write, and the write, go over connections of their own, as ours
do; `shared`: all goes over connections that are kept.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import httpx


def main(url: str, concurrency: int, way: str, report_ids: list[str]) -> dict[str, int]:
    """Deliver a response for each id; how many there were."""
    limits = httpx.Limits(max_connections=concurrency)
    fresh = httpx.Limits(max_connections=concurrency, max_keepalive_connections=0) if way == "own" else limits
    with httpx.Client(base_url=url, limits=limits) as reader, httpx.Client(base_url=url, limits=fresh) as writer:

        def read(client: httpx.Client, report_id: str) -> None:
            client.get(f"/complaints/{report_id}/complaint").raise_for_status().json()
            client.get(f"/complaints/{report_id}/followups", params={"page": 1}).raise_for_status().json()

        def deliver(report_id: str, count: int) -> int:
            for number in range(count):
                read(writer, report_id)
                fields = {
                    "user_id": "1",
                    "institution_from_id": "611",
                    "institution_to_id": "601",
                    "complaint_id": report_id,
                    "info_disposition": "",
                    "template_code": "reply",
                    "rating": "0",
                    "is_secret": "0",
                    "content": f"Sudah ditangani, tahap {number}.",
                }
                parts = {name: (None, value) for name, value in fields.items()}
                writer.post("/complaints/followup/add", files=parts).raise_for_status().json()
                read(reader, report_id)
            return count

        counts = [(report_id, len(list(same))) for report_id, same in groupby(report_ids)]
        with ThreadPoolExecutor(concurrency) as pool:
            return {"delivered": sum(pool.map(lambda pair: deliver(*pair), counts))}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:])))
