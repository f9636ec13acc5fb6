"""The one command: `python -m benchmarks [SUBJECT ...]`, which `make bench` calls. Slow by nature; see --help."""

from __future__ import annotations

import tempfile
import traceback
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import cast

import click

from benchmarks import machine, page
from benchmarks.form import SUBJECTS, Line, Plan, Point, Result, Subject


@click.command()
@click.argument("subjects", nargs=-1, metavar="[SUBJECT ...]")
@click.option("--runs", default=5, show_default=True, help="Rounds of each measurement; medians are told.")
@click.option("--database", "databases", multiple=True, type=click.Choice(["sqlite", "postgresql"]))
@click.option(
    "--scale", default=1.0, show_default=True, help="For a trial: all sizes times this; nothing is kept."
)
@click.option("--limit", default=900.0, show_default=True, help="Seconds after which a single run is stopped.")
@click.option("--dry", is_flag=True, help="Print only: docs/performance.* stay as they are.")
def main(
    subjects: tuple[str, ...], runs: int, databases: tuple[str, ...], scale: float, limit: float, dry: bool
) -> None:
    """Measure the SUBJECTs (default: all), print their tables and keep them in docs/performance.*"""
    unknown = set(subjects) - set(SUBJECTS)
    if unknown:
        raise click.UsageError(f"no such subject: {', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}")
    click.echo(machine.told())
    failed = []
    for name in subjects or SUBJECTS:
        try:
            measure(name, runs, databases or ("sqlite", "postgresql"), scale, limit, keep=not dry and scale == 1)
        except Exception:  # noqa: BLE001
            # The other subjects' hours are not to be lost with it; what is kept of it is its last whole run.
            traceback.print_exc()
            failed.append(name)
    if failed:
        raise click.ClickException(f"not measured: {', '.join(failed)}")


def measure(name: str, runs: int, databases: tuple[str, ...], scale: float, limit: float, *, keep: bool) -> None:
    """One subject, from its module to the document."""
    subject = cast(Subject, import_module(f"benchmarks.{name}"))
    click.echo(f"\n== {name}: {page.title_of(subject)}")
    began = datetime.now(UTC)
    found: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="lapor-bench-") as folder:
        plan = Plan(runs=runs, databases=databases, scale=scale, folder=Path(folder), limit=limit)
        for one in subject.lines(plan):
            found.append(one)
            if isinstance(one, Line):
                click.echo(f"  {' | '.join(page.cells(one))}")
    lines = [one for one in found if isinstance(one, Line)]
    points = [one for one in found if isinstance(one, Point)]
    seconds = (datetime.now(UTC) - began).total_seconds()
    click.echo(f"  ({seconds:.0f} s in all)")
    if keep:
        page.keep(name, page.title_of(subject), began, runs, lines, points)


if __name__ == "__main__":
    main()
