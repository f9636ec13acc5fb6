"""Deliveries: what OPDs wrote and what became of it. Every move is checked here and again by the database."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from itertools import takewhile
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, insert, or_, select, true, update

from lapor_sync.domain.delivery import (
    MOVES,
    Kind,
    Outcome,
    Reason,
    Refused,
    Sent,
    State,
    Unknown,
)
from lapor_sync.domain.errors import Defect
from lapor_sync.domain.ports import Uptime
from lapor_sync.domain.report import OutgoingFile
from lapor_sync.domain.scene import Delivery, Scene, Shown
from lapor_sync.store.bulk import among, ask, run, scalar
from lapor_sync.store.database import Work, damaged_row
from lapor_sync.store.reports import chunks
from lapor_sync.store.schema import WAITING, WRITTEN_HERE, attempt, delivery_file, mark, report
from lapor_sync.store.schema import delivery as table
from lapor_sync.store.times import from_text, to_text

NOBODY_KNOWN = "unknown"
"""Who wrote what was found upstream with our reference and is not known here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """One delivery as the outbox holds it: what the rules ask for in `delivery`, and the rest beside it.

    `ended_at`: upstream's time when the last attempt ended, `ended_uptime` how long this machine had run then; None
    where that is not known yet.
    """

    delivery: Delivery
    tracking_id: str
    target: str | None
    by: str
    written_at: datetime
    reason: Reason | None
    waits: int
    next_try_at: datetime | None
    ended_at: datetime | None
    ended_uptime: Uptime | None
    sent_at: datetime | None
    seen_at: datetime | None
    seen_count: int

    @property
    def ref(self) -> str:
        return self.delivery.ref

    @property
    def state(self) -> State:
        return self.delivery.state


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try on the wire; `outcome` None while it is in the air, `why` what is known of one that was not accepted."""

    n: int
    at: datetime
    outcome: str | None
    http_status: int | None
    ms: int | None
    why: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewDelivery:
    """What a person wrote, ready to be queued."""

    ref: str
    tracking_id: str
    kind: Kind
    opd: str
    text: str
    by: str
    target: str | None = None
    is_secret: bool = False
    baseline: frozenset[str] | None = frozenset()
    accepted_disposition: str | None = None
    accepted_status: str | None = None
    origin: str | None = None
    files: tuple[OutgoingFile, ...] = ()


def add(work: Work, new: NewDelivery, *, state: State = State.QUEUED, reason: Reason | None = None) -> None:
    """Record a delivery with its files."""
    work.conn.execute(
        insert(table).values(
            agency=work.agency,
            ref=new.ref,
            tracking_id=new.tracking_id,
            kind=new.kind,
            opd=new.opd,
            target=new.target,
            text=new.text,
            is_secret=int(new.is_secret),
            by=new.by,
            written_at=work.at,
            origin=new.origin,
            state=state,
            reason=reason,
            tries=0,
            waits=0,
            baseline=_baseline_text(new.baseline),
            accepted_closed=0,
            accepted_disposition=new.accepted_disposition,
            accepted_status=new.accepted_status,
            sent_at=work.at if state is State.SENT else None,
            seen_count=0,
        )
    )
    for n, file in enumerate(new.files):
        row = {"ref": new.ref, "n": n, "agency": work.agency, "file_name": file.file_name, "content": file.content}
        work.conn.execute(insert(delivery_file).values(row))
    work.note("delivery_written", new.tracking_id, ref=new.ref, kind=new.kind, state=state)


def recover(work: Work, *, ref: str, tracking_id: str, text: str) -> None:
    """Record what stands in a thread under a reference of ours as sent, where no delivery is known for it."""
    if is_taken(work, ref):
        return
    new = NewDelivery(ref=ref, tracking_id=tracking_id, kind=Kind.RESPONSE, opd="", text=text, by=NOBODY_KNOWN)
    add(work, new, state=State.SENT, reason=Reason.RECOVERED)
    put_seen(work, ref, 1, work.now)


def _baseline_text(baseline: frozenset[str] | None) -> str | None:
    """Ids of items as the table holds them."""
    return None if baseline is None else json.dumps(sorted(baseline))


def _scene_text(scene: Scene | None) -> str | None:
    """A scene as the table holds it."""
    if scene is None:
        return None
    shown = scene.shown
    values = {
        "items": scene.items,
        "began_at": to_text(scene.began_at),
        **{one.name: getattr(shown, one.name) for one in fields(shown)},
        "dated": None if shown.dated is None else {name: to_text(at) for name, at in shown.dated.items()},
        "read_at": to_text(shown.read_at),
    }
    return json.dumps(values, sort_keys=True)


def _scene(text: str | None) -> Scene | None:
    if text is None:
        return None
    found = json.loads(text)
    shown = {one.name: found.get(one.name) for one in fields(Shown)}  # an earlier program looked at less
    shown |= {name: tuple(shown[name]) for name in ("traces", "order", "elsewhere") if shown[name] is not None}
    shown |= {
        "detail": _fields(shown["detail"]),
        "dated": _dates(shown["dated"]),
        "read_at": from_text(shown["read_at"]),
    }
    return Scene(items=found["items"], shown=Shown(**shown), began_at=from_text(found.get("began_at")))


def _dates(said: Mapping[str, str] | None) -> Mapping[str, datetime] | None:
    return None if said is None else {name: from_text(at) for name, at in said.items()}


def _fields(detail: Any) -> Mapping[str, str] | None:
    """The marks of a detail's fields; an earlier program has one of all, which none of now is the same as."""
    return {"": detail} if isinstance(detail, str) else detail


