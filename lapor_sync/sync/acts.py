"""What a person does: write a response or a hand-over, move a delivery, settle a conflict.

Each act is one transaction with its audit row and the name of who acts, and works beside a running daemon.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lapor_sync.domain.colour import CLOSED, canonical, unknown_status
from lapor_sync.domain.delivery import (
    MAX_TEXT,
    Kind,
    Reason,
    State,
    reference,
    references_in,
    same_words,
    unsendable_characters,
    with_reference,
)
from lapor_sync.domain.errors import BadInput, NotAllowed, ReportUnknown
from lapor_sync.domain.names import shown_name
from lapor_sync.domain.next_step import Scene, digests
from lapor_sync.domain.report import OutgoingFile
from lapor_sync.domain.thread import has_words, words
from lapor_sync.store import ailing, conflicts, institutions, marks, outbox, pauses, reports, threads
from lapor_sync.store.conflicts import MANY_VANISHED, Conflict, How
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.outbox import NewDelivery, Queued
from lapor_sync.store.pauses import Pause
from lapor_sync.store.reports import Mirrored
from lapor_sync.store.times import from_text
from lapor_sync.sync.mirror import rejudge
from lapor_sync.sync.setup import Judging


@dataclass(frozen=True, kw_only=True)
class FileLimits:
    """What upstream takes as attached files (the limits of a production client: assumed)."""

    types: tuple[str, ...] = ("jpg", "jpeg", "png", "pdf", "doc", "docx")
    max_bytes: int = 5 * 1024 * 1024
    max_count: int = 5


@dataclass(frozen=True, kw_only=True)
class Written:
    """A response as a person wrote it; `opd` an institution's id or name, None for where the report is.

    `again`: the citizen is to get these words once more. `any_status`: also under a status name that is not known.
    `origin` and `row` are of the sheet that it came from.
    """

    given_id: str
    text: str
    by: str
    opd: str | None = None
    is_secret: bool = False
    files: tuple[OutgoingFile, ...] = ()
    again: bool = False
    any_status: bool = False
    origin: str | None = None
    row: int = 0


def respond(judging: Judging, written: Written, limits: FileLimits | None = None) -> str:
    """Queue one response; its reference. Raises BadInput, ReportUnknown or NotAllowed: nothing is taken then."""
    with judging.store.work() as work:
        new = _prepare(work, judging, written, limits or FileLimits())
        _refuse_second(work, new.tracking_id, written)
        outbox.add(work, new)
        return new.ref


def respond_all(
    judging: Judging, rows: Sequence[Written], wrong: Sequence[tuple[int, str]] = ()
) -> list[str | None]:
    """Queue many responses, all or none; their references, None for a row that was taken before.

    So was one whose words stand in the thread under a reference of ours that an older backup does not know.
    All rows are checked, and where one is bad none is taken; `wrong` are the numbers of rows that could not even be
    read, and why. Raises BadInput with every bad row's number and reason.
    """
    with judging.store.work() as work:
        taken = outbox.origins(work, [row.origin for row in rows if row.origin])
        refs: list[str | None] = []
        problems = list(wrong)
        for row in rows:
            try:
                is_new = row.origin not in taken and not _was_recovered(work, row)
                new = _prepare(work, judging, row, FileLimits()) if is_new else None
                taken.add(row.origin or "")
                if new is None or _was_said(work, new, row.text):
                    refs.append(None)
                    continue
                _refuse_second(work, new.tracking_id, row)
                outbox.add(work, new)
                refs.append(new.ref)
            except (BadInput, NotAllowed, ReportUnknown) as error:
                reasons = tuple(_why_not(work, judging, row)) or (error.what,)
                problems += [(row.row, reason.rstrip(".")) for reason in reasons]
        if problems:  # raised inside the transaction: what was added goes with it
            raise _rows_refused(problems, len({row.row for row in rows} | {number for number, _ in wrong}))
        return refs


def _why_not(work: Work, judging: Judging, row: Written) -> Iterator[str]:
    """Return every reason why a row cannot be taken by itself, where taking it stops at the first."""
    ref = reference(judging.rules.prefix)
    checks: list[Callable[[], object]] = [lambda: _checked_text(row.text, ref, judging.rules.prefix)]
    try:
        report = known_report(work, row.given_id)
    except ReportUnknown as error:
        yield error.what
    else:
        checks += [lambda: _refuse_closed(report), lambda: _refuse_unknown_status(report, row)]
        checks += [lambda: _speaks_for(work, judging, report, row.opd)]
    for check in checks:
        try:
            check()
        except (BadInput, NotAllowed) as error:
            yield error.what


MOST_REASONS = 100
"""So many are told in full; of further rows the numbers."""


def _rows_refused(problems: Iterable[tuple[int, str]], count: int) -> BadInput:
    """The refusal of a sheet that names every bad row, so that one correction does; rows of one reason together."""
    by_reason: dict[str, list[int]] = {}
    numbers: set[int] = set()
    for number, reason in sorted(problems):
        by_reason.setdefault(reason, []).append(number)
        numbers.add(number)
    told = [f"{_rows(by_reason[reason])}: {reason}" for reason in list(by_reason)[:MOST_REASONS]]
    rest = [number for reason in list(by_reason)[MOST_REASONS:] for number in by_reason[reason]]
    told += [f"and {_rows(rest)}, for other reasons"] if rest else []
    return BadInput(
        f"{len(numbers)} of {count} rows cannot be taken; none was: {'; '.join(told)}.",
        todo="Correct these rows and give the whole file again.",
    )


def _rows(numbers: Iterable[int]) -> str:
    """Numbers of rows in words: `row 3`, `rows 3, 5-8`."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
    return f"row{'s' if ',' in words or '-' in words else ''} {words}"


