"""Two agencies in one database: no function of the store returns or changes anything of the other one.

Both have reports of the same Tracking IDs and API ids, deliveries, the same sign-in names and master list. Each function
is called for the first agency, and where ids are asked for, with the other's. What it returns is compared with what it
returns in a database where there is no other agency; what the other one has is compared with before.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from lapor_sync import store as package
from lapor_sync.domain.access import Access
from lapor_sync.domain.citizen_files import Absence
from lapor_sync.domain.colour import City, Colour, Flag, WaitingOn
from lapor_sync.domain.contract import Change, Known, What
from lapor_sync.domain.delivery import Kind, Reason, Sent, State, WhyPaused
from lapor_sync.domain.errors import BadRecord, Defect
from lapor_sync.domain.notices import NoticeKind
from lapor_sync.domain.people import FactorKind, Post, Role, Tenure
from lapor_sync.domain.ports import Uptime
from lapor_sync.domain.report import Attachment, Institution, OutgoingFile, StatusChange, Template
from lapor_sync.domain.scene import Scene
from lapor_sync.store import (
    access,
    ailing,
    attendance,
    audit,
    backup,
    channels,
    citizen_files,
    citizens,
    conflicts,
    contract,
    differing,
    dossier,
    drafts,
    factors,
    institutions,
    marks,
    measured,
    moving,
    notes,
    notices,
    outages,
    outbox,
    overview,
    own_texts,
    pauses,
    people,
    quarantine,
    queries,
    received,
    reports,
    saved_filters,
    templates,
    threads,
    witness,
)
from lapor_sync.store.ailing import Ailing
from lapor_sync.store.audit import GENESIS, Head
from lapor_sync.store.conflicts import How
from lapor_sync.store.database import Store, Work, open_store
from lapor_sync.store.marks import Mark
from lapor_sync.store.outbox import Queued
from lapor_sync.store.people import Person
from lapor_sync.store.reports import KnownRows, Mirrored
from lapor_sync.store.schema import metadata
from tests.databases import START, StillClock, fresh
from tests.store.samples import HIJAU, MERAH, item, mirrored, new, report

THEIRS = "kota-lain"
A_DAY = timedelta(days=1)
UPTIME = Uptime("boot", 5.0)

REF, THEIR_REF, SHARED_REF = "LS-AAAAAA", "LS-ZZZZZZ", "LS-RRRRRR"
"""A reference is one agency's, but for what both found in a thread."""


def fill(work: Work, word: str, ref: str) -> None:
    """Everything that an agency can have; `word` stands in every text of it."""
    same: dict[str, Any] = {"title": word, "content": word, "disposition_id": "611", "disposition_name": word}
    trouble: dict[str, Any] = {"thread_error": word, "thread_doubt": word, "other_since": START}
    due: dict[str, Any] = {"next_read_at": START - A_DAY, "due_at": START - A_DAY, "missing_since": START - A_DAY}
    one = mirrored(
        "7001",
        report("7001", reporter_name=word, kecamatan=word, category=word, channel=word, **same),
        verdict=MERAH._replace(flags=frozenset({Flag.DEADLINE_ESTIMATED})),
        read_at=START,
        thread_read_at=START,
        row_hash=word,
        agreed=Colour.KUNING,
        **trouble,
        **due,
    )
    closed = mirrored(
        "7002",
        report("7002", reporter_name=word, **same),
        verdict=HIJAU,
        closed_at=START - A_DAY,
        read_at=START,
        settled=True,
    )
    reports.save(work, [one, closed])
    threads.save(work, {"7001": (item("1", word), item("2", f"{word}\n[Ref {ref}]"))}, {})
    threads.save_history(
        work, {"7001": [StatusChange(at=START, status_old=word, status_new="Terverifikasi", note=word)]}
    )
    threads.save_raw(work, [("7001", "row", word), ("7002", "detail", word)])
    files = (OutgoingFile(file_name=f"{word}.pdf", content=word.encode()),)
    outbox.add(work, new(ref, "7001", origin=word, files=files, by=word, text=f"{word}\n[Ref {ref}]"))
    outbox.recover(work, ref=SHARED_REF, tracking_id="7001", text=word)
    outbox.begin_attempt(work, ref)
    conflicts.open_one(work, kind="closed_since", tracking_id="7001", ref=ref)
    conflicts.open_one(work, kind="many_vanished")
    for source in (quarantine.LIST, quarantine.DETAIL, quarantine.THREAD, quarantine.EXPORT):
        quarantine.put(work, source, BadRecord(word, key="7001", raw=word, report_id="7001"))
    ailing.put(work, Ailing(report_id="u7001", why=word, times=2, until=START + A_DAY))
    institutions.replace_all(work, [Institution(id="611", name=word), Institution(id="612", name=word)])
    templates.replace_all(work, [Template("reply", word, word, word)])
    person = people.add(work, name=word, sign_in="siti")
    people.put_password(work, person, word)
    people.put_last_sign_in(work, person)
    post = people.add_post(work, Role.OFFICER, "611")
    people.begin_tenure(work, person, post.id, START)
    people.begin_session(work, id=f"session{word}", person_id=person, token_hash=word, origin=word)
    people.add_link(work, person, word)
    people.add_try(work, "account", "origin")
    factors.add(work, person, FactorKind.TOTP, name=word, secret=word, counter=1, credential_id=word)
    factors.put_codes(work, person, [word])
    factors.begin(work, word, person_id=person, origin=word, challenge=word, verifier=word)
    drafts.put(work, person, "7001", text=word, is_secret=False, seen=word)
    drafts.pass_on(work, person, "999", None, START + A_DAY)
    notes.add(work, "7001", word, is_instruction=True, day=None)
    own_texts.put(work, "611", word, word)
    saved_filters.put(work, person, word, word)
    file = Attachment(url="address", file_name="surat", extension="pdf")
    citizen_files.note(work, {"7001": [file], "7002": [file]})
    channel = channels.add(work, person, "email", word, [NoticeKind.DIGEST])
    channels.put_code(work, channel, word)
    channels.verify(work, channel)
    notices.add(work, "technical/0", None, NoticeKind.SYSTEM, word, {"word": word})
    closed_one = next(one for one in citizen_files.wanted(work, 10) if one.tracking_id == "7002")
    citizen_files.keep(work, closed_one, "pdf", word, None, 5)


