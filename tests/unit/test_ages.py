"""What of how long ago something was grows with the time alone, and what is news."""

from __future__ import annotations

import pytest

from lapor_sync.domain.ages import Age, is_news

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("then", "now", "passed", "expected"),
    [
        # It grows with the time, as far as its unit tells.
        (Age(3, DAY), Age(3, DAY), 600, False),
        (Age(3, DAY), Age(4, DAY), 600, False),
        (Age(0, 60), Age(5, 60), 300, False),
        (Age(50, 1), Age(353, 1), 300, False),
        (Age(90, 60), Age(1, HOUR), 600, False),
        (Age(9000, 0), Age(9300, 0), 300, False),
        (Age(9, 0), Age(14, 0), 300, False),
        (Age(35, 0), Age(35, 0), 300, False),  # somebody's age
        (Age(3, DAY), Age(3, DAY), None, False),
        (Age(3, DAY), Age(9, DAY), None, False),
        # It is younger, or another one.
        (Age(3, DAY), Age(0, 60), 300, True),
        (Age(3, DAY), Age(2, DAY), 300, True),
        (Age(1, 60), Age(0, 60), 2, True),
        (Age(9000, 0), Age(3, 0), 300, True),
        (Age(9000, 1), Age(9001, 1), 300, True),
        (Age(9, 0), Age(90, 0), 300, True),
        (Age(3, DAY), Age(9, DAY), 300, True),
        (Age(3, DAY), Age(2, DAY), None, True),
    ],
)
def test_an_age_is_news_unless_it_grew_with_the_time(
    then: Age, now: Age, passed: float | None, *, expected: bool
) -> None:
    assert is_news(str(then), str(now), passed) is expected


def test_of_digests_each_other_one_is_news() -> None:
    """An age that was none before, too."""
    assert not is_news("ab", "ab", 9)
    assert is_news("ab", "cd", None)
    assert is_news("ab", str(Age(0, 60)), 9)
