"""How upstream shows what is stored: its mix of types, date forms, placeholders and odd attachments.

The kinds are fixed, so that a client meets all of them: a list row has a numeric `id` and a textual
`tracking_id`, a detail the other way round; follow-ups write `d-m-Y H:i:s`, lists `Y-m-d H:i:s`, details ISO
without offset; all of it is WIB. Texts come back as HTML (`\\n` as `<br>`, `&` as `&amp;`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from connectors.simulator.city import CLASSIFICATIONS, TEMPLATES, categories, institution_name
from connectors.simulator.clock import at_wib
from connectors.simulator.messages import Json
from connectors.simulator.records import Attachment, Item, Log, Report
from connectors.simulator.world import is_readable

SPARSE = ("id", "tracking_id", "status_name", "updated_at")
UNKNOWN_STATUS = "Menunggu Kajian Tim Terpadu"

_CODES = {"Belum Terverifikasi": 0, "Terverifikasi": 1, "Dalam Proses": 2, "Selesai": 3}


def ymd(seconds: int) -> str:
    """`Y-m-d H:i:s` in WIB."""
    return f"{at_wib(seconds):%Y-%m-%d %H:%M:%S}"


def dmy(seconds: int) -> str:
    """`d-m-Y H:i:s` in WIB."""
    return f"{at_wib(seconds):%d-%m-%Y %H:%M:%S}"


def bare_iso(seconds: int) -> str:
    """ISO 8601 in WIB, without the offset."""
    return f"{at_wib(seconds):%Y-%m-%dT%H:%M:%S}"


def as_html(text: str) -> str:
    """A stored text as upstream gives it back."""
    return escape(text).replace("\r\n", "\n").replace("\n", "<br>")


def _number(institution_id: str | None) -> int | None:
    return int(institution_id) if institution_id else None


def _common(report: Report) -> Json:
    """Fields that rows and details share, in the row's types."""
    category = categories()[report.category]
    return {
        "id": report.id,
        "tracking_id": str(report.tracking_id),
        "title": report.words.title,
        "content": report.words.content,
        "channel": report.channel,
        "classification_id": report.classification,
        "classification_name": CLASSIFICATIONS[report.classification],
        "category_id": category.id,
        "category_name": category.name,
        "location_name": report.words.location,
        "is_anonymous": int(report.is_anonymous),
        "is_secret": int(report.is_secret),
        "reporter_name": "Anonim" if report.is_anonymous else report.words.reporter,
        "rating": report.rating,
        "status_code": _CODES.get(report.status, 9),
        "status_name": report.status,
        "disposition_id": _number(report.disposed),
        "disposition_name": institution_name(report.disposed),
        "created_at": ymd(report.created_at),
        "updated_at": ymd(report.updated_at),
    }


def list_row(report: Report, *, sparse: bool = False) -> Json:
    """One row of `GET /complaints`."""
    row = _common(report)
    return {name: row[name] for name in SPARSE} if sparse else row


def corrupted(row: Json, how: str) -> Any:
    """What is left of a row that cannot be read."""
    if how == "string":
        return f"<!-- gagal memuat {row['tracking_id']} -->"
    if how == "no-id":
        return {name: value for name, value in row.items() if name not in ("id", "tracking_id")}
    if how == "bad-date":
        return {**row, "updated_at": "31-02-20xx 25:61:00"}
    return None


class FilesAt(NamedTuple):
    """Where files lie, and until when an address that is given now holds (seconds of the epoch; None: for ever)."""

    url: str
    until: int | None = None

    def address_of(self, file: Attachment) -> str:
        """Return a file's address: as stores sign them, another one at each read."""
        query = (
            f"?Expires={self.until}&Signature={signature(file.id, self.until)}" if self.until is not None else ""
        )
        return f"{self.url}/{file.id}/{file.file_name}{query}"


def signature(file_id: int, until: int) -> str:
    """Return what makes an address of a file good until then. It keeps nobody out: the stand-in's files are invented."""
    return hashlib.sha256(f"file {file_id} until {until}".encode()).hexdigest()[:32]


def detail(report: Report, files: FilesAt) -> Json:
    """`results` of `GET /complaints/{id}/complaint`: the report in `data`, its log rows beside it."""
    logs = [log for log in report.words.logs if is_readable(log)]
    data = {
        **_common(report),
        "id": str(report.id),
        "tracking_id": report.tracking_id,
        "disposition_id": report.disposed,
        "date_of_incident": ymd(report.created_at)[:10] if report.index % 2 else "0000-00-00 00:00:00",
        "location_id": None,
        "is_priority": 0,
        "tags_raw": "",
        "attachments": _attachments(report.words.attachments, report.index, files),
        "updated_at": bare_iso(report.updated_at),
        "status_logs": [_status_log(log) for log in logs],
    }
    # In no useful order, as seen upstream.
    return {"data": data, "data_logs": [_data_log(log) for log in sorted(logs, key=lambda log: log.id % 7)]}


