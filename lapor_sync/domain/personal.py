"""What is kept where a reporter is not to be known, and where one wants to be forgotten. Source: rules, "Personal data".

Of a payload as it came: a name may stand under any key, so these tables name what is kept, and nothing else is: texts,
ids, times, statuses, institutions and files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum

from lapor_sync.domain.delivery import carries, references_in, with_reference
from lapor_sync.domain.report import ItemKind, Report, ThreadItem
from lapor_sync.domain.thread import words

_TEXTS = """
id tracking_id complaint_id title content template_code template_content date timestamp
created_at updated_at date_of_incident is_anonymous is_secret is_priority rating status_code status_name
disposition_id disposition_name classification_id classification_name category_id category_name location_name
institution_id institution_name institution_from_id institution_to_id
"""
_PLAIN = frozenset(_TEXTS.split())
"""Kept where they hold a text, a number, a truth or nothing."""

_THINGS = """
status status_old status_new disposition classification category location channel tags_raw institution
institution_from institution_to institution_from_name institution_to_name
"""
_NAMED = frozenset(_THINGS.split())
"""Kept as `_PLAIN`, and of an object its id and name: these are things, not persons."""

_LOGS = frozenset({"data_logs", "status_logs"})
_RECORDS = _LOGS | {"data"}
_OF_LOG = frozenset({"note", "reason_description"})
"""Kept as `_PLAIN` in what a log holds; beside a report's own fields such a text may be about its reporter."""

_FILES = frozenset({"attachments", "docs"})
_FILE = "id path url link file file_name filename original_name name extension ext"
_OF_FILE = frozenset(_FILE.split())
_FILE_NAMES = frozenset({"file_name", "filename", "original_name"})
_OF_THING = frozenset({"id", "name"})
_NESTED = _NAMED | _RECORDS | _FILES

HIDING_FLAGS = frozenset({"is_anonymous", "is_secret"})


def without_persons(text: str) -> str:
    """The JSON `text` with what the tables name, and nothing else of it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    kept = json.dumps(_record(found), ensure_ascii=False, separators=(",", ":"))
    return kept.encode(errors="replace").decode()  # a text of JSON may hold half a letter as an escape


def _record(value: object, *, is_log: bool = False) -> object:
    """A record, a list of them (PHP's object with numbers as keys too), or a text that holds either."""
    value = _opened(value)
    if isinstance(value, list):
        return [_record(part, is_log=is_log) for part in value]
    if isinstance(value, dict):
        plain = _PLAIN | _OF_LOG if is_log else _PLAIN
        kept = {}
        for key, part in value.items():
            if key in plain:
                if _is_plain(part):
                    kept[key] = part
            elif key.isdecimal() or key in _NESTED:
                kept[key] = _kept(key, part, is_log=is_log)
        return kept
    return None


def _kept(key: str, value: object, *, is_log: bool) -> object:
    if key in _NAMED:
        return _some(value, _OF_THING)
    if key in _FILES:
        return _some(_opened(value), _OF_FILE)
    return _record(value, is_log=is_log or key in _LOGS)


def _some(value: object, keys: frozenset[str]) -> object:
    """A plain value, of an object what stands under these keys, each of a list, or of PHP's list."""
    if isinstance(value, list):
        return [_some(part, keys) for part in value]
    if isinstance(value, Mapping):
        inner = {key: _some(part, keys) for key, part in value.items() if key.isdecimal() or key in _FILES}
        if keys is _OF_FILE and _FILE_NAMES & value.keys():
            keys -= {"name"}  # it is not the file's
        return inner | {key: part for key, part in value.items() if key in keys and _is_plain(part)}
    return value


def _is_plain(value: object) -> bool:
    return not isinstance(value, dict | list)


def _opened(value: object) -> object:
    """What a text of JSON holds; any other value as it is."""
    for _ in range(2):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value


# What a citizen asked for.


class Withheld(StrEnum):
    """What is done to a report at the wish of who wrote it, whatever LAPOR sends of it again."""

    HELD = "held"  # it is mirrored as if it were rahasia. Source: UU 27/2022, article 11
    ERASED = "erased"  # what it says is mirrored no more; that it was there is. Source: articles 8 and 43


ERASED_WORDS = "[dihapus]"
"""What stands where somebody's words were."""


def withheld_report(report: Report, how: Withheld) -> Report:
    """Return what is mirrored of a report that is held back or erased. What is counted by stays."""
    if how is Withheld.HELD:
        return report._replace(is_secret=True, reporter_name=None)
    return report._replace(
        title="",
        content="",
        location=None,
        kelurahan=None,
        date_of_incident=None,
        tags=None,
        reporter_name=None,
        attachments=(),
    )


def erased_items(items: Iterable[ThreadItem], prefix: str, issued: Iterable[str]) -> tuple[ThreadItem, ...]:
    """Return a thread without what was said in it; references stay: by them an answer is known as ours.

    An item without a word stays so: that somebody wrote nothing is told from that they wrote.
    """
    refs = frozenset(issued)
    return tuple(_erased(item, prefix, refs) for item in items)


_NAMES_ITS_AUTHOR = frozenset({ItemKind.ANSWER, ItemKind.DISPOSITION})
"""Items whose author is an institution."""


def _erased(item: ThreadItem, prefix: str, issued: frozenset[str]) -> ThreadItem:
    said = references_in(item.content, prefix) | {ref for ref in issued if carries(item.content, ref)}
    text = ERASED_WORDS if words(item.content) else ""
    for ref in sorted(said):
        text = with_reference(text, ref)
    author = item.author if item.kind in _NAMES_ITS_AUTHOR else None
    return item._replace(content=text, author=author, attachments=())