def more(work: Work) -> None:
    """What only the other agency has: a leak of any of it is seen."""
    for name in (Mark.CURSOR, Mark.SWEPT, Mark.LAST_SUCCESS):
        marks.put_time(work, name, START - A_DAY)
    marks.put(work, Mark.CANARY, THEIR_REF)
    seen = {"list": {"x": Known(9, 1.0, frozenset({"text"}))}}
    contract.put(work, seen, [Change(What.NEW, "list", "x", "text")])
    outages.begin(work, START - A_DAY, "Unreachable")
    pauses.begin(work, WhyPaused.PERSON)
    sent = new("LS-YYYYYY", "7002", origin="lagi", text="lain\n[Ref LS-YYYYYY]")
    outbox.add(work, sent, state=State.SENDING)
    outbox.begin_attempt(work, "LS-YYYYYY")
    reports.save(work, [mirrored("7003", report("7003", disposition_id="613"), verdict=MERAH, due_at=START)])
    people.add_post(work, Role.ADMIN, None)
    work.note("colour", "7001", only="theirs")


def the(work: Work, ref: str = REF) -> Queued:
    found = outbox.get(work, ref)
    assert found is not None
    return found


def moved(to: State) -> Callable[[Work], Queued]:
    """The first agency's delivery in that state."""

    def of(work: Work) -> Queued:
        route = {State.SENDING: (State.SENDING,), State.UNKNOWN: (State.SENDING, State.UNKNOWN)}
        for state in route.get(to, (to,)):
            outbox.move(work, the(work), state, Reason.BY_PERSON)
        return the(work)

    return of


def of_theirs(work: Work) -> Queued:
    """The other agency's delivery, as somebody may hold it who looked elsewhere."""
    return Queued(
        delivery=the(work).delivery.__class__(
            ref=THEIR_REF, kind=Kind.RESPONSE, state=State.QUEUED, text="x", opd="611"
        ),
        tracking_id="7001",
        **dict.fromkeys(("target", "reason", "next_try_at", "ended_at", "ended_uptime", "sent_at", "seen_at")),
        by="",
        written_at=START,
        waits=0,
        seen_count=0,
    )


def refused(act: Callable[[Work], object]) -> Callable[[Work], str]:
    """An act on what is not one's own is a Defect."""

    def tried(work: Work) -> str:
        with pytest.raises(Defect):
            act(work)
        return "refused"

    return tried


def count_anew(work: Work) -> None:
    """One's own, however long it is paused already."""
    pauses.begin(work, WhyPaused.RESTORED, UPTIME)
    pause = pauses.current(work)
    assert pause is not None
    pauses.count_anew(work, pause, UPTIME)


def a_file(work: Work) -> citizen_files.Wanted:
    """A file of a report that both agencies have, under the same key."""
    return citizen_files.wanted(work, 10)[0]


class Ids:
    """The other agency's ids, which a page of it would name."""

    person = post = tenure = conflict = factor = channel = notice = own_text = saved_filter = "0"


def their_tenure() -> Tenure:
    return Tenure(Ids.tenure, Ids.person, Post(Ids.post, Role.OFFICER, "611"), START)


def them() -> Person:
    none: dict[str, Any] = dict.fromkeys(("password", "last_sign_in_at", "ended_at"))
    return Person(id=Ids.person, name="x", sign_in="x", made_at=START, **none)


Call = Callable[[Work], object]
_moves: dict[str, tuple[State, Callable[[Work, Queued], object]]] = {
    "outbox.claim": (State.QUEUED, lambda w, one: outbox.claim(w, one, Scene(items={}))),
    "outbox.accepted": (State.SENDING, lambda w, one: outbox.accepted(w, one)),
    "outbox.refused": (State.SENDING, lambda w, one: outbox.refused(w, one, None)),
    "outbox.not_sent": (State.SENDING, lambda w, one: outbox.not_sent(w, one, None, None)),
    "outbox.in_doubt": (
        State.SENDING,
        lambda w, one: outbox.in_doubt(w, one, ended_at=START, ended_uptime=UPTIME, next_try_at=None),
    ),
    "outbox.killed": (State.SENDING, lambda w, one: outbox.killed(w, one, UPTIME)),
    "outbox.found": (State.QUEUED, lambda w, one: outbox.found(w, one)),
    "outbox.found_all_the_same": (State.HELD, lambda w, one: outbox.found_all_the_same(w, one)),
    "outbox.not_found": (State.UNKNOWN, lambda w, one: outbox.not_found(w, one)),
    "outbox.hold": (State.QUEUED, lambda w, one: outbox.hold(w, one, Reason.BY_PERSON)),
    "outbox.cancel": (State.QUEUED, lambda w, one: outbox.cancel(w, one)),
    "outbox.let_go": (
        State.HELD,
        lambda w, one: outbox.let_go(
            w,
            one,
            baseline=None,
            scene=None,
            accepted_closed=False,
            accepted_disposition=None,
            accepted_status=None,
        ),
    ),
    "outbox.move": (State.QUEUED, lambda w, one: outbox.move(w, one, State.HELD, Reason.BY_PERSON)),
}


