"""Below the faces are codes and facts: what to do, in which page, by which command, is said in `words` alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lapor_sync.config import Settings
from lapor_sync.config.values import PREFIX
from lapor_sync.web import pages
from tests.commands import every_command

ROOT = Path(__file__).parents[2]
FACES = {
    "cli.py",
    "commands",
    "screens",
    "check",
    "web",
    "monitoring",
    "words",
    "demo.py",
    "output.py",
    "layout.py",
}
"""These speak; `config` is exempt too, for it is where the settings have their names."""

BELOW = sorted(
    path
    for package in ("lapor_sync", "connectors")
    for path in (ROOT / package).rglob("*.py")
    if path.relative_to(ROOT / package).parts[0] not in FACES | {"config", "__main__.py"}
)


def forbidden() -> re.Pattern[str]:
    commands = {path[-1] for path, _ in every_command() if path}
    options = {
        one
        for _, command in every_command()
        for param in command.params
        for one in param.opts
        if one.startswith("--")
    }
    settings = {name.upper() for name in Settings.model_fields if "_" in name}
    words = [
        rf"lapor-sync (?:--|{'|'.join(sorted(commands))}\b)",
        rf"(?<![\w-])(?:{'|'.join(sorted(options))})\b",
        rf"{PREFIX}|\b(?:{'|'.join(sorted(settings))})\b",
        rf"(?<![/\w])/(?:{'|'.join(sorted(addresses()))})\b",
    ]
    return re.compile("|".join(words))


def addresses() -> Iterator[str]:
    """Yield the first part of each page's address."""
    for path in Path(pages.__file__).parent.glob("*.py"):
        for found in re.finditer(r'\.(?:get|post|route|add_url_rule)\("/([a-z]+)', path.read_text()):
            yield found[1]


FORBIDDEN = forbidden()


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """Each module below the faces, read."""
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in BELOW}


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module, but for what only its reader sees: docstrings, and the names in `__all__`."""
    passed_over = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        for part in ([node.value] if isinstance(node, ast.Expr) else ast.walk(node))
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed_over:
            yield node.lineno, node.value


def test_no_command_option_setting_or_page_is_named(trees: dict[str, ast.Module]) -> None:
    assert [
        f"{path}:{line}: {text}"
        for path, tree in trees.items()
        for line, text in texts(tree)
        if FORBIDDEN.search(text)
    ] == []


def test_what_to_do_is_a_code(trees: dict[str, ast.Module]) -> None:
    assert [
        f"{path}:{word.value.lineno}: {ast.unparse(word.value)}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "todo" and isinstance(word.value, ast.Constant | ast.JoinedStr)
    ] == []


def test_the_names_that_are_looked_for_are_those_of_today() -> None:
    """So that the test above can fail."""
    for text in (
        "see `lapor-sync outbox retry`",
        "say so with --any-status",
        "LAPOR_SYNC_UPSTREAM_URL is wrong",
        "set READ_TIMEOUT",
        "open /laporan/7",
    ):
        assert FORBIDDEN.search(text), text
    for text in ("made by lapor-sync", "rate per second", "GET /complaints"):
        assert not FORBIDDEN.search(text), text
