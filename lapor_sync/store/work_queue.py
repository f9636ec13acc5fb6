"""The queue of many agencies' cycles, on PostgreSQL: which is due, who works it, what the gateway may be asked.

It lies in a schema of its own, made when the first worker starts: a city that is worked alone has none of it. The tables
of jobs are Procrastinate's, brought by its own migrations in their order. Times are the server's, so that the clocks of
many machines need not agree. Where the database does not answer, each function raises StoreUnavailable.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from lapor_sync.domain.advice import Advice, Todo, advise
from lapor_sync.domain.errors import SettingsWrong, StoreUnavailable
from lapor_sync.store.keys import MIGRATION

SCHEMA = "lapor_queue"
"""The schema of the queue; whoever works on it has it first in its search path."""

_JOBS_UP_TO = "03.04.00_50_post_add_retry_failed_job_procedure.sql"
"""The last of Procrastinate's migrations that this program knows."""

_OURS = f"""
CREATE TABLE IF NOT EXISTS {SCHEMA}.agency (
  agency text PRIMARY KEY, ref_prefix text, seen_at timestamptz NOT NULL, wrong text,
  next_poll_at timestamptz NOT NULL DEFAULT now(), failures integer NOT NULL DEFAULT 0,
  began_at timestamptz, worker text, woken text, host text, host_seen_at timestamptz);
CREATE TABLE IF NOT EXISTS {SCHEMA}.gateway (address text PRIMARY KEY, next_at timestamptz NOT NULL)
"""

KNOWN_SECONDS = 20
"""So long after a worker last found its file an agency is still polled."""

SEEN_SECONDS = 7
"""So long it is not noted again that a file was found: every worker finds each of hundreds every few seconds."""


@dataclass(frozen=True, kw_only=True)
class Due:
    """An agency that is to be polled. `host`: the only one that can; `is_new`: no cycle of it ever went through."""

    agency: str
    host: str | None
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class Queued:
    """How an agency waits. `state`: `waiting` for a worker or `working`, None until the next poll is due."""

    state: str | None
    next_poll_at: datetime
    failures: int
    wrong: str | None


def need_server(engine: Engine) -> None:
    """Raise SettingsWrong on SQLite: many machines cannot share a file."""
    if engine.dialect.name != "postgresql":
        raise SettingsWrong(
            ("the database is a SQLite file, which one machine has alone; workers need PostgreSQL",)
        )


def hold_nobody_up(engine: Engine) -> None:
    """Let the server end a session of this engine's that is silent in mid-transaction: a worker that was frozen there
    would hold the agency's turn, and people's acts would wait for it."""

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _record: object) -> None:
        connection.execute("SET idle_in_transaction_session_timeout = '20s'")
        connection.commit()


@contextmanager
def _asking(
    engine: Engine, what: str = "The workers' queue cannot be asked.", todo: Advice | None = None
) -> Iterator[Connection]:
    """A transaction. Raises StoreUnavailable, which says `what`, where the database does not do it."""
    try:
        with engine.begin() as conn:
            yield conn
    except SQLAlchemyError as exc:
        raise StoreUnavailable(what, todo=todo) from exc


def install(engine: Engine) -> None:
    """Make the queue's tables, or bring them to this program's. Raises StoreUnavailable.

    Each migration is a transaction: before PostgreSQL 17 none may use what it adds to a type. One that is killed
    between two of them is gone on from.
    """
    todo = advise(Todo.LET_MAKE_QUEUE)
    is_whole = False
    while not is_whole:
        with _asking(engine, "The workers' queue cannot be made in the database.", todo) as conn:
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION})
            is_whole = _install_next(conn)


def _install_next(conn: Connection) -> bool:
    """Bring the next of Procrastinate's migrations; whether there was none any more: then ours are made."""
    applied = _applied(conn)
    if applied is None:
        conn.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    files = resources.files("procrastinate.sql").joinpath("migrations").iterdir()
    missing = (one for one in files if (applied or "") < one.name <= _JOBS_UP_TO and one.name[0].isdigit())
    following = min(missing, key=lambda one: one.name, default=None)
    if following is None:
        for one in _OURS.split(";"):
            conn.execute(text(one))
        return True
    conn.execute(text(f"SET LOCAL search_path = {SCHEMA}"))
    conn.exec_driver_sql(following.read_text(encoding="utf-8").replace("%", "%%"), ())
    conn.execute(text(f"COMMENT ON SCHEMA {SCHEMA} IS '{following.name}'"))
    return False


def _applied(conn: Connection) -> str | None:
    """The last of Procrastinate's migrations that was applied; None where there is no queue."""
    found: str | None = conn.execute(
        text("SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = :name"),
        {"name": SCHEMA},
    ).scalar()
    return found


