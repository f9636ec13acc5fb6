"""Masuk and keluar."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, render_template, request

from lapor_sync.web.failing import Problem

sign_in = Blueprint("sign_in", __name__)


@sign_in.get("/masuk")
def page(problem: Problem | None = None) -> str:
    """The form to sign in with, and whom to ask."""
    return render_template(
        "sign_in.html", problem=problem, next=local(request.args.get("next")), kept={}, sign_in=""
    )


def local(path: str | None) -> str:
    """Return a path of this site to go to; the first page where it is none, or may lead to another host."""
    parts = urlsplit(path or "")
    is_ours = path and path.isprintable() and path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if path and is_ours and not parts.netloc and not parts.scheme and "\\" not in path else "/tugas"
