"""Small things to store, and other processes to store them from."""

from __future__ import annotations

from typing import Any

from lapor_sync.domain.colour import Colour, Verdict, WaitingOn
from lapor_sync.domain.delivery import Kind, State
from lapor_sync.domain.report import ItemKind, Report, ThreadItem
from lapor_sync.store import outbox, reports
from lapor_sync.store.database import Store, Work
from lapor_sync.store.outbox import NewDelivery, Queued
from lapor_sync.store.reports import Mirrored
from tests.databases import START

MERAH = Verdict(colour=Colour.MERAH, waiting_on=WaitingOn.OPD, row="10")
KUNING = Verdict(colour=Colour.KUNING, waiting_on=WaitingOn.REPORTER, row="4")
HIJAU = Verdict(colour=Colour.HIJAU, waiting_on=None, row="2")


def report(tracking_id: str = "7001", **values: Any) -> Report:
    """A report as the API gives it."""
    plain: dict[str, Any] = {"upstream_id": f"u{tracking_id}", "status_name": "Dalam Proses", "created_at": START}
    return Report(tracking_id=tracking_id, **{**plain, **values})


def mirrored(tracking_id: str = "7001", of: Report | None = None, **values: Any) -> Mirrored:
    """A report as the mirror holds it."""
    return Mirrored(report=of or report(tracking_id), **{"first_seen_at": START, **values})


def save(store: Store, *them: Mirrored) -> None:
    """Save them in a transaction of their own."""
    with store.work() as work:
        reports.save(work, them)


def item(id: str = "1", content: str = "Sudah kami perbaiki.", **values: Any) -> ThreadItem:
    """An answer in a thread."""
    return ThreadItem(**{"id": id, "kind": ItemKind.ANSWER, "created_at": START, "content": content, **values})


def new(ref: str = "LS-AAAAAA", tracking_id: str = "7001", **values: Any) -> NewDelivery:
    """What a person wrote."""
    plain: dict[str, Any] = {
        "kind": Kind.RESPONSE,
        "opd": "611",
        "text": f"Terima kasih.\n[Ref {ref}]",
        "by": "budi",
    }
    return NewDelivery(ref=ref, tracking_id=tracking_id, **{**plain, **values})


def add(store: Store, *them: NewDelivery, state: State = State.QUEUED) -> None:
    """Record them in a transaction of their own."""
    with store.work() as work:
        for one in them:
            outbox.add(work, one, state=state)


def get(work: Work, ref: str) -> Queued:
    """A delivery that must be there."""
    found = outbox.get(work, ref)
    assert found is not None
    return found