def is_there(conn: Connection) -> bool:
    """Return whether workers have ever been at work on this database: all of the queue's tables are there."""
    return conn.dialect.name == "postgresql" and bool(
        conn.execute(text(f"SELECT to_regclass('{SCHEMA}.gateway') IS NOT NULL")).scalar_one()
    )


def has_workers(engine: Engine) -> bool:
    """As `is_there`. Raises StoreUnavailable where the database cannot be asked."""
    with _asking(engine, "The database cannot be asked whether workers are at work.") as conn:
        return is_there(conn)


# Agencies.


def enrol(
    engine: Engine,
    prefixes: Mapping[str, str],
    wrong: Mapping[str, str],
    host: str,
    *,
    here: Collection[str] = (),
) -> None:
    """Note that the files of these agencies were found: with their mark, or with what is wrong.

    `here` are those whose folder of exports is on this host: while it lives they are worked on it alone.
    """
    keys = sorted({*prefixes, *wrong})
    if keys:
        with _asking(engine) as conn:
            said = {"prefixes": [prefixes.get(key) for key in keys], "wrong": [wrong.get(key) for key in keys]}
            conn.execute(text(_ENROL), {"agencies": keys, **said})
            if here:
                conn.execute(text(_HERE), {"host": host, "here": sorted(here)})


_ENROL = f"""
INSERT INTO {SCHEMA}.agency AS known (agency, ref_prefix, wrong, seen_at)
SELECT *, now() FROM unnest(CAST(:agencies AS text[]), CAST(:prefixes AS text[]), CAST(:wrong AS text[])) ORDER BY 1
ON CONFLICT (agency) DO UPDATE SET seen_at = now(), wrong = excluded.wrong,
  ref_prefix = coalesce(excluded.ref_prefix, known.ref_prefix)
WHERE known.seen_at < now() - interval '{SEEN_SECONDS} seconds' OR known.wrong IS DISTINCT FROM excluded.wrong
  OR known.ref_prefix IS DISTINCT FROM coalesce(excluded.ref_prefix, known.ref_prefix)
"""


_LIVES = f"host_seen_at > now() - interval '{KNOWN_SECONDS} seconds'"
_HERE = f"""
UPDATE {SCHEMA}.agency SET host = :host, host_seen_at = now()
WHERE agency = ANY(:here) AND (host IS NULL OR host = :host OR NOT {_LIVES})
"""


def forget(conn: Connection, agency: str) -> None:
    """Forget an agency that left; its mark is free again."""
    if is_there(conn):
        conn.execute(text(f"DELETE FROM {SCHEMA}.agency WHERE agency = :agency"), {"agency": agency})


def prefixes(engine: Engine) -> dict[str, str]:
    """Return the mark of each agency as workers have found it."""
    with _asking(engine) as conn:
        if not is_there(conn):
            return {}
        rows = conn.execute(text(f"SELECT agency, ref_prefix FROM {SCHEMA}.agency WHERE ref_prefix IS NOT NULL"))
        return {row.agency: row.ref_prefix for row in rows}


def due(engine: Engine) -> list[Due]:
    """Return the agencies that are to be polled now and are in no job yet, the longest due first.

    A person who lets something go makes an agency due.
    """
    with _asking(engine) as conn:
        return [Due(agency=row.agency, host=row.host, is_new=row.is_new) for row in conn.execute(text(_DUE))]


_IS_KNOWN = f"one.wrong IS NULL AND one.seen_at > now() - interval '{KNOWN_SECONDS} seconds'"
_DUE = f"""
SELECT one.agency, CASE WHEN {_LIVES} THEN one.host END AS host,
  NOT EXISTS (SELECT FROM mark WHERE mark.agency = one.agency AND mark.name = 'last_success_at') AS is_new
FROM {SCHEMA}.agency one
LEFT JOIN mark ON mark.agency = one.agency AND mark.name = 'wake'
WHERE {_IS_KNOWN}
  AND (one.next_poll_at <= now() OR (mark.value IS DISTINCT FROM one.woken AND mark.value IS NOT NULL))
  AND NOT EXISTS (SELECT FROM {SCHEMA}.procrastinate_jobs job
                  WHERE job.lock = one.agency AND job.status IN ('todo', 'doing'))
ORDER BY one.next_poll_at
"""


def call_off_forsaken(engine: Engine, queue_of: str) -> None:
    """Take back the jobs that wait for a host that lives no more; `queue_of` begins the names of hosts' queues."""
    with _asking(engine) as conn:
        conn.execute(text(f"SET LOCAL search_path = {SCHEMA}"))  # the library's triggers name its tables alone
        conn.execute(text(_FORSAKEN), {"begin": f"{queue_of}%"})


