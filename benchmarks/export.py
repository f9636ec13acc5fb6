"""An export: the import of an admin's Excel file of 100,000 rows, against bare reading of its cells."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from openpyxl import Workbook
from sqlalchemy import create_engine, text

from benchmarks import databases
from benchmarks.contenders import OURS, PEERS
from benchmarks.form import Goal, Plan, Result, Run, compared
from benchmarks.processes import PYTHON, Void, in_turn, run
from benchmarks.upstream.replies import report
from connectors.admin_export.row import COLUMNS

ROWS = 100_000


def lines(plan: Plan) -> Iterator[Result]:
    """Each into a fresh database."""
    count, path = plan.size(ROWS), plan.folder / "export.xlsx"
    write(path, count)

    def ours(kind: str) -> Run:
        with databases.fresh(kind, plan.folder) as url:
            done = run(
                [*OURS, "--backfill", "--from-export", path],
                env={"LAPOR_SYNC_DATABASE_URL": url},
                limit=plan.limit,
            )
            engine = create_engine(url)
            with engine.connect() as conn:
                found = conn.execute(text("SELECT count(*) FROM report")).scalar_one()
            engine.dispose()
            if found != count:
                raise Void(f"{found} reports of {count} rows")
            return done

    bare = [PYTHON, PEERS / "bare_openpyxl.py", path]
    contenders = {f"ours, {kind}": partial(ours, kind) for kind in plan.databases}
    contenders["bare openpyxl"] = partial(run, bare, limit=plan.limit)
    done = in_turn(plan.runs, contenders)
    for kind in plan.databases:
        goal = Goal(sign="≤", bound=0.8)
        yield compared(
            f"{count:,} rows, {kind}", done[f"ours, {kind}"], done["bare openpyxl"], "bare openpyxl", goal
        )


def write(path: Path, count: int) -> None:
    """An export as the admin's pages give it."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Laporan")
    sheet.append(["Laporan Masuk"])
    sheet.append(list(COLUMNS.values()))
    for number in range(count):
        one = report(number)
        cells = {
            "tracking_id": one["tracking_id"],
            "day": f"{number % 28 + 1} Jan 2025",
            "clock": f"{number % 24:02}:{number % 60:02}",
            "reporter": one["reporter_name"],
            "classification": one["classification_name"],
            "category_id": one["category_id"],
            "category": one["category_name"],
            "title": one["title"],
            "content_first": one["content"],
            "content_last": one["content"],
            "channel": one["channel"],
            "disposition_id": one["disposition_id"],
            "disposition_name": one["disposition_name"],
            "status_name": one["status_name"],
            "district": one["location_name"],
            "village": one["location_name"],
        }
        sheet.append([cells.get(field) for field in COLUMNS])
    book.save(path)