def _move(state: State, act: Callable[[Work, Queued], object]) -> Call:
    """One's own in the state that the move begins from; then the other's, which is not there."""

    def both(work: Work) -> object:
        own = the(work) if state is State.QUEUED else moved(state)(work)
        act(work, own)
        theirs = of_theirs(work)
        theirs = type(theirs)(**{**_fields(theirs), "delivery": _in(theirs, state)})
        return refused(lambda w: act(w, theirs))(work)

    return both


def _fields(one: Queued) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


def _in(one: Queued, state: State) -> Any:
    plain = one.delivery
    return type(plain)(ref=plain.ref, kind=plain.kind, state=state, text=plain.text, opd=plain.opd)


_LISTS: tuple[queries.Wanted, ...] = (
    queries.Wanted(),
    queries.Wanted(opd="611", overdue=True),
    queries.Wanted(text="theirs"),
)

ENTRIES: dict[str, Call] = {
    "ailing.listing": ailing.listing,
    "ailing.put": lambda w: ailing.put(w, Ailing(report_id="u7001", why="x", times=1, until=START)),
    "ailing.forget": lambda w: ailing.forget(w, ["u7001"]),
    "ailing.due_now": ailing.due_now,
    "attendance.unattended": lambda w: attendance.unattended(w, City(institution_id="601")),
    "audit.began_at": lambda w: audit.began_at(w.conn, w.agency),
    "audit.head": lambda w: audit.head(w.conn, w.agency),
    "backup.due_since": backup.due_since,
    "audit.append": lambda w: audit.append(
        w.conn, w.agency, [audit.entry(at=w.at, agency=w.agency, who="x", what="x", subject="7001", data={})]
    ),
    "audit.holds": lambda w: audit.holds(w.conn, w.agency, Head(1, GENESIS)),
    "audit.rows": lambda w: audit.rows(w.conn, w.agency),
    "audit.about": lambda w: [tuple(one) for one in audit.about(w.conn, w.agency, "7001")],
    "audit.listing": lambda w: audit.listing(w.conn, w.agency, audit.Sought(subject="7001"), before=None, most=50),
    "audit.verify": lambda w: audit.verify(w.conn, w.agency),
    "audit.walk": lambda w: audit.walk(w.conn, w.agency, audit.START),
    "audit.middle": lambda w: audit.middle(w.conn, w.agency),
    "audit.prove": lambda w: audit.prove(w.conn, w.agency, None, audit.head(w.conn, w.agency)),
    "channels.add": lambda w: bool(channels.add(w, Ids.person, "email", "x", [])),
    "channels.of_person": lambda w: channels.of_person(w, Ids.person),
    "channels.get": lambda w: channels.get(w, Ids.channel),
    "channels.verified_mail": lambda w: channels.verified_mail(w, Ids.person),
    "channels.readers": lambda w: len(channels.readers(w)),
    "channels.put_code": lambda w: channels.put_code(w, Ids.channel, "x"),
    "channels.count_try": lambda w: channels.count_try(w, Ids.channel),
    "channels.verify": lambda w: channels.verify(w, Ids.channel),
    "channels.put_wants": lambda w: channels.put_wants(w, Ids.channel, []),
    "channels.remove": lambda w: channels.remove(w, Ids.channel),
    "channels.forget": lambda w: channels.forget(w, Ids.person),
    "citizen_files.note": lambda w: citizen_files.note(
        w, {"7001": [Attachment(url="x", file_name="x", extension="x")]}
    ),
    "citizen_files.put_off_no_longer": lambda w: citizen_files.put_off_no_longer(w),
    "citizen_files.wanted": lambda w: citizen_files.wanted(w, 10),
    "citizen_files.keep": lambda w: citizen_files.keep(w, a_file(w), "pdf", "x", None, 1),
    "citizen_files.give_up": lambda w: citizen_files.give_up(w, a_file(w), Absence.EXPIRED),
    "citizen_files.try_later": lambda w: citizen_files.try_later(w, a_file(w), START + A_DAY),
    "citizen_files.of_report": lambda w: [citizen_files.of_report(w, one) for one in ("7001", "7002")],
    "citizen_files.size_of_all": citizen_files.size_of_all,
    "citizen_files.closed_longest": lambda w: citizen_files.closed_longest(w, 10),
    "citizen_files.drop": lambda w: citizen_files.drop(w, citizen_files.closed_longest(w, 10)[0]),
    "citizen_files.in_use": lambda w: citizen_files.in_use(w, ["mine", "theirs"]),
    "conflicts.open_one": lambda w: conflicts.open_one(w, kind="x", tracking_id="7002"),
    "conflicts.settle": lambda w: conflicts.settle(
        w,
        conflicts.Conflict(
            **{
                **{name: getattr(conflicts.listing(w)[0], name) for name in conflicts.Conflict.__slots__},
                "id": Ids.conflict,
            }
        ),
        How.KEEP_OURS,
    ),
    "conflicts.of_delivery": lambda w: conflicts.of_delivery(w, THEIR_REF),
    "conflicts.was_asked": lambda w: [conflicts.was_asked(w, "closed_since", ref) for ref in (REF, THEIR_REF)],
    "conflicts.of_report": lambda w: conflicts.of_report(w, "7001"),
    "conflicts.of_kind": lambda w: conflicts.of_kind(w, "closed_since"),
    "conflicts.get": lambda w: conflicts.get(w, Ids.conflict),
    "conflicts.listing": conflicts.listing,
    "conflicts.count": conflicts.count,
    "differing.with_open_delivery": differing.with_open_delivery,
    "differing.not_agreed": differing.not_agreed,
    "dossier.dossier": lambda w: dossier.dossier(w, one_of(w)),
    "access.get": access.get,
    "access.put": lambda w: access.put(w, Access(off=None, ends={"x": START})),
    "drafts.put": lambda w: drafts.put(w, Ids.person, "7001", text="x", is_secret=False, seen=""),
    "drafts.drop": lambda w: drafts.drop(w, Ids.person, "7001"),
    "drafts.get": lambda w: drafts.get(w, Ids.person, "7001"),
    "drafts.listing": lambda w: drafts.listing(w, Ids.person, None, 10),
    "drafts.pass_on": lambda w: drafts.pass_on(w, Ids.person, "998", None, START),
    "drafts.is_heir": lambda w: [drafts.is_heir(w, one) for one in ("998", "999")],
    "drafts.pass_on_all": lambda w: drafts.pass_on_all(w, Ids.person),
    "drafts.take_over": lambda w: drafts.take_over(w, "999"),
    "institutions.replace_all": lambda w: institutions.replace_all(w, []),
    "institutions.names": institutions.names,
    "institutions.names_of": lambda w: institutions.names_of(w, {"611"}),
    "institutions.listed": institutions.listed,
    "institutions.seen": institutions.seen,
    "templates.replace_all": lambda w: templates.replace_all(w, []),
    "templates.listing": templates.listing,
    "own_texts.put": lambda w: bool(own_texts.put(w, "611", "x", "x")),
    "own_texts.remove": lambda w: own_texts.remove(w, Ids.own_text),
    "own_texts.get": lambda w: own_texts.get(w, Ids.own_text),
    "own_texts.listing": lambda w: [one.title for one in own_texts.listing(w, {"611"})],
    "own_texts.count": lambda w: own_texts.count(w, "611"),
    "saved_filters.put": lambda w: saved_filters.put(w, Ids.person, "x", "x"),
    "saved_filters.remove": lambda w: saved_filters.remove(w, Ids.person, Ids.saved_filter),
    "saved_filters.of_person": lambda w: saved_filters.of_person(w, Ids.person),
    "saved_filters.forget": lambda w: saved_filters.forget(w, Ids.person),
    "measured.measured": lambda w: measured.measured(w, City()),
    "contract.known": contract.known,
    "contract.put": lambda w: contract.put(w, {}, [Change(What.GONE, "list", "x")]),
    "contract.watched": contract.watched,
    "marks.some": lambda w: marks.some(w, *Mark),
    "marks.get": lambda w: [marks.get(w, one) for one in Mark],
    "marks.get_time": lambda w: marks.get_time(w, Mark.CURSOR),
    "marks.put": lambda w: marks.put(w, Mark.CANARY, "x"),
    "marks.put_time": lambda w: marks.put_time(w, Mark.CURSOR, START),
    "marks.put_now": lambda w: marks.put_now(w, Mark.SWEPT),
    "marks.clear": lambda w: marks.clear(w, Mark.CANARY),
    "notes.add": lambda w: bool(notes.add(w, "7001", "x", is_instruction=False, day=None)),
    "notices.add": lambda w: notices.add(w, "technical/0", None, NoticeKind.SYSTEM, "theirs", {}),
    "notices.waiting": lambda w: [one.key for one in notices.waiting(w)],
    "notices.last_left": lambda w: notices.last_left(w, "technical/0"),
    "notices.claim": lambda w: notices.claim(w, [Ids.notice]),
    "notices.sent": lambda w: notices.sent(w, [Ids.notice]),
    "notices.in_doubt": lambda w: notices.in_doubt(w, [Ids.notice], "x"),
    "notices.try_later": lambda w: notices.try_later(w, replace(notices.listing(w)[0], id=Ids.notice), START, "x"),
    "notices.give_up": lambda w: notices.give_up(w, [Ids.notice], "x"),
    "notices.is_any_sending": notices.is_any_sending,
    "notices.recover": notices.recover,
    "notices.restored": notices.restored,
    "notices.listing": notices.listing,
    "notices.forget_old": lambda w: notices.forget_old(w, START + A_DAY),
    "notices.happened_after": lambda w: notices.happened_after(w, 0, 100),
    "notices.writers": lambda w: notices.writers(w, [REF, THEIR_REF]),
    "notes.unanswered": lambda w: notes.unanswered(w, frozenset({"611"}), 10) + notes.unanswered(w, None, 10),
    "notes.of_report": lambda w: notes.of_report(w, "7001"),
    "outages.current": outages.current,
    "outages.begin": lambda w: outages.begin(w, START, "Denied"),
    "outages.end": outages.end,
    "outages.between": lambda w: outages.between(w, START - 2 * A_DAY, START + A_DAY),
    "outbox.add": lambda w: outbox.add(w, new("LS-BBBBBB", "7001")),
    "outbox.recover": lambda w: outbox.recover(w, ref="LS-QQQQQQ", tracking_id="7001", text="x"),
    "outbox.is_taken": lambda w: [outbox.is_taken(w, one) for one in (REF, SHARED_REF, "LS-CCCCCC")],
    "outbox.origins": lambda w: outbox.origins(w, ["mine", "theirs", "lagi"]),
    "outbox.get": lambda w: [outbox.get(w, one) for one in (THEIR_REF, SHARED_REF, "LS-YYYYYY")],
    "outbox.of_refs": lambda w: outbox.of_refs(w, [THEIR_REF, SHARED_REF, REF]),
    "outbox.of_reports": lambda w: outbox.of_reports(w, ["7001", "7002"]),
    "outbox.of_sheets": lambda w: outbox.of_sheets(w, "7001"),
    "outbox.listing": outbox.listing,
    "outbox.unseen_since": lambda w: outbox.unseen_since(w, START - timedelta(days=9)),
    "outbox.of_opds": lambda w: [outbox.of_opds(w, None), outbox.of_opds(w, frozenset({"611"}))],
    "outbox.counts_of_opds": lambda w: [
        outbox.counts_of_opds(w, None),
        outbox.counts_of_opds(w, frozenset({"611"})),
    ],
    "outbox.counts": outbox.counts,
    "outbox.due": outbox.due,
    "outbox.files_of": lambda w: outbox.files_of(w, [REF, THEIR_REF]),
    "outbox.file_names_of": lambda w: outbox.file_names_of(w, [REF, THEIR_REF]),
    "outbox.wait": lambda w: outbox.wait(w, of_theirs(w), START + A_DAY),
    "outbox.wait_no_longer": lambda w: outbox.wait_no_longer(w, THEIR_REF),
    "outbox.put_seen": lambda w: outbox.put_seen(w, SHARED_REF, 5, START),
    "outbox.put_ended": lambda w: outbox.put_ended(w, SHARED_REF, START),
    "outbox.put_ended_uptime": lambda w: outbox.put_ended_uptime(w, THEIR_REF, UPTIME),
    "outbox.put_baseline": lambda w: outbox.put_baseline(w, THEIR_REF, frozenset()),
    "outbox.put_scene": lambda w: outbox.put_scene(w, THEIR_REF, Scene(items={})),
    "outbox.found_sending": outbox.found_sending,
    "outbox.no_more_waiting": outbox.no_more_waiting,
    "outbox.references_come_back": lambda w: outbox.references_come_back(w, timedelta(0)),
    "outbox.any_was_seen": outbox.any_was_seen,
    "outbox.begin_attempt": lambda w: outbox.begin_attempt(w, REF),
    "outbox.end_attempt": lambda w: outbox.end_attempt(w, of_theirs(w), Sent(http_status=200), 5),
    "outbox.attempts_of": lambda w: outbox.attempts_of(w, [REF, THEIR_REF, "LS-YYYYYY"]),
    "outbox.last_words": lambda w: outbox.last_words(w, outbox.listing(w)),
    "outbox.barred": lambda w: outbox.barred(w, of_theirs(w)),
    "outbox.is_promised": lambda w: outbox.is_promised(w, of_theirs(w)),
    **{name: _move(state, act) for name, (state, act) in _moves.items()},
    "pauses.current": pauses.current,
    "pauses.begin": lambda w: pauses.begin(w, WhyPaused.PERSON),
    "pauses.count_anew": count_anew,
    "pauses.end": pauses.end,
    "factors.of": lambda w: factors.of(w, Ids.person),
    "factors.has_one": lambda w: factors.has_one(w, Ids.person),
    "factors.add": lambda w: bool(
        factors.add(w, Ids.person, FactorKind.PASSKEY, name="x", secret="x", counter=0, credential_id="theirs")
    ),
    "factors.is_known": lambda w: factors.is_known(w, "theirs"),
    "factors.use": lambda w: factors.use(w, Ids.factor, 9),
    "factors.remove": lambda w: [factors.remove(w, Ids.person, Ids.factor), factors.remove(w, Ids.person)],
    "factors.put_codes": lambda w: factors.put_codes(w, Ids.person, ["x"]),
    "factors.forget": lambda w: factors.forget(w, Ids.person),
    "factors.remove_codes": lambda w: factors.remove_codes(w, Ids.person),
    "factors.use_code": lambda w: factors.use_code(w, Ids.person, "theirs"),
    "factors.codes_left": lambda w: factors.codes_left(w, Ids.person),
    "factors.begin": lambda w: factors.begin(w, "theirs", person_id=Ids.person, origin="x"),
    "factors.half_of": lambda w: factors.half_of(w, "theirs"),
    "factors.put_challenge": lambda w: factors.put_challenge(w, "theirs", "x"),
    "factors.end": lambda w: factors.end(w, "theirs"),
    "factors.is_noted": lambda w: factors.is_noted(w, "theirs"),
    "factors.forget_half": lambda w: factors.forget_half(w, START + A_DAY, START + A_DAY),
    "factors.end_of": lambda w: factors.end_of(w, Ids.person),
    "factors.end_all": factors.end_all,
    "factors.proved_at": lambda w: factors.proved_at(w, "sessiontheirs"),
    "factors.prove": lambda w: factors.prove(w, "sessiontheirs"),
    "citizens.named": lambda w: [citizens.named(w, "mine"), citizens.named(w, "theirs")],
    "citizens.beside": lambda w: citizens.beside(w, one_of(w)),
    "citizens.drop_payloads": lambda w: citizens.drop_payloads(w, one_of(w)),
    "citizens.erase": lambda w: citizens.erase(w, one_of(w), outbox.of_reports(w, ["7001"])["7001"], "LS"),
    "threads.rewrite": lambda w: threads.rewrite(
        w, "7001", lambda items: [one._replace(content="x") for one in items]
    ),
    "reports.of_person": lambda w: [reports.of_person(w, one) for one in ("7001", "7003", "u7003")],
    "people.by_sign_in": lambda w: people.by_sign_in(w, "siti"),
    "people.by_sign_on": lambda w: people.by_sign_on(w, "theirs"),
    "people.put_sign_on": lambda w: people.put_sign_on(w, Ids.person, "x"),
    "people.get": lambda w: people.get(w, Ids.person),
    "people.add": lambda w: bool(people.add(w, name="x", sign_in="budi")),
    "people.put_password": lambda w: people.put_password(w, Ids.person, "x"),
    "people.put_last_sign_in": lambda w: people.put_last_sign_in(w, Ids.person),
    "people.put_end": lambda w: people.put_end(w, Ids.person, START),
    "people.names": people.names,
    "people.listing": people.listing,
    "people.post_of": lambda w: [people.post_of(w, Role.OFFICER, "611"), people.post_of(w, Role.ADMIN, None)],
    "people.get_post": lambda w: people.get_post(w, Ids.post),
    "people.add_post": lambda w: bool(people.add_post(w, Role.INSPECTOR, None)),
    "people.tenures": lambda w: [
        people.tenures(w),
        people.tenures(w, person_id=Ids.person),
        people.tenures(w, post_id=Ids.post),
    ],
    "people.begin_tenure": lambda w: bool(people.begin_tenure(w, Ids.person, Ids.post, START)),
    "people.end_tenure": lambda w: people.end_tenure(w, their_tenure(), START),
    "people.posts": people.posts,
    "people.begin_session": lambda w: people.begin_session(
        w, id="x", person_id=Ids.person, token_hash="x", origin="x"
    ),
    "people.forget": lambda w: people.forget(w, them(), "account"),
    "people.visit_of": lambda w: people.visit_of(w, "theirs"),
    "people.session_of": lambda w: people.session_of(w, "theirs"),
    "people.get_session": lambda w: people.get_session(w, "sessiontheirs"),
    "people.sessions": lambda w: people.sessions(w, Ids.person),
    "people.see_session": lambda w: people.see_session(w, "sessiontheirs"),
    "people.end_session": lambda w: people.end_session(w, "sessiontheirs"),
    "people.end_sessions": lambda w: people.end_sessions(w, Ids.person),
    "people.is_familiar": lambda w: people.is_familiar(w, Ids.person, "theirs", START - A_DAY),
    "people.add_link": lambda w: people.add_link(w, Ids.person, "x"),
    "people.is_crowded": lambda w: people.is_crowded(w, 0, A_DAY),
    "people.add_mailed_link": lambda w: people.add_mailed_link(w, Ids.person, "x", START),
    "people.link_of": lambda w: people.link_of(w, "theirs"),
    "people.open_links": lambda w: people.open_links(w, Ids.person),
    "people.end_links": lambda w: people.end_links(w, Ids.person),
    "people.add_try": lambda w: people.add_try(w, "account", "origin"),
    "people.tries": lambda w: [people.tries(w), people.tries(w, account="account", origin="origin")],
    "people.forget_tries": lambda w: people.forget_tries(w, account="account", origin="origin"),
    "people.note_what_is_over": lambda w: people.note_what_is_over(
        w, links_before=START + A_DAY, links_after=START, tries_before=START + A_DAY
    ),
    "people.forget_old_tries": lambda w: people.forget_old_tries(w, START + A_DAY),
    "people.end_everything": people.end_everything,
    "people.forget_sessions": lambda w: people.forget_sessions(w, START + A_DAY),
    "people.posts_of": lambda w: people.posts_of(w, Ids.person),
    "people.count": people.count,
    "quarantine.put": lambda w: quarantine.put(w, quarantine.LIST, BadRecord("x", key="7001", raw="x")),
    "quarantine.hide_persons": lambda w: quarantine.hide_persons(w, ["7001"]),
    "quarantine.items_of": lambda w: quarantine.items_of(w, "7001"),
    "quarantine.release": lambda w: quarantine.release(w, ["7001"]),
    "quarantine.release_rows": lambda w: quarantine.release_rows(w, [one_of(w).report]),
    "quarantine.release_absent": lambda w: quarantine.release_absent(w, quarantine.LIST, []),
    "quarantine.listing": quarantine.listing,
    "quarantine.count_since": lambda w: quarantine.count_since(w, START - A_DAY),
    "quarantine.count": quarantine.count,
    "queries.page": lambda w: [queries.page(w, one, None) for one in _LISTS],
    "queries.sorted_page": lambda w: [
        queries.sorted_page(w, one, None, by) for one in _LISTS for by in queries.Order
    ],
    "queries.count": lambda w: [queries.count(w, one, None, most=100) for one in _LISTS],
    "queries.counts": lambda w: [queries.counts(w, one, None) for one in _LISTS],
    "queries.tasks": lambda w: queries.tasks(
        w, None, waiting_on=list(WaitingOn), today=START, soon=START + A_DAY, closing=START + A_DAY
    ),
    "queries.by_opd": queries.by_opd,
    "queries.late": lambda w: queries.late(w, None),
    "received.between": lambda w: received.between(w, START - A_DAY, START + A_DAY),
    "received.times_between": lambda w: received.times_between(w, START - A_DAY, START + A_DAY),
    "received.count_undated": received.count_undated,
    "reports.known": lambda w: reports.known(w, [("7001", "u7001"), ("u7002", "u7002"), ("7003", "u7003")]),
    "reports.load": lambda w: reports.load(w, ["7001", "7002", "7003"]),
    "reports.load_unnamed": lambda w: reports.load_unnamed(w, ["7001", "7003"]),
    "reports.having": lambda w: sorted(reports.having(w, {"7001", "u7001", "7003", "u7003"})),
    "reports.find": lambda w: [reports.find(w, one) for one in ("7001", "u7001", "7003", "u7003")],
    "reports.called": lambda w: [reports.called(w, one) for one in ("u7001", "u7003")],
    "reports.save": lambda w: reports.save(w, [one_of(w)._replace(row_hash="x", answers=9)]),
    "reports.distrust": lambda w: reports.distrust(w, ["7001", "7003"]),
    "reports.unsettled": reports.unsettled,
    "reports.due_for_reading": lambda w: reports.due_for_reading(w, 10),
    "reports.open_or_closed_since": lambda w: reports.open_or_closed_since(w, START - 2 * A_DAY),
    "reports.present": lambda w: reports.present(w, ["7001", "7002", "7003"]),
    "reports.missing_before": lambda w: reports.missing_before(w, START),
    "reports.never_written_to": lambda w: [reports.never_written_to(w, but) for but in ((), ("u7001",))],
    "reports.named": lambda w: reports.named(w, (), 3),
    "reports.thread_troubles": reports.thread_troubles,
    "reports.unreadable_threads": lambda w: reports.unreadable_threads(w, 10),
    "reports.readable_threads": lambda w: reports.readable_threads(w, 10),
    "reports.count_open": reports.count_open,
    "reports.ids_after": lambda w: reports.ids_after(w, "", 10),
    "reports.read_now": lambda w: reports.read_now(w, ["7001", "7003"]),
    "reports.note_written": lambda w: reports.note_written(w, "7001", START),
    "reports.read_later": lambda w: reports.read_later(w, "7001", START + A_DAY),
    "reports.put_off_no_longer": reports.put_off_no_longer,
    "reports.forget_rows": reports.forget_rows,
    "reports.drop_reporter_names": lambda w: reports.drop_reporter_names(w, START),
    "threads.load": lambda w: threads.load(w, ["7001"]),
    "threads.save": lambda w: threads.save(w, {"7001": ()}, threads.load(w, ["7001"])),
    "threads.save_history": lambda w: threads.save_history(w, {"7001": []}),
    "threads.load_histories": lambda w: threads.load_histories(w, ["7001"]),
    "threads.save_raw": lambda w: threads.save_raw(w, [("7001", "row", "x")]),
    "threads.raw_rows": lambda w: threads.raw_rows(w, ["7001"]),
    "threads.of_others": lambda w: threads.of_others(w, "7002", "LS-A2B3C4"),
    "threads.drop_raw_of": lambda w: threads.drop_raw_of(w, ["7001"]),
    "threads.drop_raw": lambda w: threads.drop_raw(w, START + A_DAY),
    "overview.reports": overview.reports,
    "overview.listed_one": lambda w: overview.listed_one(w, one_of(w)),
    "overview.overview": lambda w: overview.overview(w, City()),
    "overview.colours": overview.colours,
    "overview.from_exports": overview.from_exports,
    "overview.count_overdue": overview.count_overdue,
    "overview.waiting": overview.waiting,
    "moving.rows_of": lambda w: moving.rows_of(w.conn, w.agency),
    "moving.remove": moving.remove,
}
"""How each function is called for an agency that has a neighbour."""

