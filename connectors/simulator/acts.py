"""What can happen to a report: each act changes its state and leaves its traces in thread and logs.

An act on a report whose thread is not unfolded changes the state alone: that is how a hundred thousand
histories are run in seconds, and why the same acts give the same state when the thread is unfolded later.
Every act takes `at`, in simulated epoch seconds, and moves `updated_at` there (never back).
"""

from __future__ import annotations

from connectors.simulator.city import CITY_ID, NATIONAL_ID, institution_name
from connectors.simulator.records import (
    BELUM,
    DIARSIPKAN,
    DITOLAK,
    PROSES,
    SELESAI,
    TERVERIFIKASI,
    Attachment,
    Item,
    Log,
    Report,
)

DISPOSITION_TEXT = "<p>Laporan didisposisikan dari {{institution_from}} kepada {{ institution_to }}.</p>"
STATUS_TEXT = "<p>Status laporan berubah dari {{status_old}} menjadi {{ status_new }}.</p>"


def touch(report: Report, at: int) -> None:
    """Move `updated_at`, as any change does."""
    report.updated_at = max(report.updated_at, at)
    report.version += 1


def _next_id(report: Report) -> int:
    # Ids of reports lie three apart: a thread has room for 3,000 entries with ids of its own.
    report.serial += 1
    return report.id * 1000 + report.serial


def _log(
    report: Report,
    at: int,
    content: str,
    *,
    old: str,
    from_id: str | None = None,
    to_id: str | None = None,
    readable_at: float = 0.0,
) -> None:
    if report.thread is not None:
        report.thread.logs.append(
            Log(
                id=_next_id(report),
                at=at,
                content=content,
                from_id=from_id,
                to_id=to_id,
                status_old=old,
                status_new=report.status,
                readable_at=readable_at,
            )
        )


def _change_status(report: Report, status: str, at: int, *, by: str, note: str, source: str) -> None:
    old, report.status = report.status, status
    touch(report, at)
    if report.thread is None:
        return
    item = Item(
        id=_next_id(report),
        at=at,
        source=source,
        template_code="status",
        template_content=STATUS_TEXT,
        from_id=by,
        status_old=old,
        status_new=status,
    )
    report.thread.items.append(item)
    _log(report, at, note, old=old, from_id=by)


def filed(report: Report, at: int) -> None:
    """The first log row of a report that has just been made."""
    touch(report, at)
    _log(report, at, "Laporan diterima", old=report.status)


def verify(report: Report, at: int) -> None:
    """The national admin found the report sound."""
    _change_status(report, TERVERIFIKASI, at, by=NATIONAL_ID, note="Laporan telah diverifikasi", source="admin")


def dispose(report: Report, to: str, at: int, *, by: str | None = None) -> None:
    """An admin hands the report to an institution; an open request to hand it over is thereby settled."""
    giver = by or (NATIONAL_ID if report.disposed is None else CITY_ID)
    old = report.status
    if report.status == BELUM:
        report.status = TERVERIFIKASI
    report.disposed, report.last_word, report.forward_to = to, None, None
    touch(report, at)
    if report.thread is None:
        return
    item = Item(
        id=_next_id(report),
        at=at,
        source="admin",
        template_code="disposition",
        template_content=DISPOSITION_TEXT,
        from_id=giver,
        to_id=to,
        status_old=old,
        status_new=report.status,
    )
    report.thread.items.append(item)
    note = f"Disposisi kepada {institution_name(to)}"
    _log(report, at, note, old=old, from_id=giver, to_id=to)


def answer(
    report: Report,
    content: str,
    at: int,
    *,
    opd: str,
    source: str,
    to: str | None = CITY_ID,
    template_code: str | None = "reply",
    attachments: tuple[Attachment, ...] = (),
    is_secret: bool = False,
    user_id: str | None = None,
    readable_at: float = 0.0,
) -> None:
    """An agency answers; the first answer moves the report to `Dalam Proses`."""
    old = report.status
    if old in (BELUM, TERVERIFIKASI):
        report.status = PROSES
    report.last_word = "agency"
    report.answers += 1
    touch(report, at)
    if report.thread is None:
        return
    item = Item(
        id=_next_id(report),
        at=at,
        source=source,
        content=content,
        template_code=template_code,
        from_id=opd,
        to_id=to,
        status_old=old,
        status_new=report.status,
        attachments=attachments,
        is_secret=is_secret,
        user_id=user_id,
        readable_at=readable_at,
    )
    report.thread.items.append(item)
    note = f"{institution_name(opd)} memberi tanggapan"
    _log(report, at, note, old=old, from_id=opd, to_id=to, readable_at=readable_at)


def reply(report: Report, content: str, at: int, *, attachments: tuple[Attachment, ...] = ()) -> None:
    """The citizen writes back."""
    report.last_word = "reporter"
    touch(report, at)
    if report.thread is not None:
        item = Item(id=_next_id(report), at=at, source="citizen", content=content, attachments=attachments)
        report.thread.items.append(item)


def satisfied(report: Report, rating: int, at: int) -> None:
    """The citizen is content: the report is `Selesai` and has a rating."""
    report.rating = rating
    note = f"Pelapor menyatakan selesai dengan penilaian {rating}"
    _change_status(report, SELESAI, at, by=CITY_ID, note=note, source="citizen")


def close(report: Report, status: str, at: int, *, source: str) -> None:
    """The report is closed by an admin or by the system, under the status name given."""
    _change_status(report, status, at, by=CITY_ID, note=status, source=source)


def archive(report: Report, at: int) -> None:
    """The admin puts the report away, with nothing done."""
    _change_status(report, DIARSIPKAN, at, by=CITY_ID, note="Laporan diarsipkan", source="admin")


def refuse(report: Report, at: int) -> None:
    """The admin refuses the report."""
    _change_status(report, DITOLAK, at, by=NATIONAL_ID, note="Laporan ditolak", source="admin")


def set_status(report: Report, status: str, at: int) -> None:
    """Any status name at all, known to anyone or not."""
    _change_status(report, status, at, by=CITY_ID, note="Perubahan status", source="admin")


def reopen(report: Report, at: int) -> None:
    """A closed report is open again: in process if it has been answered, else verified."""
    status = PROSES if report.answers else TERVERIFIKASI
    report.rating = None
    _change_status(report, status, at, by=CITY_ID, note="Laporan dibuka kembali", source="admin")


def ask_forward(report: Report, to: str, reason: str, at: int, *, readable_at: float = 0.0) -> None:
    """An agency says *not our authority* and asks to hand over; somebody above must confirm by disposing."""
    report.forward_to = to
    touch(report, at)
    note = f"Permintaan alih kewenangan kepada {institution_name(to)}: {reason}"
    _log(report, at, note, old=report.status, from_id=report.disposed, to_id=to, readable_at=readable_at)
