"""What the inside asks of an outside system. `sync` sees a connector only as `Connector`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from lapor_sync.domain.access import Ahead
from lapor_sync.domain.contract import Look
from lapor_sync.domain.delivery import Outcome
from lapor_sync.domain.errors import BadRecord
from lapor_sync.domain.report import Attachment, Detail, Institution, Outgoing, Report, Template, Thread


class Uptime(NamedTuple):
    """How long a machine has run since it started, asleep too. It goes on from process to process; of another start
    (`boot`) it says nothing."""

    boot: str
    seconds: float

    def since(self, before: Uptime | None) -> float | None:
        """The seconds since `before`; None where it was of another start, or this clock went back."""
        if before is None or before.boot != self.boot or before.seconds > self.seconds:
            return None
        return self.seconds - before.seconds


class Clock(Protocol):
    """Time, passed in: wall clock (aware, UTC), monotonic seconds of this process, and how long the machine has run."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    def uptime(self) -> Uptime: ...
    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class ListedRow:
    """One row of a listing, not parsed yet: most rows are known by their hash and need no more.

    `report_id` is what calls about the report take (the API's `id`, else the Tracking ID); `key` is the
    Tracking ID, else the `id`; `hash` is over the canonical form, so key order and space do not matter.
    """

    key: str
    report_id: str
    hash: bytes
    raw: dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class ListPage:
    """One page of a listing. `bad` are rows without any id. `total` where upstream said one.

    `complete` is None on every page but the last of the listing: True if the whole listing is proven complete,
    else `why` says in a few words what speaks against it. `size`: how many bytes it came in.
    `lacks_first`: its first page could not be read, though others could.
    `began_at` is the upstream's time at which the *listing* began (by its `Date` header, else our clock).
    """

    rows: tuple[ListedRow, ...]
    bad: tuple[BadRecord, ...]
    began_at: datetime
    total: int | None = None
    complete: bool | None = None
    why: str = ""
    size: int = 0
    lacks_first: bool = False


class FileSource(Protocol):
    """Where the files of citizens come from."""

    def fetch(self, file: Attachment) -> bytes:
        """The file, whole, without credentials. Raises Missing where its address leads to nothing any more, NotPublic,
        other UpstreamError."""


class Sender(Protocol):
    """The channels on which people are told things. One call takes half a minute at most, whatever its channel does."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What a person may choose: `email` and others."""

    @property
    def technical(self) -> int:
        """How many technical channels there are."""

    def send(self, to: str, subject: str, text: str, kind: str = "email") -> None:
        """Send one text to one address. Raises NoticeNotTaken, NoticeInDoubt."""

    def send_technical(self, number: int, subject: str, text: str) -> None:
        """Send one text to a technical channel, by its place from 0 on. Raises NoticeNotTaken, NoticeInDoubt."""


class Sample(Protocol):
    """Some of the upstream's answers since the last look at them."""

    def take(self) -> Look | None:
        """What was seen, and begin anew; None while there is too little to learn from."""


class Connector(Protocol):
    """The calls of the upstream. Reads raise UpstreamError; a write never raises, it returns its outcome."""

    def list_reports(self, *, updated_from: datetime | None) -> Iterator[ListPage]:
        """Pages of the agency's reports; at most three passes; the last page says whether it is complete.

        Pages with nothing new in a further pass may be left out. Raises Missing where there is no list call.
        """

    def parse_row(self, row: ListedRow) -> Report:
        """The row as a report, `Report.missing` naming what the row lacks. Raises BadRecord."""

    def row_text(self, row: ListedRow) -> str:
        """The row as JSON text to be kept: all but the reporter's name."""

    def marks_of_row(self, text: str) -> Mapping[str, str]:
        """A digest of each field of a row that stays, by its name; `text` as `row_text` has it."""

    def read_report(self, report_id: str, *, fresh: bool = False) -> Detail:
        """The detail call. `fresh`: over a connection of its own. Raises Missing (404, 410), BadRecord, other
        UpstreamError."""

    def read_thread(self, report_id: str, *, as_proof: bool = False, fresh: bool = False) -> Thread:
        """The thread, all pages, in reading order; it says whether it is proven complete. `fresh` as above.

        `as_proof`: what it does not show shall be proven absent, so that nothing that upstream says of the end is
        believed alone. That costs some requests more.
        """

    def send_response(self, outgoing: Outgoing) -> Outcome:
        """Add a follow-up: one request, never retried, redirects never followed."""

    def send_forward(self, outgoing: Outgoing) -> Outcome:
        """Ask that the report be handed to `institution_to_id`: one request, never retried."""

    def institutions(self) -> tuple[Institution, ...]:
        """The master list of institutions."""

    def templates(self) -> tuple[Template, ...]:
        """The master list of templates for answers."""

    def fetch_attachment(self, file: Attachment) -> bytes:
        """The bytes of an attached file, whole; credentials go along only to the configured base.

        Raises UpstreamError, also where something else came in the file's place.
        """

    def crossed(self) -> frozenset[str]:
        """The ids of reports of which a read, since this was last asked, may have got the answer to another call: more
        answers came than calls were made. No read may be under way. A `fresh` one never is among them."""

    def upstream_now(self) -> datetime:
        """The upstream's time by its last `Date` header and the monotonic clock; our clock before any answer."""

    def clock_ahead(self) -> Ahead | None:
        """By how much our clock is ahead of the upstream's, by the last answer; None where none said its time."""
