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
    """What upstream said of a report in one read beside the words of its thread; None where that is not known.

    `call_id`: the id under which it was asked, and is written to. `traces`: how often parts of the delivery stood in
    what upstream said, as `traces.traces` counts them; `parts`: of how many parts that was made. `marks`, `beside` and
    `order`: as `Thread` has them; `detail`: the detail's `marks`; `counts`: as `Detail` has them. `dated`: when the
    answers say that they were made, by the call and the name under which they do. `status`: the name of its status.
    `row`: a digest of each field of its row in the list. `heads`: a digest of each header, by call and name. `read_at`:
    upstream's time when that read began.
    """

    call_id: str | None = None
    traces: tuple[int, ...] | None = None
    parts: int | None = None
    marks: Mapping[str, str] | None = None
    beside: str | None = None
    order: tuple[str, ...] | None = None
    detail: Mapping[str, str] | None = None
    counts: Mapping[str, int] | None = None
    dated: Mapping[str, datetime] | None = None
    status: str | None = None
    row: Mapping[str, str] | None = None
    heads: Mapping[str, str] | None = None
    read_at: datetime | None = None

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
    """One delivery as the next step needs it. `baseline`: ids of the items known when it was written or let go
    again, None where the thread was not known then. `opd`: the institution that it speaks for. `scene`: None where
    no try left that may have arrived."""

    ref: str
    kind: Kind
    state: State
    text: str
    opd: str
    is_secret: bool = False
    tries: int = 0
    baseline: frozenset[str] | None = frozenset()
    accepted_closed: bool = False
    accepted_disposition: str | None = None
    accepted_status: str | None = None
    scene: Scene | None = None

    @property
    def may_have_arrived(self) -> bool:
        """Whether a try left, and what became of it is not known."""
        return self.state is State.UNKNOWN or self.scene is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The report as read in this cycle, beside the delivery.

    `shown`: what else upstream said of it. `absence_counts`: the read began at least the grace after the attempt ended.
    `is_whole`: it was complete; `is_long_ago`: the attempt ended a day ago or more. `readable`: references come back in
    this upstream's threads; `names_sender`: one did, in an item that named who wrote it. `barred`: how many of its last
    tries in a row something else than LAPOR answered with a 4xx. `log_texts` are the detail's log contents, for a
    hand-over. `issued`: every reference issued here for this report, in whatever state its delivery is; needed where
    the prefix was changed since. `siblings`: the texts of its other deliveries by reference, but for those that were
    only found upstream. `bad`: keys of items that could not be read; `unknown_status`: the status name where it is not
    known. `elsewhere`: the Tracking ID of another report in whose thread its reference stands. `beyond`: as `Thread`
    has it. `others`: the names, in small letters, and ids of institutions that are surely none of the city's.
    `ended_at`: upstream's time when the last try ended, after which what it stored is shown within the `grace`.
    """

    colour: Colour | None
    disposed_to: str | None
    items: tuple[ThreadItem, ...]
    prefix: str
    shown: Shown = Shown()
    log_texts: tuple[str, ...] = ()
    absence_counts: bool = False
    is_whole: bool = True
    is_long_ago: bool = False
    readable: bool = True
    names_sender: bool = False
    issued: frozenset[str] = frozenset()
    siblings: Mapping[str, str] = field(default_factory=dict)
    barred: int = 0
    bad: frozenset[str] = frozenset()
    unknown_status: str | None = None
    elsewhere: str | None = None
    beyond: Mapping[str, frozenset[str]] | None = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    ended_at: datetime | None = None
    grace: timedelta = timedelta(0)


def words_digest(item: ThreadItem) -> str:
    """16 hexadecimal digits that stand for what a citizen reads in an item."""
    return digest(talk.words(item.content))


def digests(items: Iterable[ThreadItem], bad: Iterable[str] = ()) -> dict[str, str]:
    """The items of a scene; `bad` are keys of those that could not be read."""
    return {**dict.fromkeys(bad, ""), **{item.id: words_digest(item) for item in items}}
