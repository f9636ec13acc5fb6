"""The certificates of this machine, read once a process: for each transport anew they take a tenth of a second."""

from __future__ import annotations

import os
import ssl
from functools import cache

import pytest

from connectors.transport import tls

_read = tls.trusted


@cache
def _trusted(_file: str | None) -> ssl.SSLContext:
    return _read()


def read_once(patch: pytest.MonkeyPatch) -> None:
    """Every transport of this process believes the same, by what SSL_CERT_FILE says when it is made."""
    patch.setattr(tls, "trusted", lambda: _trusted(os.environ.get("SSL_CERT_FILE")))