_FORSAKEN = f"""
DELETE FROM {SCHEMA}.procrastinate_jobs job USING {SCHEMA}.agency one
WHERE job.status = 'todo' AND job.queue_name LIKE :begin AND one.agency = job.lock
  AND (one.host_seen_at IS NULL OR NOT {_LIVES})
"""


def left_open(engine: Engine) -> list[int]:
    """Return the jobs that were worked and never finished: the connection was lost right then. Their worker lives."""
    with _asking(engine) as conn:
        return [int(row.id) for row in conn.execute(text(_LEFT_OPEN))]


_LEFT_OPEN = f"""
SELECT job.id FROM {SCHEMA}.procrastinate_jobs job JOIN {SCHEMA}.agency one ON one.agency = job.lock
WHERE job.status = 'doing' AND one.worker IS NULL
  AND (SELECT max(at) FROM {SCHEMA}.procrastinate_events begun
       WHERE begun.job_id = job.id AND begun.type = 'started') < now() - interval '10 seconds'
"""


def begun(engine: Engine, agency: str, worker: str) -> int:
    """Note who works an agency from now on. Return how often in a row it failed before."""
    with _asking(engine) as conn:
        found = conn.execute(text(_BEGUN), {"agency": agency, "worker": worker}).scalar()
        return int(found or 0)


_BEGUN = f"""
UPDATE {SCHEMA}.agency SET began_at = now(), worker = :worker,
  woken = (SELECT value FROM mark WHERE mark.agency = :agency AND mark.name = 'wake')
WHERE agency = :agency RETURNING failures
"""


def ended(engine: Engine, agency: str, *, failures: int, wait: float, from_begin: bool) -> None:
    """Note when an agency is polled next: so long after its cycle began, or after now."""
    since = "coalesce(began_at, now())" if from_begin else "now()"
    update = f"""
      UPDATE {SCHEMA}.agency SET failures = :failures, worker = NULL,
        next_poll_at = {since} + make_interval(secs => :wait)
      WHERE agency = :agency"""
    with _asking(engine) as conn:
        conn.execute(text(update), {"agency": agency, "failures": failures, "wait": wait})


def look(engine: Engine) -> dict[str, Queued]:
    """Return how each agency waits; nothing where no workers were ever at work."""
    with _asking(engine) as conn:
        if not is_there(conn):
            return {}
        return {
            row.agency: Queued(
                state={"todo": "waiting", "doing": "working"}.get(row.status),
                next_poll_at=row.next_poll_at,
                failures=row.failures,
                wrong=row.wrong,
            )
            for row in conn.execute(text(_LOOK))
        }


_LOOK = f"""
SELECT one.*, (SELECT max(job.status::text) FROM {SCHEMA}.procrastinate_jobs job
  WHERE job.lock = one.agency AND job.status IN ('todo', 'doing')) AS status
FROM {SCHEMA}.agency one
"""


# The gateway.


def take_places(engine: Engine, address: str, rate: float, count: int, *, only_if_idle: bool) -> tuple[int, float]:
    """Take places in the line before a gateway: how many, and in how many seconds the first one is due.

    They lie evenly, `rate` of them in a second, over all workers. `only_if_idle` takes none while others wait.
    """
    with _asking(engine, "The database cannot be asked for a place before the gateway.") as conn:
        conn.execute(text(_ADDRESS), {"address": address})
        values = {"address": address, "span": count / rate, "idle": only_if_idle}
        row = conn.execute(text(_TAKE), values).first()
        return (0, 0.0) if row is None else (count, max(float(row.wait), 0.0))


_ADDRESS = f"""
INSERT INTO {SCHEMA}.gateway (address, next_at) VALUES (:address, '-infinity') ON CONFLICT (address) DO NOTHING
"""
_TAKE = f"""
UPDATE {SCHEMA}.gateway SET next_at = greatest(next_at, clock_timestamp()) + make_interval(secs => :span)
WHERE address = :address AND (NOT :idle OR next_at <= clock_timestamp())
RETURNING extract(epoch FROM next_at - clock_timestamp()) - :span AS wait
"""


def pause(engine: Engine, address: str, seconds: float) -> None:
    """Let nobody ask this gateway for so long: it said so."""
    with _asking(engine) as conn:
        conn.execute(text(_PAUSE), {"address": address, "seconds": seconds})


_PAUSE = f"""
INSERT INTO {SCHEMA}.gateway AS known (address, next_at)
VALUES (:address, clock_timestamp() + make_interval(secs => :seconds))
ON CONFLICT (address) DO UPDATE SET next_at = greatest(known.next_at, excluded.next_at)
"""
