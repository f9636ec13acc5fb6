"""One call and one reply, as plain values; and the envelope that upstream puts around its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from werkzeug import Request

Json = dict[str, Any]
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Call(Request):
    """A request as it came."""

    max_content_length = 64 * 2**20
    max_form_memory_size = max_content_length

    @property
    def target(self) -> str:
        """Path and query as the caller wrote them."""
        return str(self.environ["REQUEST_URI"])

    @property
    def is_write(self) -> bool:
        """Whether it asks for a change."""
        return self.method == "POST"

    @property
    def fields(self) -> Mapping[str, str]:
        """The fields of its form; one in another encoding than multipart has none."""
        return self.form if self.mimetype == "multipart/form-data" else {}

    @property
    def content(self) -> Any:
        """The body as JSON, or None if it is none."""
        return self.get_json(force=True, silent=True)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What goes back. `cut` closes the connection: `all` before any byte, `half` in the middle of the body."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: str = "none"


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
    """A JSON body under the status given."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status=status, body=body, headers=headers)


def success(results: Any, **root: Any) -> Reply:
    """The envelope of a call that went well; `root` stands beside `results`."""
    return json_reply({"status": True, "results": results, "message": "Success", **root})


def failure(
    status: int, message: str, errors: Json | None = None, headers: Mapping[str, str] = NO_HEADERS
) -> Reply:
    """The envelope of a refusal (its form upstream is not known, so it is assumed)."""
    return json_reply({"status": False, "message": message, "errors": errors or {}}, status, headers)


def html_reply(status: int, title: str, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
    """A page for people, as gateways and maintenance send it where JSON was asked for."""
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Reply(status=status, body=body.encode(), content_type="text/html; charset=UTF-8", headers=headers)
