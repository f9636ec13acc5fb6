"""A city's notices: a real database, the real composing and sending, a sender that keeps what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lapor_sync.domain.errors import NoticeError
from lapor_sync.domain.notices import AT_FIRST, NoticeKind
from lapor_sync.domain.people import Role
from lapor_sync.domain.ports import Sender
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.notices.telling import Telling
from lapor_sync.store import channels, notices, people
from lapor_sync.store.database import Store, open_store
from lapor_sync.store.notices import Notice
from lapor_sync.sync.setup import no_step
from lapor_sync.words.notices_id import Place
from tests.databases import StillClock, fresh
from tests.web.site import board_on

WIB = ZoneInfo("Asia/Jakarta")
MONDAY = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
"""Seven in the morning of a working day."""


@dataclass
class Kept:
    """A `ports.Sender` that keeps what it is given; `fails` is raised in its place."""

    technical: int = 0
    kinds: tuple[str, ...] = ("email",)
    fails: NoticeError | None = None
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    def send(self, to: str, subject: str, text: str, kind: str = "email") -> None:
        if self.fails is not None:
            raise self.fails
        self.sent.append((to, subject, text))

    def send_technical(self, number: int, subject: str, text: str) -> None:
        self.send(f"technical {number}", subject, text)

    @property
    def to(self) -> list[str]:
        return [to for to, _, _ in self.sent]


@dataclass
class City:
    """One city, its clock and its channels."""

    store: Store
    mirror: Mirror
    clock: StillClock
    sender: Any = field(default_factory=Kept)
    free: float | None = 0.5
    url: str = "https://papan.kota.go.id"
    step: Callable[[str], None] = no_step

    def tell(self) -> int:
        """One look of the thread."""
        sender: Sender = self.sender
        return Telling(
            mirror=self.mirror,
            sender=sender,
            clock=self.clock,
            place=Place(self.url, WIB),
            digest_at=time(7, 30),
            free=lambda: self.free,
            spread=lambda: 0.5,
            step=self.step,
            stopping=lambda: False,
        ).once()

    def person(
        self,
        name: str,
        *posts: tuple[Role, str | None],
        kinds: Iterable[NoticeKind] = AT_FIRST,
        is_verified: bool = True,
    ) -> str:
        """Somebody in these posts, with an address; their id."""
        with self.store.work() as work:
            made = people.add(work, name=name.title(), sign_in=name)
            people.put_last_sign_in(work, made)
            for role, opd in posts:
                post = people.post_of(work, role, opd) or people.add_post(work, role, opd)
                people.begin_tenure(work, made, post.id, self.clock.now())
            channel = channels.add(work, made, "email", f"{name}@kota.go.id", kinds)
            if is_verified:
                channels.verify(work, channel)
        return made

    def rows(self) -> list[Notice]:
        """All notices, the first made first."""
        with self.store.reading() as work:
            return notices.listing(work)[::-1]

    def states(self) -> list[str]:
        return [one.state for one in self.rows()]


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    clock = StillClock()
    clock.at = MONDAY
    with fresh("sqlite", tmp_path) as url:
        store = open_store(url, "kota", clock)
        made = City(store=store, mirror=board_on(store).mirror, clock=clock)
        made.tell()  # what was before is known
        yield made
        store.close()
