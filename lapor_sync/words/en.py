"""English, as the command line says it: what to do names commands and options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lapor_sync.domain.colour import UNKNOWN, UNREAD
from lapor_sync.domain.delivery import MAX_BARRED, MAX_TRIES, Reason, WhyPaused
from lapor_sync.domain.errors import LaporSyncError
from lapor_sync.domain.names import shown_name
from lapor_sync.domain.questions import MANY_VANISHED, MISSING, OPEN, SAID, TOLD, UNSURE, Unsure
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.words import Facts, Told, by_reason, listed, told_by


def told(error: LaporSyncError) -> tuple[str, str]:
    """Return what happened, and what to do."""
    return told_by(REFUSALS, error) if isinstance(error, Refused) else (error.what, error.todo)


def _status(facts: Facts) -> str:
    name = facts["status_name"]
    said = f"a status name that is not known, {shown_name(name[:60])!r}" if name else "no status name"
    return f"Report {facts['tracking_id']} has {said}: it may be closed, and an answer needs --any-status."


def _opds(facts: Facts) -> str:
    names: Mapping[str, str] = facts["names"]
    which = ", ".join(f"{name} ({one})" for one, name in list(names.items())[:10])
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{facts['given']!r} may be {which}{more}."


def _rows_wrong(facts: Facts) -> str:
    problems = facts["problems"]
    reasons, rest = by_reason(problems, lambda one: told(one)[0])
    said = [f"{_rows(numbers)}: {reason}" for numbers, reason in reasons]
    said += [f"and {_rows(rest)}, for other reasons"] if rest else []
    wrong = len({number for number, _ in problems})
    return f"{wrong} of {facts['count']} rows cannot be taken; none was: {'; '.join(said)}."


def _rows(numbers: Iterable[int]) -> str:
    said = listed(numbers)
    return f"row{'s' if ',' in said or '-' in said else ''} {said}"


def _size(facts: Facts) -> str:
    size, most = facts["size"] / 2**20, facts["most"] / 2**20
    return f"{facts['file_name']} has {size:.1f} MB, at most {most:g} MB."


def _post_unknown(facts: Facts) -> str:
    where = f" at OPD {facts['opd']}" if facts["opd"] is not None else " for the whole city"
    return f"There is no post of {facts['role']}{where}."


_SHOW = "See `lapor-sync show {tracking_id}`."

REFUSALS: Mapping[Code, Told] = {
    Code.NOT_THE_POSTS: Told("The post of {role} may not do that ({act}).", "Ask the city's admin."),
    Code.OTHER_OPD: Told(
        "Report {tracking_id} is not with OPD {opd}.", "Ask the city's admin, who may hand it over."
    ),
    Code.NO_POST: Told("This account does not hold the post for this now.", "Ask the city's admin."),
    Code.REPORT_UNKNOWN: Told(
        "No report {given} in the mirror.",
        "Check the Tracking ID; a new report arrives with the next poll or export.",
    ),
    Code.PERIOD_UNKNOWN: Told(
        "{given!r} is no period.",
        "Write it as 2026, 2026-10, 2026-Q3, 2026-C2, 2026-H1 or 2026-01-01..2026-03-31.",
    ),
    Code.OPD_UNKNOWN: Told("No OPD {given!r} is known.", "See `lapor-sync opds` for ids and names."),
    Code.OPD_MEANT_TWICE: Told(_opds, "Give more of the name, or the id."),
    Code.INSTITUTION_UNKNOWN: Told(
        "{given!r}: no institution of this name is known.", "Give the institution's id instead."
    ),
    Code.INSTITUTION_MEANT_TWICE: Told(
        "{given!r}: more than one institution has this name.", "Give the institution's id instead."
    ),
    Code.INSTITUTION_NOT_LISTED: Told(
        "LAPOR's list of institutions has no {given}.", "Check the id, or give the institution's name."
    ),
    Code.DELIVERY_UNKNOWN: Told(
        "No delivery {given} in the outbox.", "See `lapor-sync outbox` for the references."
    ),
    Code.CONFLICT_UNKNOWN: Told("No open conflict {given}.", "See `lapor-sync conflicts` for the ids."),
    Code.REPORT_CLOSED: Told(
        "Report {tracking_id} is {colour} ({status_name}): closed.",
        "A closed report takes no response; if it is reopened on LAPOR, the next poll shows it.",
    ),
    Code.REPORT_VANISHED: Told("Report {tracking_id} is not found on LAPOR any more.", _SHOW),
    Code.STATUS_UNKNOWN: Told(
        _status,
        "Look at it on LAPOR; if an answer still makes sense, write it with --any-status (not from a sheet).",
    ),
    Code.NOT_DISPOSED: Told(
        "Report {tracking_id} is not yet disposed to an OPD.",
        "Dispose it on LAPOR first, or say with --opd for which OPD you answer.",
    ),
    Code.WITH_OTHER_OPD: Told(
        "Report {tracking_id} is with {name}, not with {given}.",
        "Let that OPD answer, or have the report disposed anew on LAPOR first.",
    ),
    Code.NOT_OF_THE_CITY: Told("{given} is none of the city's institutions.", "See LAPOR_SYNC_OPD_IDS."),
    Code.CHANGED_SINCE: Told(
        lambda facts: f"Since this was begun, something happened to report {facts['tracking_id']}.",
        _SHOW,
    ),
    Code.SAME_WORDS: Told(
        "The same words were written for report {tracking_id} before: {ref}, {state} "
        "(--again writes them once more).",
        "If the citizen is to get them once more, say so with --again.",
    ),
    Code.TEXT_EMPTY: Told("The text is empty.", "Write what the citizen is to read."),
    Code.TEXT_UNSENDABLE: Told(
        lambda facts: f"The text holds control or damaged characters ({', '.join(facts['characters'][:5])}).",
        "Write the words again where they stand (numbers that are pasted often bring marks of direction), "
        "or save the text as plain UTF-8, and try again.",
    ),
    Code.TEXT_HAS_REFERENCE: Told(
        "The text holds a reference of another response.", "Take the [Ref ...] line out; a new one is added."
    ),
    Code.TEXT_TOO_LONG: Told(
        "The text with its reference has {length} characters, LAPOR takes {most}.",
        lambda facts: f"Shorten it by {facts['length'] - facts['most']} characters.",
    ),
    Code.TOO_MANY_FILES: Told("{count} files, at most {most}.", "Attach fewer files."),
    Code.FILE_OF_OTHER_TYPE: Told(
        lambda facts: f"{facts['file_name']}: LAPOR takes {', '.join(facts['types'])}.", "Convert the file first."
    ),
    Code.FILE_EMPTY: Told("{file_name} is empty.", "Attach the right file."),
    Code.FILE_TOO_LARGE: Told(_size, "Make it smaller."),
    Code.ROWS_WRONG: Told(_rows_wrong, "Correct these rows and give the whole file again."),
    Code.WITH_IT_ALREADY: Told("Report {tracking_id} is with {given} already.", "Nothing is to be done."),
    Code.HANDOVER_UNDER_WAY: Told("A hand-over of report {tracking_id} is under way already.", _SHOW),
    Code.DELIVERY_ON_ITS_WAY: Told(
        "Delivery {ref} is {state}: it cannot be changed by `{act}`.",
        "It may be upstream already and is being read back; wait for `lapor-sync outbox` to show the outcome.",
    ),
    Code.DELIVERY_OVER: Told(
        "Delivery {ref} is {state}: it cannot be changed by `{act}`.",
        "It has come to its end; write a new response if one is needed.",
    ),
    Code.RESTORED_JUST_NOW: Told(
        "What was sent right before the restore may not be readable in its thread yet.",
        "Look at the list again in {seconds} seconds; then resume.",
    ),
    Code.SETTLED_BY_CHOICE: Told(
        "Conflict {id} is settled with --keep-ours or --take-upstream.", "Choose one of these."
    ),
    Code.SETTLED_BY_ACCEPTING: Told("Conflict {id} is settled with --accept-vanished.", "Choose one of these."),
    Code.SIGN_IN_WRONG: Told(
        "Sign-in name and password do not fit.", "Try again, or ask the city's admin for a new link."
    ),
    Code.SLOW_DOWN: Told("There were too many wrong tries.", "Try again in {seconds} seconds."),
    Code.SIGN_IN_BUSY: Told("Too many people sign in at this moment.", "Try again in {seconds} seconds."),
    Code.LINK_OVER: Told(
        "This link was used, is too old, or never was one.",
        "Let `lapor-sync people link SIGN_IN` make a new one; it lasts 24 hours.",
    ),
    Code.PASSWORD_TOO_SHORT: Told("The password is too short.", "Take at least {least} characters."),
    Code.PASSWORD_TOO_LONG: Told("The password is too long.", "Take at most {most} characters."),
    Code.PASSWORD_COMMON: Told(
        "The password is a common one.", "Take a few words that do not belong together, or add some of your own."
    ),
    Code.PASSWORD_HAS_SIGN_IN: Told("The password holds the sign-in name.", "Take one that does not."),
    Code.NAME_UNUSABLE: Told("This cannot be a person's name.", "Give 1 to {most} printable characters."),
    Code.SIGN_IN_UNUSABLE: Told(
        "This cannot be a sign-in name.", "Give an e-mail address or NIP: 3 to {most} characters without space."
    ),
    Code.SIGN_IN_TAKEN: Told(
        "The sign-in name {sign_in} is another person's.",
        "Check `lapor-sync people`; give another sign-in name, or this person's name as it stands there.",
    ),
    Code.PERSON_UNKNOWN: Told(
        "Nobody signs in as {given!r}.", "See `lapor-sync people`; `lapor-sync people invite` makes an account."
    ),
    Code.SESSION_UNKNOWN: Told("No such session goes on.", "Nothing is to be done."),
    Code.POST_NOT_CHOSEN: Told("No post was named.", "Name the post."),
    Code.POST_UNKNOWN: Told(
        _post_unknown, "See `lapor-sync people posts`; `lapor-sync people invite` makes a post."
    ),
    Code.POST_NEEDS_OPD: Told("A post of {role} is at an OPD.", "Name it with --opd."),
    Code.POST_TAKES_NO_OPD: Told("A post of {role} is for the whole city.", "Leave --opd out."),
    Code.POST_HELD_ALREADY: Told(
        "{sign_in} holds this post already.", "For a new link: `lapor-sync people link {sign_in}`."
    ),
    Code.POST_NOT_HELD: Told(
        "{sign_in} does not hold this post on that day.", "See `lapor-sync people posts` for who does."
    ),
    Code.SAME_PERSON: Told("{sign_in} cannot hand a post over to themself.", "Name two people."),
    Code.DAY_UNREADABLE: Told("{given!r} is no day.", "Write it as 2026-12-31."),
    Code.DAY_IS_OVER: Told("{day} is over.", "Name today or a day to come."),
    Code.SPAN_ENDS_FIRST: Told("The post would end before it begins.", "Exchange the two days."),
    Code.LAST_ADMIN: Told(
        "Nobody would be left who may manage people.", "Let another admin accept an invitation first."
    ),
}


RESUME = "Look at `lapor-sync plan` and `lapor-sync outbox`; then `lapor-sync outbox resume`."
"""How delivery goes on that is paused."""

PAUSED: Mapping[WhyPaused, str] = {
    WhyPaused.PERSON: "",
    WhyPaused.CUT: ", for LAPOR shows responses cut or empty",
    WhyPaused.RESTORED: ", for the database was restored",
}
"""What follows since when and by whom it is paused."""

REASONS: Mapping[Reason, str] = {
    Reason.CLOSED_SINCE: "the report was closed after this was written",
    Reason.UNKNOWN_STATUS: "the report has a status name that is not known: it may be closed",
    Reason.ANSWERED_ELSEWHERE: "someone else answered after this was written",
    Reason.DISPOSED_ELSEWHERE: "the report is now with another institution",
    Reason.FIRST_READ: "the thread was not known when this was written, and it holds answers: look at them first",
    Reason.BOTH_MOVED: "the report moved upstream and here at the same time",
    Reason.GONE_UPSTREAM: "the report is not found upstream any more",
    Reason.CANNOT_READ_BACK: "whether it arrived cannot be read back",
    Reason.NOT_FOUND_AGAIN: f"sent {MAX_TRIES} times and never found in the thread",
    Reason.FORWARD_NOT_FOUND: "the hand-over was not found upstream; it may still have arrived",
    Reason.BARRED: (
        f"{MAX_BARRED} times a firewall or proxy answered in LAPOR's place, and it was not stored: have it opened "
        "for this server, or write it in other words; then retry"
    ),
    Reason.TEXT_CUT: (
        "LAPOR took a response and shows it cut or empty: look at the thread; if it is so, write it without emoji and "
        "other unusual characters"
    ),
    Reason.PERHAPS_ARRIVED: "something new stands upstream that may be this response: look at the thread on LAPOR",
    Reason.MENTIONED: "its reference stands in the thread without its words, and it was never sent: look at the thread",
    Reason.ANOTHER_REPORT: "where this report is asked for, LAPOR gives another one: nothing is sent to it",
    Reason.NOT_CONFIRMED: (
        "LAPOR does not say whether what it gives is this report: compare the two; keep-ours says that it is"
    ),
    Reason.BY_PERSON: "held by a person",
    Reason.RETRIED: "a person lets it go",
    Reason.CALLED_OFF: "called off by a person",
    Reason.REFUSED: "upstream refused it",
    Reason.LEAVING: "it leaves now",
    Reason.NOT_SENT: "it did not leave; tried again by itself",
    Reason.REPLY_LOST: "no sound reply came; being read back",
    Reason.KILLED: "the process ended while it was being sent; being read back",
    Reason.RECOVERED: "found upstream with our reference, not known here",
    Reason.FOUND: "found in the thread",
    Reason.NOT_FOUND: "not in the thread; sent again",
    Reason.ACCEPTED: "accepted upstream",
}
"""Why a delivery is held, refused or waits."""

UNSURE_WHY: Mapping[Unsure, str] = {
    Unsure.CLOCK_STANDS: "LAPOR's clock does not go on: how old its answers are cannot be told",
    Unsure.STEP_FAILED: "what to do with it cannot be told",
}


def asked(kind: str, facts: Facts) -> str:
    """Return what a person is asked, of a conflict of this kind."""
    if TOLD in facts:
        return str(facts[TOLD])
    if kind == MANY_VANISHED:
        return f"{facts[MISSING]} of {facts[OPEN]} open reports are gone"
    more = UNSURE_WHY[Unsure(facts[UNSURE])] if UNSURE in facts else facts.get(SAID)
    return f"{REASONS[Reason(kind)]} ({more})" if more else REASONS[Reason(kind)]


def unread(reason: str) -> str:
    """Return why a record is in quarantine: a reader's own words, but for another report's in this one's place."""
    return REASONS[Reason(reason)] if reason in set(Reason) else reason


ROWS: Mapping[str, str] = {
    UNREAD: "its thread could not be read yet, and no row can be told without it",
    UNKNOWN: "the status name is not known to the table: the last colour stays",
    "1": "archived, rejected, or disposed to an institution that is not the city's",
    "2": "finished or closed",
    "3": "postponed: the reporter is waited for",
    "4": "answered since the last disposition, the agency spoke last",
    "5": "answered since the last disposition, the reporter spoke last",
    "6": "thread not known, the status says that it was followed up",
    "7": "thread not known, the status says that the reporter replied",
    "8": "not verified yet",
    "9": "disposed to the city itself, not to an OPD",
    "10": "verified or disposed, and not answered since",
}
"""Why a report has its colour, for `show`."""
