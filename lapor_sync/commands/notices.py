"""The command about notices: what was sent, waits, failed; and a test."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable
from functools import partial

import click

from lapor_sync import interface, screens
from lapor_sync.app import place_of, sender_of
from lapor_sync.commands.base import Acts, Call, as_json, refuse_before
from lapor_sync.commands.many import mirrors
from lapor_sync.config import load_machine
from lapor_sync.domain.errors import NotAllowed, NoticeError, SettingsWrong
from lapor_sync.domain.notices import TECHNICAL
from lapor_sync.domain.people import sign_in_of
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.interface import Json
from lapor_sync.output import say, say_json_lines
from lapor_sync.store import channels, people
from lapor_sync.store import notices as stored
from lapor_sync.store.database import Store
from lapor_sync.words import notices_id


@click.group(cls=Acts, invoke_without_command=True)
@as_json
@click.pass_context
def notices(ctx: click.Context, as_json: bool) -> None:
    """What people were told, what waits, what failed; the newest first. `test` sends a test."""
    if ctx.invoked_subcommand is not None:
        refuse_before(ctx, json=as_json)
        return
    call = ctx.ensure_object(Call)
    if call.is_of_many():
        with mirrors(call.agencies()) as all_of_them:
            each = ({"agency": store.agency} | one for store, _ in all_of_them for one in _told(store))
            found = heapq.nlargest(stored.MOST, each, key=lambda one: str(one["made_at"]))
        zone = load_machine(call.config, os.environ).timezone
    else:
        with call.store() as store:
            found, zone = _told(store), call.zone
    if as_json:
        say_json_lines(found)
        return
    with call.paged():
        screens.notices(found, zone)


def _told(store: Store) -> list[Json]:
    """What an agency's people were told, as JSON."""
    with store.reading() as work:
        who = {one.id: one.sign_in for one in people.listing(work)}
        return [interface.notice(one, who.get(one.person_id or "")) for one in stored.listing(work)]


@notices.command("test")
@click.argument("sign_in", required=False)
@click.pass_obj
def notices_test(call: Call, sign_in: str | None) -> None:
    """Send a test: to every technical channel, or to the channels of SIGN_IN. Exit code 1 where one did not take it."""
    settings = call.settings()
    sender = sender_of(settings)
    if sender is None:
        raise SettingsWrong(
            ("LAPOR_SYNC_NOTIFY_FROM and LAPOR_SYNC_NOTIFY_URLS_FILE are missing: there is no channel",)
        )
    subject, text = notices_id.test(place_of(settings))
    targets: list[tuple[str, Callable[[], None]]]
    if sign_in is None:
        technical = range(sender.technical)
        targets = [(f"{TECHNICAL}{n}", partial(sender.send_technical, n, subject, text)) for n in technical]
    else:
        with call.looking() as work:
            one = people.by_sign_in(work, sign_in_of(sign_in) or "")
            if one is None:
                raise Refused(Code.PERSON_UNKNOWN, given=sign_in)
            mine = [each for each in channels.of_person(work, one.id) if each.verified_at]
        targets = [
            (f"{each.kind} {each.id}", partial(sender.send, each.address, subject, text, each.kind))
            for each in mine
        ]
    if not targets:
        raise NotAllowed(
            "There is no channel to send to.", todo="Add one: technical in the file, or the person's own."
        )
    failed = [error for name, send in targets if (error := _try(name, send)) is not None]
    if failed:
        raise failed[0]


def _try(name: str, send: Callable[[], None]) -> NoticeError | None:
    """Send it, and say what came of it."""
    try:
        send()
    except NoticeError as error:
        say(f"{name}: {error.what}")
        return error
    say(f"{name}: sent")
    return None
