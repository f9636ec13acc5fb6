"""dlt, what a data engineer would take, in its best documented setting: merge into SQLite.

`dlt_rest.py rest URL PAGE_SIZE FOLDER`: the `rest_api` source, parent and child resources, parallelized, 8 workers.
`dlt_rest.py inside REPORTS FOLDER`: pages of 100 with their threads inside, made on the spot: the store alone.

Run again with the same FOLDER it loads the same over what is there.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.upstream.replies import followups, row

WORKERS = 8
PAGE = 100


def rest(url: str, page_size: int) -> Any:
    """The two resources: the list, and the thread of each of its rows."""
    from dlt.sources.rest_api import rest_api_source

    paginator = {"type": "page_number", "base_page": 1, "page_param": "page", "total_path": "results.last_page"}
    return rest_api_source(
        {
            "client": {"base_url": url},
            "resource_defaults": {"primary_key": "id", "write_disposition": "merge", "parallelized": True},
            "resources": [
                {
                    "name": "report",
                    "endpoint": {
                        "path": "complaints",
                        "params": {"page_size": page_size},
                        "data_selector": "results.data",
                        "paginator": paginator,
                    },
                },
                {
                    "name": "followup",
                    "endpoint": {
                        "path": "complaints/{resources.report.id}/followups?page=1",
                        "data_selector": "results.data",
                        "paginator": "single_page",
                    },
                    "include_from_parent": ["id"],
                },
            ],
        }
    )


def inside(count: int) -> Any:
    """One resource whose rows hold their threads; dlt makes the child table itself."""
    import dlt

    @dlt.resource(name="report", primary_key="id", write_disposition="merge")
    def report() -> Iterator[list[dict[str, Any]]]:
        for first in range(0, count, PAGE):
            yield [{**row(n), "followup": followups(n)} for n in range(first, min(first + PAGE, count))]

    return report()


def main(source: Any, folder: Path) -> None:
    """Run the pipeline to its end."""
    import dlt

    destination = dlt.destinations.sqlalchemy(f"sqlite:///{folder / 'dlt.db'}")
    pipeline = dlt.pipeline(
        "lapor", destination=destination, dataset_name="main", pipelines_dir=str(folder / "pipelines")
    )
    pipeline.run(source).raise_on_failed_jobs()


def counted(folder: Path) -> dict[str, int]:
    """How many rows there are."""
    with sqlite3.connect(folder / "dlt.db") as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        child = "followup" if "followup" in names else "report__followup"
        (reports,) = database.execute("SELECT count(*) FROM report").fetchone()
        (items,) = database.execute(f"SELECT count(*) FROM {child}").fetchone()
    return {"reports": reports, "items": items}


if __name__ == "__main__":
    where = Path(sys.argv[-1])
    os.environ |= {"EXTRACT__WORKERS": str(WORKERS), "NORMALIZE__WORKERS": "1", "LOAD__WORKERS": str(WORKERS)}
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    main(rest(sys.argv[2], int(sys.argv[3])) if sys.argv[1] == "rest" else inside(int(sys.argv[2])), where)
    print(json.dumps(counted(where)))
