"""The command that serves the board."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import click

from lapor_sync.app import App, file_limits_of, sender_of
from lapor_sync.commands.base import (
    Call,
    collect_as_it_comes,
    command,
    end_softly,
    log_to_standard_error,
    new_file,
    stop_on_signals,
)
from lapor_sync.config import (
    Settings,
    board_secret_file,
    files_folder,
    load_machine,
    read_sign_on_secret,
    setting_name,
)
from lapor_sync.config.agency import as_label, local_host
from lapor_sync.config.values import AGENCY_MARK
from lapor_sync.daemon import thinned
from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.errors import NotAllowed, SettingsWrong, StoreError
from lapor_sync.domain.files import make_folder, read_file
from lapor_sync.domain.names import shown_path
from lapor_sync.domain.ports import Clock
from lapor_sync.listening import Address
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.monitoring.health import Polled, none_ready
from lapor_sync.output import say_to_whom_it_may
from lapor_sync.roster import LOOK_SECONDS, Roster
from lapor_sync.store.database import Store
from lapor_sync.store.file_folder import FileFolder
from lapor_sync.web.board import Board, Measure, most_bytes
from lapor_sync.web.errands import MOST, Errands
from lapor_sync.web.listening import address_of
from lapor_sync.web.many import Boards
from lapor_sync.web.serving import serve
from lapor_sync.web.site import make_site, make_sites

if TYPE_CHECKING:
    from lapor_sync.web.provider import Provider

SECRET_BYTES = 32


@command(
    click.option(
        "--listen", metavar="HOST:PORT", help="Where to; default: LAPOR_SYNC_BOARD_LISTEN. Port 0: a free one."
    ),
)
def board(call: Call, listen: str | None) -> None:
    """Serve the board for officers, until SIGTERM. It needs the database, and no credentials of LAPOR's.

    Where the configuration has several agencies and none is named, it serves a board of each, under a name of its own.
    """
    stop_on_signals(end_softly)
    if call.agency is None and _is_of_many(call):
        _serve_many(call, listen)
    else:
        _serve_one(call, listen)


def _is_of_many(call: Call) -> bool:
    """Whether there are several agencies, or others that come would have an address, too."""
    machine = load_machine(call.config, os.environ)
    if machine.agencies_dir is None:
        return False
    return machine.board_public_url is None or _names_each(machine) or call.is_of_many()


def _names_each(machine: Settings) -> bool:
    return AGENCY_MARK in (machine.board_public_url or "")


def _serve_one(call: Call, listen: str | None) -> None:
    app = call.app()
    settings = app.settings
    address = address_of(listen or settings.board_listen, settings.board_public_url)
    mine = partial(Polled, poll_seconds=settings.poll_seconds, city=settings.city)
    with app.mirror(anew=False) as mirror, _measured(app, lambda: [mine(mirror.store)]) as measure:
        shared = _Shared(
            _secret(settings), _provider(settings, app.clock), measure, Errands(app.log), address.host
        )
        made = shared.board(
            settings, mirror, city=_city(settings) if "agency" in settings.model_fields_set else ""
        )
        made.months()  # counted while nobody asks for pages yet
        serve(
            make_site(made),
            address,
            most_bytes=made.most_bytes,
            trusted_proxy=settings.board_trusted_proxy,
            listening=lambda at: _say(settings.board_public_url or at.url),
        )


def _city(settings: Settings) -> str:
    """How the pages name a city: by its key."""
    return as_label(settings.agency).replace("-", " ").title()


def _serve_many(call: Call, listen: str | None) -> None:
    machine = load_machine(call.config, os.environ)
    if machine.board_public_url is not None and not _names_each(machine):
        raise SettingsWrong(
            (
                f"one board is asked to serve many agencies, and {setting_name('board_public_url')} "
                f"{machine.board_public_url} does not tell them apart; it must hold {AGENCY_MARK}, as "
                f"https://{AGENCY_MARK}.papan.example",
            ),
            todo=advise(Todo.NAME_AGENCY),
        )
    address = address_of(listen or machine.board_listen, machine.board_public_url)
    log_to_standard_error(machine.timezone)
    app = App.of(machine)
    with app.store(anew=False) as store, ExitStack() as stack:
        roster = Roster(call.config, os.environ, store.engine, app.log, thinned(app.log))
        roster.refresh()
        measure = stack.enter_context(_measured(app, roster.polled))
        later = Errands(app.log, MOST * max(1, len(roster.found.keys)))
        shared = _Shared(_secret(machine), _provider(machine, app.clock), measure, later, address.host)

        def make(settings: Settings) -> Board:
            mirror = App.of(settings).mirror_on(Store(store.engine, settings.agency, app.clock))
            return shared.board(settings, mirror, city=_city(settings))

        boards = Boards(make, lambda: none_ready(roster.polled()), app.log)
        boards.take(roster.found.right)
        Thread(target=_look_again, args=(roster, boards), name="roster", daemon=True).start()
        serve(
            make_sites(boards, measure),
            address,
            most_bytes=max(most_bytes(file_limits_of(one)) for one in (machine, *roster.found.right.values())),
            trusted_proxy=machine.board_trusted_proxy,
            listening=lambda at: _say(_each(machine, at)),
        )


def _each(machine: Settings, at: Address) -> str:
    """The address of any agency's board."""
    url = machine.board_public_url or f"http://{local_host(AGENCY_MARK)}:{at.port}"
    return url.replace(AGENCY_MARK, "KEY")


