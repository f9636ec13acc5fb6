"""The real program as processes: pipes, bytes that are no text, signals, what it loads."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from connectors.simulator import Options, Simulator
from tests.system.cli_runner import city

PROGRAM = str(Path(sys.executable).parent / "lapor-sync")
HEAVY = ("rich", "httpx", "holidays", "alembic", "structlog", "openpyxl", "psycopg", "lapor_sync.sync")


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment of a city whose reports are mirrored."""
    with Simulator(Options(seed=3, reports=300)) as simulator:
        cli = city(simulator, tmp_path_factory.mktemp("city") / "city.db")
        assert cli("--once").code == 0
        yield {**os.environ, **cli.env}


def shell(env: Mapping[str, str], line: str) -> subprocess.CompletedProcess[str]:
    """A line of bash, `lapor-sync` in it being ours; the exit code is the first failing command's."""
    script = f'set -o pipefail; lapor-sync() {{ "{PROGRAM}" "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", script], env=dict(env), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", ["reports --json", "reports", "reports --csv", "audit export"])
def test_a_reader_that_has_enough(env, command):
    """`| head -1` ends it quietly with exit code 0."""
    ran = shell(env, f"lapor-sync {command} | head -1")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(ran.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("gone", "commands"),
    [
        ("2>&-", {"--once": 0, "show 1": 2, "no-such-command": 2, "status": 0}),
        ("2>/dev/full", {"--once": 0, "show 1": 2}),
        ("2> >(exit 0)", {"--once": 0, "no-such-command": 2}),
        ("<&- 2>&-", {"--once": 0, "show 1": 2}),
    ],
)
def test_nobody_who_reads_standard_error(env, gone, commands):
    """What is said there is dropped; work is done, and the exit code is that of the work."""
    codes = shell(env, "; ".join(f"lapor-sync {command} > /dev/null {gone}; echo $?" for command in commands))
    assert (codes.stdout.split(), codes.stderr) == ([str(code) for code in commands.values()], "")


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&1"])
def test_a_closed_standard_output(env, closed):
    """An answer that can go nowhere is not given, and nothing of it is written into the database."""
    ran = shell(env, f"lapor-sync reports {closed}")
    assert ran.returncode == 1
    assert shell(env, "lapor-sync audit verify").returncode == 0


def test_help_whose_reader_has_enough(env):
    """The first line of the help is no failure."""
    assert shell(env, "lapor-sync --help | head -0").returncode == 0


def test_standard_output_on_a_full_disk(env):
    """What cannot be written is told, exit code 1, without a traceback."""
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    ran = shell(env, "lapor-sync reports > /dev/full")
    assert ran.returncode == 1
    assert "No space left" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


@pytest.mark.parametrize("line", [r"lapor-sync show $'\xff\xfe'", r"lapor-sync respond 1 --text $'\xe9'"])
def test_arguments_that_are_no_text(env, line):
    """Bytes that are no UTF-8 are wrong use."""
    ran = shell(env, line)
    assert ran.returncode == 2
    assert "is not UTF-8 text" in ran.stderr


def test_a_terminal_without_our_letters(env):
    """A report can be shown in any locale."""
    ran = shell(env, "PYTHONIOENCODING=ascii lapor-sync reports")
    assert ran.returncode == 0, ran.stderr


def test_looking_loads_no_machinery(env):
    """`status --json` starts quickly: it loads neither the work's modules nor their libraries."""
    code = (
        "import sys; sys.argv = ['lapor-sync', 'status', '--json']\n"
        "from lapor_sync.cli import run\n"
        "code = run()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=dict(env), capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.splitlines()[-1] == "[] 0"


def test_completion_answers_the_shell(env):
    """The Tab key brings the commands that begin with what was typed."""
    ran = shell(
        {**env, "_LAPOR_SYNC_COMPLETE": "bash_complete", "COMP_WORDS": "lapor-sync sta", "COMP_CWORD": "1"},
        "lapor-sync",
    )
    assert ran.stdout == "plain,status\n"


def test_the_stand_in_ends_on_ctrl_c(env):
    """The stand-in as a process: its lines can be used by a shell, check is content with it, Ctrl-C ends it."""
    process = subprocess.Popen(
        [PROGRAM, "simulator", "--port", "0", "--reports", "5"],
        env=dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process:
        lines = [process.stdout.readline() for _ in range(4)]
        assert re.match(r"export LAPOR_SYNC_UPSTREAM_URL=http://127\.0\.0\.1:\d+/lapor/3\.0\.0$", lines[0])
        ran = shell(env, "; ".join(map(str.strip, lines)) + "; lapor-sync check")
        assert ran.returncode == 0, ran.stdout
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_the_daemon_ends_on_sigterm(env, tmp_path):
    """The daemon as a process: it works, and SIGTERM ends it with exit code 0."""
    database = f"sqlite:///{tmp_path}/daemon.db"
    process = subprocess.Popen(
        [PROGRAM], env={**env, "LAPOR_SYNC_DATABASE_URL": database}, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    with process:
        for line in process.stderr:
            if '"cycle_done"' in line:
                break
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(10) == 0