_OF_THE_QUEUE = (
    *(
        "begun",
        "call_off_forsaken",
        "due",
        "ended",
        "enrol",
        "forget",
        "has_workers",
        "hold_nobody_up",
        "install",
        "left_open",
        "look",
        "need_server",
    ),
    *("is_there", "pause", "prefixes", "take_places"),
)
OF_THE_WHOLE_DATABASE = {
    "outbox.may_be_erased",  # one mark for the file: what was written may be erased
    "pauses.body",  # which database this is
    "moving.agencies_in",  # which agencies a database has
    "moving.copy",  # tests/store/test_moving.py: what others have stays as it was
    "backup.contents",  # a backup is of all agencies, and tells of each
    "bulk.insert_many",  # these four run a statement that the others bind
    "bulk.ask",
    "bulk.run",
    "bulk.scalar",
    "database.in_place",
    "database.prepare",
    "database.need_utf8",
    "database.schema_version",
    "database.is_of_today",
    "lock.working",  # tests/store/test_agencies.py: two agencies at work at once
    "lock.alone",
    "lock.need_sessions",
    "lock.holder",
    "lock.database_of",  # which file it is
    *("witness.keep", "witness.seen", "witness.drop"),  # a file an agency: the test below
    "server.weak_points",
    "database.connection_values",
    *(f"work_queue.{name}" for name in _OF_THE_QUEUE),  # of all agencies that workers share
}
"""What is not one agency's; a reason beside each that is not about the file or the server as such."""


