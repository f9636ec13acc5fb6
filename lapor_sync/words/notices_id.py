"""Notices in Indonesian: short, formal, plain text that is good to read on a phone. Numbers, days, posts; no names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple

from lapor_sync.domain.contract import What
from lapor_sync.domain.delivery import Reason
from lapor_sync.domain.notices import UNTIL, NoticeKind, NoticeState, Part, Trouble
from lapor_sync.domain.people import Role
from lapor_sync.words.id import DAYS, REASONS, ROLES, long_day

KINDS: Mapping[NoticeKind, str] = {
    NoticeKind.DIGEST: "ringkasan tugas setiap hari kerja",
    NoticeKind.NEW_REPORT: "laporan baru untuk OPD saya",
    NoticeKind.STUCK: "kiriman yang ditahan atau ditolak",
    NoticeKind.SYSTEM: "gangguan sistem (admin induk)",
    NoticeKind.POSTS: "serah terima jabatan",
}

STATES: Mapping[NoticeState, str] = {
    NoticeState.WAITING: "menunggu",
    NoticeState.SENDING: "sedang dikirim",
    NoticeState.SENT: "terkirim",
    NoticeState.IN_DOUBT: "mungkin terkirim",
    NoticeState.GIVEN_UP: "tidak terkirim",
}

CHANNELS: Mapping[str, str] = {
    "email": "surel",
    "telegram": "Telegram",
    "whatsapp": "WhatsApp",
    "matrix": "Matrix",
}

PARTS: Mapping[Part, tuple[str, str]] = {
    Part.OVERDUE: ("Lewat tenggat", "lewat tenggat"),
    Part.TODAY: ("Jatuh tempo hari ini", "jatuh tempo hari ini"),
    Part.SOON: ("Jatuh tempo dalam dua hari kerja", "segera jatuh tempo"),
    Part.WROTE_AGAIN: ("Pelapor menulis lagi", "pelapor menulis lagi"),
    Part.CLOSING: ("Segera ditutup otomatis", "segera ditutup otomatis"),
    Part.STUCK: ("Kiriman ditahan atau ditolak", "kiriman ditahan atau ditolak"),
    Part.QUESTIONS: ("Menunggu keputusan admin induk", "menunggu keputusan"),
    Part.LONG_OVERDUE: ("Lewat tenggat tiga hari kerja atau lebih", "sudah lama lewat tenggat"),
    Part.UNATTENDED: ("Jabatan kosong atau pemegangnya lama tidak masuk", "jabatan kosong"),
}
"""Each part of a digest: as a heading, and in the subject."""

_IN_SUBJECT = 3
"""So many parts are named in the subject of a digest."""

END = "Pesan ini dikirim otomatis dan tidak perlu dibalas."
WHERE = "Pilihan pemberitahuan: "


class Place(NamedTuple):
    """Where the board is (without a slash at the end; empty where nobody told), and the city's zone."""

    url: str
    zone: tzinfo

    def day(self, stamp: str | None) -> str:
        """Return the day of a moment."""
        return "-" if not stamp else long_day(datetime.fromisoformat(stamp).astimezone(self.zone).date())

    def moment(self, stamp: str) -> str:
        """Return a moment: 30 November 2026 pukul 07.30."""
        at = datetime.fromisoformat(stamp).astimezone(self.zone)
        return f"{long_day(at.date())} pukul {at:%H.%M}"


class Message(NamedTuple):
    """What is sent."""

    subject: str
    text: str


def _message(subject: str, lines: Iterable[str], place: Place, *, is_personal: bool = True) -> Message:
    end = [END]
    if place.url and is_personal:
        end.append(f"{WHERE}{place.url}/akun/pemberitahuan")
    return Message(subject, "\n".join([*lines, "", "--", *end, ""]))


# The digest.


def digest(facts: Mapping[str, Any], day: date, place: Place) -> Message:
    """Return the digest of a day: the most urgent part first, each with its numbers."""
    lots = [(part, *facts[part.value]) for part in Part if part.value in facts]
    days = facts.get(UNTIL, {})
    shown = ", ".join(
        f"{_number(number, is_more)} {PARTS[part][1]}" for part, number, is_more, _ in lots[:_IN_SUBJECT]
    )
    lines = [f"Tugas LAPOR, {DAYS[day.weekday()]}, {long_day(day)}"]
    for part, number, is_more, ids in lots:
        lines += [
            "",
            f"{PARTS[part][0]}: {_number(number, is_more)}",
            *(f"- {_item(part, one, days.get(one), place)}" for one in ids),
        ]
        if number > len(ids) > 0 and part is not Part.LONG_OVERDUE:  # its lines are OPDs, not reports
            lines.append(f"- dan {number - len(ids)} lainnya")
    if place.url:
        lines += ["", f"Buka papan: {place.url}/tugas"]
    return _message(f"LAPOR {day.day} {long_day(day).split()[1]}: {shown}", lines, place)