def uptime_text(uptime: Uptime) -> str:
    """An uptime as the table holds it."""
    return f"{uptime.boot} {uptime.seconds:.3f}"


def uptime_of(text: str | None) -> Uptime | None:
    """The uptime of `uptime_text`'s text."""
    if text is None:
        return None
    boot, _, seconds = text.rpartition(" ")
    return Uptime(boot, float(seconds))


ERASING = "erasing"
"""The mark by which a person says that what was written may be changed: see Erasing in the rules."""


def may_be_erased(work: Work) -> bool:
    """Return whether the database lets change what was written: a person said so, and did not take it back."""
    said = select(mark.c.value).where(mark.c.agency == "", mark.c.name == ERASING)
    return work.conn.execute(said).first() is not None


def is_taken(work: Work, ref: str) -> bool:
    """Return whether this agency has a delivery of that reference, or another one wrote it.

    What another agency only found in a thread says nothing of whose it is: both may have found it there.
    """
    known = (and_(table.c.agency == work.agency, table.c.ref == ref), and_(WRITTEN_HERE, table.c.ref == ref))
    return any(work.conn.execute(select(table.c.seq).where(one)).first() is not None for one in known)


def origins(work: Work, wanted: Iterable[str]) -> set[str]:
    """Which of these sheet rows were taken before."""
    found: set[str] = set()
    for part in chunks(wanted):
        query = select(table.c.origin).where(table.c.agency == work.agency, table.c.origin.in_(part))
        found.update(work.conn.execute(query).scalars())
    return found


def siblings(deliveries: Iterable[Queued], ref: str) -> dict[str, str]:
    """The report's other deliveries that were written here: what is found under their references is theirs."""
    return {
        one.ref: one.delivery.text for one in deliveries if one.ref != ref and one.reason is not Reason.RECOVERED
    }


def get(work: Work, ref: str) -> Queued | None:
    """The delivery of a reference."""
    row = work.conn.execute(select(table).where(table.c.agency == work.agency, table.c.ref == ref)).mappings()
    first = row.first()
    return _queued(first) if first is not None else None


def of_refs(work: Work, refs: Sequence[str]) -> dict[str, Queued]:
    """The deliveries of these references."""
    found: dict[str, Queued] = {}
    for part in chunks(refs):
        query = select(table).where(table.c.agency == work.agency, table.c.ref.in_(part))
        found.update((row["ref"], _queued(row)) for row in work.conn.execute(query).mappings())
    return found


def of_reports(work: Work, tracking_ids: Iterable[str]) -> dict[str, list[Queued]]:
    """Every delivery of these reports, in the order in which they were written."""
    found: dict[str, list[Queued]] = {}
    query = _of_reports_query(work.conn.dialect.name)
    for part in chunks(tracking_ids):
        for row in ask(work.conn, query, work.agency, part).mappings():
            found.setdefault(row["tracking_id"], []).append(_queued(row))
    return found


