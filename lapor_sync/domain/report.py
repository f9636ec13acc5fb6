"""What is mirrored: a report, its thread, its attachments; and an OPD's response. Values only.

What is made 100,000 times is a named tuple: a frozen dataclass sets each field by a call."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple


class ItemKind(StrEnum):
    """Who speaks in an item of a thread."""

    DISPOSITION = "disposition"
    ANSWER = "answer"
    REPORTER = "reporter"
    LOG = "log"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file that upstream names: metadata only, the file itself stays there."""

    url: str
    file_name: str
    extension: str | None = None


class ThreadItem(NamedTuple):
    """One follow-up. `content` is as upstream gives it (HTML possible) with placeholders substituted."""

    id: str
    kind: ItemKind
    created_at: datetime | None
    content: str
    author: str | None = None
    institution_to: str | None = None
    template_code: str | None = None
    status_old: str | None = None
    status_new: str | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True, weakref_slot=True)
class Thread:
    """A read of a report's follow-ups.

    What is in it stands upstream; what is not proves something only if the read is `complete`. Of a read from which it
    follows whether something leaves, `beyond` and what follows it are known, else None.
    """

    items: tuple[ThreadItem, ...]  # in reading order: see `thread.in_order`
    began_at: datetime
    """Upstream's time at which the read began, no later than it did: what was stored before it is in `items`."""
    complete: bool = True  # it was proven to be all of them
    why: str = ""  # what speaks against that, in a few words
    bad: tuple[BadItem, ...] = ()
    raw: str = "[]"  # the JSON text of the items as they came
    named: frozenset[str] = frozenset()  # ids of reports that the items say they are of
    about: frozenset[str] = frozenset()  # ids that stand beside them: of the report that the answer is about
    is_old: bool = False  # it says that it was made well before it was asked for
    unshown: frozenset[str] = frozenset()  # keys of items that say of themselves that nobody is shown them

    beyond: Mapping[str, frozenset[str]] | None = None
    """By the key of an item, the names of its fields that not every item has, and `NAME=DIGEST` of each that is not
    empty."""
    marks: Mapping[str, str] | None = None
    """A digest of all that is said of each item, by its key; and what has marks of its own: ages (`domain/ages.py`), and
    loose parts (`domain/loose.py`)."""
    beside: str | None = None  # a digest of what stands beside the items
    order: tuple[str, ...] | None = None  # the keys as upstream has them; None, too, where reads differ
    dated: Mapping[str, datetime] | None = None  # when the answers say that they were made, by where they say so
    heads: Mapping[str, str] | None = None  # a digest of each header of the first answer, by call and name


@dataclass(frozen=True, kw_only=True, slots=True)
class BadItem:
    """Part of a thread that could not be read, for quarantine."""

    key: str
    raw: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusChange:
    """One move of a report's status, from `data_logs`, `status_logs` or a thread item."""

    at: datetime | None
    status_old: str | None
    status_new: str | None
    note: str = ""


class Report(NamedTuple):
    """One citizen's report, as far as its source could tell it; None is "not said".

    `missing` names the fields that the source did not carry at all (a list row may lack some): they are
    never a reason to forget what is known. Of what is mirrored it holds `tracking_id` at most: nobody named one.
    Source: upstream, "Calls", "The admin's Excel export".
    """

    tracking_id: str
    upstream_id: str | None
    status_name: str
    title: str = ""
    content: str = ""
    channel: str | None = None
    disposition_id: str | None = None
    disposition_name: str | None = None
    classification: str | None = None
    category: str | None = None
    category_id: str | None = None
    location: str | None = None
    kecamatan: str | None = None
    kelurahan: str | None = None
    date_of_incident: str | None = None
    is_anonymous: bool = False
    is_secret: bool = False
    is_priority: bool = False
    tags: str | None = None
    rating: str | None = None
    reporter_name: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    updated_at_is_day: bool = False
    attachments: tuple[Attachment, ...] = ()
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True, weakref_slot=True)
class Detail:
    """The detail call's answer: the report, its status history and the texts of `data_logs`.

    `began_at`, `about`, `is_old`, `dated` and `heads` as in `Thread`; `marks` and `counts` are known of the same reads.
    """

    report: Report
    history: tuple[StatusChange, ...]
    log_texts: tuple[str, ...]  # a hand-over's reference is looked for in them
    began_at: datetime
    about: frozenset[str] = frozenset()
    raw: str = "{}"
    doubt: str = ""  # why it proves no absence; "" where it may
    is_old: bool = False

    marks: Mapping[str, str] | None = None
    """A digest of each field, and of the rest under ""; ages and loose parts, too."""
    random: frozenset[str] = frozenset()
    """The names of marks that tell nothing, whatever the list's row says there."""
    counts: Mapping[str, int] = field(default_factory=dict)  # what it says there are so many of
    dated: Mapping[str, datetime] | None = None
    heads: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Institution:
    """An agency as upstream's master list names it."""

    id: str
    name: str


class Template(NamedTuple):
    """A template for answers as upstream's master list has it; `content` may be HTML with placeholders."""

    code: str
    title: str
    content: str = ""
    type: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutgoingFile:
    """A file that goes with a response; the bytes were stored when the response was recorded."""

    file_name: str
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """One delivery as it leaves: a response (`text` ends with its reference) or a hand-over (forward).

    `report_id` is the id that is written to. `known_items` are the ids of what its thread held as it was read last.
    """

    ref: str
    report_id: str
    tracking_id: str
    text: str
    institution_from_id: str
    institution_to_id: str
    user_id: str
    is_secret: bool = False
    files: tuple[OutgoingFile, ...] = ()
    known_items: frozenset[str] = frozenset()


# What is known of a record whose id cannot be read.


def keys_of(report: Report) -> frozenset[str]:
    """The keys under which a row that told of this report may lie in quarantine."""
    by_words = key_by_words(report.title, report.content, report.created_at)
    return frozenset(filter(None, (report.tracking_id, by_words)))


def key_beside(key: str, raw: str) -> str:
    """The key of another row that has the same key by its words."""
    return f"{key}+{digest(raw)}"


def is_key_in(key: str, keys: Collection[str]) -> bool:
    """Whether a key, or the one that it stands beside, is one of these."""
    return key.partition("+")[0] in keys


def key_by_words(title: str, content: str, received: datetime | None) -> str | None:
    """The key of a row without an id; None where too little is known to tell it from others."""
    if not title or not content or received is None:
        return None
    return "row-" + digest("\n".join((title, content, received.astimezone(UTC).isoformat())))


def changed_before(report: Report, than: datetime | None) -> bool:
    """Return whether a report says that it changed last before then; False where either time is not known."""
    return report.updated_at is not None and than is not None and report.updated_at < than


def digest(text: str) -> str:
    """16 hexadecimal digits that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
