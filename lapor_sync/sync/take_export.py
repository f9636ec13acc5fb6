"""Taking over an admin's Excel export: it fills gaps, and never overwrites what the API said later.

Source: rules, "Exports"; the thread of such a report is *not known*, which is not the same as empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from lapor_sync.domain.delivery import Reason
from lapor_sync.domain.errors import BadInput, BadRecord, PartlyTaken
from lapor_sync.domain.identity import reads_the_same
from lapor_sync.domain.personal import withheld_report
from lapor_sync.domain.report import Report
from lapor_sync.mirror.apart import quarantine_one, together_or_alone, why
from lapor_sync.mirror.decide import Change, Step, judge_and_reconcile
from lapor_sync.mirror.merge import MAPPED, merge_fields
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.mirror.write import Before, save
from lapor_sync.store import marks, quarantine, reports
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.reports import CHUNK, Mirrored
from lapor_sync.sync.pull import Span, Tally


def take_export(
    mirror: Mirror,
    rows: Iterable[Report | BadRecord],
    as_of: datetime,
    *,
    span: Span | None = None,
    progress: Callable[[int], None] = lambda _done: None,
    on_day: bool = False,
) -> Tally:
    """Mirror the rows of an export that is `as_of` old (aware), 500 a transaction, fewer of long ones. Calls nothing
    upstream.

    `on_day` says that only the day of `as_of` is known. Raises BadInput, which says what was taken, where the file
    turns out to be broken.
    """
    tally, wanted, age = Tally(), span or Span(), _Age(as_of, on_day)
    for part in _parts(_said_what_was_taken(rows, tally)):
        good = [row for row in part if isinstance(row, Report) and wanted.wants(row)]
        bad = _not_mended(part)
        with mirror.store.work() as work:
            others = _of_others(work, good)
            bad += [_put_apart(row) for row in good if row.tracking_id in others]
            good = [row for row in good if row.tracking_id not in others]
            taken = together_or_alone(
                work,
                good,
                lambda some: _take(work, mirror, some, age),
                partial(_set_apart, work, mirror, tally),
            )
            for one in taken:
                tally.new += one.is_new
                tally.changed += one.old is not None and _is_other(one)
                tally.unchanged += one.old is not None and not _is_other(one)
            kept = {one.new.tracking_id for one in taken}
            quarantine.release_rows(work, [row for row in good if row.tracking_id in kept])
            for record in bad:
                quarantine.put(work, quarantine.EXPORT, record)
        tally.listed += len(part)
        tally.quarantined += len(bad)
        progress(tally.listed)
    with mirror.store.work() as work:
        newest = marks.get_time(work, Mark.EXPORTED)
        if newest is None or as_of > newest:
            marks.put_time(work, Mark.EXPORTED, as_of)
    return tally


_MOST_LETTERS = 4 * 1024**2
"""Of the rows of a transaction, which are held together."""


def _parts(rows: Iterable[Report | BadRecord]) -> Iterator[list[Report | BadRecord]]:
    part: list[Report | BadRecord] = []
    letters = 0
    for row in rows:
        part.append(row)
        texts = row if isinstance(row, Report) else (row.raw,)
        letters += sum(len(text) for text in texts if isinstance(text, str))
        if len(part) == CHUNK or letters > _MOST_LETTERS:
            yield part
            part, letters = [], 0
    if part:
        yield part


@dataclass(frozen=True, slots=True)
class _Age:
    """How old an export is: the first instant that it can be of, and whether only its day is known."""

    at: datetime
    on_day: bool

    def is_after_api(self, read_at: datetime) -> bool:
        """Whether it is certainly newer than what the API said."""
        return self.at > read_at

    def is_after_export(self, exported_at: datetime) -> bool:
        """Whether it may be newer than another export: of two that are as old the one that came later counts."""
        latest = self.at + timedelta(days=1) if self.on_day else self.at
        return latest >= exported_at


def _said_what_was_taken(rows: Iterable[Report | BadRecord], tally: Tally) -> Iterator[Report | BadRecord]:
    try:
        yield from rows
    except BadInput as bad:
        if not tally.listed:
            raise
        what = f"{bad.what} The first {tally.listed:,} rows were taken, and stay."
        raise PartlyTaken(what, todo=bad.todo) from bad


def _not_mended(part: Iterable[Report | BadRecord]) -> list[BadRecord]:
    """The rows that could not be read, and that no later row of the same id tells rightly."""
    found: dict[str, Report | BadRecord] = {}
    for row in part:
        found[row.tracking_id if isinstance(row, Report) else row.key] = row
    return [row for row in found.values() if isinstance(row, BadRecord)]


def _of_others(work: Work, rows: Iterable[Report]) -> set[str]:
    """The Tracking IDs of rows whose number is the API's id of a report that is known by that alone, and says otherwise
    what it is about: that is another citizen's."""
    by_id = {row.tracking_id: row for row in rows}
    known = reports.load_unnamed(work, by_id)
    return {id for id, one in known.items() if not reads_the_same(one.report, by_id[id])}


