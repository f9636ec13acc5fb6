"""One delivery, the report as it stood when a try of it began, and the report as it is read now.

Source: rules, "When it may leave", "Reading back".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta

from lapor_sync.domain import thread as talk
from lapor_sync.domain.colour import Colour
from lapor_sync.domain.delivery import Kind, State
from lapor_sync.domain.report import ThreadItem, digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What upstream said of a report in one read beside the words of its thread; None where that is not known."""

    call_id: str | None = None  # the id under which it was asked, and is written to
    traces: tuple[int, ...] | None = None  # how often parts of the delivery stood in it: see `traces.traces`
    parts: int | None = None  # of how many parts it was made
    marks: Mapping[str, str] | None = None  # as `Thread` has them, and the next two
    beside: str | None = None
    order: tuple[str, ...] | None = None
    detail: Mapping[str, str] | None = None  # the `marks` of `Detail`
    counts: Mapping[str, int] | None = None  # as `Detail` has them
    dated: Mapping[str, datetime] | None = None  # when the answers say that they were made, by call and name
    status: str | None = None  # the name of its status
    row: Mapping[str, str] | None = None  # a digest of each field of its row in the list
    heads: Mapping[str, str] | None = None  # a digest of each header, by call and name
    read_at: datetime | None = None  # upstream's time when that read began
    elsewhere: tuple[str, ...] | None = None  # as `Seen` has it, when a person last let it go

    def completed(self, by: Shown) -> Shown:
        """Return this with what is not known taken from a later read: from then on that may not change."""
        unknown = [one.name for one in fields(self) if getattr(self, one.name) is None]
        return replace(self, **{name: getattr(by, name) for name in unknown})


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A report as it stood when a try that may have arrived began.

    `items`: the digest of the words of each item that was known, by id. `began_at`: upstream's time when the last such
    try left.
    """

    items: Mapping[str, str]
    shown: Shown = Shown()
    began_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One delivery as the next step needs it. What a person `accepted` holds it no more."""

    ref: str
    kind: Kind
    state: State
    text: str
    opd: str  # the institution that it speaks for
    is_secret: bool = False
    tries: int = 0  # that were read back as not there
    baseline: frozenset[str] | None = frozenset()
    """Ids of the items known when it was written or let go again; None where the thread was not known then."""
    accepted_closed: bool = False
    accepted_disposition: str | None = None
    accepted_status: str | None = None
    scene: Scene | None = None  # None where no try left that may have arrived

    @property
    def may_have_arrived(self) -> bool:
        """Whether a try left, and what became of it is not known."""
        return self.state is State.UNKNOWN or self.scene is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The report as read in this cycle, and what else is known when its delivery is decided on."""

    colour: Colour | None
    disposed_to: str | None
    unknown_status: str | None = None  # the status name, where it is not known
    items: tuple[ThreadItem, ...]
    bad: frozenset[str] = frozenset()  # keys of items that could not be read
    unshown: frozenset[str] = frozenset()  # as `Thread` has it
    beyond: Mapping[str, frozenset[str]] | None = field(default_factory=dict)  # as `Thread` has it
    log_texts: tuple[str, ...] = ()  # what the detail's logs say, for a hand-over
    shown: Shown = Shown()  # what else upstream said of it
    is_whole: bool = True  # detail and thread were read completely

    ended_at: datetime | None = None  # upstream's time when the last try ended
    grace: timedelta = timedelta(0)  # within it, after that, what the try stored is shown
    absence_counts: bool = False  # the read began at least the grace after the try ended
    is_long_ago: bool = False  # the try ended a day ago or more
    barred: int = 0  # so many of its last tries in a row something else than LAPOR answered with a 4xx

    is_promised: bool = False  # LAPOR answered the last try by 202: what is not there may come yet

    prefix: str
    issued: frozenset[str] = frozenset()  # all references of the report: the prefix may have been another one then
    siblings: Mapping[str, str] = field(default_factory=dict)
    """The texts of its other deliveries by reference, but for those that were only found upstream."""
    elsewhere: tuple[str, ...] = ()  # the Tracking IDs of other reports in whose threads its reference stands
    readable: bool = True  # references come back in this upstream's threads
    names_sender: bool = False  # one did, in an item that named who wrote it
    others: frozenset[str] = frozenset()
    """Names, in small letters, and ids of institutions that are surely none of the city's."""


def words_digest(item: ThreadItem) -> str:
    """16 hexadecimal digits that stand for what a citizen reads in an item."""
    return digest(talk.words(item.content))


def digests(items: Iterable[ThreadItem], bad: Iterable[str] = ()) -> dict[str, str]:
    """The items of a scene; `bad` are keys of those that could not be read."""
    return {**dict.fromkeys(bad, ""), **{item.id: words_digest(item) for item in items}}
