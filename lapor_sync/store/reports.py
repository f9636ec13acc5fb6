"""Reports as mirrored: the fields that were read, and what the rules say of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    Column,
    Insert,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from lapor_sync.domain.colour import Colour, Flag, Verdict, WaitingOn
from lapor_sync.domain.identity import is_by_id
from lapor_sync.domain.personal import Withheld
from lapor_sync.domain.report import Attachment, Report
from lapor_sync.domain.thread import paragraphs
from lapor_sync.store.bulk import among, ask, insert_many, replacing, run
from lapor_sync.store.database import Work, damaged_row
from lapor_sync.store.schema import UNSETTLED, WAITING, delivery, thread_item
from lapor_sync.store.schema import report as table
from lapor_sync.store.times import from_text, to_text

UNJUDGED = Verdict(colour=None, waiting_on=None)

CHUNK = 500
"""Ids in one query."""

_T = TypeVar("_T")


class Mirrored(NamedTuple):
    """A report as the mirror holds it.

    `read_at`, `thread_read_at`, `written_at` are upstream's time (last read of its row or detail, beginning of
    the last complete thread read, end of our last write to it); `exported_at` the age of the export that last
    brought it; `settled`: `row_hash` may be trusted; `next_read_at` our time of the next scheduled read by id.
    `thread_doubt`: why the thread may not be whole; `thread_error`: why it could not be read.
    `missing_since`: first 404 in a row; `forwarded_from`: where it was disposed when a hand-over was sent;
    `other_since`: since when upstream answers with another report; `other_id`: the id that it gave, where that
    answer does not say which report it is. `withheld`: what whoever wrote it asked for.
    """

    report: Report
    first_seen_at: datetime
    row_hash: str | None = None
    read_at: datetime | None = None
    exported_at: datetime | None = None
    thread_read_at: datetime | None = None
    written_at: datetime | None = None
    settled: bool = False
    next_read_at: datetime | None = None
    verdict: Verdict = UNJUDGED
    rules: str = ""
    agreed: Colour | None = None
    answers: int = 0
    closed_at: datetime | None = None
    deadline_clock: str | None = None
    due_at: datetime | None = None
    auto_close_at: datetime | None = None
    missing_since: datetime | None = None
    vanished_at: datetime | None = None
    forwarded_from: str | None = None
    thread_doubt: str | None = None
    thread_error: str | None = None
    other_since: datetime | None = None
    other_id: str | None = None
    withheld: Withheld | None = None

    @property
    def tracking_id(self) -> str:
        return self.report.tracking_id

    @property
    def call_id(self) -> str:
        """What calls about this report take: the API's id, else the Tracking ID (assumed to be taken as well)."""
        return self.report.upstream_id or self.report.tracking_id

    @property
    def thread_known(self) -> bool:
        return self.thread_read_at is not None

    @property
    def thread_trouble(self) -> str | None:
        """Why the thread could not be read whole the last time."""
        return self.thread_error or self.thread_doubt

    @property
    def colour(self) -> Colour | None:
        return self.verdict.colour

    @property
    def present(self) -> Colour | None:
        """Upstream's side: absent (None) once it has vanished."""
        return None if self.vanished_at else self.verdict.colour


@dataclass(frozen=True, slots=True)
class Known:
    """What a listing needs of a mirrored report to tell that a row brings nothing new."""

    tracking_id: str
    upstream_id: str | None
    row_hash: str | None
    updated_at: datetime | None
    settled: bool
    is_other: bool = False
    """Under its id upstream answered with another report."""


