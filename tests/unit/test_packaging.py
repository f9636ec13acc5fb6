"""The static parts of the installation: units that systemd takes and that expose little, man pages of every command."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import click
import pytest

from lapor_sync.cli import main_group
from tests.commands import every_command

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
SCRIPTS = sorted((ROOT / "deploy" / "debian").glob("p*inst")) + sorted((ROOT / "deploy" / "debian").glob("p*rm"))
MOST_EXPOSED = 1.5

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


@pytest.fixture(scope="module")
def man() -> Mapping[str, str]:
    """The man pages by name, as the package has them."""
    spec = spec_from_file_location("manpages", ROOT / "deploy" / "debian" / "manpages.py")
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return dict(made.pages(main_group, "lapor-sync"))


def test_every_command_has_a_page_that_names_its_options(man: Mapping[str, str]) -> None:
    found = {"-".join(("lapor-sync", *path)): command for path, command in every_command()}
    assert set(man) == set(found)
    for name, command in found.items():
        page = man[name].replace("\\-", "-")
        for param in command.params:
            for flag in param.opts if isinstance(param, click.Option) and not param.hidden else ():
                assert flag in page, f"{flag} of {name}"


def test_the_pages_are_whole(man: Mapping[str, str], tmp_path: Path) -> None:
    """By man itself, where it is there: no request that it does not know, and the words that were meant."""
    for name, page in man.items():
        assert page.startswith(".TH ")
        assert re.search(
            rf"^\.SH NAME\n{re.escape(name).replace('-', '-')}", page.replace("\\-", "-"), re.MULTILINE
        )
    if shutil.which("groff") is None:
        return
    every = tmp_path / "all.1"
    every.write_text("".join(man.values()), encoding="utf-8")
    ran = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-Kutf8", "-z", every], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_exposes_little(unit: Path) -> None:
    command = [
        "systemd-analyze",
        "security",
        "--offline=yes",
        "--no-pager",
        f"--threshold={MOST_EXPOSED * 10:.0f}",
    ]
    ran = subprocess.run([*command, unit], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-200:]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_bounds_its_memory_and_leaves_no_dump_of_it(unit: Path) -> None:
    """What a body or a workbook takes is bounded within; this is the last bound. A dump would hold personal data."""
    said = unit.read_text().splitlines()
    assert {"MemoryMax=1G", "LimitCORE=0"} <= set(said)


@pytest.mark.parametrize("name", ["lapor-sync.service", "lapor-sync-worker@.service"])
def test_a_picture_that_takes_all_memory_ends_alone(name: str) -> None:
    """By itself systemd ends a whole unit of which the kernel killed one process: the same picture would do it again."""
    assert "OOMPolicy=continue" in (ROOT / "deploy" / "systemd" / name).read_text().splitlines()


@needs_systemd
def test_the_units_are_ones_that_systemd_takes(tmp_path: Path) -> None:
    """With a program in the place of ours, which is not installed here."""
    for unit in (*UNITS, *(ROOT / "deploy" / "systemd").glob("*.timer")):
        text = unit.read_text().replace("/opt/lapor-sync/venv/bin/lapor-sync", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    units = sorted(tmp_path.iterdir())
    ran = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    ours = [line for line in ran.stderr.splitlines() if "lapor-sync" in line and "postgresql" not in line]
    assert ours == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_of_the_package_can_be_read(script: Path) -> None:
    ran = subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_there_is_a_script_for_each_step_of_the_package() -> None:
    assert {one.name for one in SCRIPTS} == {"preinst", "postinst", "prerm", "postrm"}
