"""What the stand-in remembers: reports, the items of their threads, their log rows, files.

Times are whole seconds since the epoch in simulated time (upstream stores no fractions); institutions are
ids as strings. Everything here is data; what may happen to it is in `acts`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BELUM = "Belum Terverifikasi"
TERVERIFIKASI = "Terverifikasi"
PROSES = "Dalam Proses"
SELESAI = "Selesai"
DIARSIPKAN = "Diarsipkan"
DITOLAK = "Ditolak"
TUTUP_ADMIN = "Ditutup oleh Admin"
TUTUP_SISTEM = "Ditutup oleh Sistem"
TUNDA = "Tunda"

ENDED = frozenset({SELESAI, DIARSIPKAN, DITOLAK, TUTUP_ADMIN, TUTUP_SISTEM})


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """One stored file; `data` is None for an invented one, whose bytes are made up when asked for."""

    id: int
    file_name: str
    data: bytes | None = None

    @property
    def extension(self) -> str:
        """The end of the name, lower case and without the dot: `pdf`."""
        return self.file_name.rpartition(".")[2].lower()


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One follow-up of a thread, as stored.

    `source` says who wrote it: `citizen`, `admin`, `system`, `site` (an officer on the LAPOR site) or `api`
    (a client of this API). `readable_at` is in seconds of the real monotonic clock: before it, the item is
    stored but the API does not show it yet.
    """

    id: int
    at: int
    source: str
    content: str = ""
    template_code: str | None = None
    template_content: str | None = None
    from_id: str | None = None
    to_id: str | None = None
    status_old: str | None = None
    status_new: str | None = None
    attachments: tuple[Attachment, ...] = ()
    is_secret: bool = False
    user_id: str | None = None
    readable_at: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """One row of a report's `data_logs` (and, with a change of status, of its `status_logs`)."""

    id: int
    at: int
    content: str
    from_id: str | None = None
    to_id: str | None = None
    status_old: str
    status_new: str
    readable_at: float = 0.0


@dataclass(kw_only=True, slots=True)
class Thread:
    """The words of one report, made only when somebody asks for them (100,000 reports stay cheap)."""

    title: str
    content: str
    reporter: str
    location: str
    items: list[Item] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    attachments: tuple[Attachment, ...] = ()


@dataclass(kw_only=True, slots=True)
class Report:
    """One complaint and its state now. `thread` is None until unfolded from the seed.

    `last_word` is `agency`, `reporter` or None since the last disposition; `answers` counts what agencies
    said, whoever wrote it down; `version` counts changes.
    """

    index: int
    id: int
    tracking_id: int
    category: int
    classification: int
    channel: str
    opd: str
    created_at: int
    updated_at: int
    is_anonymous: bool = False
    is_secret: bool = False
    status: str = BELUM
    disposed: str | None = None
    last_word: str | None = None
    answers: int = 0
    forward_to: str | None = None
    rating: int | None = None
    thread: Thread | None = None
    serial: int = 0
    version: int = 0
    hidden: bool = False
    corrupt: str | None = None

    @property
    def words(self) -> Thread:
        """The thread, where the caller knows that it was unfolded."""
        if self.thread is None:
            raise LookupError(f"the thread of {self.tracking_id} was not unfolded")
        return self.thread

    @property
    def ended(self) -> bool:
        """Whether nothing more is expected: closed, archived or refused."""
        return self.status in ENDED