class KnownRows:
    """The mirrored reports that a page of a listing may speak of."""

    def __init__(self, found: Iterable[Known]) -> None:
        self._known = tuple(found)
        self._by_tracking = {one.tracking_id: one for one in self._known}
        self._by_upstream = {one.upstream_id: one for one in self._known if one.upstream_id}

    def match(self, key: str, report_id: str) -> Known | None:
        """The report of a row: by its Tracking ID; by the API's id where the row, or the mirror, has no Tracking ID."""
        by_id = self._by_upstream.get(report_id)
        if key == report_id:
            return by_id or self._by_tracking.get(key)
        was_without = by_id is not None and by_id.tracking_id == report_id
        return self._by_tracking.get(key) or (by_id if was_without else None)

    def rival(self, report_id: str, mine: Known | None) -> Known | None:
        """Another report than `mine` that the mirror has under this id of the API's."""
        return next((one for one in self._known if one.upstream_id == report_id and one != mine), None)


def chunks(values: Iterable[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """`values` in lists of at most `size`."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def never_written_to(work: Work, but: Collection[str]) -> Mirrored | None:
    """Return the report that changed last of those that have a thread and for which nothing was ever written here; none
    of `but`, by the id that is called."""
    written = exists().where(delivery.c.agency == work.agency, delivery.c.tracking_id == table.c.tracking_id)
    talks = exists().where(thread_item.c.agency == work.agency, thread_item.c.tracking_id == table.c.tracking_id)
    is_there = and_(table.c.vanished_at.is_(None), table.c.missing_since.is_(None), table.c.other_since.is_(None))
    query = (
        select(table.c.tracking_id)
        .where(table.c.agency == work.agency, is_there, talks, ~written)
        .order_by(table.c.updated_at.desc().nulls_last(), table.c.tracking_id)
        .limit(len(but) + 1)
    )
    found = load(work, list(work.conn.execute(query).scalars()))
    return next((one for one in found.values() if one.call_id not in but), None)


def named(work: Work, but: Collection[str], most: int) -> list[Mirrored]:
    """Return up to `most` of the reports that changed last of those that upstream has shown, and of which it named the
    Tracking ID; none of `but`, by the id that is called."""
    is_there = and_(table.c.vanished_at.is_(None), table.c.missing_since.is_(None), table.c.other_since.is_(None))
    query = (
        select(table.c.tracking_id)
        .where(table.c.agency == work.agency, is_there, table.c.upstream_id.is_not(None))
        .order_by(table.c.updated_at.desc().nulls_last(), table.c.tracking_id)
        .limit(len(but) + most)
    )
    found = load(work, list(work.conn.execute(query).scalars())).values()
    return [one for one in found if one.call_id not in but and not is_by_id(one.report)][:most]


def known(work: Work, ids: Iterable[tuple[str, str]]) -> KnownRows:
    """The mirrored reports that rows of these (key, report_id) may speak of."""
    pairs = set(ids)
    found = _known_by(work, table.c.tracking_id, {key for key, _ in pairs})
    met = {(one.tracking_id, one.upstream_id) for one in found}
    # By the API's id only where the Tracking ID does not tell, or where the two belong together no more.
    rest = {report_id for key, report_id in pairs if key == report_id or (key, report_id) not in met}
    return KnownRows(found + _known_by(work, table.c.upstream_id, rest))


def _known_by(work: Work, column: Column[Any], wanted: Iterable[str]) -> list[Known]:
    found: list[Known] = []
    query = _known_query(column, work.conn.dialect.name)
    for part in chunks(sorted(wanted)):
        for row in ask(work.conn, query, work.agency, part):
            try:
                updated_at, settled = from_text(row.updated_at), bool(row.settled)
            except (TypeError, ValueError) as exc:
                raise damaged_row("Report", row.tracking_id) from exc
            is_other = row.other_since is not None
            found.append(Known(row.tracking_id, row.upstream_id, row.row_hash, updated_at, settled, is_other))
    return found


@cache
def _known_query(column: Column[Any], dialect: str) -> Select[Any]:
    """One for each column, by its index: for an OR of both SQLite walks through all the agency's reports."""
    names = ("tracking_id", "upstream_id", "row_hash", "updated_at", "settled", "other_since")
    return select(*(table.c[name] for name in names)).where(
        table.c.agency == bindparam("agency"), among(column, dialect)
    )


def load(work: Work, tracking_ids: Iterable[str]) -> dict[str, Mirrored]:
    """The mirrored reports of these Tracking IDs."""
    return _loaded(work, tracking_ids, _load_query(work.conn.dialect.name))


def load_unnamed(work: Work, tracking_ids: Iterable[str]) -> dict[str, Mirrored]:
    """Those of them of which nobody named a Tracking ID: their id stands in its place."""
    return _loaded(work, tracking_ids, _unnamed_query(work.conn.dialect.name))


def _loaded(work: Work, tracking_ids: Iterable[str], query: Select[Any]) -> dict[str, Mirrored]:
    found: dict[str, Mirrored] = {}
    for part in chunks(tracking_ids):
        for row in ask(work.conn, query, work.agency, part).mappings():
            found[row["tracking_id"]] = from_row(row)
    return found


@cache
def _load_query(dialect: str) -> Select[Any]:
    return select(table).where(table.c.agency == bindparam("agency"), among(table.c.tracking_id, dialect))


@cache
def _unnamed_query(dialect: str) -> Select[Any]:
    """As `from_row` has it where a row does not say."""
    is_by_id = and_(table.c.named.is_(None), table.c.upstream_id == table.c.tracking_id)
    return _load_query(dialect).where(or_(table.c.named == literal_column("0"), is_by_id))


def find(work: Work, given: str) -> Mirrored | None:
    """The report of a Tracking ID, else of the API's id."""
    return _first(work, given, _BY_TRACKING_ID, _BY_UPSTREAM_ID)


def having(work: Work, ids: Collection[str]) -> frozenset[str]:
    """Those of these ids that mirrored reports have, as Tracking ID or as the API's."""
    by_either = (
        one for column in (table.c.tracking_id, table.c.upstream_id) for one in _known_by(work, column, ids)
    )
    return frozenset(ids) & {id for one in by_either for id in (one.tracking_id, one.upstream_id)}


def called(work: Work, call_id: str) -> Mirrored | None:
    """The report that is called by this id."""
    return _first(work, call_id, _BY_UPSTREAM_ID, _BY_TRACKING_ID.where(table.c.upstream_id.is_(None)))


_BY_TRACKING_ID, _BY_UPSTREAM_ID = (
    select(table).where(table.c.agency == bindparam("agency"), column == bindparam("id"))
    for column in (table.c.tracking_id, table.c.upstream_id)
)


def _first(work: Work, given: str, *queries: Select[Any]) -> Mirrored | None:
    """The report that the first of these queries finds that finds any."""
    for query in queries:
        row = work.conn.execute(query, {"agency": work.agency, "id": given}).mappings().first()
        if row is not None:
            return from_row(row)
    return None


def save(work: Work, mirrored: Sequence[Mirrored]) -> None:
    """Write these reports, whole; each is a row by (agency, Tracking ID)."""
    if mirrored:
        rows = [as_row(work.agency, one) for one in mirrored]
        insert_many(work.conn, _upsert(work.conn.dialect.name), rows)


@cache
def _upsert(dialect: str) -> Insert:
    return replacing(table, dialect)


_ALL_NAMED: frozenset[str] = frozenset()
_NO_TRACKING_ID = frozenset({"tracking_id"})

_REPORT_TIMES = ("created_at", "updated_at")
_REPORT_BOOLS = ("is_anonymous", "is_secret", "is_priority", "updated_at_is_day")
_REPORT_PLAIN = tuple(
    name for name in Report._fields if name not in {*_REPORT_TIMES, *_REPORT_BOOLS, "attachments", "missing"}
)
_OWN_TIMES = (
    "read_at",
    "exported_at",
    "thread_read_at",
    "written_at",
    "next_read_at",
    "closed_at",
    "due_at",
    "auto_close_at",
    "missing_since",
    "vanished_at",
    "other_since",
)
_BOOLS = (*_REPORT_BOOLS, "settled")
_TIMES = (*_REPORT_TIMES, *_OWN_TIMES, "first_seen_at")


def as_row(agency: str, one: Mirrored) -> dict[str, Any]:
    """A mirrored report as a row of the table."""
    row: dict[str, Any] = one.report._asdict() | one._asdict()
    del row["report"], row["missing"], row["verdict"], row["rules"]
    for name in _TIMES:
        if (at := row[name]) is not None:
            row[name] = to_text(at)
    for name in _BOOLS:
        row[name] = int(row[name])
    verdict = one.verdict
    row["agency"] = agency
    row["named"] = int(not is_by_id(one.report))
    row["content_text"] = text_beside(one.report.content)
    row["attachments"] = attachments_text(one.report.attachments)
    row["colour"], row["waiting_on"] = verdict.colour, verdict.waiting_on
    row["flags"] = json.dumps(sorted(verdict.flags)) if verdict.flags else "[]"
    row["colour_row"], row["colour_rules"] = verdict.row, one.rules
    return row


def text_beside(content: str) -> str | None:
    """The text of a content for the SQL views; None where it is the content itself, as most are."""
    text = paragraphs(content)
    return None if text == content else text


def from_row(row: Mapping[Any, Any]) -> Mirrored:
    """The mirrored report of a row. Raises StoreDamaged where it is none of ours."""
    try:
        return _read(row)
    except (TypeError, ValueError) as exc:
        raise damaged_row("Report", row["tracking_id"]) from exc


def _read(row: Mapping[Any, Any]) -> Mirrored:
    values: dict[str, Any] = {name: row[name] for name in _REPORT_PLAIN}
    values.update({name: from_text(row[name]) for name in _REPORT_TIMES})
    values.update({name: bool(row[name]) for name in _REPORT_BOOLS})
    is_named = row["named"] if row["named"] is not None else row["upstream_id"] != row["tracking_id"]
    missing = _ALL_NAMED if is_named else _NO_TRACKING_ID
    report = Report(**values, attachments=attachments_of(row["attachments"]), missing=missing)
    return Mirrored(
        report=report,
        **{name: from_text(row[name]) for name in _OWN_TIMES},
        first_seen_at=from_text(row["first_seen_at"]),
        row_hash=row["row_hash"],
        settled=bool(row["settled"]),
        verdict=_verdict(row),
        rules=row["colour_rules"],
        agreed=Colour(row["agreed"]) if row["agreed"] else None,
        answers=row["answers"],
        deadline_clock=row["deadline_clock"],
        forwarded_from=row["forwarded_from"],
        thread_doubt=row["thread_doubt"],
        thread_error=row["thread_error"],
        other_id=row["other_id"],
        withheld=Withheld(row["withheld"]) if row["withheld"] else None,
    )


def _verdict(row: Mapping[Any, Any]) -> Verdict:
    return Verdict(
        colour=Colour(row["colour"]) if row["colour"] else None,
        waiting_on=WaitingOn(row["waiting_on"]) if row["waiting_on"] else None,
        flags=frozenset(map(Flag, json.loads(row["flags"]))),
        row=row["colour_row"],
    )


def attachments_text(attachments: tuple[Attachment, ...]) -> str:
    """Attachments' metadata as JSON text."""
    if not attachments:
        return "[]"
    return json.dumps([[one.url, one.file_name, one.extension] for one in attachments], ensure_ascii=False)


def attachments_of(text: str) -> tuple[Attachment, ...]:
    """The attachments of `attachments_text`'s text."""
    if text == "[]":
        return ()
    return tuple(Attachment(url=url, file_name=name, extension=ext) for url, name, ext in json.loads(text))


# Which reports are to be read by id.


_IS_OPEN = (table.c.colour.is_(None), table.c.colour == Colour.MERAH, table.c.colour == Colour.KUNING)
"""Each by an index; for an OR of them SQLite walks through all the agency's reports."""


def distrust(work: Work, call_ids: Collection[str]) -> int:
    """Let the reports that are called by these ids be read again; how many."""
    found = 0
    for part in chunks(call_ids):
        by_number = and_(table.c.upstream_id.is_(None), table.c.tracking_id.in_(part))
        where = (table.c.agency == work.agency, or_(table.c.upstream_id.in_(part), by_number))
        found += work.conn.execute(update(table).where(*where).values(settled=0)).rowcount
    return found


def unsettled(work: Work) -> list[str]:
    """Reports whose hash may not be trusted yet: read again each cycle."""
    return list(work.conn.execute(_UNSETTLED, {"agency": work.agency}).scalars())


_UNSETTLED = (
    select(table.c.tracking_id)
    .where(table.c.agency == bindparam("agency"), UNSETTLED)
    .order_by(table.c.tracking_id)
)


def due_for_reading(work: Work, limit: int) -> list[str]:
    """Reports whose scheduled read has come, the longest overdue first."""
    return list(work.conn.execute(_TO_READ, {"agency": work.agency, "at": work.at, "most": limit}).scalars())


_TO_READ = (
    select(table.c.tracking_id)
    .where(table.c.agency == bindparam("agency"), table.c.next_read_at <= bindparam("at"))
    .order_by(table.c.next_read_at)
    .limit(bindparam("most", type_=Integer))
)


def open_or_closed_since(work: Work, since: datetime) -> list[str]:
    """What a sweep reads: the open reports, and those closed since."""
    closed_late = and_(table.c.closed_at.is_not(None), table.c.closed_at >= to_text(since))
    return sorted({one for condition in (*_IS_OPEN, closed_late) for one in _ids(work, condition)})


def present(work: Work, tracking_ids: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Tracking ID and API id of those of these reports that the API showed and that have not vanished."""
    for part in chunks(tracking_ids):
        query = select(table.c.tracking_id, table.c.upstream_id).where(
            table.c.agency == work.agency,
            table.c.tracking_id.in_(part),
            table.c.read_at.is_not(None),
            table.c.vanished_at.is_(None),
        )
        for row in work.conn.execute(query):
            yield row[0], row[1]


def missing_before(work: Work, before: datetime) -> list[str]:
    """Reports first found missing before then, and not marked vanished."""
    is_missing = (table.c.missing_since.is_not(None), table.c.missing_since <= to_text(before))
    return _ids(work, *is_missing, table.c.vanished_at.is_(None))


class Trouble(NamedTuple):
    """Why a report's thread could not be read, or may not be whole."""

    error: str | None
    doubt: str | None


def thread_troubles(work: Work) -> dict[str, Trouble]:
    """The reports with an open delivery whose thread could not be read whole the last time."""
    query = (
        select(table.c.tracking_id, table.c.thread_error, table.c.thread_doubt)
        .join(delivery, (delivery.c.agency == table.c.agency) & (delivery.c.tracking_id == table.c.tracking_id))
        .where(table.c.agency == work.agency, WAITING, or_(*(column.is_not(None) for column in _TROUBLE)))
    )
    return {row[0]: Trouble(row[1], row[2]) for row in work.conn.execute(query)}


_TROUBLE = (table.c.thread_error, table.c.thread_doubt)


def unreadable_threads(work: Work, most: int) -> list[tuple[str, str, str]]:
    """Tracking ID, what calls take, and the error of at most so many reports whose thread could not be read."""
    query = (
        select(table.c.tracking_id, func.coalesce(table.c.upstream_id, table.c.tracking_id), table.c.thread_error)
        .where(table.c.agency == work.agency, table.c.thread_error.is_not(None))
        .order_by(table.c.tracking_id)
        .limit(most)
    )
    return [(row[0], row[1], row[2]) for row in work.conn.execute(query)]


def readable_threads(work: Work, most: int) -> list[str]:
    """Return the newest reports whose thread could be read the last time, at most so many."""
    query = (
        select(table.c.tracking_id)
        .where(
            table.c.agency == work.agency,
            table.c.thread_read_at.is_not(None),
            table.c.thread_error.is_(None),
            table.c.missing_since.is_(None),
            table.c.vanished_at.is_(None),
        )
        .order_by(table.c.tracking_id.desc())
        .limit(most)
    )
    return list(work.conn.execute(query).scalars())


def count_open(work: Work) -> int:
    """How many reports are open (merah or kuning) and not marked vanished."""
    query = (
        select(func.count())
        .select_from(table)
        .where(
            table.c.agency == work.agency,
            table.c.colour.in_((Colour.MERAH, Colour.KUNING)),
            table.c.vanished_at.is_(None),
        )
    )
    return int(work.conn.execute(query).scalar_one())


def ids_after(work: Work, after: str, limit: int) -> list[str]:
    """The next Tracking IDs in order of text."""
    query = (
        select(table.c.tracking_id)
        .where(table.c.agency == work.agency, table.c.tracking_id > after)
        .order_by(table.c.tracking_id)
        .limit(limit)
    )
    return list(work.conn.execute(query).scalars())


def of_person(work: Work, given: str) -> Sequence[Row[Any, Any, Any, Any]]:
    """Return what the reports of that Tracking ID or API id say of who wrote them."""
    columns = (table.c.withheld, table.c.is_anonymous, table.c.is_secret, table.c.reporter_name)
    its = select(*columns).where(table.c.agency == work.agency)
    # Two questions, each by an index: asked for either id at once, SQLite looks at every report.
    return work.conn.execute(
        its.where(table.c.tracking_id == given).union_all(its.where(table.c.upstream_id == given))
    ).all()


def read_now(work: Work, tracking_ids: Iterable[str]) -> None:
    """Let the next cycle read these by id."""
    for part in chunks(tracking_ids):
        where = (table.c.agency == work.agency, table.c.tracking_id.in_(part))
        work.conn.execute(update(table).where(*where).values(next_read_at=work.at))


_ONE = update(table).where(table.c.agency == bindparam("its_agency"), table.c.tracking_id == bindparam("its_id"))


def note_written(work: Work, tracking_id: str, at: datetime) -> None:
    """We wrote to it until then, by upstream's time: its hash may not be trusted."""
    run(work.conn, _ONE, {"written_at": to_text(at), "settled": 0}, its_agency=work.agency, its_id=tracking_id)


def read_later(work: Work, tracking_id: str, at: datetime) -> None:
    """Read it by id no sooner than then, if it is to be read by id at all: no other waits behind it."""
    where = (table.c.agency == work.agency, table.c.tracking_id == tracking_id, table.c.next_read_at.is_not(None))
    work.conn.execute(update(table).where(*where).values(next_read_at=to_text(at)))


def put_off_no_longer(work: Work) -> None:
    """Let the next cycles read by id whatever is scheduled for later."""
    where = (table.c.agency == work.agency, table.c.next_read_at > work.at)
    work.conn.execute(update(table).where(*where).values(next_read_at=work.at))


def forget_rows(work: Work) -> None:
    """There is no list call any more: what is open is read by id, from now on."""
    where = (table.c.agency == work.agency, table.c.row_hash.is_not(None))
    work.conn.execute(update(table).where(*where).values(row_hash=None))
    work.conn.execute(
        update(table).where(table.c.agency == work.agency, or_(*_IS_OPEN)).values(next_read_at=work.at)
    )


def drop_reporter_names(work: Work, closed_before: datetime) -> int:
    """Forget the reporters' names of reports closed before then; how many."""
    where = (
        table.c.agency == work.agency,
        table.c.closed_at.is_not(None),
        table.c.closed_at < to_text(closed_before),
        table.c.reporter_name.is_not(None),
    )
    return work.conn.execute(update(table).where(*where).values(reporter_name=None)).rowcount


def _ids(work: Work, *conditions: Any) -> list[str]:
    query = select(table.c.tracking_id).where(table.c.agency == work.agency, *conditions)
    return list(work.conn.execute(query.order_by(table.c.tracking_id)).scalars())
