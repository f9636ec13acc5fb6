"""Who runs: the product's own command, and the peers, each checked for having done the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, text

from benchmarks import databases
from benchmarks.form import Plan, Run
from benchmarks.processes import PEERS_PYTHON, PYTHON, ROOT, Void, run
from benchmarks.upstream.replies import World
from benchmarks.upstream.serving import Upstream, Upstreams

PEERS = ROOT / "benchmarks" / "peers"
OURS = (PYTHON, "-m", "lapor_sync")
CONCURRENCY = 8

Command = Callable[[Upstream, Path], tuple[object, ...]]
"""What to run against an upstream, with a fresh folder of its own."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where contenders meet: one world of the upstream, at one latency."""

    plan: Plan
    upstreams: Upstreams
    world: World
    latency_ms: float

    def ours(self, kind: str) -> Run:
        """`lapor-sync --backfill` into a fresh database."""
        with ExitStack() as stack:
            url = stack.enter_context(databases.fresh(kind, self.plan.folder))
            with self.upstreams.serving(self.world, self.latency_ms) as upstream:
                done = run([*OURS, "--backfill"], env=upstream.env(url), limit=self.plan.limit)
            return self.checked(done, mirrored(url), upstream)

    def peer(self, command: Command) -> Run:
        """A peer in a fresh folder. It counts what it has in the end, and prints that."""
        with TemporaryDirectory(dir=self.plan.folder) as folder:
            with self.upstreams.serving(self.world, self.latency_ms) as upstream:
                done = run(command(upstream, Path(folder)), limit=self.plan.limit)
            return self.checked(done, done.facts, upstream)

    def checked(self, done: Run, counts: Mapping[str, float], upstream: Upstream) -> Run:
        """The run with what upstream saw of it. Raises Void where the counts are not the upstream's."""
        wanted = {"reports": self.world.reports, "items": 2 * self.world.reports}
        if not done.is_over and {name: counts.get(name) for name in wanted} != wanted:
            raise Void(f"mirrored {dict(counts)}, upstream has {wanted}")
        return replace(done, facts={**counts, **upstream.did})


def mirrored(url: str) -> dict[str, float]:
    """How many reports and follow-ups our database holds."""
    engine = create_engine(url)
    with engine.connect() as conn:
        tables = {"reports": "report", "items": "thread_item"}
        found = {
            name: conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for name, table in tables.items()
        }
    engine.dispose()
    return found


def bare(upstream: Upstream, _folder: Path) -> tuple[object, ...]:
    """The same requests, nothing stored."""
    return (PYTHON, PEERS / "bare_httpx.py", upstream.url, 100, CONCURRENCY)


def bare_with_detail(upstream: Upstream, folder: Path) -> tuple[object, ...]:
    """The same with the detail of each report."""
    return (*bare(upstream, folder), "detail")


def bare_and_insert(upstream: Upstream, folder: Path) -> tuple[object, ...]:
    """Bare httpx, and a bare sqlite3 insert."""
    return (PYTHON, PEERS / "httpx_sqlite3.py", upstream.url, 100, folder / "bare.db")


def plain_script(upstream: Upstream, folder: Path) -> tuple[object, ...]:
    """One request after another, ORM merge."""
    return (PYTHON, PEERS / "plain_script.py", upstream.url, 100, f"sqlite:///{folder / 'plain.db'}")


def dlt_rest(upstream: Upstream, folder: Path) -> tuple[object, ...]:
    """dlt's rest_api source."""
    return (PEERS_PYTHON, PEERS / "dlt_rest.py", "rest", upstream.url, 100, folder)
