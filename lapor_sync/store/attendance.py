"""Which posts of OPDs are unattended: a kosong OPD must be impossible to overlook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lapor_sync.domain.colour import City
from lapor_sync.domain.people import Post, Role, quiet_since
from lapor_sync.store import people, queries
from lapor_sync.store.database import Work
from lapor_sync.store.people import PostRow
from lapor_sync.store.queries import OpdRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Unattended:
    """A post since when nobody holds it, or none of its holders was seen; how many of its OPD's reports are overdue."""

    post: Post
    opd_name: str | None
    since: datetime
    is_vacant: bool
    overdue: int


def unattended(work: Work) -> tuple[Unattended, ...]:
    """Return the posts of OPDs that are vacant, or quiet while reports are overdue; a leader's only while some are."""
    late = queries.late(work, None)
    found = (_looked_at(one, late, work.now) for one in people.posts(work) if one.post.opd is not None)
    return tuple(one for one in found if one is not None and (one.overdue or _always_counts(one)))


def without_officer(work: Work, city: City) -> tuple[OpdRow, ...]:
    """Return the city's OPDs with open reports for which no officer's post was ever made; none without accounts."""
    known = people.posts(work)
    have = {one.post.opd for one in known if one.post.role is Role.OFFICER}
    return tuple(one for one in queries.by_opd(work) if known and _wants_officer(one, city) and one.id not in have)


def _wants_officer(one: OpdRow, city: City) -> bool:
    return city.is_opd(one.id) and one.merah + one.kuning > 0


def _always_counts(one: Unattended) -> bool:
    return one.is_vacant and one.post.role is Role.OFFICER


def _looked_at(row: PostRow, late: Mapping[str | None, int], at: datetime) -> Unattended | None:
    seen = ((holder.since, holder.last_sign_in_at) for holder in row.holders)
    since = row.vacant_since or quiet_since(seen, at)
    if since is None:
        return None
    return Unattended(
        post=row.post,
        opd_name=row.opd_name,
        since=since,
        is_vacant=row.vacant_since is not None,
        overdue=late.get(row.post.opd, 0),
    )
