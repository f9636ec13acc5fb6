"""What SP4N-LAPOR! says, read tolerantly: bytes to envelopes, rows to reports, follow-ups to threads. Pure.

Nobody outside has its documentation, so each reading accepts every form that was seen or that such systems are
known for. Whatever the JSON, only UpstreamBroken (the answer is none) and BadRecord (this record cannot be read)
leave here. Source: lapor-api, section 1; what is marked *assumed* there is a table or an argument here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from connectors.sp4n_v3 import verdict
from connectors.sp4n_v3.values import (
    MAX_DEPTH,
    MAX_ID,
    MAX_NAME,
    UNSTORABLE_ESCAPE,
    Row,
    clean,
    derived_key,
    flag,
    hash_of,
    identifier,
    is_shallow,
    joined,
    mapping,
    moment,
    moment_or_none,
    name_of,
    pointer,
    raw_text,
    row_key,
    storable,
    strictly,
    text_of,
    text_or_none,
    unpacked,
)
from connectors.sp4n_v3.verdict import Meant, Says
from connectors.transport import gateway, may_be_in_address
from lapor_sync.domain import thread as talk
from lapor_sync.domain.delivery import Body
from lapor_sync.domain.errors import BadRecord, TooMuch, UpstreamBroken
from lapor_sync.domain.names import harmless_name
from lapor_sync.domain.personal import HIDING_FLAGS, without_persons
from lapor_sync.domain.ports import ListedRow
from lapor_sync.domain.report import (
    Attachment,
    BadItem,
    Detail,
    Institution,
    Report,
    StatusChange,
    Thread,
    ThreadItem,
)

MAX_MESSAGE = 120
"""Of upstream's words about a refusal this much is kept."""


# Envelopes.


def envelope(body: bytes) -> dict[str, object]:
    """The answer to a read as an object; a bare list is taken for its `results`.

    Raises UpstreamBroken for what is neither (HTML, empty, truncated) or says that the call failed.
    """
    found = _json(body)
    whole: dict[str, object] = {"results": found} if isinstance(found, list) else _as_object(found)
    if verdict.is_failed_read(whole):
        raise UpstreamBroken("the answer says that the call failed")
    return whole


def results(body: bytes) -> object:
    """The `results` of an answer; the whole object where there is no such key. Raises UpstreamBroken."""
    whole = envelope(body)
    return whole.get("results", whole)


def body_of(body: bytes, status: int, meant: Meant, address: str = "") -> tuple[Body, str]:
    """What the body of an answer to a write is, and the words in it of at most 120 characters.

    The words are the gateway's fault in ours, else upstream's own. `meant` is what was written; `address`
    the answer's `Location`.
    """
    if fault := gateway.fault_in(body):
        kind = Body.GATEWAY_DENIED if fault.kind is gateway.Kind.DENIED else Body.GATEWAY
        return kind, fault.what
    try:
        envelope = _as_object(_strict_json(body))
    except UpstreamBroken:
        return Body.OTHER, ""
    if verdict.is_of_another(envelope, meant, address):
        return Body.OF_ANOTHER, ""
    if 200 <= status < 300:
        return _OF_SAYING[verdict.of_write(envelope)], _message(envelope)
    return (Body.FAILURE if _is_refusal(envelope, status) else Body.OTHER), _message(envelope)


_OF_SAYING = {Says.SUCCESS: Body.SUCCESS, Says.FAILURE: Body.FAILURE, Says.NOTHING: Body.OTHER}


def _is_refusal(envelope: Row, status: int) -> bool:
    """Whether LAPOR itself wrote this error: `status: false` and no field that its envelope lacks (assumed), or
    what its framework says of wrong fields. Firewalls and proxies write JSON too."""
    if envelope.get("status") is False:
        return envelope.keys() <= _LAPORS
    return status == 422 and isinstance(envelope.get("errors"), dict) and bool(text_of(envelope.get("message")))


_LAPORS = frozenset({"status", "results", "data", "message", "errors", "code", "meta"})


def _json_object(body: bytes) -> dict[str, object]:
    return _as_object(_json(body))


def _as_object(found: object) -> dict[str, object]:
    if not isinstance(found, dict):
        raise UpstreamBroken("the answer is no JSON object")
    return found