def one_of(work: Work) -> Mirrored:
    return reports.load(work, ["7001"])["7001"]


def functions() -> Iterator[str]:
    """Every public function of the store that can reach a database, by module and name."""
    for module in pkgutil.iter_modules(package.__path__):
        if module.ispkg:
            continue
        found = importlib.import_module(f"{package.__name__}.{module.name}")
        for name, one in vars(found).items():
            one = inspect.unwrap(one) if callable(one) else one
            if name.startswith("_") or not inspect.isfunction(one) or one.__module__ != found.__name__:
                continue
            asked = {str(each.annotation) for each in inspect.signature(one).parameters.values()}
            if asked & {"Work", "Connection", "Engine", "Store"}:
                yield f"{module.name}.{name}"


def test_every_function_of_the_store_stands_here() -> None:
    """A new one fails here until it has an entry that proves it keeps to its own agency."""
    assert set(functions()) == ENTRIES.keys() | OF_THE_WHOLE_DATABASE
    assert not ENTRIES.keys() & OF_THE_WHOLE_DATABASE


def test_what_stands_beside_the_file_is_of_one_agency(sqlite_store: Store) -> None:
    """What one keeps says nothing of the other, and goes by its own act alone."""
    theirs = Store(sqlite_store.engine, THEIRS, sqlite_store.clock)
    for one in (sqlite_store, theirs):
        with one.work() as work:
            work.note("shown", "7001")
    witness.keep(sqlite_store)
    assert witness.seen(theirs) is None
    witness.keep(theirs)
    mine = witness.seen(sqlite_store)
    assert mine == sqlite_store.head != witness.seen(theirs)
    witness.drop(theirs)
    assert (witness.seen(sqlite_store), witness.seen(theirs)) == (mine, None)


