"""Rows of a list, and the detail call's answer, read tolerantly as reports. Pure.

Nobody outside has the documentation, so each reading accepts every form that was seen or that such systems are
known for. Whatever the JSON, only UpstreamBroken (the answer is none) and BadRecord (this record cannot be read)
leave here. Source: upstream, "Calls"; what is marked *assumed* there is a table or an argument here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from connectors.sp4n_v3.envelopes import envelope
from connectors.sp4n_v3.files import attachments
from connectors.sp4n_v3.listing import bare
from connectors.sp4n_v3.threads import substituted
from connectors.sp4n_v3.values import (
    MAX_NAME,
    Row,
    clean,
    doubled_names,
    flag,
    hash_of,
    identifier,
    joined,
    mapping,
    moment,
    moment_or_none,
    name_of,
    pointer,
    raw_text,
    row_key,
    text_of,
    text_or_none,
    unpacked,
)
from connectors.sp4n_v3.verdict import reports_about
from connectors.transport import may_be_in_address
from lapor_sync.domain.errors import BadRecord
from lapor_sync.domain.personal import HIDING_FLAGS, without_persons
from lapor_sync.domain.ports import ListedRow
from lapor_sync.domain.report import (
    Detail,
    Report,
    StatusChange,
)


def listed_row(raw: object) -> ListedRow | BadRecord:
    """A list's row by its ids and hash alone; a BadRecord (not raised) where it has no id."""
    digest = hash_of(raw)
    row = raw if isinstance(raw, dict) else {}
    upstream_id = identifier(row.get("id"))
    try:
        tracking_id = _tracking_id(row)
    except ValueError as exc:
        return BadRecord(str(exc), key=f"h:{digest.hex()}", raw=_quarantined_text(raw), report_id=upstream_id)
    key = tracking_id or upstream_id
    if key is None:
        reason = "no id and no tracking id" if isinstance(raw, dict) else "not an object"
        return BadRecord(reason, key=f"h:{digest.hex()}", raw=_quarantined_text(raw))
    report_id = upstream_id or key
    if not may_be_in_address(report_id):
        return BadRecord(_NO_ADDRESS, key=f"h:{digest.hex()}", raw=_quarantined_text(raw))
    return ListedRow(key=key, report_id=report_id, hash=digest, raw=row)


def _tracking_id(row: Row) -> str | None:
    """Return the Tracking ID of a row, however its name is spelt; None where none is said.

    Raises ValueError where two differ, or one is there that cannot be read: then nobody can tell whose report it is.
    """
    values = [value for name, value in row.items() if bare(name) == "trackingid"]
    said = {identifier(value) for value in values if not _is_nothing(value)}
    if len(said) > 1:
        raise ValueError("it names two Tracking IDs")
    if None in said:
        raise ValueError("its Tracking ID cannot be read")
    return said.pop() if said else None


def _is_nothing(value: object) -> bool:
    return value is None or value is False or value in ([], {}) or (isinstance(value, str) and not clean(value))


_NO_ADDRESS = "its id is none that an address may hold"


def report_of_row(row: ListedRow, zone: tzinfo) -> Report:
    """The list's row as a report; `status_name` "" and in `missing` where the row has none. Raises BadRecord."""
    return _report(row.raw, zone, key=row.key, report_id=row.report_id)


def _report(row: Row, zone: tzinfo, *, key: str, report_id: str) -> Report:
    try:
        times, tracking_id = _times(row, zone), _tracking_id(row)
    except ValueError as exc:
        raise BadRecord(str(exc), key=key, raw=_quarantined_text(row), report_id=report_id) from exc
    shape = _shape(tuple(name for name in row if name in _PLACES))
    upstream_id = identifier(row.get("id"))
    if not may_be_in_address(upstream_id or tracking_id or report_id):
        raise BadRecord(_NO_ADDRESS, key=key, raw=_quarantined_text(row), report_id=report_id)
    status_name = _status_name(row)
    values = {name: read(row[field]) for name, field, read in shape.readers}
    # Source: rules, "Personal data": such a report is mirrored without the reporter's name.
    if values.get("is_anonymous") or values.get("is_secret"):
        values["reporter_name"] = None
    return Report(
        tracking_id=tracking_id or upstream_id or report_id,
        upstream_id=upstream_id,
        status_name=status_name,
        missing=shape.missing.union(
            (name for name in _FLAGS if row.get(name) is None),
            () if upstream_id else ("upstream_id",),
            () if tracking_id else ("tracking_id",),
            () if status_name else ("status_name",),
        ),
        **values,  # type: ignore[arg-type]  # each reader in _FIELDS gives its attribute's own type
        **times,  # type: ignore[arg-type]
    )


