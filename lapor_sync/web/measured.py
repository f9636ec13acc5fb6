"""How long the board's requests take, where somebody measures."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from lapor_sync.web.board import Measure

NO_PAGE = "none"


def install(site: Flask, measure: Measure) -> None:
    """Let each request be told: the rule of its address, never what stands in it."""

    def begin() -> None:
        g.began = time.monotonic()

    def end(response: Response) -> Response:
        page = request.url_rule.rule if request.url_rule else NO_PAGE
        method = request.method if request.method in _METHODS else "other"
        measure(page, method, response.status_code, time.monotonic() - g.began)
        return response

    site.before_request(begin)
    site.after_request(end)


_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
