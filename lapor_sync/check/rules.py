"""Which deadlines and holidays hold?"""

from __future__ import annotations

from collections.abc import Iterator

from lapor_sync.app import rules_of
from lapor_sync.check.lines import LOOK, Line, setting_wrong
from lapor_sync.config import Settings
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.limits import in_force
from lapor_sync.domain.ports import Clock
from lapor_sync.mirror.mirror import Rules


def about_rules(settings: Settings, clock: Clock) -> Iterator[Line]:
    """Tell the limits in force, and whether the joint holidays of this year and the next are known."""
    try:
        rules = rules_of(settings)
    except SettingsWrong as wrong:
        for problem in wrong.problems:
            yield setting_wrong("Which deadlines hold?", problem)
        return
    today = clock.now().astimezone(settings.timezone).date()
    limits = in_force(rules.limits, today)
    assumed = "; assumed: compare with its text" if limits.assumed else ""
    yield Line(question="Which deadlines hold?", answer=f"those of {limits.regulation}{assumed}")
    for year in (today.year, today.year + 1):
        yield _joint_holidays(year, rules, is_next=year > today.year)


def _joint_holidays(year: int, rules: Rules, *, is_next: bool) -> Line:
    question = f"Is the cuti bersama of {year} known?"
    if rules.knows_joint_holidays(year):
        return Line(question=question, answer="yes")
    late = "when it is decreed" if is_next else "now"
    todo = f"Put its days into the file of LAPOR_SYNC_HOLIDAYS_FILE {late}; else deadlines across them are early."
    return Line(question=question, answer="no", verdict=LOOK, todo=todo)
