"""The documents lead where they say: every link names a file that is there, and a heading in it; so does the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import connectors
import lapor_sync

ROOT = Path(__file__).parents[2]
CODE = [module for package in (lapor_sync, connectors) for module in Path(*package.__path__).rglob("*.py")]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*.md")])


def anchors(page: Path) -> set[str]:
    """The headings of a page, each as `anchor` names it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {anchor(one) for one in headings}


def anchor(heading: str) -> str:
    """A heading as a forge names it in addresses."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        there = page.parent / name if name else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link


def test_the_code_names_rules_by_headings_that_are_there() -> None:
    """As in `Source: rules, "Colours"`: numbers of sections, which nobody counts, are none."""
    said = "\n".join(" ".join(module.read_text(encoding="utf-8").split()) for module in CODE)
    assert not re.findall(r"\b(?:rules|upstream), section", said)
    named = {page: set[str]() for page in ("rules", "upstream")}
    for page, headings in re.findall(r'\b(rules|upstream)((?:, "[A-Z][^"]+")+)', said):
        named[page] |= {anchor(heading) for heading in re.findall(r'"([^"]+)"', headings)}
    for page, headings in named.items():
        assert headings
        assert headings <= anchors(ROOT / f"docs/{page}.md")


def test_every_page_of_docs_can_be_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in ROOT.glob("docs/*.md"):
        assert f"docs/{page.name}" in readme, page.name


def test_the_readme_is_short() -> None:
    """What it says is said once; all else stands in docs/."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < 1000
