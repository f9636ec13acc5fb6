"""Who may do what: the whole matrix of roles, acts, and reports, against what is written down here once more."""

from __future__ import annotations

from itertools import product

import pytest

from lapor_sync.domain.colour import CLOSED, Colour
from lapor_sync.domain.people import DAEMON, Actor, Post, Role, in_post, of_shell
from lapor_sync.domain.permits import Act, Subject, demand, may, reach
from lapor_sync.domain.refusals import Code, Refused

OWN, OTHER = "611", "612"
COLOURS = (None, *Colour)

OF_REPORT = (
    Act.SEE,
    Act.SEE_SECRET,
    Act.SEE_REPORTER,
    Act.ANSWER,
    Act.MOVE_DELIVERY,
    Act.HAND_OVER,
    Act.NOTE,
    Act.INSTRUCT,
)
OF_CITY = (
    Act.SETTLE,
    Act.PAUSE,
    Act.SEE_SYSTEM,
    Act.SEE_FIGURES,
    Act.FIX_RECAP,
    Act.SEE_AUDIT,
    Act.MANAGE_PEOPLE,
    Act.WITHHOLD,
)

MATRIX = {
    # act                 officer  admin    leader   inspector: whose reports, or - for none
    Act.SEE: ("own", "all", "own", "all"),
    Act.SEE_SECRET: ("own", "all", "-", "-"),
    Act.SEE_REPORTER: ("own", "all", "-", "-"),
    Act.ANSWER: ("own", "all", "-", "-"),
    Act.MOVE_DELIVERY: ("own", "all", "-", "-"),
    Act.HAND_OVER: ("own", "all", "-", "-"),
    Act.NOTE: ("own", "all", "-", "-"),
    Act.INSTRUCT: ("-", "-", "own", "-"),
    Act.SETTLE: ("-", "all", "-", "-"),
    Act.PAUSE: ("-", "all", "-", "-"),
    Act.SEE_SYSTEM: ("-", "all", "-", "all"),
    Act.SEE_FIGURES: ("own", "all", "own", "all"),
    Act.FIX_RECAP: ("-", "all", "-", "-"),
    Act.SEE_AUDIT: ("-", "all", "-", "all"),
    Act.MANAGE_PEOPLE: ("-", "all", "-", "-"),
    Act.WITHHOLD: ("-", "all", "-", "-"),
}


def holder(role: Role, opd: str | None = OWN) -> Actor:
    return in_post("12", Post("3", role, opd))


def report(opd: str | None, colour: Colour | None = None, *, is_vanished: bool = False) -> Subject:
    return Subject(tracking_id="7001", opd=opd, colour=colour, status_name="Selesai", is_vanished=is_vanished)


def code(refused: Refused | None) -> Code | None:
    return refused.code if refused else None


def test_the_matrix_is_whole() -> None:
    assert set(MATRIX) == set(Act) == {*OF_REPORT, *OF_CITY}


def in_the_matrix(role: Role, act: Act, opd: str | None, colour: Colour | None, is_vanished: bool) -> Code | None:
    """What the matrix and the report say; None where it is allowed."""
    reaches = MATRIX[act][list(Role).index(role)]
    if reaches == "-":
        return Code.NOT_THE_POSTS
    if reaches == "own" and opd != OWN:
        return Code.OTHER_OPD
    if act in {Act.ANSWER, Act.HAND_OVER}:
        return Code.REPORT_CLOSED if colour in CLOSED else Code.REPORT_VANISHED if is_vanished else None
    return None


def test_a_post_may_what_the_matrix_says_of_each_report() -> None:
    """Own, another OPD's, one that is with nobody; in every colour, there and gone."""
    cells = list(product(Role, Act, (OWN, OTHER, None), COLOURS, (False, True)))
    assert {
        (role, act, opd, colour, is_vanished): code(
            may(holder(role), act, report(opd, colour, is_vanished=is_vanished))
        )
        for role, act, opd, colour, is_vanished in cells
    } == {cell: in_the_matrix(*cell) for cell in cells}


def test_what_is_of_the_whole_city_asks_for_the_role_alone() -> None:
    cells = list(product(Role, OF_CITY))
    assert {(role, act): code(may(holder(role), act)) for role, act in cells} == {
        (role, act): Code.NOT_THE_POSTS if MATRIX[act][list(Role).index(role)] == "-" else None
        for role, act in cells
    }


@pytest.mark.parametrize("opd", [OWN, OTHER, None])
def test_a_leader_of_the_city_sees_every_opd(opd: str | None) -> None:
    mayor = holder(Role.LEADER, None)
    assert may(mayor, Act.SEE, report(opd)) is None
    assert may(mayor, Act.INSTRUCT, report(opd)) is None
    assert code(may(mayor, Act.ANSWER, report(opd))) is Code.NOT_THE_POSTS


@pytest.mark.parametrize("actor", [DAEMON, of_shell("budi")])
@pytest.mark.parametrize("act", Act)
def test_whoever_has_the_shell_may_all_that_the_report_allows(actor: Actor, act: Act) -> None:
    assert may(actor, act) is None
    assert may(actor, act, report(OTHER)) is None
    closed = code(may(actor, act, report(OTHER, Colour.HIJAU)))
    assert closed == (Code.REPORT_CLOSED if act in {Act.ANSWER, Act.HAND_OVER} else None)


def test_a_demand_raises_what_may_returns() -> None:
    demand(holder(Role.OFFICER), Act.ANSWER, report(OWN))
    with pytest.raises(Refused, match=Code.OTHER_OPD):
        demand(holder(Role.OFFICER), Act.ANSWER, report(OTHER))


def test_the_reach_of_a_post_binds_a_list() -> None:
    assert reach(Post("3", Role.OFFICER, OWN), Act.SEE) == OWN
    assert reach(Post("3", Role.ADMIN), Act.SEE) is None
    assert reach(Post("3", Role.INSPECTOR), Act.SEE) is None
    assert reach(Post("3", Role.LEADER), Act.SEE) is None
    with pytest.raises(Refused, match=Code.NOT_THE_POSTS):
        reach(Post("3", Role.OFFICER, OWN), Act.SEE_AUDIT)


def test_the_audit_keeps_ids_of_people_and_names_of_the_shell() -> None:
    assert in_post("12", Post("3", Role.OFFICER, OWN)).who == "person 12 in post 3"
    assert of_shell("budi").who == "budi"
    assert DAEMON.who == "lapor-sync"