def origin_of(tracking_id: str, opd: str, text: str) -> str:
    """What tells a sheet's row from others, as its cells say it: the same row twice is one response."""
    parts = "\n".join((tracking_id.strip(), canonical(opd), words(text)))
    return hashlib.sha256(parts.encode()).hexdigest()


def _was_recovered(work: Work, row: Written) -> bool:
    tracking_id = known_report(work, row.given_id).tracking_id
    return any(
        one.reason is Reason.RECOVERED and same_words(one.delivery.text, row.text, one.ref)
        for one in outbox.of_reports(work, [tracking_id]).get(tracking_id, ())
    )


def _was_said(work: Work, new: NewDelivery, text: str) -> bool:
    """Whether a sheet's row said it before in other cells: no OPD, its id or its name; the report by either id."""
    return any(
        one.delivery.opd == new.opd and words(one.delivery.text) == words(with_reference(text, one.ref))
        for one in outbox.of_sheets(work, new.tracking_id)
    )


def _refuse_second(work: Work, tracking_id: str, written: Written) -> None:
    """Refuse words that the citizen has, or is about to get, from whichever OPD. What was called off, or what LAPOR
    refused, the citizen has not. Raises NotAllowed."""
    mine = outbox.of_reports(work, [tracking_id]).get(tracking_id, ())
    first = next((one for one in mine if one.state not in _NEVER_CAME and _says_the_same(one, written.text)), None)
    if first is not None and not written.again:
        raise NotAllowed(
            f"The same words were written for report {tracking_id} before: {first.ref}, {first.state} "
            "(--again writes them once more).",
            todo="If the citizen is to get them once more, say so with --again.",
        )


_NEVER_CAME = frozenset({State.CANCELLED, State.REFUSED})


def _says_the_same(one: Queued, text: str) -> bool:
    if one.delivery.kind is not Kind.RESPONSE:
        return False
    is_equal = words(one.delivery.text) == words(with_reference(text, one.ref))
    return is_equal or same_words(one.delivery.text, text, one.ref)


def _prepare(work: Work, judging: Judging, written: Written, limits: FileLimits) -> NewDelivery:
    report = known_report(work, written.given_id)
    _refuse_closed(report)
    _refuse_unknown_status(report, written)
    opd = _speaks_for(work, judging, report, written.opd)
    ref = _new_reference(work, judging)
    text = _checked_text(written.text, ref, judging.rules.prefix)
    _check_files(written.files, limits)
    disposed_to = report.report.disposition_id
    return NewDelivery(
        ref=ref,
        tracking_id=report.tracking_id,
        kind=Kind.RESPONSE,
        opd=opd,
        text=text,
        by=written.by,
        is_secret=written.is_secret,
        baseline=_known_now(work, report),
        accepted_disposition=disposed_to if disposed_to != opd else None,
        accepted_status=unknown_status(report.report),
        origin=written.origin,
        files=written.files,
    )


