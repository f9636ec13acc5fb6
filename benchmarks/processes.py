"""Running contenders: each as a process of its own, with its own time, processor time and peak memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.form import Run

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv-server" / "bin" / "python"
"""Where there is what a server installs, and no tools: for ours, and for peers that need no more."""

PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
"""Where what is only a peer is installed."""


LAUNCH = ROOT / "benchmarks" / "launch.py"


class Void(Exception):
    """A contender failed, or did not do the work that it was measured at: its figure would mean nothing."""


def run(
    command: Sequence[object], *, env: Mapping[str, str] | None = None, limit: float, cwd: Path | None = None
) -> Run:
    """Run a command to its end, or to the limit. If its last line of output is a JSON object, that is its facts.

    Raises Void where it fails.
    """
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [PYTHON, "-I", "-S", str(LAUNCH), str(writing), *map(str, command)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        cwd=cwd or ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=(writing,),
        start_new_session=True,
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        try:
            out, errors = child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return Run(seconds=limit, is_over=True)
        used = json.loads(told.read())
    if used["exit_code"]:
        raise Void(f"{' '.join(map(str, command))}: exit code {used['exit_code']}\n{errors[-3000:]}")
    return Run(seconds=used["seconds"], cpu=used["cpu"], peak_mb=used["peak_mb"], facts=_facts(out))


def _facts(out: str) -> Mapping[str, float]:
    last = out.strip().rpartition("\n")[2]
    try:
        found = json.loads(last)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def in_turn(
    runs: int, contenders: Mapping[str, Callable[[], Run]], once: frozenset[str] = frozenset()
) -> dict[str, list[Run]]:
    """Rounds A B C, A B C, ...: what disturbs the machine disturbs all alike.

    Those in `once` run in the first only, and so does what failed (it has no runs then) or came to the limit.
    """
    done: dict[str, list[Run]] = {who: [] for who in contenders}
    over = set[str]()
    for number in range(runs):
        for who, contend in contenders.items():
            if who in over or (number and who in once):
                continue
            try:
                one = contend()
            except Void as failure:
                print(f"    {who}: FAILED: {failure}", flush=True)
                done[who].clear()
                over.add(who)
                continue
            done[who].append(one)
            if one.is_over:
                over.add(who)
            end = " (stopped at the limit)" if one.is_over else ""
            print(
                f"    {who}: {one.seconds:.2f} s, {one.cpu:.2f} s of processor, {one.peak_mb:.0f} MB{end}",
                flush=True,
            )
    return done
