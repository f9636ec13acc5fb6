"""A real browser: Debian's Chromium, driven by Playwright. One server and one browser for each file of tests.

pytest-playwright is not used: it keeps connections open that Python warns of, and a warning is an error here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.engine import launched
from tests.browser.town import Town, town

PHONE, DESKTOP = {"width": 390, "height": 740}, {"width": 1200, "height": 900}
AXE = Path(__file__).with_name("axe") / "axe-4.14.1.min.js"
WAIT = 20_000
"""Milliseconds: what hangs, fails; a machine may be slow."""
NO_SUCH_PAGE = "status of 4"
"""How Chromium says an answer that a page gives on purpose."""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def kota(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lapor_sync.store.database.BUSY_SECONDS", 1.0)  # so long a test waits for a lock
        with town(tmp_path_factory.mktemp("kota")) as made:
            yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = launched(playwright)
        yield running
        running.close()


Look = Callable[[str, str | None], Page]


@pytest.fixture(scope="module")
def look(browser: Browser, kota: Town) -> Iterator[Look]:
    """Leads one window from page to page, each as somebody: a window of its own for each costs as much as the looking.

    What a script throws fails the last of the tests that looked.
    """
    context = browser.new_context(viewport=PHONE, locale="id-ID", reduced_motion="reduce")  # type: ignore[arg-type]
    context.set_default_timeout(WAIT)
    page = context.new_page()
    thrown = _heard(page)

    def looked(path: str, who: str | None) -> Page:
        context.clear_cookies()
        if who is not None:
            _sign_in(context, kota, who)
        page.goto(kota.url + path)
        return page

    yield looked
    context.close()
    assert [one for one in thrown if NO_SUCH_PAGE not in one] == []


@pytest.fixture
def open_page(browser: Browser, kota: Town) -> Iterator[Open]:
    """Opens a page of the board as somebody, on a phone unless said otherwise; what a script throws fails the test.

    `breaks`: the test breaks a connection or the board, which Chromium says as it says an error.
    """
    thrown: list[list[str]] = []
    expected = [NO_SUCH_PAGE]
    contexts = []

    def opened(path: str, who: str | None = None, *, breaks: bool = False, **options: Any) -> Page:
        if breaks:
            expected.extend(("ERR_CONNECTION_RESET", "status of 500", "status of 503"))
        context = browser.new_context(
            **{"viewport": PHONE, "locale": "id-ID", "reduced_motion": "reduce", **options}
        )
        contexts.append(context)
        context.set_default_timeout(WAIT)
        if who is not None:
            _sign_in(context, kota, who)
        page = context.new_page()
        thrown.append(_heard(page))
        page.goto(kota.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [one for said in thrown for one in said if not any(words in one for words in expected)] == []


def _sign_in(context: BrowserContext, kota: Town, who: str) -> None:
    context.add_cookies([{"name": "papan", "value": kota.sessions[who], "url": kota.url}])


def _heard(page: Page) -> list[str]:
    """What its scripts throw and Chromium calls an error, from now on, and where."""
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(f"{page.url}: {error}"))
    page.on("console", lambda said: thrown.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    return thrown


@cache
def axe() -> str:
    """The program that looks for what keeps people from using a page."""
    return AXE.read_text(encoding="utf-8")


RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """What of a page keeps people from using it, by WCAG 2.2 AA."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe())
    found = page.evaluate("only => axe.run(document, {runOnly: only, resultTypes: ['violations']})", RULES)
    return [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]


def overhang(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