@cache
def _of_reports_query(dialect: str) -> Select[Any]:
    mine = (table.c.agency == bindparam("agency"), among(table.c.tracking_id, dialect))
    return select(table).where(*mine).order_by(table.c.seq)


def of_sheets(work: Work, tracking_id: str) -> list[Queued]:
    """The responses to a report that came from sheets."""
    query = select(table).where(
        table.c.agency == work.agency, table.c.tracking_id == tracking_id, table.c.origin.is_not(None)
    )
    return [_queued(row) for row in work.conn.execute(query).mappings()]


def listing(work: Work, state: State | None = None) -> list[Queued]:
    """The deliveries of one state, or all, in the order in which they were written."""
    query, values = (_MINE, {}) if state is None else (_IN_STATE, {"state": state})
    return [_queued(row) for row in work.conn.execute(query, {"agency": work.agency, **values}).mappings()]


def unseen_since(work: Work, at: datetime) -> list[Queued]:
    """The deliveries that were sent since then and do not stand in their threads yet."""
    values = {"agency": work.agency, "state": State.SENT, "at": to_text(at)}
    return [_queued(row) for row in work.conn.execute(_UNSEEN, values).mappings()]


_MINE = select(table).where(table.c.agency == bindparam("agency")).order_by(table.c.seq)
_IN_STATE = _MINE.where(table.c.state == bindparam("state"))
_UNSEEN = _IN_STATE.where(table.c.seen_at.is_(None), table.c.sent_at >= bindparam("at"))


LOOK = 1_000
"""So many of the newest deliveries of a state are looked at: a page costs what it shows, not what is stored."""


class Part(NamedTuple):
    """A part of a list. `before` leads to the next part, None at the end; there may be fewer rows than a page has."""

    rows: tuple[Queued, ...]
    before: str | None


def of_opds(
    work: Work,
    opds: frozenset[str] | None,
    states: Collection[State] = tuple(State),
    most: int = 200,
    *,
    before: str | None = None,
    look: int = LOOK,
) -> Part:
    """Return the last written deliveries in these states to reports that are with these OPDs (None: with any).

    The newest first, from before that reference on. Where a report is not mirrored any more, those that one of them
    wrote.
    """
    rest, last = _of_opds_queries(opds is None, set(states) == set(State), before is not None)
    given = {"agency": work.agency, "opds": sorted(opds or ()), "states": sorted(states), "before": before}
    found = work.conn.execute(rest, {**given, "look": look, "most": most + 1}).mappings()
    rows = tuple(map(_queued, found))
    if len(rows) > most:
        return Part(rows[:most], rows[most - 1].ref)
    left_at: str | None = work.conn.execute(last, {**given, "look": look - 1}).scalar()
    return Part(rows, left_at)


@cache
def _of_opds_queries(is_of_all: bool, is_any: bool, is_part: bool) -> tuple[Select[Any], Select[Any]]:
    """A part's rows; and where it is left. Each made once."""
    near = _near(is_any)
    if is_part:
        its = (table.c.agency == bindparam("agency"), table.c.ref == bindparam("before"))
        near = near.where(table.c.seq < select(table.c.seq).where(*its).scalar_subquery())
    rows = select(table).outerjoin(report, _ITS_REPORT)  # of this agency, since `near` is
    rows = rows.where(true() if is_of_all else _is_with(bindparam("opds")))
    rows = rows.where(table.c.seq.in_(near.limit(bindparam("look")))).order_by(table.c.seq.desc())
    last = near.with_only_columns(table.c.ref).offset(bindparam("look")).limit(1)
    return rows.limit(bindparam("most")), last


def _near(is_any: bool) -> Select[tuple[int]]:
    query = select(table.c.seq).where(table.c.agency == bindparam("agency")).order_by(table.c.seq.desc())
    return query if is_any else query.where(table.c.state.in_(bindparam("states")))


def counts_of_opds(work: Work, opds: frozenset[str] | None, *, look: int = LOOK) -> dict[State, int]:
    """Return how many of these are in each state, of the newest `look` of each; only states that have some."""
    query = select(table.c.state, func.count()).outerjoin(report, _ITS_REPORT).group_by(table.c.state)
    query = query.where(true() if opds is None else _is_with(sorted(opds)))
    near = [table.c.seq.in_(_newest(work, state).limit(look)) for state in State]
    return {State(row[0]): int(row[1]) for row in work.conn.execute(query.where(or_(*near)))}


