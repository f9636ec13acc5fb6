"""Every error that leaves a function of ours.

    LaporSyncError
    ├── WrongUse                    the command line, a file or a setting is wrong          exit 2
    │   ├── SettingsWrong           one or more settings are missing or wrong
    │   ├── BadInput                an id, date, text or file that was given cannot be taken
    │   ├── Refused                 an act of a person is refused, with a code and its facts: refusals.py
    │   ├── NoDatabase              what only looks, or acts on what is there, found no database
    │   └── NotAllowed              the act does not fit the state that the thing is in
    ├── UpstreamError               a call to LAPOR did not bring what was asked            exit 1
    │   ├── Unreachable             no answer: DNS, connection, TLS, time-out, closed early
    │   │   └── TimedOut            no whole answer in the time that a call may take
    │   ├── UpstreamBroken          an answer that is none: 5xx, HTML, empty, `status: false`
    │   │   └── TooMuch             an answer larger than any of theirs: left before its end
    │   ├── NotNow                  it was not read now, of our own accord
    │   ├── Denied                  401 or 403: the credentials are not accepted
    │   ├── Missing                 404 or 410: upstream does not know that id or path
    │   ├── RateLimited             429
    │   ├── NotPublic               a file's address leads into a network of our own: it is not called
    │   └── ListNotProven           a list of reports that may not be whole
    ├── StoreError                  the database could not do it                            exit 1
    │   ├── StoreUnavailable        not reachable, disk full, read-only
    │   │   └── StoreBusy           another program keeps it locked                         exit 3
    │   ├── StoreReplaced           its file was replaced or removed while it was in use        exit 2
    │   ├── StoreRefused            it refuses a value: not its own fault
    │   ├── StoreNewer              made by a newer lapor-sync
    │   ├── StoreDamaged            a file that is damaged, or no database of lapor-sync
    │   └── AuditBroken             the chain does not verify
    ├── NoticeError                 a notice did not go out                                 exit 1
    │   ├── NoticeNotTaken          surely not: it may be tried again
    │   └── NoticeInDoubt           it may have arrived: it is never sent again
    ├── LockHeld                    another process works this database                     exit 3
    ├── PartlyTaken                 of what was given a part was taken, the rest cannot be   exit 1
    ├── BadRecord                   one record could not be read: it goes to quarantine
    │   └── TooLarge                it is larger than any of theirs can be
    └── Defect                      a state that must never be; a fault of ours

`what` is one line of what happened, `todo` what to do: the command line prints just these two. Below the faces `todo` is
an `Advice`; only what a face raises may bring its sentence.
"""

from __future__ import annotations

from lapor_sync.domain.advice import Advice, Todo, advise


class LaporSyncError(Exception):
    """Base of all; `exit_code` is the process's, as the interface lists them."""

    exit_code = 1
    todo: Advice | str = advise(Todo.LOOK_WITH_CHECK)

    def __init__(self, what: str, *, todo: Advice | str | None = None) -> None:
        super().__init__(what)
        self.what = what
        if todo is not None:
            self.todo = todo


class WrongUse(LaporSyncError):
    """Wrong use or wrong settings; nothing was changed."""

    exit_code = 2
    todo = advise(Todo.SEE_HELP)


class SettingsWrong(WrongUse):
    """All problems of the settings at once, one sentence each."""

    todo = advise(Todo.CORRECT_SETTINGS)

    def __init__(self, problems: tuple[str, ...], *, todo: Advice | str | None = None) -> None:
        super().__init__("Settings: " + "; ".join(problems), todo=todo)
        self.problems = problems


class BadInput(WrongUse):
    """An id, date, text or file that was given cannot be taken; nothing was taken."""


class NotAllowed(WrongUse):
    """The act does not fit the state that the report, delivery or conflict is in."""


class NoDatabase(WrongUse):
    """There is no database where one was named; only the work itself makes one. Nothing was made."""

    todo = advise(Todo.CHECK_WHICH_DATABASE)


class UpstreamError(LaporSyncError):
    """A call to LAPOR did not bring what was asked. `http_status` is None where no status came."""

    @property
    def lasts(self) -> bool:
        """Whether it says something of what was asked for, and not of LAPOR as a whole or the way to it."""
        return False

    def __init__(
        self,
        what: str,
        *,
        todo: Advice | str | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what, todo=todo)
        self.http_status = http_status
        self.retry_after = retry_after


class Unreachable(UpstreamError):
    """No answer at all. `sent` tells whether any part of the request may have left."""

    todo = advise(Todo.CHECK_NETWORK)

    def __init__(self, what: str, *, sent: bool = True, todo: Advice | str | None = None) -> None:
        super().__init__(what, todo=todo)
        self.sent = sent


