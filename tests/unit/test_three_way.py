"""Reconciling three ways, against a table written independently of the code."""

from __future__ import annotations

from itertools import product

import pytest

from lapor_sync.domain.colour import Colour
from lapor_sync.domain.delivery import State
from lapor_sync.domain.errors import Defect
from lapor_sync.domain.three_way import TAKES_UPSTREAM, Decision, Side, compare, ours

SIDES: tuple[Side, ...] = (None, *Colour)

# Rows: agreed and ours; columns: upstream - m k h a. Written out by hand from the rules:
# . nothing  A adopt  = agree  < pull  > push  H hold  V vanished  ! a defect of ours
WRITTEN_OUT = """
       -  m  k  h  a
  - -  .  A  A  A  A
  - m  H  =  H  H  H
  - k  H  H  =  H  H
  - h  H  H  H  =  H
  - a  H  H  H  H  =
  m -  !  !  !  !  !
  m m  V  =  <  <  <
  m k  H  >  =  <  <
  m h  H  >  H  =  <
  m a  H  >  H  <  =
  k -  !  !  !  !  !
  k m  H  =  >  <  <
  k k  V  <  =  <  <
  k h  H  H  >  =  <
  k a  H  H  >  <  =
  h -  !  !  !  !  !
  h m  H  =  H  >  <
  h k  H  H  =  >  <
  h h  V  <  <  =  <
  h a  H  H  H  >  =
  a -  !  !  !  !  !
  a m  H  =  H  <  >
  a k  H  H  =  <  >
  a h  H  H  H  =  >
  a a  V  <  <  <  =
"""
SYMBOLS = {
    ".": Decision.NOTHING,
    "A": Decision.ADOPT,
    "=": Decision.AGREE,
    "<": Decision.PULL,
    ">": Decision.PUSH,
    "H": Decision.HOLD,
    "V": Decision.VANISHED,
    "!": None,
}
LETTERS: dict[str, Side] = {"-": None, "m": Colour.MERAH, "k": Colour.KUNING, "h": Colour.HIJAU, "a": Colour.ABU}


def written_out() -> dict[tuple[Side, Side, Side], Decision | None]:
    head, *rows = WRITTEN_OUT.strip().splitlines()
    table = {}
    for row in rows:
        agreed, mine, *symbols = row.split()
        for upstream, symbol in zip(head.split(), symbols, strict=True):
            table[LETTERS[agreed], LETTERS[mine], LETTERS[upstream]] = SYMBOLS[symbol]
    return table


def test_the_table_written_out_has_every_combination() -> None:
    """All 125 are there, so that none is left unwalked."""
    assert set(written_out()) == set(product(SIDES, repeat=3))
    assert len(written_out()) == 125


def decided(*sides: Side) -> Decision | None:
    """The decision; None for a defect of ours."""
    try:
        return compare(*sides)
    except Defect:
        return None


def test_each_of_the_125_combinations() -> None:
    """The decision is what the rules' table says."""
    assert {sides: decided(*sides) for sides in product(SIDES, repeat=3)} == written_out()


def test_after_taking_upstream_the_same_three_sides_agree() -> None:
    """Running twice changes nothing: once agreed and ours are upstream's, the decision is to agree."""
    taken = {upstream for (_, _, upstream), decision in written_out().items() if decision in TAKES_UPSTREAM}
    assert {compare(upstream, upstream, upstream) for upstream in taken} == {Decision.AGREE}
    assert taken == set(Colour)


def test_a_response_on_its_way_makes_ours_kuning() -> None:
    """Queued, sending and unknown are laid over agreed; what is done, held or refused is not."""
    on_its_way = {State.QUEUED, State.SENDING, State.UNKNOWN}
    cells = list(product(SIDES, State))
    assert {(agreed, state): ours(agreed, [state]) for agreed, state in cells} == {
        (agreed, state): Colour.KUNING if state in on_its_way else agreed for agreed, state in cells
    }


@pytest.mark.parametrize("agreed", SIDES)
def test_ours_is_agreed_without_deliveries_and_never_hijau_by_itself(agreed: Side) -> None:
    """The citizen, an admin or the ten days make a report hijau; the city does not."""
    assert ours(agreed, []) is agreed
    assert ours(agreed, [State.SENT, State.QUEUED]) is Colour.KUNING
