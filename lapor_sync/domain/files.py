"""Files that come from outside: opened only where they are regular ones, and read within a bound. And folders of ours.

A pipe waits for ever for who writes into it, `/dev/zero` never ends, and to open a device may do something. So what a
person or a setting names is opened here and nowhere else. Every failure is an OSError whose `strerror` can be shown.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MOST_TEXT = 1024 * 1024
"""Bytes of a file of settings, a secret, limits, holidays, or a response."""

_KINDS = {
    stat.S_IFDIR: "it is a folder",
    stat.S_IFIFO: "it is a pipe; write it into a file and give that",
    stat.S_IFSOCK: "it is a socket",
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
}


def open_regular(path: Path) -> int:
    """A descriptor of a regular file, to be read; through links, and at once, whatever stands there. Raises OSError."""
    try:
        _need_regular(os.stat(path))  # before it is opened: to open a device may do something
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError:  # a NUL in the path
        raise OSError(errno.EINVAL, "no file has such a name") from None
    try:
        _need_regular(os.fstat(descriptor))  # another one may have taken its place
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_file(path: Path, most: int = MOST_TEXT) -> bytes:
    """A file's bytes. Raises OSError, also where there are more than `most`."""
    with open(open_regular(path), "rb") as file:
        content = file.read(most + 1) or b""  # what has nothing to give now (of the kernel's own) gives None
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most / 2**20:g} MB")
    return content


def read_text(path: Path) -> str:
    """A text file, without a byte order mark. Raises OSError, also where it is no UTF-8."""
    try:
        return read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "it is not UTF-8 text; save it as plain text in UTF-8") from None


def make_folder(path: Path, mode: int) -> None:
    """Make a folder with that mode, and likewise those above it that are not there, whatever the umask.

    `Path.mkdir` gives its mode to the last one alone: whoever may write in one above may put another in its place.
    """
    if not path.parent.exists():
        make_folder(path.parent, mode)
    path.mkdir(mode=mode, exist_ok=True)


def strange(known: os.stat_result) -> str | None:
    """What it is, in words, that is no regular file; None for one."""
    if stat.S_ISREG(known.st_mode):
        return None
    return _KINDS.get(stat.S_IFMT(known.st_mode), "it is no regular file")


def _need_regular(known: os.stat_result) -> None:
    if (what := strange(known)) is not None:
        raise OSError(errno.EINVAL, what)