def _number(number: int, is_more: bool) -> str:
    return f"lebih dari {number}" if is_more else str(number)


_OF_REPORTS = frozenset({Part.OVERDUE, Part.TODAY, Part.SOON, Part.WROTE_AGAIN, Part.CLOSING, Part.STUCK})


def _item(part: Part, one: str, day: str | None, place: Place) -> str:
    if part not in _OF_REPORTS:
        return one
    until = "ditutup" if part is Part.CLOSING else "batas"
    return _report(one, place, f", {until} {long_day(date.fromisoformat(day))}" if day else "")


def _report(tracking_id: str, place: Place, more: str = "") -> str:
    return f"{tracking_id}{more}  {place.url}/laporan/{tracking_id}" if place.url else f"{tracking_id}{more}"


def late_at(opd_name: str | None, number: int) -> str:
    """Return how many reports of an OPD are long past their deadline."""
    return f"{opd_name or 'belum didisposisikan'}: {number} laporan"


def unattended(role: Role, opd_name: str | None, since: date | None, *, is_vacant: bool) -> str:
    """Return which post has nobody, since when; None: it was never made."""
    if since is None:
        return f"{ROLES[role]} {opd_name or 'kota'}: belum pernah ada"
    state = "kosong" if is_vacant else "pemegangnya tidak masuk"
    return f"{ROLES[role]} {opd_name or 'kota'}: {state} sejak {long_day(since)}"


# What happened.


def happened(
    found: Sequence[tuple[NoticeKind, Mapping[str, Any]]], place: Place, *, is_personal: bool = True
) -> Message:
    """Return one message for all that happened: new reports first, then what is stuck, posts, the system.

    A technical channel is no person's: nobody chooses on the board what goes there.
    """
    lines: list[str] = []
    subjects: list[str] = []
    for kind, (subject, tell) in _TELL.items():
        mine = [facts for one, facts in found if one is kind]
        if mine:
            subjects.append(subject(mine))
            lines += ([""] if lines else []) + tell(mine, place)
    return _message("LAPOR: " + ", ".join(subjects), lines, place, is_personal=is_personal)


MOST = 20
"""So many of one kind are named in a message."""


def _new(found: Sequence[Mapping[str, Any]], place: Place) -> list[str]:
    lines = ["Laporan baru untuk OPD Anda:"]
    return lines + _listed([_report(str(one["report"]), place) for one in found])


def _stuck(found: Sequence[Mapping[str, Any]], place: Place) -> list[str]:
    lines = ["Perlu diputuskan seseorang:"]
    for one in found[:MOST]:
        lines.append(f"- {_report(str(one['report']), place) if one.get('report') else 'banyak laporan'}")
        lines.append(f"  {_reason(one.get('reason'))}")
    return lines + _rest(len(found))


def _reason(code: object) -> str:
    try:
        return REASONS[Reason(str(code))]
    except (ValueError, KeyError):
        return "Banyak laporan tidak ditemukan lagi di LAPOR." if code == "many_vanished" else "Lihat di papan."


def _posts(found: Sequence[Mapping[str, Any]], place: Place) -> list[str]:
    lines = ["Serah terima jabatan:"]
    for one in found:
        posts = "; ".join(f"{ROLES[Role(role)]} {opd or 'kota'}" for role, opd in one["posts"]) or "tanpa jabatan"
        what = "masa jabatan berakhir" if one["is_ended"] else "diserahkan kepada pengganti"
        lines.append(f"- {posts}: {what}, mulai {place.day(one.get('on'))}")
    return [*lines, "Jika ini tidak benar, segera hubungi admin induk."]


def _listed(items: Sequence[str]) -> list[str]:
    return [f"- {one}" for one in items[:MOST]] + _rest(len(items))


def _rest(number: int) -> list[str]:
    return [f"- dan {number - MOST} lainnya"] if number > MOST else []


class _Said(NamedTuple):
    """What is said of a trouble when it begins and when it is over; the same in the subject, behind `LAPOR: `."""

    began: str
    over: str
    began_briefly: str
    over_briefly: str


