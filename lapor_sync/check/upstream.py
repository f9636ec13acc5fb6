"""LAPOR, as far as it is asked."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from lapor_sync.app import connector_of
from lapor_sync.config import Settings, read_secrets
from lapor_sync.domain.ports import Clock, Connector, ListPage
from lapor_sync.domain.report import Report

if TYPE_CHECKING:
    from connectors.sp4n_v3 import Sp4nV3
    from connectors.sp4n_v3.sampling import Recorder


CONNECT_SECONDS = 10.0


@dataclass
class Upstream:
    """LAPOR as far as it was asked: the connector that is let in, the first page of the list if there is one.

    `tried` is the connector that was made last, let in or not; `recorder` keeps the shapes of what is read.
    """

    settings: Settings
    clock: Clock
    stack: ExitStack
    connector: Sp4nV3 | None = None
    tried: Sp4nV3 | None = None
    page: ListPage | None = None
    listed: list[Report] = field(default_factory=list)
    recorder: Recorder | None = None

    def connect(self, header: str) -> Sp4nV3:
        """Return a connector with that header name, and less patience than the daemon's. Raises SettingsWrong."""
        patience = min(self.settings.connect_timeout, CONNECT_SECONDS)
        settings = self.settings.model_copy(update={"auth_header": header, "connect_timeout": patience})
        shown = self.recorder.seen if self.recorder else None
        made = connector_of(settings, read_secrets(settings), self.clock, lambda: False, shown=shown)
        self.tried = self.stack.enter_context(made)
        return self.tried


def first_page(connector: Connector, updated_from: datetime | None) -> ListPage | None:
    """Return the first page of what changed since then; None where there is none. Raises UpstreamError."""
    pages = connector.list_reports(updated_from=updated_from)
    try:
        return next(pages, None)
    finally:
        pages.close()  # type: ignore[attr-defined]  # a generator: what it fetched ahead is not wanted
