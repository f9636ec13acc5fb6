"""The status colours: which report is merah, kuning, hijau or abu, and who is waited for.

Source: rules, "Colours". The table below reads like the table there: the first row that fits.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import NamedTuple

from lapor_sync.domain import thread as talk
from lapor_sync.domain.report import ItemKind, Report, ThreadItem

RULES_VERSION = "2"


class Colour(StrEnum):
    """The city's colours."""

    MERAH = "merah"  # the OPD has not followed up
    KUNING = "kuning"  # answered; the conversation may go on
    HIJAU = "hijau"  # the citizen is satisfied, or the report was closed
    ABU = "abu"  # out of the city's count


class WaitingOn(StrEnum):
    """Whose turn it is."""

    VERIFIER = "verifier"
    ADMIN = "admin"
    OPD = "opd"
    REPORTER = "reporter"


class Flag(StrEnum):
    """What a person should know beside the colour."""

    UNKNOWN_STATUS = "unknown_status"
    STATUS_WITHOUT_ANSWER = "status_without_answer"
    DEADLINE_ESTIMATED = "deadline_estimated"
    FORWARD_REQUESTED = "forward_requested"
    SENT_NOT_SEEN = "sent_not_seen"
    SEEN_TWICE = "seen_twice"
    VANISHED = "vanished"
    THREAD_INCOMPLETE = "thread_incomplete"
    THREAD_UNREADABLE = "thread_unreadable"
    TIME_UNREADABLE = "time_unreadable"
    ANOTHER_REPORT = "another_report"


CLOSED = frozenset({Colour.HIJAU, Colour.ABU})


@dataclass(frozen=True, kw_only=True)
class City:
    """Which institutions are the city's: its own id, its OPDs' ids; no OPD ids means every institution is."""

    institution_id: str | None = None
    opd_ids: frozenset[str] = frozenset()

    def owns(self, institution_id: str) -> bool:
        """Whether `institution_id` counts as the city's."""
        return not self.opd_ids or institution_id == self.institution_id or institution_id in self.opd_ids

    def is_itself(self, institution_id: str | None) -> bool:
        """Whether `institution_id` is the city and not one of its OPDs."""
        return institution_id is not None and institution_id == self.institution_id

    def is_opd(self, institution_id: str | None) -> bool:
        """Whether `institution_id` is one of the city's OPDs."""
        return institution_id is not None and self.owns(institution_id) and not self.is_itself(institution_id)

    @cached_property
    def rules(self) -> str:
        """The version of these rules for this city, stored beside each colour so that it can be derived again."""
        ids = "\n".join([self.institution_id or "", *sorted(self.opd_ids)])
        return f"{RULES_VERSION}.{hashlib.sha256(ids.encode()).hexdigest()[:8]}"


UNREAD = "unread"
"""The row of a report whose thread could not be read yet."""

UNKNOWN = "-"
"""The row of a report whose status name the table does not know."""


class Verdict(NamedTuple):
    """A colour (None: unknown status at first sight), who is waited for, flags, and the row that said so."""

    colour: Colour | None
    waiting_on: WaitingOn | None
    flags: frozenset[Flag] = frozenset()
    row: str = UNKNOWN


class _Case(NamedTuple):
    """What the table asks of one report, worked out once."""

    status: str
    disposed_to: str | None
    thread: tuple[ThreadItem, ...] | None
    city: City

    @property
    def answered(self) -> bool:
        """An answer since the last disposition, in a thread that is known."""
        recent = talk.since_disposition(self.thread or ())
        return any(item.kind is ItemKind.ANSWER for item in recent)

    def last_word_is(self, kind: ItemKind) -> bool:
        return talk.last_word(self.thread or ()) is kind

    @property
    def outside(self) -> bool:
        return self.disposed_to is not None and not self.city.owns(self.disposed_to)


@lru_cache(maxsize=1024)
def canonical(status_name: str) -> str:
    """A status name without case, space and punctuation: these do not matter."""
    return re.sub(r"[\W_]+", "", status_name).lower()


ARCHIVED, REJECTED, FINISHED, CLOSED_BY, POSTPONED = "diarsipkan", "ditolak", "selesai", "ditutup", "tunda"
_ENDS = (ARCHIVED, REJECTED, FINISHED, CLOSED_BY, POSTPONED)

_KNOWN = frozenset(_ENDS).union(
    map(
        canonical,
        (
            "Belum Terverifikasi",
            "Terverifikasi",
            "Dalam Proses",
            "Ditindaklanjuti oleh Instansi",
            "Ditanggapi oleh Pelapor",
        ),
    )
)

_TAKEN_BACK = frozenset(
    [
        "sementara",
        "sebagian",
        "batal",
        "dibatalkan",
        "dibuka",
        "kembali",
        "menunggu",
        "usulan",
        "diusulkan",
        "diajukan",
    ]
)
"""Words behind a status name that take it back, or say that it is not so yet (assumed)."""

_REPORTERS = frozenset(["pelapor", "masyarakat", "warga"])
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


