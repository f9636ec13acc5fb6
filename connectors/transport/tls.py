"""Whom we believe, and until when."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import certifi

from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.files import read_file

_MOST_CERTIFICATES = 16 * 2**20


def trusted() -> ssl.SSLContext:
    """Return whom we believe: the machine's own certificates, those that every browser knows, and SSL_CERT_FILE's.

    So an agency with a CA of its own (a proxy that looks into TLS, a gateway inside) puts it where it puts it for
    all programs, or into that file. Raises SettingsWrong where the file cannot be used.
    They are read once a process: that takes a tenth of a second, and a megabyte for each client of a worker.
    """
    return _trusted(os.environ.get("SSL_CERT_FILE"))


@cache
def _trusted(own: str | None) -> ssl.SSLContext:
    try:
        if own:  # read here first: OpenSSL waits for a pipe, and reads a device that has no end
            read_file(Path(own), _MOST_CERTIFICATES)
        context = ssl.create_default_context()  # by itself it would pass over an SSL_CERT_FILE that is not there
        context.load_verify_locations(certifi.where())  # a small server may have none of its own
        if own:
            context.load_verify_locations(own)
    except OSError as exc:  # an SSLError too: not PEM
        raise SettingsWrong((f"SSL_CERT_FILE: {own} holds no certificates that can be read",)) from exc
    return context


def end_of(connection: ssl.SSLObject | None) -> datetime | None:
    """Return until when the certificate of a connection's other end holds; None without TLS."""
    shown = connection.getpeercert() if connection else None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC) if shown else None
