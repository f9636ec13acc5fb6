"""Logs: events with ids on standard error; what could be a secret, a name or a text is not in them.

    log = structlog.get_logger()
    log.info("report_mirrored", tracking_id="7123456", colour="merah")

JSON lines for journald and files, readable lines on a terminal. The rule is an allow-list, `hide`:

- the event is a name such as `report_mirrored`; anything else (an interpolated sentence) is hidden;
- numbers, true, false and null pass under every key;
- texts pass only under a key of `CODES`, and only if they look like an id, code, state, hash or time;
- the sentences of our own errors pass under a key of `SENTENCES`, cut, without URLs and shapes of secrets;
- everything else becomes `[hidden]`. Of an exception its type and its places in the code pass, not its message
  (a database error repeats the row, a parser's error the text).
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, tzinfo
from enum import Enum
from types import TracebackType
from typing import TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from lapor_sync.domain.advice import Advice
from lapor_sync.domain.names import shown_time

HIDDEN = "[hidden]"

_CODES = """
agency answers attachment attempt attempts audit_head began_at channel classification clock closed_at code
colour colour_new colour_old colours command complete conflict conflicts count counts created_at cursor
cycle day deadline decision delivery due_at ended_at error extension failed feature field first_at flag flags
from_state hash head header host id ids institution institution_id item items key keys kind last_at
last_success_at level library limit lock method missing mode moved new next_at next_try_at old oldest_waiting_at
opd opd_id opd_ids outbox outcome outcomes page path phase port process reason ref refs report report_id
reports result retry_at rules scenario seq setting settings signal since since_at source started_at state
state_from state_to states status step table thread_id timestamp timezone to_state trace tracking_id
tracking_ids trigger until updated_at updated_from version waiting_on waits written_at
"""
CODES = frozenset(_CODES.split())
"""Keys that may hold ids, codes, states, hashes and times. A test finds log calls with other keys."""

SENTENCES = frozenset({"what", "todo", "database"})
"""Keys for what we ourselves wrote: an error's two lines, the database's name without password."""

_EVENT = re.compile(r"[a-z][a-z0-9_]{0,79}")
_CODE = re.compile(r"[A-Za-z0-9_.:+/{}\[\]=<>-]{0,120}")
_SECRET_SHAPES = re.compile(r"(?i)bearer\s+\S+|\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?")
_URL = re.compile(r"(?i)\b(https?://)(?:[^\s/@]*@)?([^\s/?#@]+)[^\s]*")
_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_LIBRARIES_WITH_URLS = ("httpx", "httpcore")


def configure(
    stream: TextIO,
    *,
    terminal: bool,
    level: str = "info",
    journal: bool = False,
    colours: bool = True,
    zone: tzinfo = UTC,
    say: Callable[[Advice], str] = str,
) -> None:
    """Let all that is logged from now on go to `stream`, one line an event.

    `terminal` chooses readable lines, in colour if `colours`, with all times in `zone`; `journal` puts sd-daemon(3)'s
    priority before each JSON line (`is_journal` tells whether `stream` leads there). `level` is debug, info, warning
    or error. `say` makes the sentence of an advice.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            exceptions_without_message,
            _Saying(say),
            hide,
            *_rendering(terminal, journal, colours, zone),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    _take_over_libraries()


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether `stream` is the very one that systemd connected to the journal (systemd.exec(5))."""
    try:
        there = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def _rendering(terminal: bool, journal: bool, colours: bool, zone: tzinfo) -> list[Processor]:
    if terminal:
        return [
            _ForPeople(zone),
            structlog.dev.ConsoleRenderer(colors=colours),
        ]
    stamped = structlog.processors.TimeStamper(fmt="iso", utc=True)
    return [stamped, _json_with_priority if journal else structlog.processors.JSONRenderer()]


class _ForPeople:
    """Says when it was, and every time in the event, in a zone that it names."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        shown = {key: self._shown(value) for key, value in event.items()}
        now = datetime.now(self._zone).strftime("%H:%M:%S %Z")
        return {"timestamp": now, **shown}

    def _shown(self, value: object) -> object:
        if isinstance(value, list):
            return [self._shown(one) for one in value]
        if isinstance(value, str) and _TIME.fullmatch(value):
            with suppress(ValueError):
                return shown_time(datetime.fromisoformat(value), self._zone)
        return value


