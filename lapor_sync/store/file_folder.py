"""The folder of citizens' files: each under the hash of its bytes, a name of ours, for nobody else to read."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lapor_sync.domain.files import make_folder

_NAME = re.compile(r"[0-9a-f]{64}")
_LEFT_OVER = 3600.0
"""A part that is older was left by a process that died."""


@dataclass(frozen=True, slots=True)
class FileFolder:
    """One agency's folder; it is made when the first file comes."""

    path: Path

    def put(self, content: bytes) -> str:
        """Store it whole or not at all, and return its name. Raises OSError."""
        name = hashlib.sha256(content).hexdigest()
        place = self._place(name)
        if place.exists():
            return name
        make_folder(place.parent, 0o700)
        part = place.parent / f".{secrets.token_hex(8)}.part"
        try:
            with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(place)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
        return name

    def read(self, name: str) -> bytes | None:
        """Return what is stored under a name; None where it is not there any more."""
        try:
            return self._place(name).read_bytes()
        except OSError:
            return None

    def remove(self, name: str) -> None:
        """Remove it, if it is there."""
        with suppress(OSError):
            self._place(name).unlink()

    def names(self) -> Iterator[str]:
        """All that is stored an hour or longer; what a process that died left of a part goes."""
        before = time.time() - _LEFT_OVER
        for file in self.path.glob("*/*"):
            with suppress(OSError):
                if file.lstat().st_mtime > before:
                    continue
                if _NAME.fullmatch(file.name):
                    yield file.name
                elif file.name.endswith(".part"):
                    file.unlink()

    def _place(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError("no name of a stored file")
        return self.path / name[:2] / name
