"""How values are shown: times and days in Indonesian, and no text of others that could do anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask import Flask, g
from markupsafe import Markup, escape

from lapor_sync import __version__
from lapor_sync.domain.people import DAEMON
from lapor_sync.domain.permits import Act
from lapor_sync.domain.thread import paragraphs
from lapor_sync.office.deliveries import acts_on
from lapor_sync.output import harmless
from lapor_sync.recap.printed import shown as figure
from lapor_sync.store import people as accounts
from lapor_sync.store.outbox import NOBODY_KNOWN
from lapor_sync.web import guard, session
from lapor_sync.web.assets import asset_url
from lapor_sync.web.board import Board
from lapor_sync.words import id as words


def install(site: Flask) -> None:
    """Give the templates what they show values with."""
    env = site.jinja_env
    env.finalize = _harmless
    env.filters |= {
        "moment": moment,
        "day": day,
        "date": of_date,
        "number": number,
        "figure": figure,
        "plain_day": plain_day,
        "from_text": datetime.fromisoformat,
        "as_typed": as_typed,
        "as_value": as_value,
        "left": left,
        "late": late,
        "paragraphs": paragraphs,
        "who": who,
        "subject": subject,
        "written": written,
        "acts": acts_on,
        "dotted": ".{}".format,
    }
    env.globals |= {
        "asset_url": asset_url,
        "csrf_token": guard.csrf_token,
        "me": session.anybody,
        "me_in_words": me_in_words,
        "menu": menu,
        "version": __version__,
        "words": words,
    }
    site.context_processor(lambda: {"board": guard.board(), "problem": None, "heading": "h2"})


def _harmless(value: Any) -> Any:
    """No control character and no sign of direction of others' texts comes to a page; their line ends do."""
    if value is None:
        return ""
    return harmless(value, keep="\n\t") if type(value) is str else value


def as_typed(text: str) -> Markup:
    """Return a person's own words for their form, letter by letter. A leading line end would be swallowed there."""
    return Markup("\n") + escape(text)


def _zone(board: Board, at: datetime) -> datetime:
    return at.astimezone(board.zone)


def moment(at: datetime | None) -> str:
    """Return a time as officers write it: Senin, 30 November 2026 pukul 14.05 WIB."""
    if at is None:
        return "tidak diketahui"
    local = _zone(guard.board(), at)
    return f"{day(at)} pukul {local:%H.%M} {local.tzname()}"


def day(at: datetime | None) -> str:
    """Return the day of a time in the city: Senin, 30 November 2026."""
    if at is None:
        return "tidak diketahui"
    return of_date(_zone(guard.board(), at).date())


def of_date(one: date) -> str:
    """Return a date as officers write it."""
    return f"{words.DAYS[one.weekday()]}, {words.long_day(one)}"


def plain_day(text: str) -> str:
    """Return a day such as 2026-10-31 as people write it: 31 Oktober 2026."""
    return words.long_day(date.fromisoformat(text))


def number(value: int) -> str:
    """Return a number with the points of thousands: 12.345."""
    return f"{value:,}".replace(",", ".")


def left(due: datetime, now: datetime) -> str:
    """Return how many working days are left until a deadline, or over since."""
    days = guard.board().mirror.rules.working_days
    if due < now:
        return late(days.between(due, now))
    number_left = days.between(now, due)
    return f"{number_left} hari kerja lagi" if number_left else "hari ini"


def late(number_over: int) -> str:
    """Return how late it is, in working days that are over."""
    return f"terlambat {number_over} hari kerja" if number_over else "terlambat, belum satu hari kerja"


_WHO = re.compile(r"person (\d+)(?: in post (\d+))?")


def who(actor: str) -> str:
    """Return who acted as people know them; the audit keeps ids, and a name that was forgotten is none."""
    if actor == DAEMON.who:
        return "sistem"
    if actor == NOBODY_KNOWN:
        return "(tidak diketahui)"
    found = _WHO.fullmatch(actor)
    if found is None:
        return actor
    if "names" not in g:
        with guard.board().store.reading() as work:
            g.names = accounts.names(work)
    return str(g.names.get(found[1], f"petugas {found[1]}"))


def subject(noted: str) -> str:
    """Return what a row of the audit is about: a person by name, all else word by word."""
    if _WHO.fullmatch(noted):
        return who(noted)
    return " ".join(words.SUBJECTS.get(one, one) for one in noted.split(" "))


def me_in_words() -> str:
    """Return the posts of the person of this request."""
    posts = session.anybody().posts
    if not posts:
        return "tanpa jabatan"
    names = session.opd_names()
    return ", ".join(
        f"{words.ROLES[post.role]} {names.get(post.opd, post.opd)}" if post.opd else words.ROLES[post.role]
        for post in posts
    )


_MENU = (
    ("/tugas", "Tugas", Act.SEE),
    ("/laporan", "Laporan", Act.SEE),
    ("/kiriman", "Kiriman", Act.SEE),
    ("/keputusan", "Keputusan", Act.SETTLE),
    ("/opd", "OPD", Act.SEE_FIGURES),
    ("/orang", "Orang", Act.MANAGE_PEOPLE),
    ("/rekap", "Rekap", Act.SEE_FIGURES),
    ("/riwayat", "Riwayat", Act.SEE_AUDIT),
    ("/sistem", "Sistem", Act.SEE_SYSTEM),
)


def menu() -> list[tuple[str, str]]:
    """Return the pages that the person of this request may open."""
    if session.lacks_factor(session.anybody()):
        return []
    posts = session.person().posts
    may_open = [(url, name) for url, name, act in _MENU if posts and session.allowed(act)]
    return [*may_open, ("/akun", "Akun")]


def written(fields: Mapping[str, str]) -> dict[str, str]:
    """Return what of a form is a person's own words: a page that cannot have the form shows them all the same."""
    return {name: value for name, value in fields.items() if name in words.WRITTEN and value.strip()}


def as_value(text: str) -> Markup:
    """Return a person's own words for a field of one line, letter by letter."""
    return escape(text)