def _status_log(log: Log) -> Json:
    return {"note": log.status_new, "timestamp": ymd(log.at)}


def _data_log(log: Log) -> Json:
    name = institution_name(log.from_id)
    return {
        "id": str(log.id),
        "date": dmy(log.at),
        "content": as_html(log.content),
        "institution": {"name": name} if log.id % 2 else name,
        "institution_from_id": {"name": name} if name else None,
        "institution_to_id": {"name": institution_name(log.to_id)} if log.to_id else None,
        "institution_to": {"id": log.to_id, "name": institution_name(log.to_id)} if log.to_id else None,
        "status_old": {"name": log.status_old},
        "status_new": {"name": log.status_new},
        "attachments": "[]",
    }


def readable_items(report: Report) -> list[Item]:
    """What a client can read of the thread, newest first; answers given as secret are not shown again."""
    items = [item for item in report.words.items if is_readable(item) and not item.is_secret]
    return items[::-1]


def followup(item: Item, report: Report, files: FilesAt) -> Json:
    """One row of `GET /complaints/{id}/followups`."""
    return {
        "id": item.id,
        "complaint_id": str(report.id),
        "created_at": dmy(item.at),
        "content": as_html(item.content) if item.content else None,
        "template_code": item.template_code,
        "template_content": item.template_content,
        "institution_from_name": _speaker(item),
        "institution_to_name": institution_name(item.to_id),
        "data": _changes(item),
        "attachments": _attachments(item.attachments, item.id, files),
    }


def _speaker(item: Item) -> str | None:
    return None if item.source == "citizen" else institution_name(item.from_id)


def _changes(item: Item) -> str | None:
    """The change of status, as JSON within a string."""
    if item.status_old is None:
        return None
    return json.dumps({"status_old": {"name": item.status_old}, "status_new": {"name": item.status_new}})


def _attachments(stored: Sequence[Attachment], kind: int, files: FilesAt) -> Any:
    """Files as a list or as an object with numeric keys and `docs`; none in one of four ways."""
    if not stored:
        return ("[]", None, [], {"docs": []})[kind % 4]
    rows = [_attachment(file, files) for file in stored]
    if kind % 2:
        return rows
    return {**{str(place): row for place, row in enumerate(rows)}, "docs": rows}


def _attachment(file: Attachment, files: FilesAt) -> Json:
    return {
        "id": file.id,
        "path": files.address_of(file),
        "file_name": file.file_name,
        "extension": file.extension,
    }


def template_rows() -> list[Json]:
    """Rows of `GET /masters/templates`."""
    return [
        {"id": place, "template_code": code, "name": name, "content": f"<p>{name}</p>"}
        for place, (code, name) in enumerate(TEMPLATES.items(), start=1)
    ]


def with_unknown_status(row: Json, report: Report) -> Json:
    """Every third report has a status that nobody told the client about."""
    return {**row, "status_name": UNKNOWN_STATUS} if report.index % 3 == 0 else row


def drifted_detail(data: Json, report: Report) -> Any:
    """A detail after the same change as `drifted_row`; only those with an odd `id` can be read."""
    return _drift_nested(data) if report.id % 2 else _drift_unreadable(data)


def drifted_row(row: Json, report: Report) -> Any:
    """A list row after a change of the API that nobody announced; five kinds, one unreadable."""
    return _DRIFTS[report.index % len(_DRIFTS)](row)


def _drift_extra(row: Json) -> Any:
    return {**row, "sla": {"hari": 5, "sisa": None}, "title": None, "id": str(row["id"])}


def _drift_nested(row: Json) -> Any:
    rest = {name: value for name, value in row.items() if name not in ("status_name", "disposition_id")}
    where = {"id": row.get("disposition_id"), "name": row.get("disposition_name")}
    return {**rest, "status": {"name": row["status_name"]}, "disposition": where}


def _drift_renamed(row: Json) -> Any:
    rest = {name: value for name, value in row.items() if name not in ("updated_at", "tracking_id")}
    return {**rest, "last_update": row["updated_at"], "trackingId": row["tracking_id"]}


def _drift_types(row: Json) -> Any:
    return {**row, "id": float(row["id"]), "is_secret": "tidak", "rating": {"value": row.get("rating")}}


def _drift_unreadable(row: Json) -> Any:
    return [row["id"], row["status_name"]]


_DRIFTS = (_drift_extra, _drift_nested, _drift_renamed, _drift_types, _drift_unreadable)


def drifted_followup(row: Json) -> Json:
    """A thread item after the same change: `data` is an object, names are nested, the id is text."""
    rest = {name: value for name, value in row.items() if name != "institution_from_name"}
    speaker = row["institution_from_name"]
    return {
        **rest,
        "id": str(row["id"]),
        "institution_from": {"name": speaker} if speaker else None,
        "data": json.loads(row["data"]) if row["data"] else {},
        "reactions": [],
    }
