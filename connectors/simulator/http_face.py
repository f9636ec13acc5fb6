"""The API as callers see it: routes, credentials, envelope, validation, paging.

Assumed of upstream, since its documentation is not public: the list call and its parameters, the envelope of
errors (`status`, `message`, `errors`), and which mistakes it refuses. Seen: everything else that is odd here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connectors.simulator import wire
from connectors.simulator.city import CITY_ID, INSTITUTIONS, TEMPLATES, categories
from connectors.simulator.clock import parse_time
from connectors.simulator.messages import Call, Json, Reply, failure, html_reply, success
from connectors.simulator.mishaps import bus_reply
from connectors.simulator.records import Attachment, Report
from connectors.simulator.routes import found_in, table
from connectors.simulator.world import UnknownReport, World
from lapor_sync.domain.json_web_token import ends_at

BASE = "/lapor/3.0.0"
FOREIGN_BASE = "https://api.lapor.invalid/integration/api/v3"  # next_page_url names a host of its own
FOLLOWUPS_PER_PAGE = 20
CONTENT_LIMIT = 1000
FILE_TYPES = frozenset({"jpg", "jpeg", "png", "pdf", "doc", "docx"})
FILE_BYTES = 5 * 1024 * 1024
FILES_MOST = 5

MISSING, INVALID = "900902", "900901"
"""What the service bus says of credentials of its own."""

Params = Mapping[str, str]


class Invalid(Exception):
    """The call's fields are wrong: `errors` has a list of sentences for each."""

    def __init__(self, **errors: str) -> None:
        super().__init__("The given data was invalid.")
        self.errors = {name: [sentence] for name, sentence in errors.items()}


@dataclass(frozen=True, kw_only=True)
class Route:
    """One call of the API: `label` is how the journal counts it."""

    label: str
    handle: Callable[[Api, Call, Params], Reply]