def _newest(work: Work, state: State) -> Select[tuple[int]]:
    mine = (table.c.agency == work.agency, table.c.state == state)
    return select(table.c.seq).where(*mine).order_by(table.c.seq.desc())


_ITS_REPORT = and_(report.c.agency == table.c.agency, report.c.tracking_id == table.c.tracking_id)


def _is_with(mine: Any) -> ColumnElement[bool]:
    is_gone = and_(report.c.tracking_id.is_(None), table.c.opd.in_(mine))
    return or_(report.c.disposition_id.in_(mine), is_gone)


def counts(work: Work) -> dict[State, int]:
    """How many deliveries are in each state; every state is named."""
    query = select(table.c.state, func.count()).where(table.c.agency == work.agency).group_by(table.c.state)
    found = {row[0]: int(row[1]) for row in work.conn.execute(query)}
    return {state: found.get(state, 0) for state in State}


def due(work: Work) -> list[Queued]:
    """The first delivery of each report that blocks its later ones, where it is queued or unknown and its time
    has come; the oldest deadline first, then as written."""
    values = {"agency": work.agency, "at": work.at}
    return [_queued(row) for row in work.conn.execute(_DUE, values).mappings()]


_FIRST = (
    select(func.min(table.c.seq).label("seq"))
    .where(table.c.agency == bindparam("agency"), WAITING)
    .group_by(table.c.tracking_id)
    .subquery()
)
_DUE = (
    select(table)
    .join(_FIRST, table.c.seq == _FIRST.c.seq)
    .outerjoin(report, _ITS_REPORT)
    .where(
        table.c.agency == bindparam("agency"),
        table.c.state.in_((State.QUEUED, State.UNKNOWN)),
        func.coalesce(table.c.next_try_at, "") <= bindparam("at"),
    )
    .order_by(func.coalesce(report.c.due_at, "9"), table.c.seq)
)


def files_of(work: Work, refs: Sequence[str]) -> dict[str, tuple[OutgoingFile, ...]]:
    """The files of those responses that have some, as they were when recorded."""
    found: dict[str, tuple[OutgoingFile, ...]] = {}
    for part in chunks(refs):
        query = select(delivery_file).where(delivery_file.c.agency == work.agency, delivery_file.c.ref.in_(part))
        for row in work.conn.execute(query.order_by(delivery_file.c.n)):
            file = OutgoingFile(file_name=row.file_name, content=row.content)
            found[row.ref] = (*found.get(row.ref, ()), file)
    return found