def known_report(work: Work, given_id: str) -> Mirrored:
    """The report of a Tracking ID or API id. Raises ReportUnknown."""
    found = reports.find(work, given_id.strip())
    if found is None:
        raise ReportUnknown(given_id)
    return found


def _refuse_closed(report: Mirrored) -> None:
    if report.colour in CLOSED:
        raise NotAllowed(
            f"Report {report.tracking_id} is {report.colour} ({report.report.status_name}): closed.",
            todo="A closed report takes no response; if it is reopened on LAPOR, the next poll shows it.",
        )
    if report.vanished_at is not None:
        raise NotAllowed(
            f"Report {report.tracking_id} is not found on LAPOR any more.",
            todo=f"See `lapor-sync show {report.tracking_id}`.",
        )


def _refuse_unknown_status(report: Mirrored, written: Written) -> None:
    name = unknown_status(report.report)
    if name is not None and not written.any_status:
        said = f"a status name that is not known, {shown_name(name[:60])!r}" if name else "no status name"
        raise NotAllowed(
            f"Report {report.tracking_id} has {said}: it may be closed, and an answer needs --any-status.",
            todo="Look at it on LAPOR; if an answer still makes sense, write it with --any-status (not from a sheet).",
        )


def _speaks_for(work: Work, judging: Judging, report: Mirrored, given: str | None) -> str:
    """The institution that the response speaks for."""
    disposed_to, city = report.report.disposition_id, judging.rules.city
    at_an_opd = disposed_to is not None and not city.is_itself(disposed_to)
    if given is None:
        if not at_an_opd or disposed_to is None:
            raise NotAllowed(
                f"Report {report.tracking_id} is not yet disposed to an OPD.",
                todo="Dispose it on LAPOR first, or say with --opd for which OPD you answer.",
            )
        return disposed_to
    opd = institution_id(work, given)
    if at_an_opd and opd != disposed_to:
        raise NotAllowed(
            f"Report {report.tracking_id} is with {_name(report)}, not with {given}.",
            todo="Let that OPD answer, or have the report disposed anew on LAPOR first.",
        )
    if not city.owns(opd):
        raise NotAllowed(f"{given} is none of the city's institutions.", todo="See LAPOR_SYNC_OPD_IDS.")
    return opd


def _name(report: Mirrored) -> str | None:
    return report.report.disposition_name or report.report.disposition_id


def institution_id(work: Work, given: str) -> str:
    """The id of an institution given by id or by name. Raises BadInput where the name is not known."""
    wanted = given.strip()
    if wanted.isascii() and wanted.isdecimal():
        return wanted
    found = [one for one, name in institutions.names(work).items() if canonical(name) == canonical(wanted)]
    if len(found) != 1:
        problem = "more than one institution has this name" if found else "no institution of this name is known"
        raise BadInput(f"{wanted!r}: {problem}.", todo="Give the institution's id instead.")
    return found[0]


def institution_by_part(work: Work, given: str, ids: Collection[str]) -> str:
    """The id of an institution given by id, by name or by parts of its name; `ids` are the city's own.

    Raises BadInput where none is known, or where more than one has these parts: then it names them.
    """
    wanted = given.strip()
    names = dict.fromkeys((*ids, *institutions.seen(work)), "") | institutions.names(work)
    parts = [canonical(part) for part in wanted.split()]
    by_name = [one for one, name in names.items() if canonical(name) == canonical(wanted) != ""]
    found = [wanted] if wanted in names else by_name
    found = found or [
        one for one, name in names.items() if parts and all(part in canonical(name) for part in parts)
    ]
    if not found:
        raise BadInput(f"No OPD {given!r} is known.", todo="See `lapor-sync opds` for ids and names.")
    if len(found) > 1:
        which = ", ".join(f"{names[one]} ({one})" for one in found[:10])
        more = f" and {len(found) - 10} more" if len(found) > 10 else ""
        raise BadInput(f"{given!r} may be {which}{more}.", todo="Give more of the name, or the id.")
    return found[0]


