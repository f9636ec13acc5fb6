"""One call and one reply, as plain values; and the envelope that upstream puts around its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Json = dict[str, Any]
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as it came: `path` without the query, header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_write(self) -> bool:
        """Whether it asks for a change."""
        return self.method == "POST"

    def json(self) -> Any:
        """The body as JSON, or None if it is none."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None


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
