"""Reports as the integration API v3 shows them, and whole replies in a file that `server.c` maps.

A report is about 1.5 KB as a list row; its thread has two follow-ups. The same number gives the same report.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

FIRST_ID = 1_000_001
PAGE_SIZE = 100

Json = dict[str, Any]

_BEGAN = datetime.fromisoformat("2024-01-01")  # naive: WIB, as upstream writes it
_STATUSES = (
    "Selesai",
    "Dalam Proses",
    "Selesai",
    "Terverifikasi",
    "Dalam Proses",
    "Selesai",
    "Belum Terverifikasi",
)
_CLASSES = ("Pengaduan Tidak Berkadar Pengawasan", "Aspirasi", "Permintaan Informasi")
_TEXT = (
    "jalan berlubang lampu mati sampah menumpuk saluran tersumbat air keruh pagi malam warga mohon segera "
    "ditindaklanjuti dekat pasar sekolah puskesmas kelurahan sudah dua minggu belum ada perbaikan terima kasih"
)
_WORDS = _TEXT.split()
_HEADER = struct.Struct("<6Q")
_PIECE = struct.Struct("<2Q")


@dataclass(frozen=True, kw_only=True)
class World:
    """What upstream holds. `lacking`: list rows without the fields that only the detail then has.

    `changed`: so many of the first reports changed `ago` before this file was made; only they pass the update filter.
    """

    reports: int
    page_size: int = PAGE_SIZE
    lacking: bool = False
    changed: int = 0
    ago: timedelta = timedelta(hours=1)


def report(number: int, changed_at: datetime | None = None) -> Json:
    """A report's fields as a list row has them; `changed_at` (naive, WIB) makes it another one."""
    created = _BEGAN + timedelta(minutes=number % 1_000_000)
    opd = 611 + number % 3
    return {
        "id": FIRST_ID + number,
        "tracking_id": str(20_000_000 + number),
        "title": f"Laporan {number}: {_text(number, 5)}",
        "content": _text(number, 145),
        "channel": "Web",
        "classification_id": number % 3 + 1,
        "classification_name": _CLASSES[number % 3],
        "category_id": number % 40,
        "category_name": f"Kategori {number % 40}",
        "location_name": f"Kelurahan {number % 60}",
        "date_of_incident": f"{created:%Y-%m-%d}",
        "is_anonymous": int(number % 20 == 0),
        "is_secret": int(number % 50 == 0),
        "is_priority": 0,
        "reporter_name": f"Warga {number}",
        "rating": None,
        "tags_raw": "",
        "attachments": [],
        "status_code": number % 7,
        "status_name": _STATUSES[number % 7] if changed_at is None else "Selesai",
        "disposition_id": opd,
        "disposition_name": f"Dinas {opd}",
        "created_at": f"{created:%Y-%m-%d %H:%M:%S}",
        "updated_at": f"{changed_at or created + timedelta(days=2):%Y-%m-%d %H:%M:%S}",
    }


LACKED = ("content", "classification_name", "classification_id", "disposition_id", "disposition_name", "is_secret")


def row(number: int, *, lacking: bool = False, changed_at: datetime | None = None) -> Json:
    """A row of the list."""
    whole = report(number, changed_at)
    return {name: value for name, value in whole.items() if not lacking or name not in LACKED}


def followups(number: int) -> list[Json]:
    """The two follow-ups of a report."""
    created = _BEGAN + timedelta(minutes=number % 1_000_000)
    opd = f"Dinas {611 + number % 3}"
    common: Json = {"template_content": None, "data": None, "attachments": []}
    return [
        {
            "id": 10_000_000 + 2 * number,
            "created_at": f"{created + timedelta(days=1):%d-%m-%Y %H:%M:%S}",
            "content": "Diteruskan kepada instansi yang berwenang.",
            "template_code": "disposition",
            "institution_from_name": "Kota",
            "institution_to_name": opd,
            **common,
        },
        {
            "id": 10_000_001 + 2 * number,
            "created_at": f"{created + timedelta(days=2):%d-%m-%Y %H:%M:%S}",
            "content": f"<p>Terima kasih atas laporannya. {_text(number + 7, 20)}</p>",
            "template_code": "reply",
            "institution_from_name": opd,
            "institution_to_name": "Kota",
            **common,
        },
    ]


def _text(number: int, words: int) -> str:
    return _words(number % 997, words)


@cache
def _words(number: int, words: int) -> str:
    count = len(_WORDS)
    return " ".join(_WORDS[(number * 7 + place * place + place) % count] for place in range(words))


def write(path: Path, world: World) -> None:
    """Write all replies of this world, in the order that `server.c` names."""
    count = _pages(world.reports, world.page_size)
    changes = _pages(world.changed, world.page_size)
    pieces: list[tuple[int, int]] = []
    with path.open("wb") as file:
        file.write(b"\0" * _HEADER.size)
        for body in _bodies(world, count, changes):
            pieces.append((file.tell(), len(body)))
            file.write(body)
        file.write(b"\0" * (-file.tell() % 8))
        index = file.tell()
        for piece in pieces:
            file.write(_PIECE.pack(*piece))
        file.seek(0)
        file.write(_HEADER.pack(0x4C41504F52, count, changes, world.reports, FIRST_ID, index))


def _pages(rows: int, size: int) -> int:
    return max(-(-rows // size), 1)


def _bodies(world: World, count: int, changes: int) -> Iterator[bytes]:
    wib = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=7)
    changed_at = wib - world.ago
    for page in range(count):
        yield _list_page(world, page, count, world.reports, None)
    for page in range(changes):
        yield _list_page(world, page, changes, world.changed, changed_at)
    for number in range(world.reports):
        moved = changed_at if number < world.changed else None
        yield _body({"data": report(number, moved), "data_logs": []})
    for number in range(world.reports):
        yield _body({"data": followups(number), "next_page_url": None})
    yield _body({"data": [], "next_page_url": None})  # master lists


def _list_page(world: World, page: int, pages: int, total: int, changed_at: datetime | None) -> bytes:
    numbers = range(page * world.page_size, min((page + 1) * world.page_size, total))
    return _body(
        {
            "data": [row(number, lacking=world.lacking, changed_at=changed_at) for number in numbers],
            "current_page": page + 1,
            "last_page": pages,
            "per_page": world.page_size,
            "total": total,
            "next_page_url": f"/complaints?page={page + 2}" if page + 1 < pages else None,
        }
    )


def _body(results: Json) -> bytes:
    whole = {"status": True, "results": results, "message": "Success"}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
