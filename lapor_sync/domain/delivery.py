"""Delivering: the states of a delivery, the outcomes of a write, and references. Source: rules, "Deliveries".

What follows for one delivery is in `next_step`.
"""

from __future__ import annotations

import re
import secrets
import string
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lapor_sync.domain import thread as talk
from lapor_sync.domain.letters import folded, without_unseen
from lapor_sync.domain.report import ItemKind, ThreadItem

MAX_TRIES = 10
MAX_CUT = 3
"""So many accepted responses in a row that came back cut or empty: then nothing more leaves by itself."""

MAX_BARRED = 3
"""So many tries in a row that something in between answered with a 4xx: then a person must have it opened."""
MAX_TEXT = 1000
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_REF_LENGTH = 6


class Kind(StrEnum):
    """What is on its way upstream."""

    RESPONSE = "response"  # an OPD's answer
    FORWARD = "forward"  # a hand-over: not our authority


class State(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"  # written here, nothing has left
    SENDING = "sending"  # claimed: it may be on the wire right now
    UNKNOWN = "unknown"  # it may or may not have been stored upstream
    SENT = "sent"  # stored upstream
    REFUSED = "refused"  # upstream said no, with reason
    HELD = "held"  # a person decides
    CANCELLED = "cancelled"  # a person called it off


MOVES: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SENDING, State.HELD, State.CANCELLED, State.SENT}),
    State.SENDING: frozenset({State.SENT, State.REFUSED, State.UNKNOWN, State.QUEUED}),
    State.UNKNOWN: frozenset({State.SENT, State.QUEUED, State.HELD}),
    State.HELD: frozenset({State.QUEUED, State.CANCELLED}),
    State.REFUSED: frozenset({State.QUEUED, State.CANCELLED}),
    State.SENT: frozenset(),
    State.CANCELLED: frozenset(),
}
"""The legal moves; the database enforces the same list again."""

OPEN_UPSTREAM = frozenset({State.QUEUED, State.SENDING, State.UNKNOWN})
"""States in which a delivery is still on its way by itself: laid over agreed as kuning."""

BLOCKING = OPEN_UPSTREAM | {State.HELD}
"""States in which a delivery blocks the later ones of its report."""


class Reason(StrEnum):
    """Why a delivery is held, refused or waits. The sentences stand in `words`."""

    CLOSED_SINCE = "closed_since"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    UNKNOWN_STATUS = "unknown_status"
    DISPOSED_ELSEWHERE = "disposed_elsewhere"
    FIRST_READ = "first_read"
    BOTH_MOVED = "both_moved"
    GONE_UPSTREAM = "gone_upstream"
    CANNOT_READ_BACK = "cannot_read_back"
    NOT_FOUND_AGAIN = "not_found_again"
    FORWARD_NOT_FOUND = "forward_not_found"
    BARRED = "barred"
    TEXT_CUT = "text_cut"
    FILES_LOST = "files_lost"
    NOT_SHOWN = "not_shown"
    PERHAPS_ARRIVED = "perhaps_arrived"
    MENTIONED = "mentioned"
    ANOTHER_REPORT = "another_report"
    NOT_CONFIRMED = "not_confirmed"
    ANSWER_OLD = "answer_old"
    REPORT_UNREAD = "report_unread"
    BY_PERSON = "by_person"
    RETRIED = "retried"
    CALLED_OFF = "called_off"
    REFUSED = "refused"
    LEAVING = "leaving"
    NOT_SENT = "not_sent"
    REPLY_LOST = "reply_lost"
    KILLED = "killed"
    RECOVERED = "recovered"
    FOUND = "found"
    NOT_FOUND = "not_found"
    ACCEPTED = "accepted"


class WhyPaused(StrEnum):
    """Why delivery was paused."""

    PERSON = "person"  # somebody wanted it
    CUT = "cut"  # LAPOR takes responses and shows them cut or empty
    RESTORED = "restored"  # the database is an older copy: it does not know what was sent after it
    MOVED = "moved"  # the agency was copied into another database: only one of the two may send


# The outcome of a write: done, not done, refused, not known.


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """Stored upstream."""

    http_status: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NotSent:
    """Certainly not stored. `denied` where the credentials were not accepted; `retry_after` in seconds."""

    why: str
    http_status: int | None = None
    retry_after: float | None = None
    denied: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """Certainly not stored, and upstream said why."""

    why: str
    http_status: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """It may or may not have been stored. `retry_after` in seconds, where the answer asked for a pause."""

    why: str
    http_status: int | None = None
    retry_after: float | None = None


Outcome = Sent | NotSent | Refused | Unknown


class Body(StrEnum):
    """What an answer's body is."""

    SUCCESS = "success"  # it says that the call went well, and nothing else
    FAILURE = "failure"  # under 2xx: it says anything else; under another status: LAPOR's own refusal
    OF_ANOTHER = "of_another"  # it names another report than the one that was written to
    GATEWAY = "gateway"  # the gateway's own: the call was not handed on
    GATEWAY_DENIED = "gateway_denied"  # the same, for it does not let us in
    OTHER = "other"  # HTML, empty, truncated, any other JSON