def _times(row: Row, zone: tzinfo) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in ("created_at", "updated_at"):
        try:
            found[name], found["updated_at_is_day"] = moment(row.get(name), zone)
        except ValueError as exc:
            raise ValueError(f"{name} is not a date") from exc
    return found


def _status_name(row: Row) -> str:
    """The name as a text, or an object with `name` (and `color`, seen), also in `status`; "" for anything else."""
    status = row.get("status_name")
    if status is None and isinstance(row.get("status"), dict):
        status = row["status"]
    if isinstance(status, dict):
        status = name_of(status)
    return clean(status)[:MAX_NAME] if isinstance(status, str) else ""


_Reader = Callable[[object], object]


class _Shape(NamedTuple):
    """How rows with the same fields are read: attribute of Report, field and reader; and the attributes they lack."""

    readers: tuple[tuple[str, str, _Reader], ...]
    missing: frozenset[str]


@lru_cache(maxsize=64)
def _shape(fields: tuple[str, ...]) -> _Shape:
    """Worked out once for all rows of a list."""
    given = {name: next((one for one in places if one in fields), "") for name, (places, _) in _FIELDS.items()}
    absent = [name for name in ("created_at", "updated_at") if name not in fields]
    return _Shape(
        readers=tuple((name, field, _FIELDS[name][1]) for name, field in given.items() if field),
        missing=frozenset(absent).union(name for name, field in given.items() if not field),
    )


REPORTER_NAME = "reporter_name"

_READ: Mapping[str, tuple[str, _Reader]] = {
    # attribute of Report: (field of upstream, then where else it may stand; how it is read)
    "disposition_id": ("disposition_id disposition", pointer),  # seen, as is the name; all below is assumed
    "disposition_name": ("disposition_name disposition", name_of),
    "title": ("title", text_of),
    "content": ("content", text_of),
    "channel": ("channel", name_of),
    "classification": ("classification_name classification", name_of),
    "category": ("category_name category", name_of),
    "category_id": ("category_id", pointer),
    "location": ("location_name location", name_of),
    "kecamatan": ("location_district_name district_name kecamatan", name_of),
    "kelurahan": ("location_village_name village_name kelurahan", name_of),
    "date_of_incident": ("date_of_incident", text_or_none),
    "is_anonymous": ("is_anonymous", flag),
    "is_secret": ("is_secret", flag),
    "is_priority": ("is_priority", flag),
    "tags": ("tags_raw", joined),
    "rating": ("rating", text_or_none),
    "reporter_name": (REPORTER_NAME, text_or_none),
    "attachments": ("attachments", attachments),
}
_FIELDS = {name: (tuple(fields.split()), read) for name, (fields, read) in _READ.items()}
_PLACES = frozenset(place for places, _ in _FIELDS.values() for place in places) | {"created_at", "updated_at"}
_FLAGS = ("is_anonymous", "is_secret", "is_priority")
"""Null for one of these counts as missing: taken for "no", it could show what is secret."""


def kept_text(value: object) -> str:
    """What upstream said of a report, as JSON text to be kept: without the reporter's name.

    That has a field of its own in the mirror, or is not kept at all (rules, "Personal data").
    """
    if isinstance(value, dict):  # nearly always it stands nowhere else
        value = {key: part for key, part in value.items() if key != REPORTER_NAME}
    text = raw_text(value)
    return raw_text(_nameless(value)) if REPORTER_NAME in text else text


def _quarantined_text(value: object) -> str:
    """As `kept_text`, and without persons unless the record says itself that its reporter may be known."""
    text = kept_text(value)
    whole = value if isinstance(value, dict) else {}
    row = mapping(whole.get("data")) or whole
    may_be_known = all(row.get(name) is not None and not flag(row[name]) for name in HIDING_FLAGS)
    return text if may_be_known or not isinstance(value, dict) else without_persons(text)


def _nameless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _nameless(part) for key, part in value.items() if key != REPORTER_NAME}
    if isinstance(value, list):
        return [_nameless(part) for part in value]
    if isinstance(value, str) and REPORTER_NAME in value and isinstance(found := unpacked(value), dict | list):
        return _nameless(found)
    return value


