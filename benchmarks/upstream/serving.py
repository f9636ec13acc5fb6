"""Starting the compiled server over a world, and asking it at the end what it did."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.upstream.replies import World, write

SOURCE = Path(__file__).parent / "server.c"


@dataclass
class Upstream:
    """A running server. `did` is filled in when it has ended: requests, writes, processor seconds."""

    url: str
    did: dict[str, float] = field(default_factory=dict)

    def env(self, database_url: str) -> Mapping[str, str]:
        """The settings of a city that works against it, at full speed."""
        named = {
            "UPSTREAM_URL": self.url,
            "BEARER": "benchmark",
            "TOKEN": "{00000000-0000-0000-0000-000000000000}",
            "DATABASE_URL": database_url,
            "INSTITUTION_ID": "601",
            "USER_ID": "1",
            "OPD_IDS": "611,612,613",
            "CONCURRENCY": "8",
            "RATE_PER_SECOND": "0",
        }
        return {f"LAPOR_SYNC_{name}": value for name, value in named.items()}


class Upstreams:
    """Compiles the server once, and makes each world's replies once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = compiled(folder)
        self._made: dict[World, Path] = {}

    def replies(self, world: World) -> Path:
        """The file of this world's replies."""
        if world not in self._made:
            path = self._folder / f"replies-{len(self._made)}.bin"
            write(path, world)
            self._made[world] = path
        return self._made[world]

    def drop(self, world: World) -> None:
        """Give back the file of a world that is no longer needed."""
        self._made.pop(world).unlink()

    @contextmanager
    def serving(self, world: World, latency_ms: float) -> Iterator[Upstream]:
        """The world on loopback, every reply `latency_ms` after its request."""
        command = [str(self._program), str(self.replies(world)), str(latency_ms)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        upstream = Upstream(url=f"http://127.0.0.1:{process.stdout.readline().strip()}")
        try:
            yield upstream
        finally:
            process.terminate()
            upstream.did.update(json.loads(process.stdout.read()))
            process.wait()


def compiled(folder: Path) -> Path:
    """The server, compiled. Raises FileNotFoundError where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("no C compiler (cc); Debian and Ubuntu: apt-get install gcc libc6-dev")
    program = folder / "server"
    subprocess.run([compiler, "-O2", "-Wall", "-o", program, SOURCE], check=True)
    return program
