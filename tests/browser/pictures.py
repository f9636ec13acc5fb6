"""`make pictures`: those of the README, taken of a board over the city of the stand-in. All in them is invented."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from lapor_sync.domain.people import of_shell
from lapor_sync.office import NewResponse, respond
from tests.browser.engine import launched
from tests.browser.town import OFFICER, Town, town

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SIZES = {"desktop": (1100, 700), "phone": (390, 780)}
MOST_BYTES = 150_000


def take(made: Town, browser: Browser) -> None:
    """Take each page on a desktop and on a phone."""
    one = made.untouched()
    respond(
        made.setup,
        of_shell("sari"),
        NewResponse(given_id=one, text="Terima kasih. Petugas kami datang besok pagi."),
    )
    made.cycle()
    for size, (width, height) in SIZES.items():
        context = browser.new_context(viewport={"width": width, "height": height}, locale="id-ID")
        context.add_cookies([{"name": "papan", "value": made.sessions[OFFICER], "url": made.url}])
        page = context.new_page()
        for name, path in (("tugas", "/tugas"), ("laporan", f"/laporan/{one}")):
            page.goto(made.url + path)
            target = FOLDER / f"{name}-{size}.png"
            with Image.open(io.BytesIO(page.screenshot())) as shot:
                shot.convert("RGB").quantize(64).save(target, optimize=True)
            assert target.stat().st_size < MOST_BYTES, f"{target} is too large for a repository"
        context.close()


def main() -> None:
    """Take all of them anew."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, town(Path(folder)) as made, sync_playwright() as playwright:
        browser = launched(playwright)
        take(made, browser)
        browser.close()


if __name__ == "__main__":
    main()
