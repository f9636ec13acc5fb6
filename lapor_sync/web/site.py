"""The site: its pages, what holds for all of them, and what is said where something fails."""

from __future__ import annotations

from flask import Flask
from jinja2 import StrictUndefined

from lapor_sync.web import assets, failing, guard, measured, shown
from lapor_sync.web.board import Board
from lapor_sync.web.pages import BLUEPRINTS


def make_site(board: Board) -> Flask:
    """Return the board's site as a WSGI application."""
    site = Flask(__name__, static_folder=None)
    site.config["BOARD"] = board
    site.config["MAX_FORM_MEMORY_SIZE"] = 2**21
    site.jinja_env.undefined = StrictUndefined
    site.jinja_env.trim_blocks = site.jinja_env.lstrip_blocks = True
    if board.measure is not None:
        measured.install(site, board.measure)
    shown.install(site)
    guard.install(site)
    failing.install(site)
    for blueprint in (assets.assets, *BLUEPRINTS):
        site.register_blueprint(blueprint)
    return site
