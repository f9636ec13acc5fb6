"""The files that pages bring along: read once, named by what is in them, and packed. No foreign host is asked."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, abort, request

FOLDER: Final = Path(__file__).with_name("static")
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

assets = Blueprint("assets", __name__)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    content: bytes
    packed: bytes
    content_type: str
    digest: str


@cache
def all_assets() -> dict[str, Asset]:
    """Return every file that may be asked for, by name."""
    return {path.name: _asset(path) for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(content, gzip.compress(content, 9, mtime=0), TYPES[path.suffix], digest)


def asset_url(name: str) -> str:
    """Return the address of a file: another one as soon as its content is another one."""
    return f"/aset/{all_assets()[name].digest}/{name}"


@assets.get("/aset/<digest>/<name>")
def asset(digest: str, name: str) -> Response:
    """A file, which a browser may keep for good."""
    found = all_assets().get(name)
    if found is None or found.digest != digest:
        abort(404)
    is_packed = "gzip" in request.headers.get("Accept-Encoding", "")
    response = Response(found.packed if is_packed else found.content, content_type=found.content_type)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Vary"] = "Accept-Encoding"
    if is_packed:
        response.headers["Content-Encoding"] = "gzip"
    return response