STORED = frozenset({200, 201})
"""The statuses under which a success is one: 202 is not done yet, 203 and 206 are not as LAPOR said it."""


def outcome_of(status: int, body: Body, *, message: str = "", retry_after: float | None = None) -> Outcome:
    """The outcome of a write that was answered, by the rules' table.

    What neither LAPOR nor the gateway wrote proves nothing, whatever its status: a firewall may stand in the way of
    the answer. A 403 is taken as any other refusal here: only who knows whether reads are denied too can tell that
    the credentials are meant.
    """
    why = message or f"HTTP {status}"
    if body in {Body.GATEWAY, Body.GATEWAY_DENIED}:
        denied = body is Body.GATEWAY_DENIED
        return NotSent(why=why, http_status=status, retry_after=retry_after, denied=denied)
    if body is Body.SUCCESS and status in STORED:
        return Sent(http_status=status)
    if body is not Body.FAILURE or not 400 <= status < 500 or status == 408:
        return Unknown(why=why, http_status=status, retry_after=retry_after)
    if status in {401, 429}:
        return NotSent(why=why, http_status=status, retry_after=retry_after, denied=status == 401)
    return Refused(why=why, http_status=status)


# References.


def reference(prefix: str, choose: Callable[[str], str] = secrets.choice) -> str:
    """A new reference such as `LS-7F3K2Q`; the caller makes sure that it is unique in the database."""
    return f"{prefix}-" + "".join(choose(_ALPHABET) for _ in range(_REF_LENGTH))


def with_reference(text: str, ref: str) -> str:
    """The text as the citizen gets it: the reference ends it, on a line of its own."""
    return f"{text.rstrip()}\n[Ref {ref}]"


def unsendable_characters(text: str) -> tuple[str, ...]:
    """Return the characters that no response may hold, as `U+0007`, each once; they come of a damaged text.

    These are control characters other than line ends and tabs, line and paragraph separators, marks of direction and of
    language, those between lines, U+FFFD (a letter that was lost), and what is no character. LAPOR might cut a text
    there, or refuse it; and by marks that nobody sees a text reads otherwise to the citizen than to who checked it
    (Unicode Technical Report 36, 3.1).
    """
    found = (
        letter
        for letter in text
        if unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}
        or letter in _DIRECTIONS
        or _is_no_letter(letter)
    )
    return tuple(f"U+{ord(letter):04X}" for letter in dict.fromkeys(found) if letter not in "\t\n\r")


_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Unicode's Bidi_Control."""


def _is_no_letter(letter: str) -> bool:
    if "\ufff9" <= letter <= "\ufffb" or "\U000e0000" <= letter <= "\U000e007f":
        return True
    return letter == "\ufffd" or ord(letter) & 0xFFFE == 0xFFFE or "\ufdd0" <= letter <= "\ufdef"


def references_in(text: str, prefix: str) -> frozenset[str]:
    """Every well-formed reference with our prefix in `text`, after unescaping and stripping tags."""
    pattern = rf"(?<![A-Z0-9-]){re.escape(prefix)}-[A-Z2-7]{{{_REF_LENGTH},}}(?![A-Z0-9])"
    return frozenset(found for said in _readings(text) for found in re.findall(pattern, said))


def _readings(text: str) -> tuple[str, ...]:
    """What a citizen reads of a text; and, as markup may hide a part of it, all that stands there."""
    shown = talk.plain(text)
    return (shown,) if "<" not in text and "&" not in text else (shown, talk.unescaped(talk.unescaped(text)))


def mentions_in(text: str, prefix: str) -> frozenset[str]:
    """As `references_in`, however somebody spelt them: in small letters, or with another hyphen."""
    if prefix not in text.upper() and "&" not in text:
        return frozenset()  # cheap first: most texts hold none
    return frozenset(ref for said in _readings(text) for ref in references_in(said.translate(_AS_ISSUED), prefix))


_HYPHENS = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
_AS_ISSUED_HYPHEN = str.maketrans(_HYPHENS)
_AS_ISSUED = str.maketrans({small: small.upper() for small in string.ascii_lowercase} | _HYPHENS)
_NOT_BEFORE = re.compile(r"(?<![A-Z0-9-])")
_NOT_AFTER = re.compile(r"(?![A-Z0-9])")
"""What a reference may not be a part of. A pattern for each reference would have to be compiled each time."""


def carries(text: str, ref: str) -> bool:
    """Whether `text` holds the bare reference, in capitals or not, whatever hyphen upstream made of ours."""
    return any(_stands_in(said, ref) for said in _readings(text))


def _stands_in(said: str, ref: str) -> bool:
    if ref.rpartition("-")[2] not in said.upper():
        return False  # cheap first: most items carry none
    spelt = said.translate(_AS_ISSUED)
    at = spelt.find(ref)
    while at >= 0:
        if _NOT_BEFORE.match(said, at) and _NOT_AFTER.match(said, at + len(ref)):
            return True
        at = spelt.find(ref, at + 1)
    return False


def same_words(content: str, text: str, ref: str) -> bool:
    """Whether `content` says what `text` says, references and layout aside; without a letter or digit, no."""
    bare = _bare(text, ref)
    return bare != "" and _bare(content, ref) == bare