def _new_reference(work: Work, judging: Judging) -> str:
    while outbox.is_taken(work, ref := reference(judging.rules.prefix)):
        pass
    return ref


def _checked_text(text: str, ref: str, prefix: str) -> str:
    if not has_words(text):
        raise BadInput("The text is empty.", todo="Write what the citizen is to read.")
    damaged = unsendable_characters(text)
    if damaged:
        raise BadInput(
            f"The text holds control or damaged characters ({', '.join(damaged[:5])}).",
            todo="Write the words again where they stand, or save the text as plain UTF-8, and try again.",
        )
    if references_in(text, prefix):
        raise BadInput(
            "The text holds a reference of another response.",
            todo="Take the [Ref ...] line out; a new one is added.",
        )
    whole = with_reference(text, ref)
    if len(whole) > MAX_TEXT:
        over = len(whole) - MAX_TEXT
        raise BadInput(
            f"The text with its reference has {len(whole)} characters, LAPOR takes {MAX_TEXT}.",
            todo=f"Shorten it by {over} characters.",
        )
    return whole


def _check_files(files: tuple[OutgoingFile, ...], limits: FileLimits) -> None:
    if len(files) > limits.max_count:
        raise BadInput(f"{len(files)} files, at most {limits.max_count}.", todo="Attach fewer files.")
    for file in files:
        extension = file.file_name.rpartition(".")[2].lower()
        if extension not in limits.types:
            raise BadInput(
                f"{file.file_name}: LAPOR takes {', '.join(limits.types)}.", todo="Convert the file first."
            )
        if not file.content:
            raise BadInput(f"{file.file_name} is empty.", todo="Attach the right file.")
        if len(file.content) > limits.max_bytes:
            size, most = len(file.content) / 2**20, limits.max_bytes / 2**20
            raise BadInput(f"{file.file_name} has {size:.1f} MB, at most {most:g} MB.", todo="Make it smaller.")


def _known_now(work: Work, report: Mirrored) -> frozenset[str] | None:
    """The ids of its thread's items, as the mirror knows them now; None where the thread was never read."""
    if not report.thread_known and not report.thread_doubt:
        return None
    return frozenset(item.id for item in threads.load(work, [report.tracking_id]).get(report.tracking_id, ()))


def forward(judging: Judging, given_id: str, to: str, reason: str, by: str) -> str:
    """Queue a hand-over to another institution ("not our authority"); its reference."""
    with judging.store.work() as work:
        report = known_report(work, given_id)
        _refuse_closed(report)
        ref, target = _new_reference(work, judging), _target(work, to)
        if target == report.report.disposition_id:
            raise NotAllowed(f"Report {report.tracking_id} is with {to} already.", todo="Nothing is to be done.")
        _refuse_second_forward(work, report)
        disposed_to = report.report.disposition_id or judging.rules.city.institution_id or ""
        new = NewDelivery(
            ref=ref,
            tracking_id=report.tracking_id,
            kind=Kind.FORWARD,
            opd=disposed_to,
            target=target,
            text=_checked_text(reason, ref, judging.rules.prefix),
            by=by,
        )
        outbox.add(work, new)
        return ref


def _target(work: Work, given: str) -> str:
    """The institution that a hand-over asks for. Raises BadInput where LAPOR's list of institutions has it not."""
    target = institution_id(work, given)
    listed = institutions.listed(work)
    if listed and target not in listed:
        raise BadInput(
            f"LAPOR's list of institutions has no {given}.", todo="Check the id, or give the institution's name."
        )
    return target


def _refuse_second_forward(work: Work, report: Mirrored) -> None:
    mine = outbox.of_reports(work, [report.tracking_id]).get(report.tracking_id, [])
    still = [one for one in mine if one.delivery.kind is Kind.FORWARD and one.state not in _OVER]
    if still or report.forwarded_from is not None:
        raise NotAllowed(
            f"A hand-over of report {report.tracking_id} is under way already.",
            todo=f"See `lapor-sync show {report.tracking_id}`.",
        )


_OVER = frozenset({State.SENT, State.REFUSED, State.CANCELLED})


