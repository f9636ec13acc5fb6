"""The commands for people: accounts, posts, links, hand-over. In the server's shell they make the first admin."""

from __future__ import annotations

from datetime import datetime, time

import click

from lapor_sync import interface, screens
from lapor_sync.commands.base import Acts, Call, acting, acting_by, as_json, day, refuse_before
from lapor_sync.config import board_address
from lapor_sync.domain.people import Role
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.office import factors, institution_by_part
from lapor_sync.office import people as office
from lapor_sync.output import say, say_json_lines
from lapor_sync.store import institutions
from lapor_sync.store import people as accounts
from lapor_sync.store.database import Store

_role = click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
_opd = click.option(
    "--opd", metavar="X", help="Of which OPD: id, name, or parts of it. Without: the whole city's."
)


@click.group(cls=Acts, invoke_without_command=True)
@as_json
@click.pass_context
def people(ctx: click.Context, as_json: bool) -> None:
    """Who has an account, in which post; `posts`, `invite`, `link`, `handover`, `end`, `forget`."""
    if ctx.invoked_subcommand is not None:
        refuse_before(ctx, json=as_json)
        return
    with ctx.obj.looking() as work:
        found = [interface.person(one) for one in accounts.listing(work)]
    if as_json:
        say_json_lines(found)
        return
    with ctx.obj.paged():
        screens.people(found, ctx.obj.zone)


@people.command("posts")
@as_json
@click.pass_obj
def people_posts(call: Call, as_json: bool) -> None:
    """Each post with who holds it, or since when it is vacant (kosong)."""
    with call.looking() as work:
        found = [interface.post(one) for one in accounts.posts(work)]
    if as_json:
        say_json_lines(found)
        return
    with call.paged():
        screens.posts(found, call.zone)


@people.command("invite")
@click.argument("name")
@click.option("--sign-in", metavar="S", required=True, help="The sign-in name: e-mail address or NIP.")
@_role
@_opd
@click.option("--since", metavar="D", help="First day in the post; default: from now on.")
@click.option("--until", metavar="D", help="Last day in it, for who stands in for another.")
@acting_by
@click.pass_obj
def invite(
    call: Call,
    name: str,
    sign_in: str,
    role: str,
    opd: str | None,
    since: str | None,
    until: str | None,
    by: str | None,
) -> None:
    """Make an account and its post as needed; prints a one-time link, by which the person chooses a password."""
    last = day(until, call.zone, time.min)
    with call.store() as store:
        token = office.invite(
            store,
            acting(by),
            name=name,
            sign_in=sign_in,
            role=Role(role),
            opd=_institution(call, store, opd),
            since=day(since, call.zone, time.min),
            until=office.end_of(last.date(), call.zone) if last else None,
        )
    _say_link(call, token)


@people.command("link")
@click.argument("sign_in")
@click.option(
    "--without-factors", is_flag=True, help="Take their second factors away too: phone and codes are lost."
)
@acting_by
@click.pass_obj
def link(call: Call, sign_in: str, without_factors: bool, by: str | None) -> None:
    """Print a new one-time link for who lost the password; those made before end."""
    with call.store() as store:
        if without_factors:
            factors.remove_all(store, acting(by), sign_in)
        token = office.new_link(store, acting(by), sign_in)
    _say_link(call, token)


def _say_link(call: Call, token: str) -> None:
    say(f"{board_address(call.settings())}/undangan/{token}")
    say("Give it to that person alone, in a way that is theirs. It works once, within 24 hours.", err=True)


@people.command("handover")
@_role
@_opd
@click.option("--from", "from_", metavar="SIGN_IN", required=True, help="Who holds the post.")
@click.option("--to", metavar="SIGN_IN", required=True, help="Who takes it over; has an account already.")
@click.option("--on", metavar="D", help="The successor's first day; default: now.")
@click.option("--keep-work/--leave-work", default=True, help="Whether unfinished words go along; default: yes.")
@acting_by
@click.pass_obj
def handover(
    call: Call, role: str, opd: str | None, from_: str, to: str, on: str | None, keep_work: bool, by: str | None
) -> None:
    """Let a post pass from one person to another; the predecessor's sessions end with it."""
    with call.store() as store:
        done = office.hand_over_post(
            store,
            acting(by),
            role=Role(role),
            opd=_institution(call, store, opd),
            from_=from_,
            to=to,
            on=_moment(call, store, on),
            keep_work=keep_work,
        )
    say("handed over" if on is None else f"to be handed over on {on.strip()}")
    if not done.after.has_accepted:
        sign_in = done.after.sign_in
        say(
            f"{sign_in} has not accepted the invitation yet: until then the post counts as kosong. "
            f"A new link: `lapor-sync people link {sign_in}`.",
            err=True,
        )
    say(
        "On LAPOR's own site the city's coordinator changes the user's data: that cannot be done from here.",
        err=True,
    )


@people.command("end")
@click.argument("sign_in")
@click.option("--on", metavar="D", help="The first day without a post; default: now.")
@acting_by
@click.pass_obj
def end(call: Call, sign_in: str, on: str | None, by: str | None) -> None:
    """End every tenure of a person: their account stays, without a post."""
    with call.store() as store:
        office.end_tenures(store, acting(by), sign_in, _moment(call, store, on))
    say("ended" if on is None else f"to end on {on.strip()}")


@people.command("forget")
@click.argument("sign_in")
@acting_by
@click.pass_obj
def forget(call: Call, sign_in: str, by: str | None) -> None:
    """Erase name and sign-in name of a person who was ended. What they did stays, as done by person N."""
    with call.store() as store:
        person_id = office.forget(store, acting(by), sign_in)
    say(f"forgotten: person {person_id}")


def _moment(call: Call, store: Store, given: str | None) -> datetime:
    found = day(given, call.zone, time.min)
    return office.moment_of(store, found.date(), call.zone) if found else store.clock.now()


def _institution(call: Call, store: Store, given: str | None) -> str | None:
    """The OPD that is meant. Before anything is mirrored, and without OPD_IDS, any id is taken."""
    if given is None:
        return None
    settings = call.settings()
    ids = [*settings.opd_ids, *filter(None, [settings.institution_id])]
    with store.reading() as work:
        try:
            return institution_by_part(work, given, ids)
        except Refused as refused:
            is_first = refused.code is Code.OPD_UNKNOWN and not (settings.opd_ids or institutions.names(work))
            if is_first and given.strip().isdecimal():
                return given.strip()
            raise
