"""What goes with each call besides LAPOR's bearer and token, and until when do the credentials hold?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lapor_sync.check.lines import LOOK, WRONG, Line
from lapor_sync.config import SECRETS, Settings, read_secrets
from lapor_sync.domain.access import ends_soon
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.ports import Clock


def about_credentials(settings: Settings, clock: Clock) -> Iterator[Line]:
    """Name the gateway's headers, never their values, and tell when a credential ends that says so."""
    try:
        secrets = read_secrets(settings)
    except SettingsWrong:
        return  # a file that went since the start: the call to LAPOR says so
    if secrets.headers:
        yield Line(question="Which headers go to the gateway?", answer=", ".join(sorted(secrets.headers)))
    for name, end in secrets.ends().items():
        yield _until(f"the {name}" if name in SECRETS else name, end, settings, clock)


def _until(name: str, end: datetime, settings: Settings, clock: Clock) -> Line:
    question = f"Until when does {name} hold?"
    answer = f"{end.astimezone(settings.timezone):%Y-%m-%d %H:%M %Z}"
    todo = "Ask who gave it to you for a new one, and put it in its file."
    now = clock.now()
    if end <= now:
        return Line(question=question, answer=f"it ended on {answer}", verdict=WRONG, todo=todo)
    if ends_soon(end, now):
        return Line(question=question, answer=answer, verdict=LOOK, todo=todo)
    return Line(question=question, answer=answer)