class Api:
    """Answers calls from the world; knows nothing of sockets and of bad answers (see `desk`)."""

    def __init__(self, world: World, files_url: str) -> None:
        self.world = world
        self._files_url = files_url

    def _files(self) -> wire.FilesAt:
        seconds = self.world.options.file_seconds
        until = None if seconds is None else int(self.world.clock.now() + seconds)
        return wire.FilesAt(self._files_url, until)

    def answer(self, call: Call, route: Route | None, params: Params) -> Reply:
        """The sound answer: the bus, credentials, then the route; a write is stored when this returns."""
        if (refused := self._refused_by_the_bus(call)) is not None:
            return bus_reply(refused)
        if not self._admitted(call):
            return failure(401, "Unauthenticated.")
        if route is None:
            return failure(404, "Not Found")
        try:
            with self.world.lock:
                self.world.catch_up()
                return route.handle(self, call, params)
        except UnknownReport:
            return failure(404, "Laporan tidak ditemukan")
        except Invalid as wrong:
            return _refused(call, wrong)

    def _refused_by_the_bus(self, call: Call) -> str | None:
        """The code with which the bus refuses a call: its headers are wanted, and a JWT among them ends as it says."""
        for name, value in self.world.options.headers.items():
            if (shown := call.headers.get(name)) != value:
                return MISSING if shown is None else INVALID
            ends = ends_at(value)
            if ends is not None and ends.timestamp() <= self.world.clock.now():
                return INVALID
        return None

    def _admitted(self, call: Call) -> bool:
        options = self.world.options
        bearer = "Bearer " + options.bearer.removeprefix("Bearer ")
        shown = call.headers.get(options.auth_header), call.headers.get("token")
        return shown == (bearer, options.token)

    # Reading -------------------------------------------------------------------------------------------

    def complaints(self, call: Call, params: Params) -> Reply:
        """`GET /complaints`: the last changed first."""
        listing = self.world.weather.day.listing
        if listing == "missing":
            return failure(404, "Not Found")
        page, size = _paging(call, self.world.options.page_cap)
        if listing == "empty":
            return _page(call, [], page, size, 0)
        since = None if listing == "unfiltered" else _since(call)
        total = self.world.count_since(since)
        if listing == "repeat-last":
            page = min(page, _last_page(total, size))
        shown = self.world.newest_first((page - 1) * size, min(size, total - (page - 1) * size))
        rows = [self._row(self.world.unfolded(report)) for report in shown]
        if listing == "moving":
            self._move_a_row(page * size)
        return _page(call, rows, page, size, total, endless=listing == "repeat-last")

    def _move_a_row(self, after: int) -> None:
        """A report further down (or any, at the end) changes and so comes to the front of the list."""
        total = self.world.count_since()
        if total:
            place = self.world.weather.dice("moving").randrange(after if after < total else 0, total)
            self.world.touch(self.world.newest_first(place, 1)[0].id)

    def _row(self, report: Report) -> Any:
        row = self._twisted(wire.list_row(report, sparse=self.world.options.list_fields == "sparse"), report)
        if report.corrupt is not None:
            return wire.corrupted(wire.list_row(report), report.corrupt)
        return wire.drifted_row(row, report) if self.world.weather.day.drift else row

    def _twisted(self, row: Json, report: Report) -> Json:
        return wire.with_unknown_status(row, report) if self.world.weather.day.unknown_status else row

    def complaint(self, call: Call, params: Params) -> Reply:
        """`GET /complaints/{id}/complaint`."""
        report = self.world.find(params["ref"])
        results = wire.detail(report, self._files())
        results["data"] = self._twisted(results["data"], report)
        if self.world.weather.day.drift:
            results["data"] = wire.drifted_detail(results["data"], report)
        return success(results)

    def followups(self, call: Call, params: Params) -> Reply:
        """`GET /complaints/{id}/followups`."""
        report = self.world.find(params["ref"])
        page, _ = _paging(call, FOLLOWUPS_PER_PAGE)
        items = wire.readable_items(report)
        start = (page - 1) * FOLLOWUPS_PER_PAGE
        files = self._files()
        rows = [wire.followup(item, report, files) for item in items[start : start + FOLLOWUPS_PER_PAGE]]
        if self.world.weather.day.drift:
            rows = [wire.drifted_followup(row) for row in rows]
        return _page(call, rows, page, FOLLOWUPS_PER_PAGE, len(items))

    def institutions(self, call: Call, params: Params) -> Reply:
        """`GET /masters/institutions/external`."""
        return self._master(call, [{"id": int(key), "name": name} for key, name in INSTITUTIONS.items()])

    def templates(self, call: Call, params: Params) -> Reply:
        """`GET /masters/templates`."""
        return self._master(call, wire.template_rows())

    def _master(self, call: Call, rows: Sequence[Json]) -> Reply:
        page, size = _paging(call, self.world.options.page_cap)
        return _page(call, rows[(page - 1) * size : page * size], page, size, len(rows))

    # Writing -------------------------------------------------------------------------------------------

    def add_followup(self, call: Call, params: Params) -> Reply:
        """`POST /complaints/followup/add`: an institution answers."""
        fields = call.fields
        _required(
            fields,
            (
                "user_id",
                "institution_from_id",
                "institution_to_id",
                "complaint_id",
                "template_code",
                "content",
            ),
        )
        report = self.world.find(fields["complaint_id"])
        _check_answer(fields, report)
        item = self.world.store_answer(
            report.id,
            fields["content"],
            opd=fields["institution_from_id"],
            to=fields["institution_to_id"],
            template_code=fields["template_code"],
            attachments=_checked_files(call, "attachment"),
            is_secret=fields.get("is_secret", "0") == "1",
            user_id=fields["user_id"],
        )
        return success({"id": item.id, "complaint_id": report.id})

    def upload(self, call: Call, params: Params) -> Reply:
        """`POST /complaints/complaint/file`: all files of a report to come, in one request."""
        files = _checked_files(call, "attachments")
        if not files:
            raise Invalid(attachments="The attachments field is required.")
        stored = [self.world.keep_file(file.file_name, file.data or b"") for file in files]
        return success({"docs": [{"id": file.id, "file_name": file.file_name} for file in stored]})

    def create(self, call: Call, params: Params) -> Reply:
        """`POST /complaints/complaint`: a report comes in through the API."""
        fields = _json_object(call)
        _required(fields, ("title", "content"))
        view = self.world.file_report(
            title=str(fields["title"]),
            content=str(fields["content"]),
            category=_category(fields),
            classification=_classification(fields),
            opd=_disposition(fields),
            anonymous=_flag(fields, "is_anonymous"),
            secret=_flag(fields, "is_secret"),
            attachments=self._uploaded(fields.get("attachments")),
        )
        return success({"tracking_id": view["tracking_id"]}, complaint_id=int(view["id"]))

    def _uploaded(self, value: Any) -> tuple[Attachment, ...]:
        """The files named in a text such as `"[50000001,50000002]."`."""
        numbers = (int(number) for number in re.findall(r"\d+", str(value or "")))
        return tuple(self.world.files[number] for number in numbers if number in self.world.files)

    def ask_forward(self, call: Call, params: Params) -> Reply:
        """`POST /complaints/process/{id}/reject`: not our authority, please hand over."""
        report = self.world.find(params["ref"])
        fields = _json_object(call)
        _required(fields, ("is_request", "reason", "reason_description", "not_authority"))
        if str(fields["reason"]) not in INSTITUTIONS:
            raise Invalid(reason="The selected reason is invalid.")
        self.world.store_forward(report.id, to=str(fields["reason"]), reason=str(fields["reason_description"]))
        return success({"complaint_id": report.id})