def _json(body: bytes) -> object:
    _demand_few_values(body)
    # One byte that is no UTF-8 must not cost the whole page, nor a raw line break inside of a text.
    text = body.decode("utf-8-sig", "replace")
    try:
        found = _loaded(text)
        # Escapes can smuggle in what no database stores; only then is it worth to copy all.
        return found if _is_sound(text, found) else storable(found)
    except (ValueError, RecursionError) as exc:
        reason = "the answer is empty" if not text.strip() else "the answer is no JSON"
        raise UpstreamBroken(reason) from exc


def _strict_json(body: bytes) -> object:
    """The JSON of an answer to a write. One that is damaged, or contradicts itself, proves nothing."""
    _demand_few_values(body)
    try:
        return strictly(body.decode("utf-8-sig"))
    except ValueError as exc:  # a UnicodeDecodeError too
        raise UpstreamBroken("the answer is no JSON") from exc


def _loaded(text: str) -> object:
    """The JSON of `text`. What is nested too deep for the parser becomes null, a number too long for it a text.

    So one row costs no other; only where the fast way fails is it looked for. Raises ValueError.
    """
    try:
        return json.loads(text, strict=False, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return json.loads(_flattened(text), strict=False, parse_constant=_no_number, parse_int=_whole_number)


def _demand_few_values(body: bytes) -> None:
    """Raises TooMuch for an answer that would take more memory than any of theirs."""
    if values_in(body) > MAX_VALUES:
        raise TooMuch(f"the answer holds more than {MAX_VALUES} values")


def values_in(body: bytes) -> int:
    """How many values JSON holds, about: told by its brackets and commas, before anything is parsed.

    Each value takes up to 30 times its letters in memory. Those in texts are counted too while they are few: only
    above `MAX_VALUES` it is worth to leave them out.
    """
    count = sum(map(body.count, _MARKS))
    if count <= MAX_VALUES:
        return count
    outside = _TEXT.sub(b"", body.replace(rb"\\", b"").replace(rb"\"", b""))
    return sum(map(outside.count, _MARKS))


_MARKS = (b"[", b"{", b",")
_TEXT = re.compile(rb'"[^"]*"?')

MAX_VALUES = 1_000_000
"""In one answer, or one thread; a page of a hundred reports has five thousand."""


def _no_number(_said: str) -> None:
    """NaN and the infinities are no JSON."""


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_ID else digits


def _flattened(text: str) -> str:
    """`text` with null for each array or object that is nested deeper than `MAX_DEPTH`. It takes time by its length."""
    kept: list[str] = []
    depth = at = 0
    for found in _JSON_TOKEN.finditer(text):
        if found[0] in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept += text[at : found.start()], "null"
        elif found[0] in "]}":
            at = found.end() if depth == MAX_DEPTH + 1 else at
            depth -= 1
    return "".join(kept) + text[at:]


_JSON_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
"""A whole text, so that nothing in it counts, or a bracket or comma."""


def _is_sound(text: str, found: object) -> bool:
    """Whether any database stores all of it, and nothing is nested too deep. The cheap questions come first."""
    if ("\\u" in text or "\x00" in text) and UNSTORABLE_ESCAPE.search(text):
        return False
    return text.count("[") + text.count("{") <= MAX_DEPTH or is_shallow(found)


def _message(envelope: Row) -> str:
    text = text_of(envelope.get("message")) or _first_text(envelope.get("errors"))
    return " ".join(text.split())[:MAX_MESSAGE]


def _first_text(errors: object) -> str:
    """The first text inside of `errors`, whose shape is not known: Laravel's is `{field: [text]}` (assumed)."""
    while isinstance(errors, dict | list) and errors:
        errors = next(iter(errors.values())) if isinstance(errors, dict) else errors[0]
    return text_of(errors)


# Files.


def attachments(value: object) -> tuple[Attachment, ...]:
    """Files from a list, an object with numeric keys and `docs` (seen), JSON text of either, or null.

    Numbers alone (the create call's `"[1,2]."`) name no address and are left out; the same address counts once.
    """
    if not value:
        return ()
    found = unpacked(value)
    files: dict[str, Attachment] = {}
    for part in _attachment_parts(found):
        file = _attachment(part)
        if file is not None:
            files.setdefault(file.url, file)
    return tuple(files.values())


def _attachment_parts(found: object) -> Iterable[object]:
    if isinstance(found, list):
        return found
    if not isinstance(found, dict):
        return ()
    if any(isinstance(found.get(key), str) for key in _URL_KEYS):
        return (found,)
    docs = unpacked(found.get("docs"))
    numbered = [part for key, part in found.items() if key != "docs"]
    return [*numbered, *(docs if isinstance(docs, list) else ())]


_URL_KEYS = ("path", "url", "link", "file")
_FILE_NAME_KEYS = ("file_name", "name", "filename", "original_name", "disk_name")


def _attachment(part: object) -> Attachment | None:
    row = part if isinstance(part, dict) else {"path": part if isinstance(part, str) else None}
    url = _first(row, _URL_KEYS)
    if not url:
        return None
    name = harmless_name(_first(row, _FILE_NAME_KEYS) or _last_segment(url))
    said = _first(row, ("extension", "ext")).lstrip(".")
    extension = said if _EXTENSION.fullmatch(said) else _suffix(name)
    return Attachment(url=url, file_name=name, extension=extension.lower() or None)


_EXTENSION = re.compile(r"[A-Za-z0-9_-]{1,20}")


def _first(row: Row, keys: Iterable[str]) -> str:
    return next(filter(None, (text_of(row.get(key)) for key in keys)), "")


def _last_segment(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    return clean(unquote(path.rstrip("/").rpartition("/")[2])) or "file"


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return suffix if dot and stem and len(suffix) <= 10 else ""


# Reports.


def listed_row(raw: object) -> ListedRow | BadRecord:
    """A list's row by its ids and hash alone; a BadRecord (not raised) where it has no id."""
    digest = hash_of(raw)
    row = raw if isinstance(raw, dict) else {}
    upstream_id, tracking_id = identifier(row.get("id")), identifier(row.get("tracking_id"))
    key = tracking_id or upstream_id
    if key is None:
        reason = "no id and no tracking id" if isinstance(raw, dict) else "not an object"
        return BadRecord(reason, key=f"h:{digest.hex()}", raw=_quarantined_text(raw))
    report_id = upstream_id or key
    if not may_be_in_address(report_id):
        return BadRecord(_NO_ADDRESS, key=f"h:{digest.hex()}", raw=_quarantined_text(raw))
    return ListedRow(key=key, report_id=report_id, hash=digest, raw=row)


_NO_ADDRESS = "its id is none that an address may hold"


def report_of_row(row: ListedRow, zone: tzinfo) -> Report:
    """The list's row as a report; `status_name` "" and in `missing` where the row has none. Raises BadRecord."""
    return _report(row.raw, zone, key=row.key, report_id=row.report_id)


def _report(row: Row, zone: tzinfo, *, key: str, report_id: str) -> Report:
    try:
        times = _times(row, zone)
    except ValueError as exc:
        raise BadRecord(str(exc), key=key, raw=_quarantined_text(row), report_id=report_id) from exc
    shape = _shape(tuple(row))
    upstream_id, tracking_id = identifier(row.get("id")), identifier(row.get("tracking_id"))
    if not may_be_in_address(upstream_id or tracking_id or report_id):
        raise BadRecord(_NO_ADDRESS, key=key, raw=_quarantined_text(row), report_id=report_id)
    status_name = _status_name(row)
    values = {name: read(row[field]) for name, field, read in shape.readers}
    # Source: rules, section 7: such a report is mirrored without the reporter's name.
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
_FLAGS = ("is_anonymous", "is_secret", "is_priority")
"""Null for one of these counts as missing: taken for "no", it could show what is secret."""


def kept_text(value: object) -> str:
    """What upstream said of a report, as JSON text to be kept: without the reporter's name.

    That has a field of its own in the mirror, or is not kept at all (rules, section 7).
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


def detail(body: bytes, *, asked: str, zone: tzinfo, began_at: datetime) -> Detail:
    """The detail call's answer for the id that was asked, which stands in where the answer names none.

    Whether it is the report that was meant is for `domain.identity` to say. Raises UpstreamBroken, and BadRecord where
    it has no status or a garbage date.
    """
    found = results(body)
    whole = found if isinstance(found, dict) else {"data": found}
    try:
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
        raw=kept_text(found),
    )


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
        note=_substituted(text_of(log.get("content")), log),
    )


def _log_texts(log: Row) -> Iterable[str]:
    """Every text of a log in which a hand-over's reference may stand; which one it is, is not known."""
    return (_substituted(text_of(log.get(key)), log) for key in ("content", "note", "reason_description"))


# Threads.


def thread(items: Iterable[object], *, zone: tzinfo, began_at: datetime, why: str = "") -> Thread:
    """The follow-ups as a thread in reading order; those that are no object are its `bad`.

    `why` says why they may not be all; "" where they are.
    """
    rows = list(items)
    keyed = list(zip(item_keys(rows), rows, strict=True))
    return Thread(
        items=talk.in_order(_item(key, row, zone) for key, row in keyed if isinstance(row, dict)),
        began_at=began_at,
        raw=raw_text(rows),
        complete=not why,
        why=why,
        bad=tuple(
            BadItem(key=key, raw=raw_text(row), reason="not an object")
            for key, row in keyed
            if not isinstance(row, dict)
        ),
    )


def item_keys(rows: Iterable[object], first: dict[str, object] | None = None) -> list[str]:
    """The id of each item, its hash where it has none or where another item has the same one.

    Were one of two such items to hide the other, a response that arrived could look lost and go out again. `first`
    holds the items of the pages before, by id, and gets these.
    """
    first = {} if first is None else first
    keys = []
    for row in rows:
        key = row_key(row, "id")
        same = first.setdefault(key, row)
        is_same = same is row or same == row or hash_of(same) == hash_of(row)
        keys.append(key if is_same else derived_key(row))
    return keys


def _item(key: str, row: Row, zone: tzinfo) -> ThreadItem:
    content = _item_content(row)
    sender = _institution(row, "from")
    code = text_or_none(row.get("template_code"))
    data = mapping(row.get("data"))
    return ThreadItem(
        id=key,
        kind=talk.kind_of(template_code=code, institution_from=sender, content=content),
        created_at=moment_or_none(row.get("created_at") or row.get("date"), zone),
        content=content,
        author=sender,
        institution_to=_institution(row, "to"),
        template_code=code,
        status_old=_status(row, data, "status_old"),
        status_new=_status(row, data, "status_new"),
        attachments=attachments(row.get("attachments")),
    )


def _item_content(row: Row) -> str:
    """What was written, or where nothing was, the template's words."""
    written = _substituted(text_of(row.get("content")), row)
    return (
        written if talk.has_words(written) else _substituted(text_of(row.get("template_content")), row) or written
    )


def _institution(row: Row, side: str) -> str | None:
    """Who sent or gets an item: by name (seen), else by id, so that no agency is taken for the reporter."""
    for field in _PARTIES[side]:
        if (name := _party(row.get(field))) is not None:
            return name
    return None


_PARTIES = {side: tuple(f"institution_{side}{form}" for form in ("_name", "", "_id")) for side in ("from", "to")}


def _party(value: object) -> str | None:
    return (name_of(value) or pointer(value)) if isinstance(value, dict) else _named(value)


def _named(value: object) -> str | None:
    text = text_of(value)[:MAX_NAME]
    return None if text in {"", "0"} else text


def _status(row: Row, data: Row, key: str) -> str | None:
    return name_of(data.get(key)) or name_of(row.get(key))


MAX_PLACEHOLDERS = 1000
"""In one text. Each becomes a name: more would make of a small text one that no memory holds."""

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def _substituted(text: str, row: Row) -> str:
    """`text` with upstream's placeholders filled in from its own item; those without a value become nothing."""
    if "{{" not in text:
        return text
    sender, receiver = _institution(row, "from"), _institution(row, "to")
    data = mapping(row.get("data"))
    values = {
        "institution_from": sender,
        "institution_from_link": sender,
        "institution_to": receiver,
        "institution_to_link": receiver,
        "institution": _named(name_of(row.get("institution"))) or sender or receiver,
        "status_old": _status(row, data, "status_old"),
        "status_new": _status(row, data, "status_new"),
    }
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]) or "", text, count=MAX_PLACEHOLDERS)


# Master lists.


def institutions(rows: Iterable[object]) -> tuple[Institution, ...]:
    """The institutions that have an id and a name, each once."""
    found = ((identifier(row.get("id")), name_of(row)) for row in rows if isinstance(row, dict))
    return tuple(Institution(id=id_, name=name) for id_, name in dict(found).items() if id_ and name)


def template_codes(rows: Iterable[object]) -> tuple[str, ...]:
    """The codes of the reply templates, each once."""
    codes = (
        text_of(row.get("template_code")) or text_of(row.get("code")) for row in rows if isinstance(row, dict)
    )
    return tuple(dict.fromkeys(filter(None, codes)))
