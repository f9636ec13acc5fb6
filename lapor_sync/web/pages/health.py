"""What a supervisor and a monitor ask: whether the process lives, and whether what it shows is fresh."""

from __future__ import annotations

from flask import Blueprint, Response

from lapor_sync.monitoring.health import not_ready
from lapor_sync.web.guard import board

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> Response:
    """200 as long as the process answers at all."""
    return Response("ok\n", content_type=_TEXT)


@health.get("/readyz")
def ready() -> Response:
    """200 where the database answers and its last success is young enough; else 503, with the reason."""
    wrong = not_ready(board().store, board().mirror.pace.poll_seconds)
    return Response(f"{wrong or 'ready'}\n", status=503 if wrong else 200, content_type=_TEXT)


_TEXT = "text/plain; charset=utf-8"
