"""The database's address as an operator gives it, read to the letter: what is guessed wrong shows a password.

SQLAlchemy takes nearly anything for one, passes on options that nobody knows, and libpq reads it in yet another way.
What is wrong is said without anything of the value, save for words that are certainly none of a password.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote

_POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})

_ENCODE = (
    "a sign of its user, password or name stands there as it is; write @ as %40, : as %3A, / as %2F, ? as %3F, "
    "# as %23, % as %25 and a space as %20"
)
_WHOLE_NUMBERS = frozenset(
    {
        *("connect_timeout", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval"),
        *("port", "tcp_user_timeout"),
    }
)
_LONGEST_PATH, _LONGEST_NAME = 4000, 240  # bytes; what SQLite and we keep beside the file has longer names


def sound_url(value: str) -> str:
    """Return the address with its driver named: a bare `postgresql://` means another one in each SQLAlchemy.

    Raises ValueError, which says what is wrong.
    """
    scheme, separator, rest = value.partition("://")
    if not separator:
        raise ValueError(
            "a path alone is none, write sqlite:/// before it" if value[:1] == "/" else "it has no ://"
        )
    if scheme not in _POSTGRESQL | _SQLITE:
        raise ValueError(_unknown(scheme))
    if scheme in _SQLITE:
        _need_file(rest)
        return value
    _need_server(rest)
    return f"postgresql+psycopg://{rest}"


def sqlite_url(path: Path) -> str:
    """Return the address of a SQLite file."""
    return f"sqlite:///{re.sub('[%?]', lambda sign: f'%{ord(sign[0]):02X}', str(path))}"


def shown_url(url: str) -> str:
    """Return a sound address for people: without the password and without options, which may hold one too."""
    if not url.startswith("postgresql"):
        return url
    scheme, _, rest = url.partition("://")
    user, at, host = rest.partition("?")[0].rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{host}"


def _unknown(scheme: str) -> str:
    if scheme.lower() in _POSTGRESQL | _SQLITE:
        return f"{scheme.lower()} is written in small letters"
    named = f"{scheme} is" if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{1,30}", scheme) else "it begins with"
    return f"{named} no database that lapor-sync works on"


def _need_file(rest: str) -> None:
    path, options, _ = rest[1:].partition("?")
    if rest[:1] != "/" or path in {"", ":memory:"}:
        raise ValueError("it names no file")
    if options:
        raise ValueError("SQLite takes no options here, so nothing may follow a ?; one in the path is written %3F")
    if path.startswith("file:"):
        raise ValueError("file: must go, the path itself is written there")
    if path.startswith(("~", "/~")):
        raise ValueError("~ means nothing there, write the whole path")
    if not path.startswith("/"):
        raise ValueError(
            "its path is relative, it would be another file from each folder; write four slashes and the path"
        )
    real = _decoded(path)
    if real.endswith("/") or real != real.strip():
        raise ValueError("its path ends with a slash or a space")
    if len(os.fsencode(real)) > _LONGEST_PATH or any(
        len(os.fsencode(one)) > _LONGEST_NAME for one in real.split("/")
    ):
        raise ValueError("its path, or a name in it, is too long")


_SERVER = re.compile(
    r"(?:(?P<user>[^:@]*)(?::(?P<password>[^@]*))?@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]*)(?::(?P<port>[^@]*))?"
)


def _need_server(rest: str) -> None:
    end = next((at for at, sign in enumerate(rest) if sign in "/?#"), len(rest))
    server, tail = rest[:end], rest[end:]
    if re.search(r"\s|#", rest) or "@" in tail or server.count("@") > 1:
        raise ValueError(_ENCODE)
    found = _SERVER.fullmatch(server)
    if found is None:
        raise ValueError(
            f"its host cannot be read (a socket's folder is written ?host=/run/postgresql); or {_ENCODE}"
        )
    user, password, host, port = (found[name] for name in ("user", "password", "host", "port"))
    if port is not None and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 2**16):
        raise ValueError(f"its port is no number from 1 to 65535; or {_ENCODE}")
    for part in (user or "", password or ""):
        _decoded(part)
    name, _, query = tail.partition("?")
    if not _decoded(name.removeprefix("/")):
        raise ValueError("it names no database")
    options = _options(query)
    if not host and (password or port) and not {"host", "hostaddr", "service"} & options:
        raise ValueError("it names no host (a socket's folder is written ?host=/run/postgresql)")


def _options(query: str) -> set[str]:
    """The names of the options of a PostgreSQL address. Raises ValueError for those that libpq does not know."""
    if not query:
        return set()
    from psycopg import pq  # its 64 ms would be a seventh of `status` on SQLite, which never needs it

    known = {one.keyword.decode() for one in pq.Conninfo.get_defaults()}
    options = parse_qsl(query, keep_blank_values=True)
    for name, value in options:
        said = f"its option {name}" if re.fullmatch(r"[A-Za-z_]{1,40}", name) else "an option of it"
        if name not in known:
            raise ValueError(f"{said} is none of PostgreSQL's")
        if name in _WHOLE_NUMBERS and not re.fullmatch("-?[0-9]{1,9}", value):
            raise ValueError(f"{said} is no whole number")
        _decoded(value)
    return {name for name, _ in options}


def _decoded(part: str) -> str:
    """The part as it is meant. Raises ValueError where that cannot be told, or is no text."""
    if re.search("%(?![0-9A-Fa-f]{2})", part):
        raise ValueError(_ENCODE)
    try:
        meant = unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("what is written with % in it is no UTF-8") from None
    if not meant.isprintable():
        raise ValueError("it holds a character that cannot be printed")
    return meant