class TimedOut(Unreachable):
    """A call's time was over before its answer was whole. To ask again at once would take as long once more."""


class UpstreamBroken(UpstreamError):
    """An answer that is none: 5xx, a redirect, HTML, an empty or truncated body, `status: false`."""

    todo = advise(Todo.LAPOR_TRIES_LATER)

    @property
    def lasts(self) -> bool:
        return (self.http_status or 0) < 500


class TooMuch(UpstreamBroken):
    """An answer larger than any of theirs can be. To ask again at once would bring as much once more."""


class NotNow(UpstreamError):
    """A record was not read now, of our own accord: too much else was read and is not dealt with yet, or it ails. That
    says nothing of upstream."""

    todo = advise(Todo.NOTHING_READ_LATER)


class Denied(UpstreamError):
    """401, or 403: the credentials are not accepted."""

    todo = advise(Todo.RENEW_CREDENTIALS)


class Missing(UpstreamError):
    """404 or 410."""

    todo = advise(Todo.CHECK_WHICH_CALLS)

    @property
    def lasts(self) -> bool:
        return True


class NotPublic(UpstreamError):
    """An address that upstream names leads into a private network, and was not called."""

    todo = advise(Todo.CHECK_NETWORK)


class RateLimited(UpstreamError):
    """429; `retry_after` in seconds where upstream said so."""

    todo = advise(Todo.LOWER_RATE)


class ListNotProven(UpstreamError):
    """What was listed is mirrored, but nothing proves that it is all: the cursor stays, and it is listed again."""

    todo = advise(Todo.LIST_AGAIN)

    def __init__(self, why: str) -> None:
        super().__init__(f"LAPOR's list of reports may not be whole: {why}.")


class StoreError(LaporSyncError):
    """The database could not do what was asked; the transaction was rolled back."""


class StoreUnavailable(StoreError):
    """The database cannot be opened, reached or written."""

    todo = advise(Todo.CHECK_DATABASE)


class StoreBusy(StoreUnavailable):
    """Another program keeps the database locked for longer than is waited."""

    exit_code = 3
    todo = advise(Todo.LET_IT_END)


class StoreReplaced(StoreError):
    """Another file, or none, has the place of the database. Which one is right only a person can say: exit code 2,
    so that systemd does not start it again."""

    exit_code = 2
    todo = advise(Todo.PUT_RIGHT_FILE)


class StoreRefused(StoreError):
    """The database refuses a value: one that breaks a rule, or that it cannot hold."""

    todo = advise(Todo.REPORT_VALUE)


class StoreNewer(StoreError):
    """The database was made by a newer lapor-sync."""

    todo = advise(Todo.INSTALL_NEWER)


class StoreDamaged(StoreError):
    """A file that is damaged, or that never was a database of lapor-sync."""

    todo = advise(Todo.RESTORE_LAST)


class AuditBroken(StoreError):
    """The audit chain does not verify. `seq` is the first row that does not fit, if one is to blame."""

    todo = advise(Todo.KEEP_AS_EVIDENCE)

    def __init__(self, what: str, *, seq: int | None = None) -> None:
        super().__init__(what)
        self.seq = seq


class NoticeError(LaporSyncError):
    """A notice did not go out as it should. `reason` is a code; no address and no secret is in `what`."""

    todo = advise(Todo.CHECK_CHANNEL)

    def __init__(self, what: str, *, reason: str) -> None:
        super().__init__(what)
        self.reason = reason


class NoticeNotTaken(NoticeError):
    """It surely was not taken by the channel: it may be tried again."""


class NoticeInDoubt(NoticeError):
    """It may have arrived: whoever sends it again may tell the same twice."""


class LockHeld(LaporSyncError):
    """Another process works this database."""

    exit_code = 3
    todo = advise(Todo.STOP_OTHER)


class PartlyTaken(LaporSyncError):
    """A part of what was given was taken before the rest turned out to be wrong; `what` says which."""


class BadRecord(LaporSyncError):
    """One record could not be read. It goes to quarantine with `raw`; the rest goes on.

    `key` is the record's id where that much could be read, else a hash of the raw text.
    """

    def __init__(self, reason: str, *, key: str, raw: str, report_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.key = key
        self.raw = raw
        self.report_id = report_id


class TooLarge(BadRecord):
    """One record is larger than any of theirs can be. Nothing of it was kept; to read it again soon is in vain."""


class Defect(LaporSyncError):
    """A state that must never be."""

    todo = advise(Todo.REPORT_FAULT)
