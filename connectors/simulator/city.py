"""The institutions of the invented installation: one city with its agencies (OPD), and some outside it.

The names of agencies are those that any Indonesian city has; the ids are invented.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate

NATIONAL_ID = "1"
CITY_ID = "601"

OPDS: Mapping[str, str] = {
    "611": "Dinas Pekerjaan Umum dan Penataan Ruang Kota Bengkulu",
    "612": "Dinas Lingkungan Hidup Kota Bengkulu",
    "613": "Dinas Kesehatan Kota Bengkulu",
    "614": "Dinas Kependudukan dan Pencatatan Sipil Kota Bengkulu",
    "615": "Dinas Komunikasi dan Informatika Kota Bengkulu",
    "616": "Satuan Polisi Pamong Praja Kota Bengkulu",
    "617": "PDAM Tirta Hidayah Kota Bengkulu",
    "618": "Dinas Perhubungan Kota Bengkulu",
    "619": "Dinas Pendidikan dan Kebudayaan Kota Bengkulu",
    "620": "Dinas Sosial Kota Bengkulu",
    "621": "Dinas Perumahan dan Kawasan Permukiman Kota Bengkulu",
    "622": "Dinas Perdagangan dan Perindustrian Kota Bengkulu",
    "623": "Dinas Koperasi dan Usaha Kecil Menengah Kota Bengkulu",
    "624": "Dinas Pariwisata Kota Bengkulu",
    "625": "Dinas Pemadam Kebakaran dan Penyelamatan Kota Bengkulu",
    "626": "Badan Penanggulangan Bencana Daerah Kota Bengkulu",
    "627": "Badan Pendapatan Daerah Kota Bengkulu",
    "628": "Badan Kepegawaian dan Pengembangan Sumber Daya Manusia Kota Bengkulu",
    "629": "Dinas Penanaman Modal dan Pelayanan Terpadu Satu Pintu Kota Bengkulu",
    "630": "Dinas Tenaga Kerja Kota Bengkulu",
    "631": "Dinas Pemberdayaan Perempuan dan Perlindungan Anak Kota Bengkulu",
    "632": "Dinas Pangan dan Pertanian Kota Bengkulu",
    "633": "RSUD Harapan dan Doa Kota Bengkulu",
    "634": "Inspektorat Kota Bengkulu",
}
OPD_IDS: tuple[str, ...] = tuple(OPDS)

OUTSIDE: Mapping[str, str] = {
    NATIONAL_ID: "Kementerian PANRB (Admin Nasional)",
    "701": "Pemerintah Provinsi Bengkulu",
    "702": "PT PLN (Persero)",
    "703": "BPJS Kesehatan",
    "704": "Kementerian Agraria dan Tata Ruang/BPN",
    "705": "Kepolisian Negara Republik Indonesia",
    "706": "Kementerian Pekerjaan Umum",
}

INSTITUTIONS: Mapping[str, str] = {CITY_ID: "Pemerintah Kota Bengkulu", **OPDS, **OUTSIDE}

TEMPLATES: Mapping[str, str] = {
    "reply": "Tanggapan",
    "reply_progress": "Laporan sedang diproses",
    "reply_complete": "Laporan telah selesai ditindaklanjuti",
    "reply_information": "Permintaan kelengkapan data",
    "disposition": "Disposisi",
}

CLASSIFICATIONS: Mapping[int, str] = {
    1: "Pengaduan Berkadar Pengawasan",
    2: "Pengaduan Tidak Berkadar Pengawasan",
    3: "Aspirasi",
    4: "Permintaan Informasi",
}
CLASSIFICATION_WEIGHTS: tuple[int, ...] = (5, 78, 10, 7)

SMS = "SMS 1708"
CHANNELS: Mapping[str, int] = {
    "Web": 34,
    "Android": 30,
    SMS: 12,
    "WhatsApp": 10,
    "iOS": 6,
    "Instagram": 5,
    "Twitter": 3,
}


def institution_name(institution_id: str | None) -> str | None:
    """The name for an id; None stays None, an id nobody knows is shown as itself."""
    return None if institution_id is None else INSTITUTIONS.get(institution_id, institution_id)


@dataclass(frozen=True, kw_only=True)
class Category:
    """One category of complaint: how often it comes, which institution answers it, what texts it has."""

    id: int
    name: str
    parent: str
    weight: int
    opd: str
    theme: str


@cache
def categories() -> tuple[Category, ...]:
    """All categories, read from the package's own data at first use."""
    rows = json.loads(files(__package__).joinpath("categories.json").read_text(encoding="utf-8"))
    return tuple(Category(**row) for row in rows)


@cache
def category_by_name() -> Mapping[str, int]:
    """Where in `categories()` a name stands."""
    return {category.name: place for place, category in enumerate(categories())}


@cache
def category_steps() -> tuple[int, ...]:
    """Cumulative weights, for a weighted choice by bisection."""
    return tuple(accumulate(category.weight for category in categories()))