_TROUBLES: Mapping[Trouble, _Said] = {
    Trouble.AWAY: _Said(
        "LAPOR tidak menjawab sejak {since}. Jawaban menunggu dan berangkat sendiri setelah LAPOR kembali.",
        "LAPOR menjawab kembali.",
        "tidak menjawab",
        "menjawab kembali",
    ),
    Trouble.DENIED: _Said(
        "LAPOR menolak kredensial kota sejak {since}. Tidak ada yang dibaca atau dikirim. Mintalah kredensial baru "
        "kepada pengelola LAPOR.",
        "Kredensial diterima kembali.",
        "kredensial ditolak",
        "kredensial diterima kembali",
    ),
    Trouble.QUARANTINE: _Said(
        "Ada {count} data LAPOR yang tidak dapat dibaca dan disisihkan. Yang lain berjalan seperti biasa.",
        "Selama sehari tidak ada lagi data yang disisihkan.",
        "ada data yang disisihkan",
        "tidak ada lagi data yang disisihkan",
    ),
    Trouble.NO_BACKUP: _Said(
        "Belum ada cadangan basis data sejak {since}.",
        "Cadangan basis data dibuat kembali.",
        "cadangan tidak ada",
        "cadangan dibuat kembali",
    ),
    Trouble.DISK: _Said(
        "Ruang cakram tinggal {percent} persen.",
        "Ruang cakram cukup kembali.",
        "ruang cakram hampir habis",
        "ruang cakram cukup kembali",
    ),
    Trouble.HOLIDAYS: _Said(
        "Cuti bersama tahun depan belum diketahui. Tuliskan di berkas hari libur; bila tidak, tenggat terhitung "
        "terlalu awal.",
        "Cuti bersama tahun depan sudah diketahui.",
        "cuti bersama belum diketahui",
        "cuti bersama sudah diketahui",
    ),
}


def _system(found: Sequence[Mapping[str, Any]], place: Place) -> list[str]:
    told = (_contract(one) if "changes" in one else [f"- {_trouble(one, place)}"] for one in found)
    return ["Sistem:", *(line for lines in told for line in lines)]


_CALLS = {
    "list": "daftar laporan",
    "report": "rincian laporan",
    "thread": "percakapan laporan",
    "institutions": "daftar instansi",
    "templates": "daftar templat",
}
_CHANGES: Mapping[What, str] = {
    What.NEW: "isian baru {field}",
    What.GONE: "isian {field} tidak ada lagi",
    What.FORM: "isian {field} berbentuk lain: {now}",
    What.CODE: "isian {field} berisi kode baru: {now}",
}


def _contract(one: Mapping[str, Any]) -> list[str]:
    lines = ["- Bentuk jawaban LAPOR berubah. Periksa apakah laporan masih terbaca lengkap:"]
    for what, call, field, now in one["changes"][:MOST]:
        lines.append(f"  - {_CALLS.get(call, call)}: {_CHANGES[What(what)].format(field=field, now=now)}")
    more = one["count"] - len(lines) + 1
    return [*lines, f"  - dan {more} lainnya"] if more > 0 else lines


def _trouble(one: Mapping[str, Any], place: Place) -> str:
    said = _TROUBLES[Trouble(one["trouble"])]
    since = place.moment(one["since"]) if one.get("since") else ""
    return said.over if one.get("over") else said.began.format(**{**one, "since": since})


def _brief(one: Mapping[str, Any]) -> str:
    if "changes" in one:
        return "bentuk jawaban berubah"
    said = _TROUBLES[Trouble(one["trouble"])]
    return said.over_briefly if one.get("over") else said.began_briefly


_Found = Sequence[Mapping[str, Any]]

_TELL: Mapping[NoticeKind, tuple[Callable[[_Found], str], Callable[[_Found, Place], list[str]]]] = {
    NoticeKind.NEW_REPORT: (lambda found: f"{len(found)} laporan baru", _new),
    NoticeKind.STUCK: (lambda found: f"{len(found)} perlu diputuskan", _stuck),
    NoticeKind.POSTS: (lambda found: "serah terima jabatan", _posts),
    NoticeKind.SYSTEM: (lambda found: ", ".join(dict.fromkeys(map(_brief, found))), _system),
}
"""Of each kind, in their order: what the subject says, and the lines."""


# One text to one address.


def code(number: str, place: Place) -> Message:
    """Return the message that carries the code of a new channel."""
    lines = [f"Kode Anda: {number}", "", "Ketikkan di halaman Pemberitahuan pada papan. Berlaku satu jam."]
    lines.append("Bila Anda tidak memintanya, abaikan pesan ini.")
    return _message("Kode pemberitahuan papan LAPOR", lines, place, is_personal=False)


def lost_password(url: str, place: Place) -> Message:
    """Return the message that carries a link to choose a password by."""
    lines = [
        "Seseorang, mungkin Anda, meminta tautan untuk membuat kata sandi baru di papan LAPOR.",
        "",
        f"Buka: {url}",
        "",
        "Tautan berlaku satu jam dan hanya sekali pakai. Bila Anda tidak memintanya, abaikan pesan ini: kata sandi Anda "
        "tidak berubah.",
    ]
    return _message("Kata sandi papan LAPOR", lines, place, is_personal=False)


def test(place: Place) -> Message:
    """Return a message that says that messages arrive."""
    lines = ["Ini pesan percobaan. Bila Anda membacanya, pemberitahuan dari papan LAPOR sampai kepada Anda."]
    return _message("Percobaan pemberitahuan LAPOR", lines, place, is_personal=False)
