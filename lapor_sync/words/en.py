"""English, as the command line says it: what to do names commands and options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from lapor_sync.domain import happenings
from lapor_sync.domain.advice import Advice, Todo
from lapor_sync.domain.codes import Facts
from lapor_sync.domain.colour import UNKNOWN, UNREAD
from lapor_sync.domain.contract import Changed, What
from lapor_sync.domain.delivery import MAX_BARRED, MAX_TRIES, Reason, WhyPaused
from lapor_sync.domain.errors import LaporSyncError
from lapor_sync.domain.happenings import Happening
from lapor_sync.domain.names import shown_name
from lapor_sync.domain.questions import CHANGED, MANY_VANISHED, MISSING, OPEN, SAID, TOLD, UNSURE, Unsure
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.domain.report import ItemKind
from lapor_sync.words import Sentence, Told, by_reason, filled, listed, told_by


def told(error: LaporSyncError) -> tuple[str, str]:
    """Return what happened, and what to do."""
    return told_by(REFUSALS, error) if isinstance(error, Refused) else (error.what, advised(error.todo))


def advised(todo: Advice | str) -> str:
    """Return what to do; what a face raised brings its own sentence."""
    return todo if isinstance(todo, str) else filled(TODOS[todo.code], todo.facts)


CONTRACT = (
    "see whether reports are still read whole: `lapor-sync check`, `quarantine`; tell the makers of lapor-sync"
)
_CHANGES: Mapping[What, str] = {
    What.NEW: "{field} is new",
    What.GONE: "{field} is gone",
    What.FORM: "{field} is now {now}",
    What.CODE: "{field} says {now}",
}
_SHOWN_DAYS, _SHOWN_CHANGES = 14, 5


def contract(found: Changed | None, now: datetime) -> str:
    """Return what changed lately in LAPOR's answers; "" where nothing did for two weeks."""
    if found is None or now - found.at > timedelta(days=_SHOWN_DAYS):
        return ""
    shown = found.changes[:_SHOWN_CHANGES]
    told = [f"{one.call}: {_CHANGES[one.what].format(field=one.field, now=one.now)}" for one in shown]
    more = found.total - len(told)
    return "; ".join([*told, *([f"and {more} more"] if more else [])])


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
    return f"{facts['file_name']} is too large: LAPOR takes at most {facts['most'] / 2**20:g} MB."


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
    Code.DRAFT_CHANGED: Told(
        "Another draft for this report was saved meanwhile; this one does not take its place.",
        "Read both, then save the one that is to stay.",
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
    Code.TEXT_HIDES: Told(
        "The citizen may not see what stands from {found!r} on: LAPOR may take it for markup.",
        "Take it out; a < that is meant as a sign has a space behind it.",
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
    Code.FILE_NOT_AS_NAMED: Told(
        "{file_name} does not begin as a file of that name does, so the reporter could not open it.",
        "Save it as a jpg or pdf with its program; another name alone is not enough.",
    ),
    Code.FILE_TOO_LARGE: Told(_size, "Make it smaller."),
    Code.NOTE_EMPTY: Told("The note has no words.", "Write what your colleagues are to know."),
    Code.WORDS_TOO_LONG: Told(
        "This text has {length} characters; {most} can be kept.",
        lambda facts: f"Shorten it by {facts['length'] - facts['most']}.",
    ),
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
    Code.CODE_WRONG: Told(
        "The code does not fit, or was used.", "Wait for the next code, or use a recovery code."
    ),
    Code.HALF_OVER: Told("The sign-in took too long.", "Give the password again."),
    Code.PASSKEY_WRONG: Told("The passkey was not accepted.", "Try again, or use a code."),
    Code.PROVE_AGAIN: Told("It is not sure that it is you.", "Give the password or a code once more."),
    Code.FACTOR_UNKNOWN: Told("There is no such second step.", "Nothing is to be done."),
    Code.FACTOR_NEEDED: Told("This post needs a second step.", "Set another one up before this one goes."),
    Code.SIGN_ON_FAILED: Told("The single sign-on did not succeed.", "Try again, or sign in with the password."),
    Code.SIGN_ON_UNKNOWN: Told("The single sign-on named nobody who has an account.", "Ask the city's admin."),
    Code.SIGN_ON_TAKEN: Told("That account of the city is bound to another person here.", "Ask the city's admin."),
    Code.SIGN_ON_AWAY: Told(
        "The city's single sign-on does not answer as it should.", "Sign in with the password, or try again later."
    ),
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
    Code.NOT_ENDED: Told(
        "{sign_in} is not ended: they may still act here.", "First `lapor-sync people end {sign_in}`."
    ),
    Code.NOT_OVER: Told(
        "Report {tracking_id} is not closed, or a delivery of it is neither sent nor cancelled.",
        "Until it is over: `lapor-sync citizen hold {tracking_id}`. See `lapor-sync show {tracking_id}`.",
    ),
    Code.NOT_HELD_BACK: Told(
        "Report {tracking_id} is not held back.",
        "See `lapor-sync citizen show {tracking_id}`. What is erased is gone.",
    ),
    Code.ADDRESS_UNUSABLE: Told("That is no address that notices can go to.", "Correct it."),
    Code.TITLE_UNUSABLE: Told("This name cannot be used.", "Give 1 to {most} characters on one line."),
    Code.TOO_MANY_KEPT: Told("There are {most} already.", "Remove one first."),
    Code.TEMPLATE_UNKNOWN: Told("That template is not there any more.", "Choose another one."),
    Code.TOO_MANY_CHANNELS: Told("There are {most} channels already.", "Remove one first."),
    Code.CODE_NOT_SENT: Told("The code could not be sent.", "Check the address, and try again later."),
    Code.CHANNEL_CODE_WRONG: Told("The code does not fit, or is too old.", "Ask for another one."),
    Code.CHANNEL_UNKNOWN: Told("There is no such channel.", "Nothing is to be done."),
    Code.LAST_ADMIN: Told(
        "Nobody would be left who may manage people.", "Let another admin accept an invitation first."
    ),
}


RESUME = "Look at `lapor-sync plan` and `lapor-sync outbox`; then `lapor-sync outbox resume`."
"""How delivery goes on that is paused."""

_THEN_CHECK = "Then look with `lapor-sync check`."
_OPERATORS = "Ask who runs the service bus (SPLP, Komdigi)"
_IN_A_BROWSER = "Open the report on LAPOR's own site in a browser, and save the file there."
_FETCH_AGAIN = f"Fetch the file again. If the same comes: {_IN_A_BROWSER}"

TODOS: Mapping[Todo, Sentence] = {
    Todo.LOOK_WITH_CHECK: "Run `lapor-sync check` to see what is wrong.",
    Todo.SEE_HELP: "See `lapor-sync --help`.",
    Todo.NAME_AGENCY: "Say --agency KEY with the command; `lapor-sync agencies` lists the keys.",
    Todo.CORRECT_SETTINGS: "Correct the settings (environment or the file of --config) and start again.",
    Todo.CHECK_WHICH_DATABASE: (
        "Check LAPOR_SYNC_DATABASE_URL, the file of --config, and as which user this runs. A new database "
        "is made by the daemon, a worker, --once, --backfill and restore."
    ),
    Todo.CHECK_NETWORK: "Check the network and LAPOR_SYNC_UPSTREAM_URL; the daemon tries again by itself.",
    Todo.LAPOR_TRIES_LATER: "LAPOR answers, but not as its API does (maintenance?); the daemon tries again by itself.",
    Todo.NOTHING_READ_LATER: "Nothing: the daemon reads it again by itself.",
    Todo.RENEW_CREDENTIALS: (
        "Ask Diskominfo's LAPOR account holder for valid credentials (bearer, token, and what the gateway wants "
        "besides: LAPOR_SYNC_EXTRA_HEADERS_FILE); put them in their files. With LoadCredential= restart the "
        "service then: it has copies. Else the daemon goes on by itself."
    ),
    Todo.CHECK_WHICH_CALLS: "The report or path is not there upstream; `lapor-sync check` tells which calls exist.",
    Todo.LOWER_RATE: "Lower LAPOR_SYNC_RATE_PER_SECOND; the daemon waits and tries again by itself.",
    Todo.LIST_AGAIN: (
        "Run it again. If it says so each time, LAPOR's pages contradict themselves: ask LAPOR's "
        "developers, and bring the reports that are missing with `--backfill --from-export FILE.xlsx`."
    ),
    Todo.CHECK_DATABASE: (
        "Check LAPOR_SYNC_DATABASE_URL, free disk space, and that file and disk may be written; nothing was lost."
    ),
    Todo.LET_IT_END: "Let that program end (a database browser, a copy), then do it again; nothing was lost.",
    Todo.PUT_RIGHT_FILE: (
        "Nothing was written into either since. Put the right file there; if it is an older copy, or was "
        "put there by hand, run `lapor-sync restore` without a file before the service is started."
    ),
    Todo.LEAVE_LOG: (
        "Nothing was opened. If the file is an older copy, move {path}-wal and {path}-shm elsewhere, and run "
        "`lapor-sync restore` without a file before the service is started; else put back the file whose log that is."
    ),
    Todo.REPORT_VALUE: (
        "The database is sound: a record or text holds what cannot be stored. Please report it with the "
        "line above."
    ),
    Todo.INSTALL_NEWER: "Install the newer lapor-sync again; this one does not touch the database.",
    Todo.RESTORE_LAST: "Keep the file, and restore the last backup: `lapor-sync restore FILE`.",
    Todo.KEEP_AS_EVIDENCE: "Keep this database as evidence and compare with the heads in the journal and in backups.",
    Todo.STOP_OTHER: "Stop that process first, or leave the work to it.",
    Todo.CHECK_CHANNEL: "Check LAPOR_SYNC_NOTIFY_URLS_FILE and its servers; try it by `lapor-sync notices test`.",
    Todo.REPORT_FAULT: "This is a fault of lapor-sync: please report it with the line above.",
    Todo.OTHER_WORKS_ON: "Nothing: the other process looks for what was being sent.",
    Todo.LEAVE_LOCK_FILE: "Never remove it: it is no sign that somebody works. Start again.",
    Todo.CHECK_SPACE: "Check free disk space and the folder's owner; nothing was changed.",
    Todo.NAME_A_FILE: "Name a file in LAPOR_SYNC_DATABASE_URL.",
    Todo.FIND_LINK: "Find it with `find / -xdev -samefile {path}` and remove it; for a backup: `lapor-sync backup`.",
    Todo.COPY_DISK: "Copy it with all that lies beside it to a disk that may be written, and name the copy.",
    Todo.RUN_AS_OWNER: "Run it as the user that owns the database: sudo -u {owner} lapor-sync ...",
    Todo.LOOK_BEFORE_AGAIN: (
        "Once the database answers again, look (`lapor-sync outbox`) before you do the same once more."
    ),
    Todo.MAKE_UTF8: (
        "Make another one and name that in LAPOR_SYNC_DATABASE_URL: createdb --encoding=UTF8 "
        "--template=template0 --owner=ROLE NAME."
    ),
    Todo.CHECK_FILE_THEN_RESTORE: (
        "Check that LAPOR_SYNC_DATABASE_URL names the right file. If it does, stop the service and restore "
        "the last backup with `lapor-sync restore FILE`: the broken file is kept aside."
    ),
    Todo.TURN_ON: "ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf(); or remove it from postgresql.conf.",
    Todo.SET_LOGGED: "ALTER TABLE NAME SET LOGGED, for each of them.",
    Todo.CHOOSE_OTHER_KEY: "Choose another key: each is one agency's, also after it left.",
    Todo.LET_MAKE_QUEUE: (
        "Once, as the database's owner: GRANT CREATE ON DATABASE NAME TO ROLE; then start the worker again. If "
        "it is not that, check LAPOR_SYNC_DATABASE_URL and the server."
    ),
    Todo.NO_POOLER: (
        "Let LAPOR_SYNC_DATABASE_URL lead to PostgreSQL itself, or to a pooler with pool_mode = session."
    ),
    Todo.SYNCHRONOUS: (
        "Set synchronous_standby_names; else, after each take-over by the standby, `lapor-sync restore` "
        "without a file before the service is started."
    ),
    Todo.NAME_A_BACKUP: (
        "Name a file that `lapor-sync backup` made, and that this user may read: one that was copied from another "
        "machine belongs to the user lapor-sync (chown), in a folder that it may enter, as /var/backups/lapor-sync."
    ),
    Todo.INSTALL_NEWER_AGAIN: "Install the newer lapor-sync again.",
    Todo.TAKE_ANOTHER_BACKUP: "Keep it, and take another backup.",
    Todo.TAKE_THIS_CITYS: "Take this city's backup, or correct LAPOR_SYNC_AGENCY.",
    Todo.IMPORT_INSTEAD: (
        "Check LAPOR_SYNC_LIST_PATH. If LAPOR has none: bring the reports with `lapor-sync --backfill "
        "--from-export FILE.xlsx`, or drop exports into LAPOR_SYNC_IMPORT_DIR; the daemon reads their "
        "threads by id."
    ),
    Todo.FOLDER_ALONE: "Make a folder for exports alone, and set LAPOR_SYNC_IMPORT_DIR to it.",
    Todo.LET_READ_FOLDER: "Let this user read and write in the folder.",
    Todo.LET_WRITE_FOLDER: (
        "Let this user write in the folder; `done` and `failed` in it must be folders, no links, its own."
    ),
    Todo.REPORT_FILE: "This is a fault of lapor-sync: please report it; keep the file.",
    Todo.RESUME: RESUME,
    Todo.KEEP_MORE_FILES: "Nothing, if the oldest may go; else give more room in LAPOR_SYNC_ATTACHMENTS_MAX_GB.",
    Todo.SET_MISSING: "Set it to have responses sent.",
    Todo.SAY_AGE: "Check this server's clock, or say with --as-of how old the export is.",
    Todo.DOWNLOAD_AGAIN: (
        "Download the export again from LAPOR's admin pages, as Excel (.xlsx), and give that file unchanged."
    ),
    Todo.ONE_HEADER_ROW: lambda facts: f"Put them all into row {facts['row']}, or: {advised(facts['otherwise'])}",
    Todo.GIVE_SHEET_AGAIN: "Open the sheet in Excel, save it as Excel Workbook (.xlsx), and give that file.",
    Todo.SHOW_SHEET: "Show it in Excel, look whether it is meant, and give the file again; or give a file without it.",
    Todo.NAME_COLUMNS: "Name the columns Tracking ID, OPD, Jawaban, Petugas (and Rahasia), each once, all in one row.",
    Todo.ONE_SHEET: "Keep one sheet of responses in a file, and give the others as files of their own.",
    Todo.SPLIT: "Divide it into files of at most {most:,} rows.",
    Todo.SAVE_AS: "Open it in Excel, save it as Excel Workbook (.xlsx), and give that file.",
    Todo.UNPACK: "Unpack it, and give the Excel file (.xlsx) that is in it.",
    Todo.NO_PASSWORD: "Save it in Excel without a password and give that file.",
    Todo.DIVIDE: "Give it in several files of fewer rows.",
    Todo.CHECK_FILE_NAME: "Check the name of the file and who may read it.",
    Todo.REPAIR: lambda facts: (
        "Excel may open and repair it: then save it there as Excel Workbook (.xlsx). "
        f"Else: {advised(facts['otherwise'])}"
    ),
    Todo.SAVE_TABLE: lambda facts: (
        "If it opens as a table in Excel, save it there as Excel Workbook (.xlsx). "
        f"Else: {advised(facts['otherwise'])}"
    ),
    Todo.GIVE_XLSX: "Give the file as Excel (.xlsx): not as .csv or any other text.",
    Todo.OWN_CA: (
        "If the agency's proxy or gateway has a CA of its own, name its certificate (PEM) in "
        "SSL_CERT_FILE. If not, somebody may stand in between: do not go on."
    ),
    Todo.OTHER_NAME: "Check LAPOR_SYNC_UPSTREAM_URL: the server that answers has another name.",
    Todo.NOT_YET_VALID: "By this machine's clock it does not hold yet: look at `timedatectl`.",
    Todo.EXPIRED: "If this machine's clock is right (`timedatectl`), ask LAPOR's operators to renew it.",
    Todo.CHECK_TLS: "Check address and port of LAPOR_SYNC_UPSTREAM_URL, and what stands in between (proxy, firewall).",
    Todo.ASK_PROXY: "Ask who runs the agency's proxy (HTTPS_PROXY) to let this server through to LAPOR.",
    Todo.OTHER_PROCESS_SENDS: "Nothing: the process that works the database sends it.",
    Todo.CHECK_ADDRESS: f"Check LAPOR_SYNC_UPSTREAM_URL. {_THEN_CHECK}",
    Todo.LOGIN_PAGE: (
        "It wants a browser's login, on {host}: either the credentials are not accepted (LAPOR_SYNC_BEARER, "
        "LAPOR_SYNC_TOKEN, LAPOR_SYNC_AUTH_HEADER), or LAPOR_SYNC_UPSTREAM_URL is the site's address and not the "
        "API's. "
    )
    + _THEN_CHECK,
    Todo.SET_ADDRESS: "Set LAPOR_SYNC_UPSTREAM_URL={address}. " + _THEN_CHECK,
    Todo.ASK_NEW_HOST: (
        "Ask LAPOR's operators whether the API is at {host} now, and only then set "
        "LAPOR_SYNC_UPSTREAM_URL: the credentials go to no other host by themselves."
    ),
    Todo.CHECK_PATH: f"Check the path of LAPOR_SYNC_UPSTREAM_URL. {_THEN_CHECK}",
    Todo.CHECK_AUTH_HEADER: (
        f"Check LAPOR_SYNC_AUTH_HEADER. {_OPERATORS} whether it wants a header of its own: it stands in the file that "
        "LAPOR_SYNC_EXTRA_HEADERS_FILE names."
    ),
    Todo.CHECK_UPSTREAM_URL: "Check LAPOR_SYNC_UPSTREAM_URL.",
    Todo.ASK_TO_OPEN: f"{_OPERATORS} to open it.",
    Todo.ASK_TO_SUBSCRIBE: f"{_OPERATORS} to subscribe the account.",
    Todo.ASK_TO_RENEW: f"{_OPERATORS} to renew the subscription.",
    Todo.ASK_FOR_SCOPE: f"{_OPERATORS} to grant its scope.",
    Todo.WAIT_OR_LOWER_RATE: (
        "Nothing: it is tried again by itself. If it lasts, lower LAPOR_SYNC_RATE_PER_SECOND or ask for a "
        "larger quota."
    ),
    Todo.NOTHING_TRIED_AGAIN: "Nothing: it is tried again by itself.",
    Todo.ASK_UNTIL_WHEN: f"{_OPERATORS} until when; it goes on by itself.",
    Todo.IN_A_BROWSER: _IN_A_BROWSER,
    Todo.LOGIN_IN_A_BROWSER: "It wants a browser's login, on {host}. " + _IN_A_BROWSER,
    Todo.SENT_ON_IN_A_BROWSER: (
        "It sends on to {host}, and files are not fetched from where an answer sends on to. " + _IN_A_BROWSER
    ),
    Todo.CREDENTIALS_OR_BROWSER: (
        f"Look with `lapor-sync check` whether LAPOR takes the credentials. If it does: {_IN_A_BROWSER}"
    ),
    Todo.EXPIRED_OR_GONE: f"Its address may have expired, or the file is gone. {_IN_A_BROWSER}",
    Todo.FETCH_LATER: "Wait a few minutes, and fetch the file again.",
    Todo.NETWORK_THEN_FETCH: f"Check the network. {_FETCH_AGAIN}",
    Todo.FETCH_AGAIN: _FETCH_AGAIN,
    Todo.NOTHING_KEPT: f"Nothing was kept. {_FETCH_AGAIN}",
    Todo.COPY_AGENCY_ANEW: "Copy it anew with `lapor-sync agencies export`, and take the head that this says.",
}
"""What to do about an error."""

PAUSED: Mapping[WhyPaused, str] = {
    WhyPaused.PERSON: "",
    WhyPaused.CUT: ", for LAPOR shows responses cut or empty",
    WhyPaused.RESTORED: ", for the database was restored",
    WhyPaused.MOVED: ", for the agency was copied into another database",
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
    Reason.NOT_SHOWN: (
        "LAPOR took a response and says that it does not show it, or that it failed: look at the thread; if it is so, "
        "write it anew"
    ),
    Reason.FILES_LOST: (
        "LAPOR took a response and does not show all of its files: look at the thread; if it is so, send them in "
        "another response"
    ),
    Reason.PERHAPS_ARRIVED: "something new stands upstream that may be this response: look at the thread on LAPOR",
    Reason.MENTIONED: "its reference stands on LAPOR already, and it was never sent: look at the thread",
    Reason.ANOTHER_REPORT: "where this report is asked for, LAPOR gives another one: nothing is sent to it",
    Reason.NOT_CONFIRMED: (
        "LAPOR does not say whether what it gives is this report: compare the two; keep-ours says that it is"
    ),
    Reason.ANSWER_OLD: "LAPOR's answers come out of a cache: it waits for one of now, and is looked at again by itself",
    Reason.REPORT_UNREAD: "its report cannot be read on LAPOR now: it waits, and is looked at again by itself",
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
    Unsure.OLD_ANSWER: "LAPOR's answers date from before the try: a cache may stand in between",
    Unsure.CLOCK_STANDS: "LAPOR's clock does not go on: how old its answers are cannot be told",
    Unsure.PROMISED: "LAPOR answered that it takes it later (202): it may still come",
    Unsure.STEP_FAILED: "what to do with it cannot be told",
}


def asked(kind: str, facts: Facts) -> str:
    """Return what a person is asked, of a conflict of this kind."""
    if TOLD in facts:
        return str(facts[TOLD])
    if kind == MANY_VANISHED:
        return f"{facts[MISSING]} of {facts[OPEN]} open reports are gone"
    more = UNSURE_WHY[Unsure(facts[UNSURE])] if UNSURE in facts else facts.get(SAID)
    more = f"otherwise than before the try: {facts[CHANGED]}" if CHANGED in facts else more
    return f"{REASONS[Reason(kind)]} ({more})" if more else REASONS[Reason(kind)]


UNREADABLE_ROW = "an audit row that cannot be read: see `lapor-sync audit verify`"


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

OUTAGES: Mapping[str, str] = {
    "Unreachable": "it gave no answer",
    "UpstreamBroken": "it answered, but not as its API does",
    "Denied": "it refused the credentials",
    "Missing": "it did not know a path",
    "RateLimited": "it asked for fewer calls",
}


def outage(what: str) -> str:
    """Return what failed in an outage."""
    return OUTAGES.get(what, what)


# What happened to a report.

_SAID = {
    ItemKind.ANSWER: "answered",
    ItemKind.DISPOSITION: "disposed",
    ItemKind.REPORTER: "wrote",
    ItemKind.LOG: "noted",
}


def happened(one: Happening) -> tuple[str, str]:
    """Return who did it, and what; of an audit row that cannot be read, that it cannot."""
    facts = one.facts
    match one.what:
        case happenings.RECEIVED:
            return "reporter", "report received"
        case happenings.SAID if facts is not None:
            return one.who or ("reporter" if facts["kind"] is ItemKind.REPORTER else "LAPOR"), _item(facts)
        case happenings.AWAY if facts is not None:
            return "LAPOR", f"away: {outage(facts['what'])}"
        case happenings.BACK:
            return "LAPOR", "answers again"
    try:
        return one.who or "", UNREADABLE_ROW if facts is None else _done(one.what, facts)
    except (LookupError, TypeError):
        return one.who or "", UNREADABLE_ROW


def _item(facts: Facts) -> str:
    to = f" to {facts['to']}" if facts["kind"] is ItemKind.DISPOSITION and facts["to"] else ""
    moved = f" (status {facts['status']})" if facts["status"] else ""
    return f"{_SAID[facts['kind']]}{to}{moved}"


def _done(what: str, facts: Facts) -> str:
    match what:
        case "colour":
            before, after = facts["before"] or "new", facts["after"] or "unknown"
            change = after if before == after else f"{before} -> {after}"
            return (
                f"{change}: {ROWS[facts['row']]} (row {facts['row']}, rules {facts['rules']}, {facts['decision']})"
            )
        case "delivery_written":
            return f"{facts['kind']} {facts['ref']} written"
        case "delivery_moved":
            return f"{facts['ref']} {facts['from']} -> {facts['to']}: {REASONS[facts['reason']]}"
        case "attempt":
            status = f", HTTP {facts['http_status']}" if facts["http_status"] else ""
            return f"{facts['ref']} tried: {facts['outcome']}{status}"
        case "conflict_opened" | "conflict_settled":
            how = f" ({facts['how']})" if "how" in facts else ""
            return f"{what.replace('_', ' ')}: {facts['kind']}{how}"
        case "shown":
            return "looked at it"
    return what.replace("_", " ")
