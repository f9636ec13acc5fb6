"""Runs of what has no wire: ours (`inside.py`) and dlt (`peers/dlt_rest.py inside`), fresh and over what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, text

from benchmarks import databases
from benchmarks.contenders import PEERS, mirrored
from benchmarks.form import Plan, Run
from benchmarks.processes import PEERS_PYTHON, PYTHON, ROOT, Void, run

INSIDE = ROOT / "benchmarks" / "inside.py"


def ours_fresh(plan: Plan, kind: str, count: int) -> Run:
    """Mirror into a fresh database."""
    with databases.fresh(kind, plan.folder) as url:
        return _whole(run([PYTHON, INSIDE, count, url], limit=plan.limit), mirrored(url), count)


def dlt_fresh(plan: Plan, count: int) -> Run:
    """dlt into a fresh folder."""
    with TemporaryDirectory(dir=plan.folder) as folder:
        done = run(_dlt(count, folder), limit=plan.limit)
        return _whole(done, dict(done.facts), count)


def _dlt(count: int, folder: str) -> list[object]:
    return [PEERS_PYTHON, PEERS / "dlt_rest.py", "inside", count, folder]


@contextmanager
def dlt_again(plan: Plan, count: int, limit: float) -> Iterator[Callable[[], Run]]:
    """A run of dlt over what an earlier one loaded."""
    with TemporaryDirectory(dir=plan.folder) as folder:
        run(_dlt(count, folder), limit=plan.limit)
        yield lambda: run(_dlt(count, folder), limit=limit)


class Mirrors:
    """Databases that hold so many reports, each made once, for runs that write nothing."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._urls: dict[tuple[str, int], str] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Mirrors:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def url(self, kind: str, count: int) -> str:
        """The mirror of so many reports."""
        if (kind, count) not in self._urls:
            url = self._stack.enter_context(databases.fresh(kind, self._plan.folder))
            _whole(run([PYTHON, INSIDE, count, url], limit=self._plan.limit), mirrored(url), count)
            if kind == "postgresql":
                analyze(url)
            self._urls[kind, count] = url
        return self._urls[kind, count]

    def again(self, kind: str, count: int) -> Run:
        """Mirror the same again. Raises Void if a row of the mirror or of the audit came or changed by it."""
        url = self.url(kind, count)
        before = state_of(url)
        done = run([PYTHON, INSIDE, count, url], limit=self._plan.limit)
        if state_of(url) != before:
            raise Void(f"something was written: {before}, then {state_of(url)}")
        return done


def state_of(url: str) -> tuple[object, ...]:
    """What any write to the mirror would change: the audit's head, the counts, and the latest times in its tables."""
    questions = (
        "SELECT max(seq) FROM audit",
        "SELECT count(*), max(read_at), max(thread_read_at) FROM report",
        "SELECT count(*), max(first_seen_at) FROM thread_item",
        "SELECT count(*), max(read_at) FROM raw_payload",
    )
    engine = create_engine(url)
    with engine.connect() as conn:
        found = tuple(tuple(conn.execute(text(question)).one()) for question in questions)
    engine.dispose()
    return found


def analyze(url: str) -> None:
    """Let PostgreSQL look at what it was given, as its autovacuum does within a minute."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def _whole(done: Run, counts: dict[str, float], count: int) -> Run:
    if not done.is_over and (counts.get("reports"), counts.get("items")) != (count, 2 * count):
        raise Void(f"mirrored {counts}, of {count} reports")
    return done