def same_to_the_eye(content: str, text: str, ref: str) -> bool:
    """Whether a person who reads both takes `content` for `text`: accents, wide, styled and look-alike letters aside,
    too. It is a reason to ask, and no proof that the one is the other."""
    ours = _to_the_eye(text, ref)
    return ours != "" and _to_the_eye(content, ref) == ours


def _to_the_eye(text: str, ref: str) -> str:
    return _bare(folded(without_unseen(talk.words(text))), ref)


def says_all_of(content: str, text: str, ref: str) -> bool:
    """Whether `content` is `text` with little beside it, references and layout aside: more than a mention of it."""
    ours, said = _bare(text, ref), _bare(content, ref)
    return said == ours or (ours != "" and ours in said and 2 * len(ours) >= len(said))


def tells_of_failure(content: str, text: str) -> bool:
    """Whether `content` says, beside the words of `text`, that something was not stored, or was undone."""
    return _failures(content) > _failures(text)


def _failures(text: str) -> int:
    """How often a text tells of a failure, whatever signs stand between its words: upstream may change those."""
    return len(_FAILURES.findall(re.sub(r"[\W_]+", " ", talk.words(text))))


_FAILURES = re.compile(
    r"\b(?:(?:ke)?gagal\w*|kesalahan|galat|batal|dibatalkan|pembatalan|ditolak|penolakan|dihapus|terhapus|penghapusan"
    r"|disembunyikan|ditarik|diblokir|error|fail\w*|reject\w*|refused|declined|denied|deleted|removed|hidden|blocked"
    r"|cancell?ed|withdrawn|invalid|undelivered|unable|cannot|unpublished|draft?|pending|awaiting|tersembunyi"
    r"|menunggu (?:moderasi|persetujuan|publikasi|peninjauan)|(?:under|in) (?:review|moderation)"
    r"|(?:sedang|dalam) (?:ditinjau|peninjauan|dimoderasi|moderasi)"
    r"|(?:tidak|tak|belum|not|could not be) "
    r"(?:dapat|bisa|berhasil|valid|tayang|ter(?!verifikasi)\w+|di(?!nas|verifikasi|tindaklanjuti)\w+"
    r"|accepted|saved|stored|sent|created|delivered|published|approved|visible|shown))\b",
    re.IGNORECASE,
)


def _bare(text: str, ref: str) -> str:
    """The letters and digits of a text in small letters, without its reference and what stands around that."""
    said = talk.words(text).translate(_AS_ISSUED_HYPHEN).casefold()
    before, found, after = said.rpartition(ref.casefold())
    if found:
        said = f"{before.rstrip().removesuffix('ref')} {after}"
    return re.sub(r"[\W_]+", "", said)


def came_back_cut(text: str, ref: str, new_items: Iterable[ThreadItem]) -> bool:
    """Whether a response that was accepted stands in its thread without its end, or without a word.

    `new_items` are those that the thread did not have right before it was sent. Databases that take characters of
    three bytes at most cut a text at its first emoji (seen of MySQL). Upstream may show the rest without template or
    institution: then a reporter's words must be told from it.
    """
    ours = _bare(text, ref)
    items = tuple(new_items)
    if any(carries(item.content, ref) for item in items):
        return False
    before_emoji = _bare(_BEYOND_THREE_BYTES.split(text, maxsplit=1)[0], ref)
    return any(_is_rest_of(item, ours, before_emoji, ref) for item in items)


_BEYOND_THREE_BYTES = re.compile("[\U00010000-\U0010ffff]")


def has_wide_letters(text: str) -> bool:
    """Whether a text has letters, as emoji are, at which some databases cut it."""
    return _BEYOND_THREE_BYTES.search(text) is not None


_LEAST_LETTERS = 24
"""With so many letters in common the beginning of a response is no citizen's "Terima kasih"."""


def _is_rest_of(item: ThreadItem, ours: str, before_emoji: str, ref: str) -> bool:
    said = _bare(item.content, ref)
    code = (item.template_code or "").strip().lower()
    if item.kind is ItemKind.DISPOSITION or (code and not code.startswith("reply")):
        return False
    if said == "":  # an answer without a word is no answer to a citizen: it reads as a log, or as the reporter's
        return True
    is_beginning = said != ours and ours.startswith(said)
    return is_beginning and (item.kind is ItemKind.ANSWER or said == before_emoji or len(said) >= _LEAST_LETTERS)


def foreign_answers(
    items: Iterable[ThreadItem], prefix: str, issued: Iterable[str] = ()
) -> tuple[ThreadItem, ...]:
    """The answers in a thread that are not ours: they carry no reference of our prefix.

    `issued` are references issued here for the report: they are ours under whatever prefix they were issued.
    """
    refs = tuple(issued)
    return tuple(item for item in items if item.kind is ItemKind.ANSWER and not _is_ours(item, prefix, refs))


def _is_ours(item: ThreadItem, prefix: str, issued: tuple[str, ...]) -> bool:
    return bool(references_in(item.content, prefix)) or any(carries(item.content, ref) for ref in issued)
