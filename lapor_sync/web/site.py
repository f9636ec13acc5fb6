"""The site: its pages, what holds for all of them, and what is said where something fails."""

from __future__ import annotations

from flask import Flask
from jinja2 import StrictUndefined

from lapor_sync.web import assets, failing, guard, measured, shown
from lapor_sync.web.board import Board, Measure
from lapor_sync.web.many import Boards
from lapor_sync.web.pages import BLUEPRINTS


def make_site(board: Board) -> Flask:
    """Return the board's site as a WSGI application."""
    site = _made(board.measure)
    site.config["BOARD"] = board
    return site


def make_sites(boards: Boards, measure: Measure | None) -> Flask:
    """Return the site of many boards: which of them is asked, the name of the host says."""
    site = _made(measure)
    site.wsgi_app = boards.before(site.wsgi_app)  # type: ignore[method-assign, assignment]  # Flask's own way
    return site


def _made(measure: Measure | None) -> Flask:
    site = Flask(__name__, static_folder=None)
    site.config["MAX_FORM_MEMORY_SIZE"] = 2**21
    site.jinja_env.undefined = StrictUndefined
    site.jinja_env.trim_blocks = site.jinja_env.lstrip_blocks = True
    if measure is not None:
        measured.install(site, measure)
    shown.install(site)
    guard.install(site)
    failing.install(site)
    for blueprint in (assets.assets, *BLUEPRINTS):
        site.register_blueprint(blueprint)
    return site
