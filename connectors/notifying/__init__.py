"""Notices by Apprise: e-mail, and whatever else it knows an address for. One text to one address, within a limit.

A channel answers yes or no; what a no means, only what Apprise logs beside it can tell. So a failure counts as not taken
where that log proves it: nobody was connected to, or the other side refused with a code. Everything else is in doubt,
a text that was half a minute on its way, too.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from lapor_sync.domain.errors import NoticeError, NoticeInDoubt, NoticeNotTaken
from lapor_sync.domain.notices import address_of

SECONDS = 30.0
"""A whole call takes so long at most; then it is in doubt."""
CONNECT_SECONDS = 10.0

_NOT_TAKEN = re.compile(
    r"""\[Errno\ -\d+\]                 # the host's name has no address
      | \[Errno\ 111\]                  # connection refused
      | Failed\ to\ establish\ a\ new\ connection | ConnectTimeout | connect\ timeout=
      | CERTIFICATE_VERIFY_FAILED | WRONG_VERSION_NUMBER
      | STARTTLS\ extension\ not\ supported
      | \(\s*[45]\d\d,\s*b['"]          # an SMTP server's refusal, as smtplib writes it
      | \berror=4\d\d\b                 # an HTTP server's, as Apprise writes it""",
    re.VERBOSE,
)
_TAKEN = re.compile(r"^Sent ")
"""Where one text has several targets, one of them may have taken it before another refused."""


@dataclass(frozen=True, kw_only=True)
class Channels:
    """Implements `ports.Sender`. `person` has an Apprise address for each kind, with `{to}`; `{from}` is the sender."""

    sender: str
    person: Mapping[str, str] = field(default_factory=dict, repr=False)
    technical_urls: tuple[str, ...] = field(default=(), repr=False)
    seconds: float = SECONDS

    @property
    def kinds(self) -> tuple[str, ...]:
        """What a person may choose."""
        return tuple(self.person)

    @property
    def technical(self) -> int:
        """How many technical channels there are."""
        return len(self.technical_urls)

    def send(self, to: str, subject: str, text: str, kind: str = "email") -> None:
        """Send one text to one address. Raises NoticeNotTaken, NoticeInDoubt."""
        template = self.person.get(kind)
        if template is None:
            raise NoticeNotTaken(f"There is no channel {kind} any more.", reason="no_channel")
        if address_of(kind, to) != to:  # what Apprise takes for two addresses, or for an option, is none of ours
            raise NoticeNotTaken("The address is none.", reason="no_address")
        self._send(template.replace("{to}", quote(to, safe="")), subject, text)

    def send_technical(self, number: int, subject: str, text: str) -> None:
        """Send one text to a technical channel. Raises NoticeNotTaken, NoticeInDoubt."""
        if not 0 <= number < self.technical:
            raise NoticeNotTaken("There is no such technical channel any more.", reason="no_channel")
        self._send(self.technical_urls[number], subject, text)

    def _send(self, url: str, subject: str, text: str) -> None:
        """In a thread of its own, which is left behind where the call takes too long: it ends with the process."""
        call = _Call(url.replace("{from}", quote(self.sender, safe="")), subject, text)
        thread = threading.Thread(target=call.run, daemon=True)
        thread.start()
        thread.join(self.seconds)
        if thread.is_alive():
            raise NoticeInDoubt(f"The channel did not end within {self.seconds:.0f} s.", reason="too_slow")
        if call.error is not None:
            raise call.error


@dataclass
class _Call:
    """One text on its way to one address."""

    url: str = field(repr=False)
    subject: str
    text: str
    error: NoticeError | None = None

    def run(self) -> None:
        """Send it; what went wrong is in `error`."""
        try:
            self._run()
        except NoticeError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - a library's fault must not leave a notice without an end
            self.error = NoticeInDoubt(f"The channel failed: {type(error).__name__}.", reason="failed")

    def _run(self) -> None:
        with _heard() as said:
            service = _service(self.url)
            if service is None:
                raise NoticeNotTaken("The channel's address is none that Apprise knows.", reason="no_address")
            _reach(service)
            if service.notify(body=self.text, title=self.subject, body_format="text"):
                return
        if any(map(_NOT_TAKEN.search, said)) and not any(map(_TAKEN.search, said)):
            raise NoticeNotTaken("The channel did not take it.", reason="not_taken")
        raise NoticeInDoubt("The channel may have taken it, or not.", reason="unclear")


def _service(url: str) -> Any:
    """What Apprise makes of an address; plain text goes there, not HTML, unless the address wants it otherwise."""
    import apprise  # a third of a second: only who sends waits for it

    plain = url if "format=" in url else f"{url}{'&' if '?' in url else '?'}format=text"
    return apprise.Apprise.instantiate(plain)


def _reach(service: Any) -> None:
    """Raise NoticeNotTaken where a mail server cannot be reached: later nobody could tell that from a lost reply."""
    host, port = getattr(service, "smtp_host", None) or None, getattr(service, "port", None)
    if host is None or not isinstance(port, int):
        return
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        raise NoticeNotTaken(
            f"The mail server cannot be reached ({type(error).__name__}).", reason="unreachable"
        ) from error


class _heard(logging.Handler):  # noqa: N801 - it is used as a function
    """All that Apprise logs in this thread while the block runs, as texts that stay here: they may hold secrets."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []
        self.thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            with suppress(Exception):
                self.said.append(record.getMessage())

    def __enter__(self) -> list[str]:
        logger = logging.getLogger("apprise")
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self)
        return self.said

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)
