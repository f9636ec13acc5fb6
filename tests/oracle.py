"""What must be so, told by the stand-in's own store and the rules' own table; every harness asks here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from connectors.simulator import CITY_ID, OPD_IDS
from lapor_sync.domain.colour import City, Colour, colour
from lapor_sync.domain.report import ItemKind, Report, ThreadItem
from lapor_sync.store import reports, threads
from lapor_sync.store.database import Work

CITY = City(institution_id=CITY_ID, opd_ids=frozenset(OPD_IDS))
"""The stand-in's city."""


def arrived(world: Any, tracking_id: str) -> list[str]:
    """What stands in the citizen's thread by our hand, in the order in which it was stored."""
    return [item["content"] for item in world.thread(tracking_id)["items"] if item["source"] == "api"]


def refs_in_order(texts: Sequence[str], refs: Sequence[str]) -> list[str]:
    """Which of these references stand in these texts, in that order, each as often as it does."""
    return [ref for text in texts for ref in refs if ref in text]


def true_colour(seen: Mapping[str, Any]) -> Colour | None:
    """The colour by the rules' own table of a report as the stand-in stores it (`World.thread`)."""
    report = Report(
        tracking_id=seen["tracking_id"],
        upstream_id=seen["id"],
        status_name=seen["status_name"],
        disposition_id=seen["disposition_id"],
    )
    items = [
        ThreadItem(id=str(item["id"]), kind=_kind(item), created_at=None, content=item["content"] or "-")
        for item in sorted(seen["items"], key=lambda item: (item["at"], item["id"]))
    ]
    return colour(report, tuple(items), CITY, None).colour


def _kind(item: Mapping[str, Any]) -> ItemKind:
    if item["template_code"] == "disposition":
        return ItemKind.DISPOSITION
    if item["template_code"] == "status":
        return ItemKind.LOG
    return ItemKind.REPORTER if item["source"] == "citizen" else ItemKind.ANSWER


def unmirrored(world: Any, work: Work, *, is_at_rest: bool = False, but: Collection[str] = ()) -> Iterator[str]:
    """Every report that the mirror has not as the world has it, or that only one of the two has.

    `is_at_rest`: also what the world does not let anybody read yet must be in the mirror, so that somebody waits for it.
    `but`: what is not compared.
    """
    truth = {one["tracking_id"]: world.thread(one["tracking_id"]) for one in world.summary()["reports"]}
    every = reports.ids_after(work, "", 1_000_000)
    mirror, talks = reports.load(work, every), threads.load(work, every)
    for tracking_id in sorted(truth.keys() ^ mirror.keys()):
        yield f"{tracking_id} is only {'mirrored' if tracking_id in mirror else 'upstream'}"
    for tracking_id in truth.keys() & mirror.keys():
        seen, mine = truth[tracking_id], mirror[tracking_id]
        open_items = [item for item in seen["items"] if not item["is_secret"]]
        theirs = {
            "colour": true_colour(seen),
            "status_name": seen["status_name"],
            "disposition_id": seen["disposition_id"],
            "upstream_id": seen["id"],
            "title": seen["title"],
            "answers": sum(_kind(item) is ItemKind.ANSWER for item in open_items),
            "items": {str(item["id"]) for item in open_items if is_at_rest or item["readable"]},
        }
        ours = {
            "colour": mine.colour,
            "status_name": mine.report.status_name,
            "disposition_id": mine.report.disposition_id,
            "upstream_id": mine.report.upstream_id,
            "title": mine.report.title,
            "answers": mine.answers,
            "items": {item.id for item in talks.get(tracking_id, ())},
        }
        wrong = [
            f"{name} {ours[name]}, not {theirs[name]}"
            for name in ours.keys() - set(but)
            if ours[name] != theirs[name]
        ]
        if wrong:
            yield f"{tracking_id} has {'; '.join(wrong)}"