_ROUTES: Sequence[tuple[str, str, Callable[[Api, Call, Params], Reply]]] = (
    ("GET", "/complaints", Api.complaints),
    ("GET", "/complaints/<ref>/complaint", Api.complaint),
    ("GET", "/complaints/<ref>/followups", Api.followups),
    ("POST", "/complaints/followup/add", Api.add_followup),
    ("POST", "/complaints/complaint/file", Api.upload),
    ("POST", "/complaints/complaint", Api.create),
    ("POST", "/complaints/process/<ref>/reject", Api.ask_forward),
    ("GET", "/masters/institutions/external", Api.institutions),
    ("GET", "/masters/templates", Api.templates),
)
_MAP = table(
    (method, BASE + path, Route(label=f"{method} {path.replace('<ref>', '{id}')}", handle=handle))
    for method, path, handle in _ROUTES
)


def route_of(call: Call) -> tuple[Route | None, Params]:
    """Which call of the API this is, and the parameters in its path."""
    return found_in(_MAP, call)


def stored_file(world: World, call: Call) -> Reply:
    """An attachment, `/files/{id}/{name}`: another host's business, so credentials are unwelcome there."""
    if world.options.auth_header in call.headers or "token" in call.headers:
        return html_reply(400, "Credentials sent to a foreign host")
    target = urlsplit(call.target)
    match = re.fullmatch(r"/files/(\d+)/([^/]+)", target.path)
    if match is None:
        return html_reply(404, "Not Found")
    if world.options.file_seconds is not None and not _holds(world, int(match[1]), target.query):
        return html_reply(403, "Request has expired")  # as stores say it, whatever is wrong with a signed address
    stored = world.files.get(int(match[1]))
    data = stored.data if stored else None
    if data is None:
        data = _invented(world, int(match[1]), match[2])
    return Reply(body=data, content_type="application/octet-stream")


def _invented(world: World, file_id: int, file_name: str) -> bytes:
    if not world.options.pictures:
        return f"Berkas contoh {file_name}\n".encode()
    from connectors.simulator.pictures import content_of

    return content_of(file_id, file_name)


def _holds(world: World, file_id: int, query: str) -> bool:
    given = dict(parse_qsl(query))
    until = given.get("Expires", "")
    if not (until.isascii() and until.isdecimal()):
        return False
    return given.get("Signature") == wire.signature(file_id, int(until)) and world.clock.now() < int(until)


