"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

# Its shell without a window is the same engine; the whole browser takes twice the processor time for what nobody sees.
PACKAGES = ("chromium-headless-shell", "chromium")


def launched(playwright: Playwright) -> Browser:
    """A running browser; close it. FileNotFoundError: none is installed."""
    path = next(filter(None, map(shutil.which, PACKAGES)), None)
    if path is None:
        raise FileNotFoundError(
            f"no {' or '.join(PACKAGES)} on PATH; to do: apt-get install --no-install-recommends {PACKAGES[0]}"
        )
    return playwright.chromium.launch(
        executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    )
