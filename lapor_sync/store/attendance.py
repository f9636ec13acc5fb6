"""Which posts of OPDs are unattended: a kosong OPD must be impossible to overlook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    """A post that nobody holds, or of whose holders none was seen, since when; how many of its OPD's reports are late.

    `since` is None where no officer's post of the OPD was ever made: then `post` has no id.
    """

    post: Post
    opd_name: str | None
    since: datetime | None
    is_vacant: bool
    overdue: int


def unattended(work: Work, city: City) -> tuple[Unattended, ...]:
    """Return the posts of OPDs that are vacant, or quiet while reports are overdue; a leader's only while some are.

    The officer of each OPD of the city's with open reports is one of them, whether the post was ever made or not. Where
    nobody has an account, the city has no board, and nothing is vacant.
    """
    known = people.posts(work)
    if not known:
        return ()
    numbers = queries.by_opd(work)
    late = {one.id: one.overdue for one in numbers}
    found = (_looked_at(one, late, work.now) for one in known if one.post.opd is not None)
    held = tuple(one for one in found if one is not None and (one.overdue or _always_counts(one)))
    return (*held, *_never_made(city, known, numbers))


def _never_made(city: City, known: Sequence[PostRow], numbers: Iterable[OpdRow]) -> Iterator[Unattended]:
    have = {one.post.opd for one in known if one.post.role is Role.OFFICER}
    for one in numbers:
        if city.is_opd(one.id) and one.id not in have and one.merah + one.kuning > 0:
            post = Post(id="", role=Role.OFFICER, opd=one.id)
            yield Unattended(post=post, opd_name=one.name, since=None, is_vacant=True, overdue=one.overdue)


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
