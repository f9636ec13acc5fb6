"""The command that serves the board."""

from __future__ import annotations

import gc
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lapor_sync.app import App, file_limits_of, sender_of
from lapor_sync.commands.base import Call, command, end_softly, new_file, stop_on_signals
from lapor_sync.config import Settings, board_secret_file, files_folder, read_sign_on_secret
from lapor_sync.domain.errors import NotAllowed, SettingsWrong
from lapor_sync.domain.files import read_file
from lapor_sync.domain.names import shown_path
from lapor_sync.domain.ports import Clock
from lapor_sync.listening import Address
from lapor_sync.monitoring.health import Polled
from lapor_sync.monitoring.measures import BoardMeasures
from lapor_sync.monitoring.serving import watched
from lapor_sync.output import say
from lapor_sync.store.database import Store
from lapor_sync.store.file_folder import FileFolder
from lapor_sync.web.board import Board, Measure
from lapor_sync.web.errands import Errands
from lapor_sync.web.listening import address_of
from lapor_sync.web.serving import serve
from lapor_sync.web.site import make_site

if TYPE_CHECKING:
    from lapor_sync.web.provider import Provider

SECRET_BYTES = 32


@command(
    click.option(
        "--listen", metavar="HOST:PORT", help="Where to; default: LAPOR_SYNC_BOARD_LISTEN. Port 0: a free one."
    ),
)
def board(call: Call, listen: str | None) -> None:
    """Serve the board for officers, until SIGTERM. It needs the database, and no credentials of LAPOR's."""
    app = call.app()
    settings = app.settings
    address = address_of(listen or settings.board_listen, settings.board_public_url)
    with app.mirror(anew=False) as mirror, _measured(app, mirror.store) as measure:
        made = Board(
            mirror=mirror,
            limits=file_limits_of(settings),
            secret=_secret(settings),
            public_url=settings.board_public_url,
            host=address.host,
            files=FileFolder(files_folder(settings, os.environ)),
            second_factor=settings.second_factor,
            sender=sender_of(settings),
            provider=_provider(settings, app.clock),
            measure=measure,
            later=Errands(app.log),
        )

        def listening(at: Address) -> None:
            say(f"Board at {settings.board_public_url or at.url}")
            sys.stdout.flush()
            collect_as_it_comes()

        stop_on_signals(end_softly)
        serve(make_site(made), made, address, trusted_proxy=settings.board_trusted_proxy, listening=listening)


@contextmanager
def _measured(app: App, store: Store) -> Iterator[Measure | None]:
    """Let a monitor ask the board, where it is wanted, and give who hears of its requests."""
    given, mine = app.settings.board_metrics_listen, [Polled(store, app.settings.poll_seconds, app.settings.city)]
    if given is None:
        yield None
        return

    with watched(given, lambda: mine, app.clock, app.log, lambda: None) as registry:
        yield BoardMeasures(registry).request


def _provider(settings: Settings, clock: Clock) -> Provider | None:
    """The city's single sign-on, where it has one. Raises SettingsWrong."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    from lapor_sync.web.provider import Client, Provider  # 2.4 MB that few cities need

    secret = read_sign_on_secret(settings)
    return Provider(Client(issuer=settings.oidc_issuer, id=settings.oidc_client_id, secret=secret), clock)


def collect_as_it_comes() -> None:
    """Let the garbage of pages go as it comes.

    As a process begins (`as_process`) it is collected hardly ever: a board of eight threads held 40 MB of it so. What
    was loaded until now stays, and is not looked through again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 10, 10)


def _secret(settings: Settings) -> bytes:
    """Return the board's secret; where no file of it is named, it has one in the program's own folder."""
    path = board_secret_file(settings, os.environ)
    if settings.board_secret_file is None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # of PostgreSQL's users nobody made it yet
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
