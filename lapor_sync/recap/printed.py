"""A recap on paper: A4, in Indonesian, as a PDF."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from importlib import resources
from zoneinfo import ZoneInfo

from lapor_sync.output import harmless
from lapor_sync.recap.making import Json
from lapor_sync.words.id import ROLES, long_day, month_of
from lapor_sync.words.recap_id import ALL, EXPLAINED, FIGURES, NOBODY, NOT_SAID, TABLES

_STAGES = 9
"""So many figures of a line are numbers of reports by stage; the others stand in a table of their own."""


def pdf(found: Json, zone: ZoneInfo, city: str) -> bytes:
    """Return a recap's JSON as the bytes of a PDF; `city` is whose it is."""
    import typst  # 7 MB, for the few who want it on paper

    template = resources.files(__package__).joinpath("recap.typ").read_bytes()
    return typst.compile(template, sys_inputs={"data": _data(found, zone, city)}, format="pdf")


def _data(found: Json, zone: ZoneInfo, city: str) -> str:
    """What the template shows; nothing of it is read as markup there."""
    whose = found["opd_name"] or found["opd"]
    today = datetime.fromisoformat(found["as_of"]).astimezone(zone).date()
    title = harmless(f"Rekapitulasi Laporan SP4N-LAPOR! {whose or city}")
    said = {
        "title": title,
        "period": f"Laporan yang diterima {_day(found['from'])} sampai {_day(found['to'])}",
        "as_of": f"Keadaan per {moment(found['as_of'], zone)}",
        "footer": f"{title}, {found['period']}. Kepala riwayat: {found['audit_head'][:16]}",
        "page": "halaman",
        "legend": "Biru: tahun ini. Abu-abu: bulan yang sama tahun sebelumnya.",
        "place_and_day": f"........................................, {long_day(today)}",
        "name_and_nip": "Nama dan NIP",
        "headings": {
            "summary": "Ringkasan",
            "by_opd": "Menurut OPD",
            "by_month": TABLES["by_month"],
            "notes": "Catatan",
            "formulas": "Arti angka",
        },
    }
    data = {
        "words": said,
        "summary": [{"name": name, "value": value} for name, value in _summary(found)],
        "parts": list(_parts(found)),
        "months": [one | {"name": month_of(one["month"])} for one in found["by_month"]],
        "tables": [
            {
                "title": TABLES[key],
                "rows": [
                    {"name": harmless(one["name"] or NOT_SAID), "received": shown(one["received"])}
                    for one in found[key]
                ],
            }
            for key in list(TABLES)[1:]
        ],
        "notes": [*notes(found, zone), *since_fixed(found, zone)],
        "explained": [{"name": name, "meaning": meaning} for name, meaning in EXPLAINED.items()],
    }
    return json.dumps(data, ensure_ascii=False)


def _summary(found: Json) -> Iterator[tuple[str, str]]:
    total = found["total"]
    yield "laporan diterima", shown(total["total"])
    yield "tahun sebelumnya, hari yang sama", shown(found["received_year_before"])
    yield "sudah ditanggapi (%TL)", shown(total["followed_up_percent"])
    yield "hari sampai tanggapan pertama", shown(total["days_to_first_answer"])


def _parts(found: Json) -> Iterator[Json]:
    names = list(FIGURES)
    for figures in (names[:_STAGES], names[_STAGES:]):
        yield {
            "head": ["OPD", *(FIGURES[one] for one in figures)],
            "rows": [
                [
                    harmless(line["opd_name"] or line["opd"] or NOBODY),
                    *(shown(line[one]) for one in figures),
                ]
                for line in found["rows"]
            ],
            "total": [
                total_of(found),
                *(shown(found["total"][one]) for one in figures),
            ],
        }


def notes(found: Json, zone: ZoneInfo) -> Iterator[str]:
    """Yield what should be known beside the figures, a sentence each."""
    if found["busiest_month"] and len(found["by_month"]) > 1:
        yield f"Bulan dengan laporan terbanyak: {month_of(found['busiest_month'])}."
    if found["closed_by_itself"]:
        yield f"{shown(found['closed_by_itself'])} laporan ditutup oleh sistem karena pelapor tidak menanggapi."
    if found["undated"]:
        yield f"{shown(found['undated'])} laporan tanpa tanggal diterima tidak masuk periode mana pun."
    if secret := found["total"]["total"] - sum(one["received"] for one in found["by_district"]):
        yield f"{shown(secret)} laporan rahasia tidak dihitung menurut kecamatan."
    for away in found["outages"]:
        until = moment(away["until"], zone) if away["until"] else "sekarang"
        yield (
            f"LAPOR tidak dapat dihubungi dari {moment(away['since'], zone)} sampai {until}; "
            f"{shown(away['due'])} tanggapan jatuh tempo dalam waktu itu."
        )
    for post in found["vacancies"]:
        of = harmless(post["opd_name"] or post["opd"] or "kota")
        yield f"Jabatan {ROLES[post['role']]} {of} kosong selama {shown(post['days'])} hari."


_MOST = 40
"""So many figures that changed since a recap was fixed stand on paper."""


def since_fixed(found: Json, zone: ZoneInfo) -> Iterator[str]:
    """Yield when the recap was fixed, and what is another figure since, a sentence each; nothing where it was not."""
    if (fixed := found["fixed"]) is None:
        return
    changed = fixed["differences"]
    said = f"{shown(len(changed))} angka sekarang berbeda" if changed else "belum ada angka yang berubah sejak itu"
    yield f"Rekap periode ini ditetapkan {moment(fixed['at'], zone)}; {said}."
    for one in changed[:_MOST]:
        figure = f"{harmless(whose(one, found))}, {FIGURES[one['figure']]}"
        yield f"{figure}: ditetapkan {shown(one['then'])}, sekarang {shown(one['now'])}."
    if len(changed) > _MOST:
        yield f"Dan {shown(len(changed) - _MOST)} angka lainnya; semuanya ada di papan."


def shown(value: float | None) -> str:
    """Return a figure as Indonesians write it, with all its decimals: 1.234,56; a dash for none."""
    if value is None:
        return "–"
    digits = f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
    return digits.translate(str.maketrans(",.", ".,"))


def _day(text: str) -> str:
    return long_day(date.fromisoformat(text))


def total_of(found: Json) -> str:
    """Return what the line of all is called."""
    return ALL if found["opd"] is None else "Total"


def whose(one: Json, found: Json) -> str:
    """Return of which line a figure is that changed since the recap was fixed."""
    return total_of(found) if one["line"] == "total" else one["opd_name"] or one["opd"] or NOBODY


def moment(text: str, zone: ZoneInfo) -> str:
    """Return a moment of a recap's JSON in words: 30 November 2026 pukul 07.30 WIB."""
    at = datetime.fromisoformat(text).astimezone(zone)
    return f"{long_day(at.date())} pukul {at:%H.%M} {at.tzname()}"
