"""A citizen's file, from the city's own copy: a picture that was drawn anew is shown, all else is downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from flask import Blueprint, Response, abort

from lapor_sync import office
from lapor_sync.domain.citizen_files import PICTURE, FileState, files_of, keys_of
from lapor_sync.domain.permits import Act
from lapor_sync.domain.report import Attachment, ThreadItem
from lapor_sync.office.finding import subject_of
from lapor_sync.store import citizen_files, threads
from lapor_sync.store.citizen_files import Kept
from lapor_sync.store.database import Work
from lapor_sync.store.reports import Mirrored
from lapor_sync.web import session
from lapor_sync.web.guard import board

files = Blueprint("files", __name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """A file as a page shows it; `kept` None where nothing is known of it but its name, `item` None with the report."""

    number: int
    file: Attachment
    kept: Kept | None
    item: ThreadItem | None

    @property
    def is_here(self) -> bool:
        """Whether the city has a copy."""
        return self.kept is not None and self.kept.state is FileState.KEPT

    @property
    def is_picture(self) -> bool:
        """Whether it may be shown on a page."""
        return self.kept is not None and self.kept.small is not None


def shown(work: Work, one: Mirrored, items: tuple[ThreadItem, ...]) -> list[Shown]:
    """Return a report's files, numbered as in `show`."""
    found = files_of(one.report.attachments, items)
    if not found:
        return []
    kept = citizen_files.of_report(work, one.tracking_id)
    of = [*(None for _ in one.report.attachments), *(item for item in items for _ in item.attachments)]
    named = zip(keys_of(found), found, of, strict=True)
    return [Shown(n, file, kept.get(key), item) for n, (key, file, item) in enumerate(named, 1)]


@files.get("/laporan/<report_id>/lampiran/<int:number>")
def file(report_id: str, number: int) -> Response:
    """The file."""
    return _given(report_id, number, is_small=False)


@files.get("/laporan/<report_id>/lampiran/<int:number>/kecil")
def small(report_id: str, number: int) -> Response:
    """A picture, small."""
    return _given(report_id, number, is_small=True)


def _given(report_id: str, number: int, *, is_small: bool) -> Response:
    session.actors()
    with board().store.reading() as work:
        one = office.known_report(work, report_id)
    session.demand_seeing(subject_of(one))
    reader = session.demand(Act.SEE_SECRET, subject_of(one)) if one.report.is_secret else None
    with board().store.reading() as work:
        items = threads.load(work, [one.tracking_id]).get(one.tracking_id, ())
        found = next((each for each in shown(work, one, items) if each.number == number), None)
    kept = found.kept if found else None
    name = kept and (kept.small if is_small else kept.stored)
    folder = board().files
    content = folder.read(name) if folder is not None and name else None
    if content is None or found is None or kept is None:
        abort(404)
    if reader is not None:
        with office.acting(board().store, reader) as work:
            work.note("shown", one.tracking_id, file=number)
    is_picture = kept.kind == PICTURE
    response = Response(content, content_type=kept.kind)
    place = "inline" if is_picture else "attachment"
    name = _jpeg(found.file.file_name) if is_picture else found.file.file_name
    response.headers["Content-Disposition"] = f"{place}; filename*=UTF-8''{quote(name, safe='')}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _jpeg(name: str) -> str:
    return f"{name.rpartition('.')[0] or name}.jpg"
