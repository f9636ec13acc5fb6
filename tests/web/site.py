"""A board over a database of a few reports, asked by Flask's own client."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from functools import cache
from html import unescape
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, insert
from werkzeug.test import TestResponse

from lapor_sync.domain.calendar import WorkingDays
from lapor_sync.domain.colour import City
from lapor_sync.domain.limits import load_limits, packaged
from lapor_sync.domain.people import Post, Role, SecondFactor, SignedIn
from lapor_sync.mirror.mirror import Mirror, Rules
from lapor_sync.office import people
from lapor_sync.store import people as kept
from lapor_sync.store.database import Store
from lapor_sync.store.schema import person, post
from lapor_sync.web.board import Board
from lapor_sync.web.site import make_site

CITY, OPD, OTHER_OPD = "600", "611", "612"
SECRET = b"s" * 32


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def info(self, event: str, **values: Any) -> None:
        self.events.append(event)

    warning = error = info


def board_on(store: Store, **values: Any) -> Board:
    """A board over that database."""
    rules = Rules(
        city=City(institution_id=CITY, opd_ids=frozenset({OPD, OTHER_OPD})),
        limits=load_limits(packaged()),
        working_days=WorkingDays(ZoneInfo("Asia/Jakarta")),
    )
    return Board(
        mirror=Mirror(store=store, rules=rules, log=Log()),
        secret=SECRET,
        **{"second_factor": SecondFactor.NONE, **values},
    )


def client_of(board: Board) -> FlaskClient:
    """A browser without a cookie yet, and without JavaScript."""
    return _site_of(board).test_client()


def _site_of(board: Board) -> Flask:
    """The board's site; its addresses and templates, which take most of a test to compile, are those of all boards."""
    if board.measure is not None:  # then the site hears what is asked, and is another one
        return make_site(board)
    site = copy(_pattern())
    site.config = copy(site.config)
    site.config["BOARD"] = board
    return site


@cache
def _pattern() -> Flask:
    """A site without a board."""
    return make_site(cast(Any, SimpleNamespace(measure=None)))


def token_in(page: TestResponse) -> str:
    """The token of the first form of a page."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)
    assert found is not None
    return found[1]


def text_of(page: TestResponse) -> str:
    """What a person reads of a page, on one line."""
    body = re.sub(r"(?s)<(style|script|head).*?</\1>", " ", page.text)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


# People, and the reports that they may or may not see.

OFFICER = Post("1", Role.OFFICER, OPD)
OTHER_OFFICER = Post("2", Role.OFFICER, OTHER_OPD)
ADMIN = Post("3", Role.ADMIN)
LEADER = Post("4", Role.LEADER, OPD)
INSPECTOR = Post("5", Role.INSPECTOR)
TOKEN = "session-token"
Enter = Callable[..., FlaskClient]
"""Gives a browser in which somebody who holds these posts is signed in."""


def enter_as(patch: pytest.MonkeyPatch, client: FlaskClient, *posts: Post) -> None:
    """Let that browser have a session of somebody who holds these posts; how one comes by it is tested apart."""
    who = SignedIn(person_id="7", name="Sari", sign_in="sari", session_id="s1", posts=posts)
    _give(client.application.config["BOARD"].store, who)
    patch.setattr(people, "session", lambda _store, token, _look=None: who if token == TOKEN else None)
    client.set_cookie("papan", TOKEN)


def _give(store: Store, who: SignedIn) -> None:
    """Let the database say that they are there and hold these posts, by the ids that they have here."""
    with store.work() as work:
        if kept.get(work, who.person_id) is None:
            row = {"agency": work.agency, "sign_in": who.sign_in, "name": who.name, "made_at": work.at}
            work.conn.execute(insert(person).values(id=int(who.person_id), last_sign_in_at=work.at, **row))
        for one in who.posts:
            row = {"agency": work.agency, "role": one.role, "opd": one.opd or "", "made_at": work.at}
            work.conn.execute(delete(post).where(post.c.id == int(one.id)))
            work.conn.execute(insert(post).values(id=int(one.id), **row))
            kept.begin_tenure(work, who.person_id, one.id, store.clock.now())


def hidden(page: TestResponse, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None
    return unescape(found[1])


def form_of(client: FlaskClient, path: str, **values: Any) -> dict[str, Any]:
    """What a person's browser would send of the answer's form on that page."""
    page = client.get(path)
    return {"csrf": token_in(page), "seen": hidden(page, "seen"), "draft": hidden(page, "draft"), **values}
