"""A passkey as a browser makes it: Chromium's own authenticator, through the page's script, to the open door."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, CDPSession, Page

from lapor_sync.domain.people import Role, of_shell
from lapor_sync.office import people
from tests.browser.conftest import PHONE, WAIT, overhang, violations
from tests.browser.town import Town

PASSWORD = "gerimis di kebun kopi"
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def page(browser: Browser, kota: Town) -> Page:
    """A page by the name of this machine: for an address browsers make no passkeys."""
    context = browser.new_context(viewport=PHONE, locale="id-ID", reduced_motion="reduce")  # type: ignore[arg-type]
    context.set_default_timeout(WAIT)
    return context.new_page()


def key_of(page: Page) -> tuple[CDPSession, str]:
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    return devices, devices.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})["authenticatorId"]


def test_a_passkey_is_made_opens_the_door_and_no_other_one_does(page: Page, kota: Town) -> None:
    url = kota.url.replace("127.0.0.1", "localhost")
    link = people.invite(
        kota.setup.store, of_shell("t"), name="Wati", sign_in="wati", role=Role.OFFICER, opd=kota.opd
    )
    devices, key = key_of(page)
    page.goto(f"{url}/undangan/{link}")
    for field in ("password", "password_again"):
        page.fill(f"[name={field}]", PASSWORD)
    page.click("main button")
    sign_in(page)
    page.goto(f"{url}/akun/faktor")
    page.fill("[name=name]", "ponsel saya")
    page.click("button:has-text('Tambah kunci sandi')")
    page.wait_for_selector("h1:has-text('Kode pemulihan')")
    assert page.locator(".codes code").count() == 10
    assert violations(page) == []
    assert overhang(page) <= 0
    page.click("text=Keluar")
    sign_in(page)
    page.wait_for_url("**/masuk/faktor**")
    page.goto(f"{url}/tugas")
    page.wait_for_url("**/masuk?next=/tugas")  # half way is not in
    sign_in(page)
    page.click("button:has-text('Masuk dengan kunci sandi')")
    page.wait_for_url("**/tugas")
    page.click("text=Keluar")
    devices.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": key})
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    sign_in(page)
    page.click("button:has-text('Masuk dengan kunci sandi')")
    page.wait_for_selector("text=Browser ini tidak dapat memakai kunci sandi itu. Gunakan kode.")
    page.context.close()


def sign_in(page: Page) -> None:
    page.fill("[name=sign_in]", "wati")
    page.fill("[name=password]", PASSWORD)
    page.click("main button:has-text('Masuk')")
