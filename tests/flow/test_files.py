"""An attached file is fetched at the address that LAPOR gives it now."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapor_sync.domain.report import Attachment
from lapor_sync.sync.files import fetch
from tests.flow.scripted import Stage, row_of, stage

ONE, ID = "7000001", "41"
STORE = "https://storage.test/app/a.jpg"


def fetched(city: Stage, known: str) -> str:
    """The address at which the file is asked for."""
    file = Attachment(url=known, file_name="a.jpg", extension="jpg")
    assert fetch(city.setup.connector, city.mirrored(ONE), file) == b"%PDF"
    return city.upstream.calls[-1].removeprefix("file ")


@pytest.mark.parametrize(
    ("known", "now", "asked"),
    [
        (f"{STORE}?Signature=old", [f"{STORE}?Signature=new"], f"{STORE}?Signature=new"),
        (STORE, [f"{STORE}?Signature=new"], STORE),
        ("https://l.test/f?id=2", ["https://l.test/f?id=1", "https://l.test/f?id=2"], "https://l.test/f?id=2"),
        ("https://l.test/f?id=3", ["https://l.test/f?id=1", "https://l.test/f?id=2"], "https://l.test/f?id=3"),
        (f"{STORE}?Signature=old", ["https://other.test/a.jpg?Signature=new"], f"{STORE}?Signature=old"),
        (f"{STORE}?Signature=old", [], f"{STORE}?Signature=old"),
    ],
)
def test_an_address_that_expires_is_asked_for_anew(tmp_path: Path, known: str, now: list[str], asked: str) -> None:
    """Only that of the same file: another one's is never taken for it."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(ONE, ID, attachments=[{"path": path} for path in now]))
        city.cycle()
        assert fetched(city, known) == asked


def test_a_file_of_the_thread_is_asked_for_anew_too(tmp_path: Path) -> None:
    """Where the report itself does not name it."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(ONE, ID))
        city.upstream.items[ID] = [{"id": 1, "attachments": {"0": {"path": f"{STORE}?sig=new"}, "docs": []}}]
        city.cycle()
        assert fetched(city, f"{STORE}?sig=old") == f"{STORE}?sig=new"


def test_where_the_report_cannot_be_read_the_known_address_is_tried(tmp_path: Path) -> None:
    """It may hold yet; and if not, the refusal says so."""
    with stage(tmp_path / "kota.db") as city:
        city.upstream.add(row_of(ONE, ID))
        city.cycle()
        del city.upstream.details[ID]
        assert fetched(city, f"{STORE}?sig=old") == f"{STORE}?sig=old"