def file_names_of(work: Work, refs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The names of those files, without reading what is in them."""
    found: dict[str, tuple[str, ...]] = {}
    for part in chunks(refs):
        query = select(delivery_file.c.ref, delivery_file.c.file_name).where(
            delivery_file.c.agency == work.agency, delivery_file.c.ref.in_(part)
        )
        for ref, name in work.conn.execute(query.order_by(delivery_file.c.n)):
            found[ref] = (*found.get(ref, ()), name)
    return found


_ONE = update(table).where(table.c.agency == bindparam("its_agency"), table.c.ref == bindparam("its_ref"))
_ONE_IN_STATE = _ONE.where(table.c.state == bindparam("its_state"))


def move(work: Work, queued: Queued, to: State, reason: Reason) -> None:
    """Move a delivery along one of the legal moves. Raises Defect for one that the table does not have."""
    _move(work, queued, to, reason)


def _move(work: Work, queued: Queued, to: State, reason: Reason, **columns: str | int | None) -> None:
    if to not in MOVES[queued.state]:
        raise Defect(f"delivery {queued.ref} cannot go from {queued.state} to {to}")
    values = {"state": to, "reason": reason, **columns}
    if (
        run(
            work.conn,
            _ONE_IN_STATE,
            values,
            its_agency=work.agency,
            its_ref=queued.ref,
            its_state=queued.state,
        )
        != 1
    ):
        raise Defect(f"delivery {queued.ref} was no longer {queued.state}")
    work.note(
        "delivery_moved",
        queued.tracking_id,
        ref=queued.ref,
        **{"from": queued.state, "to": to, "reason": reason},
    )


def _set(work: Work, ref: str, **columns: str | int | None) -> None:
    run(work.conn, _ONE, columns, its_agency=work.agency, its_ref=ref)


# The moves, each with what changes by it.


def claim(work: Work, queued: Queued, scene: Scene) -> None:
    """It is about to leave: its try is written down, and the scene in which it leaves."""
    _move(work, queued, State.SENDING, Reason.LEAVING, scene=_scene_text(scene))
    begin_attempt(work, queued.ref)


def accepted(work: Work, queued: Queued) -> None:
    """LAPOR took it."""
    _move(work, queued, State.SENT, Reason.ACCEPTED, sent_at=work.at, next_try_at=None, waits=0)


def refused(work: Work, queued: Queued, before: Scene | None) -> None:
    """LAPOR said no; `before`: the scene that it had until it was claimed."""
    _move(work, queued, State.REFUSED, Reason.REFUSED, next_try_at=None, scene=_scene_text(before))


def not_sent(work: Work, queued: Queued, before: Scene | None, next_try_at: datetime | None) -> None:
    """It did not leave, and waits until then; None: it goes with the next push, and has not waited."""
    waits = queued.waits + (next_try_at is not None)
    again = {"next_try_at": to_text(next_try_at), "waits": waits, "scene": _scene_text(before)}
    _move(work, queued, State.QUEUED, Reason.NOT_SENT, **again)


def in_doubt(
    work: Work, queued: Queued, *, ended_at: datetime, ended_uptime: Uptime, next_try_at: datetime | None
) -> None:
    """Nobody knows whether it arrived: the try ended then, with no sound reply."""
    ended = {"ended_at": to_text(ended_at), "ended_uptime": uptime_text(ended_uptime)}
    _move(work, queued, State.UNKNOWN, Reason.REPLY_LOST, next_try_at=to_text(next_try_at), **ended)


def killed(work: Work, queued: Queued, uptime: Uptime) -> None:
    """The process, or a cycle, ended while it was in the air; only upstream's next answer can date that."""
    _end_attempt(work, queued, "unknown", http_status=None)
    _move(work, queued, State.UNKNOWN, Reason.KILLED, ended_at=None, ended_uptime=uptime_text(uptime))


def found(work: Work, queued: Queued) -> None:
    """It stands in the thread."""
    _move(work, queued, State.SENT, Reason.FOUND, sent_at=work.at, next_try_at=None)


def found_all_the_same(work: Work, queued: Queued) -> None:
    """It stands in the thread, though it was held or refused: it goes by way of `queued`, as if let go."""
    _move(work, queued, State.QUEUED, Reason.FOUND)
    let_go = replace(queued, delivery=replace(queued.delivery, state=State.QUEUED))
    _move(work, let_go, State.SENT, Reason.FOUND, sent_at=work.at)


def not_found(work: Work, queued: Queued) -> None:
    """It does not stand in the thread, so it is tried again."""
    _move(work, queued, State.QUEUED, Reason.NOT_FOUND, tries=queued.delivery.tries + 1, next_try_at=None)


def hold(work: Work, queued: Queued, reason: Reason) -> None:
    """It waits for a person."""
    _move(work, queued, State.HELD, reason, next_try_at=None)


def cancel(work: Work, queued: Queued) -> None:
    """A person called it off."""
    _move(work, queued, State.CANCELLED, Reason.CALLED_OFF, next_try_at=None)


def let_go(
    work: Work,
    queued: Queued,
    *,
    baseline: frozenset[str] | None,
    scene: Scene | None,
    accepted_closed: bool,
    accepted_disposition: str | None,
    accepted_status: str | None,
) -> None:
    """A person lets it go (again), with what they saw of the report for its baseline."""
    _move(
        work,
        queued,
        State.QUEUED,
        Reason.RETRIED,
        tries=0,
        waits=0,
        next_try_at=None,
        baseline=_baseline_text(baseline),
        scene=_scene_text(scene),
        accepted_closed=int(accepted_closed),
        accepted_disposition=accepted_disposition,
        accepted_status=accepted_status,
    )


# What changes beside the state.


def wait(work: Work, queued: Queued, until: datetime, reason: Reason | None = None) -> None:
    """It is not looked at before then; that counts as a wait, not as a try. `reason`: why, where people are told."""
    why = {"reason": reason} if reason else {}
    _set(work, queued.ref, next_try_at=to_text(until), waits=queued.waits + 1, **why)


def wait_no_longer(work: Work, ref: str) -> None:
    """It is looked at now."""
    _set(work, ref, next_try_at=None, waits=0)


def put_seen(work: Work, ref: str, count: int, at: datetime) -> None:
    """Its reference stands in that many items of the thread, and was first seen there then."""
    _set(work, ref, seen_count=count, seen_at=to_text(at))


def put_ended(work: Work, ref: str, at: datetime) -> None:
    """Its last try ended no later than then."""
    _set(work, ref, ended_at=to_text(at))


def put_ended_uptime(work: Work, ref: str, uptime: Uptime) -> None:
    """Its last try ended no later than when this machine had run for so long."""
    _set(work, ref, ended_uptime=uptime_text(uptime))


def put_baseline(work: Work, ref: str, baseline: frozenset[str]) -> None:
    """These items were there when it was written."""
    _set(work, ref, baseline=_baseline_text(baseline))


def put_scene(work: Work, ref: str, scene: Scene) -> None:
    """What was known of the report when it left."""
    _set(work, ref, scene=_scene_text(scene))


def found_sending(work: Work) -> list[Queued]:
    """What a process that died left on the wire."""
    return listing(work, State.SENDING)


def no_more_waiting(work: Work) -> None:
    """Upstream answers again: every wait starts anew."""
    where = (table.c.agency == work.agency, table.c.next_try_at.is_not(None))
    work.conn.execute(update(table).where(*where).values(next_try_at=None, waits=0))


def references_come_back(work: Work, grace: timedelta) -> bool:
    """Whether a lost response would be found in this upstream's threads.

    False only on evidence: responses were sent, their threads were read at least the grace later, and not one reference
    was ever seen back.
    """
    mine = (table.c.agency == work.agency, table.c.kind == Kind.RESPONSE, table.c.is_secret == 0)
    seen = select(table.c.seq).where(*mine, table.c.seen_at.is_not(None)).limit(1)
    if work.conn.execute(seen).first() is not None:
        return True
    sent = select(table.c.sent_at, report.c.thread_read_at).join(report, _ITS_REPORT)
    sent = sent.where(*mine, table.c.state == State.SENT, table.c.sent_at <= to_text(from_text(work.at) - grace))
    rows = work.conn.execute(sent.where(report.c.thread_read_at >= table.c.sent_at)).all()
    return not any(from_text(row.thread_read_at) - from_text(row.sent_at) >= grace for row in rows)


def any_was_seen(work: Work) -> bool:
    """Whether a response of this agency was ever seen in a thread, as an agency's."""
    seen = select(table.c.seq).where(table.c.agency == work.agency, table.c.kind == Kind.RESPONSE)
    return work.conn.execute(seen.where(table.c.seen_at.is_not(None)).limit(1)).first() is not None


# Attempts.

MAX_WHY = 400
"""Characters of why a try was not accepted that are kept with it; never in the audit or the log, since upstream's own
words may be in them where it refused."""

_ITS = (attempt.c.agency == bindparam("its_agency"), attempt.c.ref == bindparam("its_ref"))
_LAST = select(func.max(attempt.c.n)).where(*_ITS)
_BEGIN = insert(attempt)
_END = update(attempt).where(*_ITS, attempt.c.outcome.is_(None))


def begin_attempt(work: Work, ref: str) -> int:
    """Write down that a try is about to leave; its number, from 1."""
    n = int(scalar(work.conn, _LAST, its_agency=work.agency, its_ref=ref) or 0) + 1
    run(work.conn, _BEGIN, {"ref": ref, "n": n, "agency": work.agency, "at": work.at})
    return n


def end_attempt(work: Work, queued: Queued, outcome: Outcome, ms: int) -> None:
    """Write down how the last try ended."""
    why = None if isinstance(outcome, Sent) else outcome.why[:MAX_WHY]
    _end_attempt(work, queued, outcome_name(outcome), http_status=outcome.http_status, ms=ms, why=why)


def _end_attempt(
    work: Work,
    queued: Queued,
    name: str,
    *,
    http_status: int | None,
    ms: int | None = None,
    why: str | None = None,
) -> None:
    values = {"outcome": name, "http_status": http_status, "ms": ms, "why": why}
    run(work.conn, _END, values, its_agency=work.agency, its_ref=queued.ref)
    work.note("attempt", queued.tracking_id, ref=queued.ref, outcome=name, http_status=http_status)


def outcome_name(outcome: Outcome) -> str:
    """An outcome's word in tables, logs and JSON."""
    if isinstance(outcome, Sent):
        return "sent"
    if isinstance(outcome, Refused):
        return "refused"
    return "unknown" if isinstance(outcome, Unknown) else "not_sent"


def attempts_of(work: Work, refs: Sequence[str]) -> dict[str, list[Attempt]]:
    """The tries of these deliveries in order."""
    found: dict[str, list[Attempt]] = {}
    query = _attempts_query(work.conn.dialect.name)
    for part in chunks(refs):
        for row in ask(work.conn, query, work.agency, part):
            try:
                at = from_text(row.at)
            except (TypeError, ValueError) as exc:
                raise damaged_row("A try of delivery", row.ref) from exc
            one = Attempt(n=row.n, at=at, outcome=row.outcome, http_status=row.http_status, ms=row.ms, why=row.why)
            found.setdefault(row.ref, []).append(one)
    return found


@cache
def _attempts_query(dialect: str) -> Select[Any]:
    mine = (attempt.c.agency == bindparam("agency"), among(attempt.c.ref, dialect))
    return select(attempt).where(*mine).order_by(attempt.c.ref, attempt.c.n)


def last_words(work: Work, of: Iterable[Queued]) -> dict[str, str]:
    """Why the last try of each of them was not accepted, by reference, where that is why it stands where it does.

    What was called off after that keeps it, too.
    """
    refs = [one.ref for one in of if one.reason in _BY_LAST_TRY or one.state is State.CANCELLED]
    last = {ref: attempts[-1].why for ref, attempts in attempts_of(work, refs).items()}
    return {ref: why for ref, why in last.items() if why is not None}


_BY_LAST_TRY = frozenset({Reason.REFUSED, Reason.NOT_SENT, Reason.REPLY_LOST, Reason.NOT_FOUND, Reason.BARRED})


def barred(work: Work, queued: Queued) -> int:
    """How many of its last tries in a row something between us and LAPOR answered with a 4xx.

    A person who lets it go on starts the count anew, as that of its tries.
    """
    in_a_row = sum(1 for _ in takewhile(lambda status: 400 <= status < 500, _statuses(work, queued)))
    return min(in_a_row, queued.delivery.tries + 1)


def is_promised(work: Work, queued: Queued) -> bool:
    """Whether its last try was answered by 202: it is taken, and stored later."""
    return next(_statuses(work, queued), 0) == HTTPStatus.ACCEPTED


def _statuses(work: Work, queued: Queued) -> Iterator[int]:
    """Of each try that may have left, the last one first, the status of an answer that tells nothing; else 0."""
    tries = [each for each in attempts_of(work, [queued.ref]).get(queued.ref, ()) if each.outcome != "not_sent"]
    return (each.http_status or 0 if each.outcome == "unknown" else 0 for each in reversed(tries))


def _queued(row: Mapping[Any, Any]) -> Queued:
    try:
        return _read(row)
    except (TypeError, ValueError) as exc:
        raise damaged_row("Delivery", row["ref"]) from exc


def _read(row: Mapping[Any, Any]) -> Queued:
    return Queued(
        delivery=_delivery(row),
        tracking_id=row["tracking_id"],
        target=row["target"],
        by=row["by"],
        written_at=from_text(row["written_at"]),
        reason=Reason(row["reason"]) if row["reason"] else None,
        waits=row["waits"],
        next_try_at=from_text(row["next_try_at"]),
        ended_at=from_text(row["ended_at"]),
        ended_uptime=uptime_of(row["ended_uptime"]),
        sent_at=from_text(row["sent_at"]),
        seen_at=from_text(row["seen_at"]),
        seen_count=row["seen_count"],
    )


def _delivery(row: Mapping[Any, Any]) -> Delivery:
    return Delivery(
        ref=row["ref"],
        kind=Kind(row["kind"]),
        state=State(row["state"]),
        text=row["text"],
        opd=row["opd"],
        is_secret=bool(row["is_secret"]),
        tries=row["tries"],
        baseline=None if row["baseline"] is None else frozenset(json.loads(row["baseline"])),
        accepted_closed=bool(row["accepted_closed"]),
        accepted_disposition=row["accepted_disposition"],
        accepted_status=row["accepted_status"],
        scene=_scene(row["scene"]),
    )