@lru_cache(maxsize=1024)
def meaning(status_name: str) -> str:
    """Return a status name as the table knows it, without who did it where that does not matter; canonical.

    LAPOR says who archived, rejected, finished, closed or postponed (`Diarsipkan oleh Admin`, seen); behind the first
    and the fourth anything may stand. It is another status, and not known, where a word takes it back (`Ditutup
    sementara`), and where a reporter rejects: that may be the answer.
    """
    text = unicodedata.normalize("NFKC", _TAG.sub(" ", html.unescape(status_name))).lower()
    said = re.findall(r"[^\W_]+", text)
    name = "".join(said)
    done = next((one for one in _ENDS if name.startswith(one)), None)
    if done is None or name in _KNOWN:
        return name
    is_meant = done in {ARCHIVED, CLOSED_BY} or name.startswith(f"{done}oleh")
    other = _TAKEN_BACK | _REPORTERS if done == REJECTED else _TAKEN_BACK
    return done if is_meant and other.isdisjoint(said) else name


_CLOSING = frozenset({ARCHIVED, REJECTED, FINISHED, CLOSED_BY})


def is_closing(status_name: str) -> bool:
    """Return whether a report of that status name is closed."""
    return meaning(status_name) in _CLOSING


def is_known(status_name: str) -> bool:
    """Whether the table knows the status name."""
    return meaning(status_name) in _KNOWN


def unknown_status(report: Report) -> str | None:
    """Return the report's status name where the table does not know it."""
    return None if is_known(report.status_name) else report.status_name


def _unseen(case: _Case, *status_names: str) -> bool:
    """The thread is not known (an export only) and the status is one of these."""
    return case.thread is None and case.status in map(canonical, status_names)


_Row = tuple[str, Callable[[_Case], bool], Colour, WaitingOn | None]

_TABLE: tuple[_Row, ...] = (
    ("1", lambda c: c.status in {ARCHIVED, REJECTED} or c.outside, Colour.ABU, None),
    ("2", lambda c: c.status in {FINISHED, CLOSED_BY}, Colour.HIJAU, None),
    ("3", lambda c: c.status == POSTPONED, Colour.MERAH, WaitingOn.REPORTER),
    ("4", lambda c: c.answered and c.last_word_is(ItemKind.ANSWER), Colour.KUNING, WaitingOn.REPORTER),
    ("5", lambda c: c.answered and c.last_word_is(ItemKind.REPORTER), Colour.KUNING, WaitingOn.OPD),
    (
        "6",
        lambda c: _unseen(c, "Dalam Proses", "Ditindaklanjuti oleh Instansi"),
        Colour.KUNING,
        WaitingOn.REPORTER,
    ),
    ("7", lambda c: _unseen(c, "Ditanggapi oleh Pelapor"), Colour.KUNING, WaitingOn.OPD),
    ("8", lambda c: c.status == "belumterverifikasi", Colour.MERAH, WaitingOn.VERIFIER),
    ("9", lambda c: c.city.is_itself(c.disposed_to), Colour.MERAH, WaitingOn.ADMIN),
    ("10", lambda c: True, Colour.MERAH, WaitingOn.OPD),
)

ROWS = frozenset({UNREAD, UNKNOWN, *(row for row, *_ in _TABLE)})
"""Every row that a verdict may have; each has its sentence in `words`: a colour can always be explained."""


def colour(
    report: Report,
    thread: tuple[ThreadItem, ...] | None,
    city: City,
    last: Verdict | None = None,
) -> Verdict:
    """The report's colour by the first row that fits.

    `thread` is in reading order, None where it is not known (seen in an export only). `last` is the verdict
    before, which an unknown status keeps. A thread that could not be read this time is no call for this function.
    """
    case = _Case(meaning(report.status_name), report.disposition_id, thread, city)
    if not is_known(report.status_name) and not case.outside:
        return _keep(last)
    for row, fits, shade, waiting_on in _TABLE:
        if fits(case):
            return Verdict(colour=shade, waiting_on=waiting_on, flags=_flags(case, shade), row=row)
    raise AssertionError("the last row fits every case")  # pragma: no cover


def unread(report: Report, city: City, last: Verdict | None) -> Verdict:
    """The verdict where the thread could not be read this time: the last one, and none at first sight.

    The rows that ask nothing of the thread hold all the same.
    """
    told = colour(report, None, city, last)
    if told.row in _WITHOUT_THREAD:
        return told
    if last is None:
        return Verdict(colour=None, waiting_on=None, row=UNREAD)
    if last.row == UNKNOWN:
        return last._replace(flags=frozenset(), row=UNREAD)
    return last._replace(flags=last.flags & {Flag.STATUS_WITHOUT_ANSWER})


_WITHOUT_THREAD = frozenset({UNKNOWN, "1", "2", "3"})


def _keep(last: Verdict | None) -> Verdict:
    return Verdict(
        colour=last.colour if last else None,
        waiting_on=last.waiting_on if last else None,
        flags=frozenset({Flag.UNKNOWN_STATUS}),
    )


def _flags(case: _Case, shade: Colour) -> frozenset[Flag]:
    """`Dalam Proses` over a known thread without an answer: the disagreement is shown, not healed."""
    silent = case.thread is not None and not any(item.kind is ItemKind.ANSWER for item in case.thread)
    if shade is Colour.MERAH and case.status == "dalamproses" and silent:
        return frozenset({Flag.STATUS_WITHOUT_ANSWER})
    return frozenset()
