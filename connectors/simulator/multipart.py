"""Reading `multipart/form-data`, as much of it as clients send."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.simulator.messages import Call

_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_PARAMETER = re.compile(rb'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, kw_only=True)
class FormFile:
    """One uploaded file and the name of its field, such as `attachment[0]`."""

    field: str
    file_name: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Form:
    """The fields (the last one of a name counts) and files of a form."""

    fields: dict[str, str]
    files: list[FormFile]


def read_form(call: Call) -> Form:
    """The form in a call; an empty one if its body is no multipart form."""
    form = Form(fields={}, files=[])
    kind = call.headers.get("content-type", "")
    boundary = _BOUNDARY.search(kind)
    if not kind.startswith("multipart/form-data") or boundary is None:
        return form
    for part in (b"\r\n" + call.body).split(b"\r\n--" + boundary[1].encode())[1:]:
        _take(form, part)
    return form


def _take(form: Form, part: bytes) -> None:
    head, found, data = part.partition(b"\r\n\r\n")
    values = {name.decode(): value.decode() for name, value in _PARAMETER.findall(head)}
    if not found or "name" not in values:
        return
    if "filename" in values:
        form.files.append(FormFile(field=values["name"], file_name=values["filename"], data=data))
    else:
        form.fields[values["name"]] = data.decode(errors="replace")
