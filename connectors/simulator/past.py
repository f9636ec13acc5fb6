"""The past of the city, from a seed: any number of reports with a plausible history, unfolded on demand.

`sketch` runs a report's history for its state only; `unfold` runs the same history again, with words. Both
draw from the same source in the same order; words come from a source of their own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

from connectors.simulator import acts
from connectors.simulator.city import (
    CHANNELS,
    CITY_ID,
    CLASSIFICATION_WEIGHTS,
    OPD_IDS,
    SMS,
    categories,
    category_steps,
)
from connectors.simulator.clock import DAY, after_working_days
from connectors.simulator.content import Writer
from connectors.simulator.records import (
    SELESAI,
    TUNDA,
    TUTUP_ADMIN,
    TUTUP_SISTEM,
    Attachment,
    Report,
    Thread,
)

SPAN = 120 * DAY
SILENCE = 10  # working days after an answer until the system closes

_CHANNEL_NAMES = tuple(CHANNELS)
_CHANNEL_STEPS = tuple(accumulate(CHANNELS.values()))
_CLASSIFICATION_STEPS = tuple(accumulate(CLASSIFICATION_WEIGHTS))


def weighted(rng: Random, steps: Sequence[int]) -> int:
    """A place in a row of cumulative weights (much faster than `Random.choices`)."""
    return bisect_right(steps, rng.random() * steps[-1])


def report_id(index: int) -> int:
    """The API's own `id`: six digits for the first 300,000 reports."""
    return 100_003 + index * 3


def tracking_number(index: int) -> int:
    """The Tracking ID: eight digits, apart from every `id`."""
    return 20_000_017 + index * 13


def bare_report(index: int, created_at: int, rng: Random) -> Report:
    """A report with everything drawn from `rng` but its words."""
    place = weighted(rng, category_steps())
    return Report(
        index=index,
        id=report_id(index),
        tracking_id=tracking_number(index),
        category=place,
        classification=1 + weighted(rng, _CLASSIFICATION_STEPS),
        channel=_CHANNEL_NAMES[weighted(rng, _CHANNEL_STEPS)],
        opd=categories()[place].opd,
        created_at=created_at,
        updated_at=created_at,
        is_anonymous=rng.random() < 0.14,
        is_secret=rng.random() < 0.08,
    )


def words_for(report: Report, writer: Writer) -> Thread:
    """Title, body, reporter and place of a report; by SMS, the body is as the number 1708 wants it."""
    title, content = writer.title(), writer.complaint()
    if report.channel == SMS:
        content = f"KOTA BENGKULU ({content})"
    photo = Attachment(id=report.id, file_name=f"foto-{report.id}.jpg")
    letter = Attachment(id=report.id, file_name=f"surat-{report.id}.pdf")
    return Thread(
        title=title,
        content=content,
        reporter=writer.reporter(),
        location=writer.location(),
        attachments=() if report.index % 3 else (photo,) if report.index % 9 else (photo, letter),
    )


@dataclass(frozen=True, kw_only=True)
class Past:
    """`count` reports filed over the 120 days before `start` (epoch seconds), oldest first."""

    seed: int
    count: int
    start: int

    def sketch(self, index: int) -> Report:
        """The report's state now, without its thread: about twenty microseconds."""
        rng = self._source(index)
        report = bare_report(index, self._created(index, rng), rng)
        _Course(report=report, rng=rng, at=report.created_at, until=self.start).run()
        return report

    def unfold(self, report: Report) -> None:
        """Give a sketched and so far unchanged report its thread."""
        rng = self._source(report.index)
        twin = bare_report(report.index, self._created(report.index, rng), rng)
        writer = self.writer(report)
        twin.thread = words_for(twin, writer)
        _Course(report=twin, rng=rng, at=twin.created_at, until=self.start, writer=writer).run()
        report.thread, report.serial = twin.thread, twin.serial

    def writer(self, report: Report) -> Writer:
        """Who speaks for this report."""
        theme = categories()[report.category].theme
        return Writer(theme, Random(f"{self.seed}/words/{report.index}"))

    def _source(self, index: int) -> Random:
        return Random(self.seed * 1_000_003 + index)

    def _created(self, index: int, rng: Random) -> int:
        # Spread evenly with some noise; the youngest is minutes old, so that the city is alive at start.
        return self.start - 60 - int(SPAN * (self.count - index - rng.random()) / self.count)


@dataclass(kw_only=True)
class _Course:
    """One report's way from filing until now."""

    report: Report
    rng: Random
    at: int
    until: int
    writer: Writer | None = field(default=None)

    def run(self) -> None:
        acts.filed(self.report, self.at)
        if self._later(9) and self._accepted() and self._disposed() and self._later(95):
            self._converse()

    def _later(self, mean_hours: float) -> bool:
        """Let time pass; False when that would be after now."""
        self.at += 60 + int(self.rng.expovariate(1 / (mean_hours * 3600)))
        return self.at <= self.until

    def _chance(self, share: float) -> bool:
        return self.rng.random() < share

    def _accepted(self) -> bool:
        if self._chance(0.025):
            acts.refuse(self.report, self.at)
            return False
        acts.verify(self.report, self.at)
        if self._chance(0.03):
            acts.archive(self.report, self.at)
            return False
        return True

    def _disposed(self) -> bool:
        """Through the city to the OPD; now and then to a wrong one first; True if an OPD has it for good."""
        acts.dispose(self.report, CITY_ID, self.at)
        if not self._later(8):
            return False
        if self._chance(0.07):
            acts.dispose(self.report, self.rng.choice(OPD_IDS), self.at)
            if not self._later(30):
                return False
        acts.dispose(self.report, self.report.opd, self.at)
        return True

    def _converse(self) -> None:
        """Answer, and what comes of it, at most three times over."""
        if self._chance(0.09):
            self._neglect()
            return
        for _ in range(3):
            self._answer()
            if self._ended_by_citizen() or not self._citizen_wrote() or not self._later(60):
                return

    def _neglect(self) -> None:
        if self._chance(0.2):
            acts.set_status(self.report, TUNDA, self.at)

    def _answer(self) -> None:
        code = "reply_progress" if self._chance(0.75) else None
        content = self.writer.answer() if self.writer else ""
        acts.answer(
            self.report,
            content,
            self.at,
            opd=self.report.disposed or CITY_ID,
            source="site",
            template_code=code,
        )

    def _ended_by_citizen(self) -> bool:
        if not self._chance(0.2):
            return False
        if self._later(40):
            acts.satisfied(self.report, self.rng.randint(3, 5), self.at)
        return True

    def _citizen_wrote(self) -> bool:
        """False: silence, which ends with the admin's or the system's closing."""
        if self._chance(0.35):
            if not self._later(30):
                return False
            acts.reply(self.report, self.writer.reply() if self.writer else "", self.at)
            return True
        self._silence()
        return False

    def _silence(self) -> None:
        if self._chance(0.06):
            if self._later(70):
                acts.close(self.report, TUTUP_ADMIN, self.at, source="admin")
            return
        due = after_working_days(self.at, SILENCE)
        status = closing_status(self.report)
        if due <= self.until:
            acts.close(self.report, status, due, source="system")


def closing_status(report: Report) -> str:
    """What the system calls a report that it closes: both names are seen, so both occur."""
    return SELESAI if report.index % 2 else TUTUP_SISTEM