def _refused(call: Call, wrong: Invalid) -> Reply:
    # Laravel sends a caller that does not ask for JSON back to the form it never had.
    if "application/json" not in call.headers.get("accept", ""):
        return html_reply(302, "Redirecting", {"Location": "https://api.lapor.invalid/"})
    return failure(422, str(wrong), wrong.errors)


def _paging(call: Call, cap: int) -> tuple[int, int]:
    try:
        page, size = int(call.args.get("page", 1)), int(call.args.get("page_size", cap))
    except ValueError:
        raise Invalid(page="The page must be an integer.") from None
    return max(page, 1), min(max(size, 1), cap)


def _since(call: Call) -> int | None:
    value = call.args.get("updated_from")
    if not value:
        return None
    try:
        return parse_time(value.replace(" ", "+") if "T" in value else value)
    except ValueError:
        raise Invalid(updated_from="The updated from is not a valid date.") from None


def _last_page(total: int, size: int) -> int:
    return max(1, -(-total // size))


def _page(call: Call, rows: Sequence[Any], page: int, size: int, total: int, *, endless: bool = False) -> Reply:
    """Laravel's paginator; the link to the next page names another host."""
    last = _last_page(total, size)
    more = endless or page < last
    path = call.path.removeprefix(BASE)
    return success(
        {
            "current_page": page,
            "data": list(rows),
            "last_page": last,
            "next_page_url": f"{FOREIGN_BASE}{path}?page={page + 1}" if more else None,
            "per_page": size,
            "total": total,
        }
    )


def _required(fields: Mapping[str, Any], names: Sequence[str]) -> None:
    missing = {
        name: f"The {name.replace('_', ' ')} field is required."
        for name in names
        if fields.get(name) in (None, "")
    }
    if missing:
        raise Invalid(**missing)


def _check_answer(fields: Mapping[str, str], report: Report) -> None:
    errors = {}
    if len(fields["content"]) > CONTENT_LIMIT:
        errors["content"] = f"The content may not be greater than {CONTENT_LIMIT} characters."
    if fields["institution_from_id"] not in (report.disposed, CITY_ID):
        errors["institution_from_id"] = "The report is not disposed to this institution."
    if fields["institution_to_id"] not in INSTITUTIONS:
        errors["institution_to_id"] = "The selected institution to id is invalid."
    if fields["template_code"] not in TEMPLATES:
        errors["template_code"] = "The selected template code is invalid."
    if errors:
        raise Invalid(**errors)


def _checked_files(call: Call, field: str) -> Sequence[Attachment]:
    """The files of a field such as `attachment[0]`."""
    files = [
        Attachment(id=0, file_name=file.filename or "", data=file.read())
        for name, file in call.files.items(multi=True)
        if name.partition("[")[0] == field
    ]
    if len(files) > FILES_MOST:
        raise Invalid(**{field: f"The {field} may not have more than {FILES_MOST} items."})
    if any(file.extension not in FILE_TYPES or len(file.data or b"") > FILE_BYTES for file in files):
        raise Invalid(**{field: f"Each of the {field} must be one of {', '.join(sorted(FILE_TYPES))}, 5 MB."})
    return files


def _json_object(call: Call) -> Mapping[str, Any]:
    value = call.content
    return value if isinstance(value, dict) else {}


def _category(fields: Mapping[str, Any]) -> str | None:
    wanted = str(fields.get("category_id"))
    return next((category.name for category in categories() if str(category.id) == wanted), None)


def _classification(fields: Mapping[str, Any]) -> str | None:
    value = str(fields.get("classification_id") or "")
    return value if value in ("1", "2", "3", "4") else None


def _disposition(fields: Mapping[str, Any]) -> str | None:
    value = fields.get("disposition_id")
    if value in (None, "", 0):
        return None
    if str(value) not in INSTITUTIONS:
        raise Invalid(disposition_id="The selected disposition id is invalid.")
    return str(value)


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    return str(fields.get(name, 0)).lower() in ("1", "true")
