"""Whether an answer's envelope says that the call went well. Pure.

A 2xx proves little: such systems say their failures under it too, in many words. So success is an allow-list: what
was to be written is taken for written only where a field says so and none says anything else. Which forms
there are is assumed, from those that are common in PHP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache

from connectors.sp4n_v3.values import Row, unpacked


class Says(Enum):
    """What an envelope says of its call."""

    SUCCESS = "success"
    FAILURE = "failure"  # or a word that is not known to mean success
    NOTHING = "nothing"


class _Field(Enum):
    """What a field of an envelope is for, by its name."""

    VERDICT = "verdict"  # true, "success", 200
    CODE = "code"  # a number: 2xx is success
    COMPLAINT = "complaint"  # anything in it is a failure
    MESSAGE = "message"  # words for people
    WRAPPER = "wrapper"  # what it holds is an envelope again


_VERDICTS = frozenset(
    ["status", "success", "succeeded", "successful", "ok", "issuccess", "issuccessful", "isok", "stat"]
)
_CODES = frozenset(
    ["code", "statuscode", "httpcode", "httpstatus", "httpstatuscode", "responsecode", "resultcode"]
)
_MESSAGES = frozenset(["message", "msg", "pesan"])
_WRAPPERS = frozenset(["results", "result", "data", "response", "body", "payload", "output"])
_COMPLAINTS = re.compile(r"error|exception|fail|gagal|kesalahan|^fault|^(stack)?trace$")
_LONGEST_NAME = 40
_DEEPEST = 4


def of_write(envelope: Row) -> Says:
    """Return what the answer to a write says of it, by all of its fields and those of the objects in it."""
    said = [_of_field(name, value, top=top) for fields, top in _levels(envelope) for name, value in fields.items()]
    if Says.FAILURE in said:
        return Says.FAILURE
    return Says.SUCCESS if Says.SUCCESS in said else Says.NOTHING


def is_failed_read(envelope: Row) -> bool:
    """Return whether the answer to a read says that it failed.

    A read is tolerant: a word that is not known is no failure where rows came. But an empty result is believed only
    where nothing speaks against it.
    """
    status, found = envelope.get("status"), envelope.get("results")
    inner = found if isinstance(found, dict) else {}
    if status is not None and _is_bad_word(status):
        return True
    if _complains(envelope) or _complains(inner) or _complains(inner.get("data")):
        return True
    is_hollow = "results" in envelope and not (inner.get("data", True) if inner else found)
    return is_hollow and (_sighs(envelope) or ("status" in envelope and _verdict(status) is not Says.SUCCESS))


def _sighs(envelope: Row) -> bool:
    """Whether its words for people tell of a failure."""
    return any(
        _of_field(name, value, top=True) is Says.FAILURE
        for name, value in envelope.items()
        if _field(name) is _Field.MESSAGE
    )


def _complains(fields: object) -> bool:
    """Whether a field of a read's answer says that it failed; its `status` aside, which may be a report's."""
    if not isinstance(fields, dict):
        return False
    for name, value in fields.items():
        match _field(name):
            case _Field.COMPLAINT if _is_something(value):
                return True
            case _Field.VERDICT if name.lower() != "status" and _is_bad_word(value):
                return True
            case _Field.CODE if _number(value) >= 300 and "status_name" not in fields:
                return True
            case _:
                pass
    return False


def _levels(envelope: Row) -> Iterator[tuple[Row, bool]]:
    """The envelope (True), each object right in it, and what its wrappers hold."""
    yield envelope, True
    for name, value in envelope.items():
        for inner in _objects(value, is_wrapper=_field(name) is _Field.WRAPPER, deep=_DEEPEST):
            yield inner, False


def _objects(value: object, *, is_wrapper: bool, deep: int) -> Iterator[Row]:
    if is_wrapper and isinstance(value, str):
        value = unpacked(value)
    if isinstance(value, list) and deep:
        for part in value:
            yield from _objects(part, is_wrapper=is_wrapper, deep=deep - 1)
    elif isinstance(value, dict):
        yield value
        for name, part in value.items() if is_wrapper and deep else ():
            if _field(name) is _Field.WRAPPER:
                yield from _objects(part, is_wrapper=True, deep=deep - 1)


def _field(name: str) -> _Field | None:
    return _field_of(name) if len(name) <= _LONGEST_NAME else None


@lru_cache(maxsize=1024)
def _field_of(name: str) -> _Field | None:
    """`is_success`, `isSuccess` and `IS-SUCCESS` are one name."""
    bare = re.sub(r"[^a-z]", "", name.lower())
    if _COMPLAINTS.search(bare):
        return _Field.COMPLAINT
    groups = {_Field.VERDICT: _VERDICTS, _Field.CODE: _CODES, _Field.MESSAGE: _MESSAGES, _Field.WRAPPER: _WRAPPERS}
    return next((field for field, names in groups.items() if bare in names), None)


def _of_field(name: str, value: object, *, top: bool) -> Says:
    match _field(name):
        case _Field.VERDICT:
            # An object is no word; what is in it is looked at by itself.
            return Says.NOTHING if isinstance(value, dict) else _verdict(value)
        case _Field.CODE:
            return _of_code(value, top=top)
        case _Field.COMPLAINT:
            return Says.FAILURE if _is_something(value) else Says.NOTHING
        case _Field.MESSAGE:
            return _of_words(value)
        case _Field.WRAPPER:
            return _of_wrapper(value)
        case None:
            return Says.NOTHING


def _verdict(value: object) -> Says:
    """True, 1, 2xx, and the words of success; all else is none."""
    if isinstance(value, str):
        return Says.SUCCESS if _SUCCESS.fullmatch(value.strip(" \t\r\n.!").lower()) else Says.FAILURE
    if isinstance(value, int | float):  # True is 1
        return Says.SUCCESS if value == 1 or 200 <= value < 300 else Says.FAILURE
    return Says.FAILURE


_SUCCESS = re.compile(r"true|1|ok|success|successful|succeeded|sukses|berhasil|2[0-9][0-9]( ok| created)?")


def _of_code(value: object, *, top: bool) -> Says:
    """2xx is success; 0 says nothing, and inside of an answer nor does a small number: LAPOR counts statuses so."""
    if value is None or isinstance(value, dict):
        return Says.NOTHING if isinstance(value, dict) or not top else Says.FAILURE
    number = _number(value)
    if 200 <= number < 300:
        return Says.SUCCESS
    return Says.NOTHING if number == 0 or (not top and 0 < number < 100) else Says.FAILURE


def _number(value: object) -> float:
    """A number or one in a text; -1 for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip()) else -1