# Deliveries.


class OutboxAct(StrEnum):
    """What a person can do to a delivery."""

    RETRY = "retry"
    HOLD = "hold"
    CANCEL = "cancel"


_TO = {OutboxAct.RETRY: State.QUEUED, OutboxAct.HOLD: State.HELD, OutboxAct.CANCEL: State.CANCELLED}
_FROM = {
    OutboxAct.RETRY: frozenset({State.HELD, State.REFUSED}),
    OutboxAct.HOLD: frozenset({State.QUEUED}),
    OutboxAct.CANCEL: frozenset({State.QUEUED, State.HELD, State.REFUSED}),
}


def change(judging: Judging, act: OutboxAct, ref: str, by: str) -> State:
    """Retry, hold or cancel a delivery; its new state. Raises BadInput or NotAllowed."""
    with judging.store.work() as work:
        one = outbox.get(work, ref.strip().upper())
        if one is None:
            raise BadInput(f"No delivery {ref} in the outbox.", todo="See `lapor-sync outbox` for the references.")
        if act is OutboxAct.RETRY and one.state is State.QUEUED:
            outbox.touch(work, one.ref, next_try_at=None, waits=0)
            work.note("retry_now", one.tracking_id, who=by, ref=one.ref)
            for report in reports.load(work, [one.tracking_id]).values():
                ailing.due_now(work, report.call_id)
            _wake(work)
            return State.QUEUED
        if one.state not in _FROM[act]:
            raise NotAllowed(
                f"Delivery {one.ref} is {one.state}: it cannot be changed by `{act}`.", todo=_advice(one)
            )
        asked = conflicts.of_delivery(work, one.ref)
        for conflict in asked:
            conflicts.settle(work, conflict, How.TAKE_UPSTREAM if act is OutboxAct.CANCEL else How.KEEP_OURS, by)
        if act is OutboxAct.RETRY:
            _queue_again(work, judging, one, by)
        else:
            why = Reason.CALLED_OFF if act is OutboxAct.CANCEL else Reason.BY_PERSON
            outbox.move(work, one, _TO[act], why, who=by, next_try_at=None)
        if asked:
            _agree_with_upstream(work, judging, one.tracking_id)
        return _TO[act]


def _advice(one: Queued) -> str:
    if one.state in {State.SENDING, State.UNKNOWN}:
        return (
            "It may be upstream already and is being read back; wait for `lapor-sync outbox` to show the outcome."
        )
    return "It has come to its end; write a new response if one is needed."


def _queue_again(work: Work, judging: Judging, one: Queued, by: str) -> None:
    """Queue it with the report as it is now for its baseline: what a person saw holds it no more."""
    _wake(work)
    report = reports.load(work, [one.tracking_id])[one.tracking_id]
    ailing.due_now(work, report.call_id)
    if one.reason is Reason.NOT_CONFIRMED and report.other_since is not None:
        report = _confirm(work, report)
    items = threads.load(work, [one.tracking_id]).get(one.tracking_id, ())
    # What a person saw is known; where it may be on its way, what is new from here on may be it.
    in_doubt = one.delivery.scene is not None or one.reason is Reason.MENTIONED
    began_at = one.delivery.scene.began_at if one.delivery.scene else None
    scene = Scene(items=digests(items), began_at=began_at) if in_doubt else None
    outbox.move(
        work,
        one,
        State.QUEUED,
        Reason.RETRIED,
        who=by,
        tries=0,
        waits=0,
        next_try_at=None,
        baseline=outbox.baseline_text(_known_now(work, report)),
        scene=outbox.scene_text(scene),
        accepted_closed=int(report.colour in CLOSED),
        accepted_disposition=report.report.disposition_id,
        accepted_status=unknown_status(report.report),
    )


def _confirm(work: Work, report: Mirrored) -> Mirrored:
    """A person has compared: what LAPOR gives under that id is this report, though it does not say so."""
    confirmed = report._replace(
        report=report.report._replace(upstream_id=report.other_id),
        read_at=report.read_at or from_text(work.at),
        other_since=None,
        other_id=None,
    )
    reports.save(work, [confirmed])
    return confirmed


# All deliveries.