def _put_apart(row: Report) -> BadRecord:
    return BadRecord(Reason.ANOTHER_REPORT.value, key=f"{row.tracking_id}/export", raw="{}")


def _set_apart(work: Work, mirror: Mirror, tally: Tally, row: Report, exc: Exception) -> None:
    bad = BadRecord(why(exc), key=row.tracking_id, raw="{}", report_id=row.tracking_id)
    quarantine_one(work, mirror, quarantine.EXPORT, bad, exc)
    tally.quarantined += 1


def _is_other(one: Change) -> bool:
    """Whether anything but the age of the export changed."""
    return one.old is not None and one.new._replace(exported_at=one.old.exported_at) != one.old


def _take(work: Work, mirror: Mirror, rows: Sequence[Report], age: _Age) -> list[Change]:
    by_id = {row.tracking_id: row for row in rows}  # of two rows with one id the later counts
    before = Before.load(work, list(by_id))
    listed_at = _listed_at(work)
    written = []
    for tracking_id, row in by_id.items():
        old, items, deliveries, _ = before.of(tracking_id)
        if old is not None and old.withheld is not None:
            row = withheld_report(row, old.withheld)
        merged = merge_export(old, row, age, listed_at, work.now)
        is_same = old is not None and merged == old._replace(exported_at=merged.exported_at)
        new, steps = merged, list[Step]()
        if not is_same:
            new, steps = judge_and_reconcile(old, merged, items, deliveries, mirror.rules, mirror.pace, work.now)
        written.append(Change(old=old, new=new, items=items, deliveries=deliveries, steps=tuple(steps)))
    save(work, mirror, written)
    return written


def _listed_at(work: Work) -> datetime | None:
    """Until when the list call is known to have told every change; None where there is no list call.

    A cycle goes through where the list alone fails, too.
    """
    if marks.get(work, Mark.NO_LIST) is not None:
        return None
    return marks.get_time(work, Mark.LIST_FAILS) or marks.get_time(work, Mark.LAST_SUCCESS)


def merge_export(
    old: Mirrored | None, row: Report, age: _Age, listed_at: datetime | None, now: datetime
) -> Mirrored:
    """The mirrored report with what the export tells.

    Newer than what the API said, and not older than another export, it overwrites what it carries; else it fills
    gaps only.
    """
    if old is None:
        return Mirrored(report=row, first_seen_at=now, exported_at=age.at)
    is_newer = old.exported_at is None or age.is_after_export(old.exported_at)
    if old.read_at is not None:
        is_newer &= age.is_after_api(max(filter(None, (old.read_at, old.thread_read_at, listed_at))))
    report = merge_fields(old.report, row) if is_newer else _fill(old.report, row)
    exported_at = max(filter(None, (old.exported_at, age.at)))
    return old._replace(report=report, exported_at=exported_at)


def _fill(known: Report, row: Report) -> Report:
    gaps = {name: getattr(row, name) for name in MAPPED if getattr(known, name) in {None, ""}}
    gaps = {name: value for name, value in gaps.items() if name not in row.missing and value not in {None, ""}}
    if known.is_anonymous or known.is_secret:
        gaps.pop("reporter_name", None)
    return known._replace(**gaps) if gaps else known
