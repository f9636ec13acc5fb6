"""Files from outside are opened at once or refused at once, whatever stands under their names."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from lapor_sync.domain.files import MOST_TEXT, open_regular, read_file, read_text


def strange(folder: Path) -> dict[str, tuple[Path, str]]:
    """What is no file of text, and how it is called."""
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
    (folder / "link").symlink_to(folder / "pipe")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "large").write_bytes(b"x" * (MOST_TEXT + 1))
    (folder / "latin").write_bytes(b"caf\xe9")
    with (folder / "huge").open("wb") as file:
        file.truncate(2**40)
    return {
        "pipe": (folder / "pipe", "it is a pipe; write it into a file and give that"),
        "link to a pipe": (folder / "link", "it is a pipe"),
        "socket": (folder / "socket", "it is a socket"),
        "folder": (folder, "it is a folder"),
        "endless device": (Path("/dev/zero"), "it is a device"),
        "terminal": (Path("/dev/tty"), "it is a device"),
        "nothing": (folder / "none", "No such file"),
        "below a file": (folder / "latin" / "x", "Not a directory"),
        "loop": (folder / "loop", "Too many levels"),
        "large": (folder / "large", "it has more than 1 MB"),
        "huge": (folder / "huge", "it has more than 1 MB"),
        "NUL": (folder / "a\0b", "no file has such a name"),
        "long": (folder / ("x" * 5000), "File name too long"),
        "not UTF-8": (folder / "latin", "it is not UTF-8 text"),
    }


NAMES = (
    *(
        "pipe",
        "link to a pipe",
        "socket",
        "folder",
        "endless device",
        "terminal",
        "nothing",
        "below a file",
        "loop",
    ),
    *("large", "huge", "NUL", "long", "not UTF-8"),
)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_file_of_text_is_refused_in_words(tmp_path: Path, name: str) -> None:
    """At once, and with a reason that can be shown."""
    path, said = strange(tmp_path)[name]
    with pytest.raises(OSError, match=re.escape(said)):
        read_text(path)


def test_a_file_is_read_within_its_bound(tmp_path: Path) -> None:
    """Through a link, and without a byte order mark."""
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfbaik")
    (tmp_path / "b").symlink_to("a")
    assert read_text(tmp_path / "b") == "baik"
    assert read_file(tmp_path / "a", 7) == b"\xef\xbb\xbfbaik"
    with pytest.raises(OSError, match="more than"):
        read_file(tmp_path / "a", 6)


def test_a_pipe_that_takes_the_files_place_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the opening."""
    (tmp_path / "file").write_text("x")
    regular = os.stat(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(os, "stat", lambda _path: regular)
    with pytest.raises(OSError, match="it is a pipe"):
        open_regular(tmp_path / "pipe")