def pause(judging: Judging, by: str) -> bool:
    """Let nothing leave from now on; whether it did until now. What is in the air may still arrive."""
    with judging.store.work() as work:
        is_new = pauses.current(work) is None
        if is_new:
            pauses.begin(work, by, pauses.Why.PERSON)
        return is_new


def resume(judging: Judging, by: str) -> bool:
    """Let deliveries leave again; whether they were paused.

    Raises NotAllowed in the grace after a restore: what was sent right before it cannot be found in the threads yet.
    """
    with judging.store.work() as work:
        pause = pauses.current(work)
        if pause is None:
            return False
        left = _left_of_grace(work, judging, pause)
        if left <= 0:
            pauses.end(work, by)
            _wake(work)
            return True
    raise NotAllowed(
        "What was sent right before the restore may not be readable in its thread yet.",
        todo=f"Look at the list again in {math.ceil(left)} seconds; then resume.",
    )


def _left_of_grace(work: Work, judging: Judging, pause: Pause) -> float:
    """Seconds that must pass before a restored database sends again: by the wall clock and by how long this machine
    has run, the longer. A wall clock from before the restore tells nothing; after another start it is counted anew."""
    if pause.why is not pauses.Why.RESTORED:
        return 0
    grace, now = judging.rules.grace.total_seconds(), judging.store.clock.uptime()
    elapsed = now.since(pause.uptime)
    if elapsed is None:
        pauses.count_anew(work, pause, now)
        elapsed = 0
    since = (from_text(work.at) - pause.since).total_seconds()
    return max(grace - elapsed, grace - since if since >= 0 else 0)


def _wake(work: Work) -> None:
    """Have the daemon look now: a person waits, whatever it was waiting for."""
    marks.put(work, Mark.WAKE, work.at)


# Conflicts.


def settle(judging: Judging, given: str, how: How, by: str) -> list[str]:
    """Settle one conflict by its id, or all of a report by its Tracking ID; their kinds.

    Raises BadInput or NotAllowed.
    """
    with judging.store.work() as work:
        found = _conflicts(work, given.strip())
        if not found:
            raise BadInput(f"No open conflict {given}.", todo="See `lapor-sync conflicts` for the ids.")
        for conflict in found:
            _settle_one(work, judging, conflict, how, by)
        return [conflict.kind for conflict in found]


def _conflicts(work: Work, given: str) -> list[Conflict]:
    """By conflict id; a Tracking ID (7 digits and more) or API id that is no conflict's means that report's."""
    one = conflicts.get(work, given)
    if one is not None:
        return [one]
    report = reports.find(work, given)
    return conflicts.of_report(work, report.tracking_id) if report else []


def _settle_one(work: Work, judging: Judging, conflict: Conflict, how: How, by: str) -> None:
    if (conflict.kind == MANY_VANISHED) != (how is How.ACCEPT_VANISHED):
        allowed = "--accept-vanished" if conflict.kind == MANY_VANISHED else "--keep-ours or --take-upstream"
        raise NotAllowed(f"Conflict {conflict.id} is settled with {allowed}.", todo="Choose one of these.")
    conflicts.settle(work, conflict, how, by)
    if how is How.ACCEPT_VANISHED:
        # Read once more, now; what is still missing then is marked.
        marks.put(work, Mark.MAY_VANISH, work.at)
        reports.read_now(work, reports.missing_before(work, from_text(work.at)))
        return
    one = outbox.get(work, conflict.ref or "")
    if one is not None and one.state is State.HELD:
        if how is How.KEEP_OURS:
            _queue_again(work, judging, one, by)
        else:
            outbox.move(work, one, State.CANCELLED, Reason.CALLED_OFF, who=by, next_try_at=None)
    _agree_with_upstream(work, judging, conflict.tracking_id)


def _agree_with_upstream(work: Work, judging: Judging, tracking_id: str | None) -> None:
    """Whatever a person chose, both sides are known to share what upstream shows now."""
    for one in reports.load(work, [tracking_id] if tracking_id else []).values():
        if one.present is not None and one.agreed != one.present:
            reports.save(work, [one._replace(agreed=one.present)])
            work.note("agreed", one.tracking_id, agreed=one.present)
        rejudge(work, judging, [one.tracking_id])
