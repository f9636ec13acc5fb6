"""Accounts and posts: `people` and `people posts`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from lapor_sync.interface import Json
from lapor_sync.output import plain, styled
from lapor_sync.screens.parts import moment, table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NOBODY = "Nobody has an account. The first is `lapor-sync people invite NAME --sign-in S --role admin`."


def people(found: Iterable[Json], zone: ZoneInfo) -> None:
    """Show who has an account, in which post, and when they last signed in."""
    rows = [
        (
            plain(one["name"]),
            plain(one["sign_in"]),
            one["state"].replace("_", " "),
            "; ".join(post_words(post) + _span(post, zone) for post in one["posts"]) or "-",
            moment(one["last_sign_in_at"], zone),
        )
        for one in found
    ]
    table(("Name", "Sign-in", "State", "Post", "Last sign-in"), rows, empty=NOBODY, words=3)


def posts(found: Iterable[Json], zone: ZoneInfo) -> None:
    """Show each post with who holds it; one that nobody holds stands out."""
    rows = [
        (
            one["role"],
            plain(one["opd_name"] or one["opd"] or "the city"),
            _holders(one, zone),
        )
        for one in found
    ]
    table(("Role", "OPD", "Holder"), rows, empty=f"No post. {NOBODY}", words=1)


def _holders(post: Json, zone: ZoneInfo) -> str:
    who = "; ".join(f"{_invited(one)}{plain(one['name'])} ({plain(one['sign_in'])})" for one in post["holders"])
    if not post["vacant_since"]:
        return who
    return styled(f"kosong since {moment(post['vacant_since'], zone)}", "merah") + (f"; {who}" if who else "")


def _invited(holder: Json) -> str:
    return "invited: " if holder["is_invited"] else ""


def post_words(post: Mapping[str, Any]) -> str:
    """Return a post in words."""
    return f"{post['role']}, {plain(post['opd_name'] or post['opd'])}" if post["opd"] else str(post["role"])


def _span(post: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Return what is not plain of its span: that it begins later, and when it ends."""
    begin = f" from {_first(post['from'], zone)}" if post["is_to_come"] else ""
    return begin + (f" to {_last(post['until'], zone)}" if post["until"] else "")


def _first(since: str, zone: ZoneInfo) -> str:
    """Return a span's first moment; where it begins with a day, the day."""
    return moment(since, zone).partition(" 00:00 ")[0]


def _last(until: str, zone: ZoneInfo) -> str:
    """Return a span's last moment; where it ends with a day, the day."""
    end = datetime.fromisoformat(until).astimezone(zone)
    return moment(until, zone) if end.time() != time.min else (end - timedelta(days=1)).date().isoformat()