def detail(
    body: bytes,
    *,
    asked: str,
    zone: tzinfo,
    began_at: datetime,
    heads: Mapping[str, str] = MappingProxyType({}),
    is_old: bool = False,
) -> Detail:
    """The detail call's answer for the id that was asked, which stands in where the answer names none; `heads` and
    `is_old` as `Answer` has them.

    Whether it is the report that was meant is for `domain.identity` to say. Raises UpstreamBroken, and BadRecord where
    it has no status or a garbage date.
    """
    answer = envelope(body)
    found = answer.get("results", answer)
    whole = found if isinstance(found, dict) else {"data": found}
    try:
        _demand_one(body)
        row = _detail_row(whole)
    except ValueError as exc:
        raise BadRecord(str(exc), key=asked, raw=_quarantined_text(found), report_id=asked) from exc
    logs = _objects(whole.get("data_logs", row.get("data_logs")))
    notes = _objects(row.get("status_logs", whole.get("status_logs")))
    return Detail(
        report=_report(row, zone, key=row_key(row, "tracking_id", "id", or_else=asked), report_id=asked),
        history=_history(logs, notes, zone),
        log_texts=tuple(text for log in (*logs, *notes) for text in _log_texts(log) if text),
        began_at=began_at,
        about=reports_about(_around(answer), heads),
        is_old=is_old,
        raw=kept_text(found),
    )


def _demand_one(body: bytes) -> None:
    """Raises ValueError where an object names two reports under one name, of which only the last would be read."""
    if body.lower().count(b"tracking") < 2:  # nearly none has two, and to look takes as long as to read it
        return
    doubled = doubled_names(body.decode("utf-8-sig", "replace"))
    if any(name in {"results", "data"} or bare(name) == "trackingid" for name in doubled):
        raise ValueError("it names two Tracking IDs")


def _around(answer: Row) -> Row:
    """What stands beside the report and its logs."""
    found = answer.get("results", answer)
    beside = mapping(found) if "data" in mapping(found) else {}
    beside = {name: part for name, part in beside.items() if name not in _RECORDS}
    return {**answer, "results": beside} if "results" in answer else beside


_RECORDS = ("data", "data_logs", "status_logs")


def _detail_row(whole: Row) -> Row:
    """The report's own fields. Raises ValueError where there are none to be had."""
    row = _fields_of(whole)
    if row is None:
        raise ValueError("the answer holds no report")
    if _status_name(row):
        return row
    number = identifier(row.get("status_name"))
    if number is None:
        raise ValueError("no status_name")
    return {**row, "status_name": number}  # a name that nobody knows: better shown so than not at all


def _fields_of(whole: Row) -> Row | None:
    """`results.data`, an object alone in a list, or the fields right in `results` (both assumed)."""
    if "data" not in whole:
        return whole if {"id", "tracking_id", "status_name"} & whole.keys() else None
    data = unpacked(whole["data"])
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    return data if isinstance(data, dict) and data else None


def _objects(value: object) -> tuple[Row, ...]:
    """The objects in a list, or in PHP's object with numeric keys."""
    found = unpacked(value)
    parts = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return tuple(part for part in parts if isinstance(part, dict))


def _history(logs: Iterable[Row], notes: Iterable[Row], zone: tzinfo) -> tuple[StatusChange, ...]:
    """Moves of the status in the order of time (upstream guarantees none); those without a time come first."""
    moves = [change for log in logs if (change := _move(log, zone)).status_old or change.status_new]
    moves += [
        StatusChange(at=moment_or_none(note.get("timestamp"), zone), status_old=None, status_new=None, note=text)
        for note in notes
        if (text := text_of(note.get("note")))
    ]
    return tuple(sorted(moves, key=lambda move: move.at or _NEVER))


_NEVER = datetime.min.replace(tzinfo=UTC)


def _move(log: Row, zone: tzinfo) -> StatusChange:
    return StatusChange(
        at=moment_or_none(log.get("date") or log.get("created_at"), zone),
        status_old=name_of(log.get("status_old")),
        status_new=name_of(log.get("status_new")),
        note=substituted(text_of(log.get("content")), log),
    )


def _log_texts(log: Row) -> Iterable[str]:
    """Every text of a log in which a hand-over's reference may stand; which one it is, is not known."""
    return (substituted(text_of(log.get(key)), log) for key in ("content", "note", "reason_description"))
