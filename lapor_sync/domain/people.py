"""Who acts: the program itself, a named user of the server's shell, or a person in a post.

Officers are transferred, and what one account could do was lost with its password. So an account is one person's,
and what it may do is what the post may do that the person holds (`permits.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What the holder of a post is there for."""

    OFFICER = "officer"  # pejabat penghubung: answers for an OPD
    ADMIN = "admin"  # admin induk: the city's own, for every OPD
    LEADER = "leader"  # pimpinan: of an OPD or of the city
    INSPECTOR = "inspector"  # Inspektorat: sees everything, changes nothing


@dataclass(frozen=True, slots=True)
class Post:
    """A role at an institution (jabatan); `opd` is its id at LAPOR, None for the whole city."""

    id: str
    role: Role
    opd: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts right now; `who` is what the audit keeps. `post` is None for the program and for the shell's users."""

    who: str
    post: Post | None = None


DAEMON = Actor("lapor-sync")
"""The program, where no person acts."""


def of_shell(name: str) -> Actor:
    """Return the user of the server's shell of that name: whoever has the shell has the database, and may all."""
    return Actor(name)


def in_post(person_id: str, post: Post) -> Actor:
    """Return a person in a post. The audit keeps ids, never the name: to forget a person leaves its chain whole."""
    return Actor(f"person {person_id} in post {post.id}", post)