class Undo(Exception):
    """Nothing of it is to stay."""


def told(result: object) -> str:
    """What came back, in words that can be compared."""
    if isinstance(result, KnownRows):
        return repr(vars(result))
    return repr(list(result)) if isinstance(result, Iterator) else repr(result)


def rows_of(conn: Connection, agency: str) -> Mapping[str, list[tuple[Any, ...]]]:
    """Everything that an agency has."""
    whose = {table: table.c.chain if "chain" in table.c else table.c.agency for table in metadata.tables.values()}
    return {
        table.name: sorted(map(tuple, conn.execute(select(table).where(column == agency))), key=repr)
        for table, column in whose.items()
    }


@pytest.fixture
def alone(kind: str, tmp_path: Path, clock: StillClock) -> Iterator[Store]:
    """The first agency in a database of its own."""
    with fresh(kind, tmp_path) as url:
        opened = open_store(url, "kota", clock)
        with opened.work() as work:
            fill(work, "mine", REF)
        yield opened
        opened.close()


@pytest.fixture
def together(store: Store, other_city: Store) -> Store:
    """The same agency beside another one."""
    with store.work() as work:
        fill(work, "mine", REF)
    with other_city.work() as work:
        fill(work, "theirs", THEIR_REF)
        more(work)
        person = people.by_sign_in(work, "siti")
        post = people.post_of(work, Role.OFFICER, "611")
        assert person is not None
        assert post is not None
        Ids.person, Ids.post = person.id, post.id
        Ids.tenure = people.tenures(work)[0].id
        Ids.factor = factors.of(work, person.id)[0].id
        Ids.conflict = conflicts.listing(work)[0].id
        Ids.channel = channels.of_person(work, person.id)[0].id
        Ids.own_text = own_texts.listing(work)[0].id
        Ids.saved_filter = saved_filters.of_person(work, person.id)[0].id
        Ids.notice = notices.listing(work)[0].id
    return store


def called(store: Store, call: Call, look: Callable[[Work], None]) -> str:
    """What it returns; nothing of it stays but what was seen of it before it went."""
    answer = ""
    with suppress(Undo), store.work() as work:
        answer = told(call(work))
        look(work)
        raise Undo
    return answer


def test_no_function_returns_or_changes_anything_of_another_agency(alone: Store, together: Store) -> None:
    """All are asked of the same two databases, as each call is undone."""
    wrong = []
    with together.reading() as work:
        before = rows_of(work.conn, THEIRS)
    for name, call in ENTRIES.items():

        def look(work: Work, name: str = name) -> None:
            if rows_of(work.conn, THEIRS) != before:
                wrong.append(f"{name} changed what the other has")

        expected = called(alone, call, lambda _work: None)
        found = called(together, call, look)
        if found != expected or "theirs" in found.replace("'siti'", ""):
            wrong.append(f"{name} returned\n   {found}\nfor {expected}")
    assert wrong == []


def test_what_is_compared_is_all_that_an_agency_can_have(together: Store) -> None:
    """No table of the schema is empty for the other agency, so that a leak from any of them would show."""
    with together.reading() as work:
        empty = {name for name, rows in rows_of(work.conn, THEIRS).items() if not rows}
    assert not empty
