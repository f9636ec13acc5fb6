"""How long is waited before another try."""

from __future__ import annotations

import pytest

from lapor_sync.domain.waits import doubled, jittered


def test_a_wait_doubles_with_each_failure_up_to_the_longest() -> None:
    """The first failure waits as long as was asked."""
    assert [doubled(300, n, 900) for n in (1, 2, 3, 4)] == [300, 600, 900, 900]


def test_however_often_it_failed_a_wait_is_a_number() -> None:
    """A daemon may fail for years; its longest wait may be none."""
    assert doubled(1, 10**9, float("inf")) == 2.0**16


@pytest.mark.parametrize(("spread", "waited"), [(0.0, 75.0), (0.5, 100.0), (1.0, 125.0)])
def test_a_wait_is_spread_around_what_it_was(spread: float, waited: float) -> None:
    """By a quarter, unless another share is asked for."""
    assert jittered(100, spread) == waited
    assert jittered(100, spread, 0.5) == 50 + 100 * spread