def _look_again(roster: Roster, boards: Boards) -> None:
    """Serve the agencies as their files are, until the process ends."""
    while True:
        time.sleep(LOOK_SECONDS)
        look(roster, boards)


def look(roster: Roster, boards: Boards) -> None:
    """Serve the agencies as their files are now; those of before, while that cannot be found out."""
    try:
        roster.refresh()
    except StoreError as error:
        roster.trouble.again("agencies_unreadable", what=error.what, todo=error.todo)
    else:
        boards.take(roster.found.right)


@dataclass(frozen=True)
class _Shared:
    """What the boards of a process share."""

    secret: bytes = field(repr=False)
    provider: Provider | None
    measure: Measure | None
    later: Errands
    host: str

    def board(self, settings: Settings, mirror: Mirror, city: str = "") -> Board:
        """The board of an agency; `city`: how its pages name it."""
        return Board(
            mirror=mirror,
            city=city,
            limits=file_limits_of(settings),
            secret=self.secret,
            public_url=settings.board_public_url,
            host=self.host,
            report_url=settings.report_url,
            files=FileFolder(files_folder(settings, os.environ)),
            second_factor=settings.second_factor,
            sender=sender_of(settings),
            provider=self.provider,
            measure=self.measure,
            later=self.later,
        )


def _say(url: str) -> None:
    say_to_whom_it_may(f"Board at {url}")
    collect_as_it_comes()
    take_short_turns()


@contextmanager
def _measured(app: App, agencies: Callable[[], list[Polled]]) -> Iterator[Measure | None]:
    """Let a monitor ask the board, where it is wanted, and give who hears of its requests."""
    given = app.settings.board_metrics_listen
    if given is None:
        yield None
        return
    from lapor_sync.monitoring.measures import BoardMeasures  # 2 MB with prometheus_client
    from lapor_sync.monitoring.serving import watched

    with watched(given, agencies, app.clock, app.log, lambda: None) as registry:
        yield BoardMeasures(registry).request


def _provider(settings: Settings, clock: Clock) -> Provider | None:
    """The city's single sign-on, where it has one. Raises SettingsWrong."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    from lapor_sync.web.provider import Client, Provider  # 2.4 MB that few cities need

    secret = read_sign_on_secret(settings)
    return Provider(Client(issuer=settings.oidc_issuer, id=settings.oidc_client_id, secret=secret), clock)


TURN_SECONDS = 0.0005
"""A tenth of Python's own."""


def take_short_turns() -> None:
    """Let a thread that has its answer from the database go on soon, whatever page another one draws.

    Each statement, and on SQLite each row, gives the interpreter away; whoever wants it back waits for the other's turn.
    """
    sys.setswitchinterval(TURN_SECONDS)


def _secret(settings: Settings) -> bytes:
    """Return the board's secret; where no file of it is named, it has one in the program's own folder."""
    path = board_secret_file(settings, os.environ)
    if settings.board_secret_file is None:
        make_folder(path.parent, 0o700)  # of PostgreSQL's users nobody made it yet
    return secret_in(path)


def secret_in(path: Path) -> bytes:
    """Return the secret in that file; one is made where there is none. Raises SettingsWrong, BadInput."""
    if not os.path.lexists(path):
        try:
            with new_file(path, 0o600) as part:
                part.write_text(secrets.token_hex(SECRET_BYTES))
        except NotAllowed:
            pass  # another board was quicker
    try:
        secret = read_file(path, 4096).strip()
    except OSError as exc:
        raise SettingsWrong((f"the board's secret {shown_path(path)} cannot be read ({exc.strerror})",)) from exc
    if len(secret) < SECRET_BYTES:
        raise SettingsWrong(
            (f"the board's secret {shown_path(path)} is too short; it must have 32 bytes or more",)
        )
    return secret