_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9:]+)")


def _json_with_priority(logger: WrappedLogger, method: str, event: EventDict) -> str:
    line = structlog.processors.JSONRenderer()(logger, method, event)
    return f"<{_PRIORITY.get(event['level'], 6)}>{line!s}"


class _Saying:
    """Puts what to do into words."""

    def __init__(self, say: Callable[[Advice], str]) -> None:
        self._say = say

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {key: self._say(value) if isinstance(value, Advice) else value for key, value in event.items()}


# --- what may be seen --------------------------------------------------------------------------------------


def hide(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor that applies the rule of this module to every key but the event's name."""
    shown = {key: _shown(key, value) for key, value in event.items() if key != "event"}
    name = str(event.get("event"))
    return {"event": name if _EVENT.fullmatch(name) else HIDDEN, **shown}


def _shown(key: str, value: object) -> object:
    match value:
        case Enum():
            return _shown(key, value.value)
        case None | bool() | int() | float():
            return value
        case str() if key in CODES:
            return _code(value)
        case str() if key in SENTENCES:
            return _sentence(value)
        case datetime() if key in CODES and value.tzinfo is not None:
            return _in_utc(value)
        case date() if key in CODES:  # a datetime is a date
            return value.isoformat()
        case Mapping():
            return {_code(str(name)): _shown(key, item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_shown(key, item) for item in value]
        case _:
            return HIDDEN


def _in_utc(at: datetime) -> str:
    """A time in the form of the interface."""
    with suppress(OverflowError):
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _code(text: str) -> str:
    if _CODE.fullmatch(text) and not _URL.search(text) and not _SECRET_SHAPES.search(text):
        return text
    return HIDDEN


def _sentence(text: str) -> str:
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    masked = _SECRET_SHAPES.sub(HIDDEN, _URL.sub(r"\1\2/...", one_line))
    return masked if len(masked) <= 300 else masked[:300] + "..."


def exceptions_without_message(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """`exc_info` as `error` (its type) and `trace` (`file:line:function`, innermost last, causes after it)."""
    error = _exception(event.pop("exc_info", None))
    if error is not None:
        event["error"] = type(error).__name__
        event["trace"] = _trace(error)
    return event


def _exception(given: object) -> BaseException | None:
    match given:
        case BaseException():
            return given
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exc_info()[1]
        case _:
            return None


def _trace(error: BaseException) -> list[str]:
    places: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        places += [f"{type(cause).__name__}:", *_places(cause.__traceback__)]
        cause = cause.__cause__ or cause.__context__
    return places


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-12:]
    return [f"{'/'.join(f.filename.split(os.sep)[-2:])}:{f.lineno}:{f.name}" for f in frames]


# --- what libraries log ------------------------------------------------------------------------------------


def _take_over_libraries() -> None:
    """httpx logs every full URL: it is silent. Of others' warnings the fact passes, not the text."""
    for name in _LIBRARIES_WITH_URLS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        logging.getLogger(name).propagate = False
    root = logging.getLogger()
    if not any(isinstance(handler, _ToEvents) for handler in root.handlers):
        root.addHandler(_ToEvents(level=logging.WARNING))


class _ToEvents(logging.Handler):
    """Makes an event of a library's log record."""

    def emit(self, record: logging.LogRecord) -> None:
        log: FilteringBoundLogger = structlog.get_logger()
        log.log(record.levelno, "library_message", library=record.name, exc_info=record.exc_info)


# --- one failure many times --------------------------------------------------------------------------------


class Thinned:
    """Logs the 1st, 2nd, 4th, 8th ... time that something fails, so that an outage does not drown the log.

    For one thread. `times` in the event is how often it has happened since it last went well.
    """

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._times: Counter[str] = Counter()

    def again(self, event: str, **ids: object) -> None:
        """It failed; a warning at each doubling."""
        self._times[event] += 1
        times = self._times[event]
        if times & (times - 1) == 0:
            self._log.warning(event, times=times, **ids)

    def over(self, event: str, as_event: str, **ids: object) -> None:
        """It went well: if `event` had happened, say once, as `as_event`, how many times it had."""
        if times := self._times.pop(event, 0):
            self._log.info(as_event, times=times, **ids)
