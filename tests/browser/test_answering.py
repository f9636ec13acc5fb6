"""An answer from the form to the citizen's thread."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.town import OFFICER, Town

WITHOUT_SCRIPTS = {"java_script_enabled": False}


@pytest.mark.parametrize("how", [{}, WITHOUT_SCRIPTS], ids=["with scripts", "without scripts"])
def test_an_answer_goes_from_the_form_to_the_citizen(open_page: Open, kota: Town, how: dict[str, Any]) -> None:
    one = kota.reports(waiting_on="opd", is_open=True)[-1 if how else -2]
    words = f"Terima kasih, laporan {one} kami tangani besok."
    page = open_page(f"/laporan/{one}", OFFICER, **how)
    page.fill("#text", words)
    page.click("#jawab button:has-text('Kirim')")
    page.wait_for_url("**#kiriman")
    assert words in page.inner_text("#kiriman")
    assert "menunggu" in page.inner_text("#kiriman")
    kota.cycle()
    page.reload()
    assert "sampai" in page.inner_text("#kiriman")
    assert sum(words in said for said in kota.said_of(one)) == 1
