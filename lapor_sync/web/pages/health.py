"""What a supervisor and a proxy ask: whether the process lives, and whether it can serve."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy import text

from lapor_sync.domain.errors import StoreError
from lapor_sync.web.guard import board

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> Response:
    """200 as long as the process answers at all."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@health.get("/readyz")
def ready() -> Response:
    """200 where the database answers, too; else 503."""
    try:
        with board().store.reading() as work:
            work.conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    except StoreError:
        return Response("database\n", status=503, content_type="text/plain; charset=utf-8")
    return Response("ready\n", content_type="text/plain; charset=utf-8")
