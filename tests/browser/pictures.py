"""`make pictures`: those of the documents, taken of a board over the city of the stand-in. All in them is invented."""

from __future__ import annotations

import io
import tempfile
from datetime import timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from lapor_sync.domain.people import Role, of_shell
from lapor_sync.office import NewResponse, people, respond
from tests.browser.engine import launched
from tests.browser.town import ADMIN, OFFICER, Town, town

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
    store = made.setup.store
    people.hand_over_post(
        store,
        of_shell("bayu"),
        role=Role.OFFICER,
        opd=made.opd,
        from_=OFFICER,
        to="tono",
        name="Tono Saputra",
        on=store.clock.now() + timedelta(days=3),
    )
    shown = (
        ("tugas", "/tugas", OFFICER),
        ("laporan", f"/laporan/{one}", OFFICER),
        ("opd", "/opd", ADMIN),
        ("orang", "/orang", ADMIN),
    )
    for size, (width, height) in SIZES.items():
        context = browser.new_context(viewport={"width": width, "height": height}, locale="id-ID")
        page = context.new_page()
        for name, path, who in shown:
            context.add_cookies([{"name": "papan", "value": made.sessions[who], "url": made.url}])
            page.goto(made.url + path)
            target = FOLDER / f"{name}-{size}.png"
            with Image.open(io.BytesIO(page.screenshot(full_page=path == "/orang"))) as shot:
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