def _is_something(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in {"", "0", "false", "null", "none", "no", "tidak", "[]", "{}"}
    return bool(value)


def _of_words(value: object) -> Says:
    """Words for people: those of failure are believed at once, those of success where nothing speaks against them."""
    if not isinstance(value, str):
        return Says.FAILURE if value else Says.NOTHING  # sentences by field: what is wrong with each
    words = value[:_WORDS_READ].lower()
    if _SAD.search(words):
        return Says.FAILURE
    return Says.SUCCESS if _HAPPY.search(words) else Says.NOTHING


_WORDS_READ = 2000
_SAD = re.compile(
    r"\b(gagal|errors?|fail(ed|ure|s)?|kesalahan|invalid|denied|ditolak|exception|forbidden|blocked|diblokir"
    r"|unauthori[sz]ed|unauthenticated|unsuccessful|rejected|maintenance|pemeliharaan|time-?out"
    r"|not|cannot|unable|tidak|belum|bukan)\b"
)
_HAPPY = re.compile(r"\b(success|successful|successfully|succeeded|sukses|berhasil|ok)\b")


def _of_wrapper(value: object) -> Says:
    """`results: false` is PHP's way to say that it failed; a text in its place is words."""
    if value is False:
        return Says.FAILURE
    return (
        _of_words(value)
        if isinstance(value, str) and not isinstance(unpacked(value), dict | list)
        else Says.NOTHING
    )


def _is_bad_word(value: object) -> bool:
    """Whether a single value says no, where a word that is not known may mean anything."""
    if isinstance(value, str):
        word = value.strip().lower()
        return bool(_NO.fullmatch(word) or _SAD.search(word[:_WORDS_READ])) and not _SUCCESS.fullmatch(word)
    if isinstance(value, int | float):
        return not 0 < value < 400
    return isinstance(value, list)


_NO = re.compile(r"0?|false|no|[345]\d\d")
