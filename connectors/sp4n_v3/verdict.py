"""Whether an answer's envelope says that the call went well. Pure.

A 2xx proves little: such systems say their failures under it too, in many words. So the success of a write is an
allow-list: a field must say so, and whatever else is said must be known to be no doubt of it. A write that is taken for
lost is read back, which costs a read; one that is taken for stored and is not costs the citizen the answer. Which forms
there are is assumed, from those that are common in PHP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from connectors.sp4n_v3.values import MAX_DEPTH, Row, identifier, strictly


class Says(Enum):
    """What an envelope says of its call."""

    SUCCESS = "success"
    FAILURE = "failure"  # or anything that is not known to mean success
    NOTHING = "nothing"


class _Field(Enum):
    """What a field of an envelope is for, by its name."""

    VERDICT = "verdict"  # true, "success", 200
    OUTCOME = "outcome"  # the same, by a name that a report's own field may have
    CODE = "code"  # a number: 2xx is success
    RESULT_CODE = "result code"  # the same, and never a report's own
    COMPLAINT = "complaint"  # anything in it is a failure
    DOUBT = "doubt"  # the same, of what is not done yet, or not wholly
    DONE = "done"  # what was done, or how much of it: nothing of it is a failure
    MESSAGE = "message"  # words for people
    WRAPPER = "wrapper"  # what it holds is an envelope again
    BESIDE = "beside"  # says nothing of the call


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_GROUPS: tuple[tuple[_Field, frozenset[str]], ...] = (
    (
        _Field.VERDICT,
        _names("status success succeeded successful ok issuccess issuccessful isok stat berhasil sukses"),
    ),
    (_Field.OUTCOME, _names("outcome hasil state sts kode kodestatus")),
    (
        _Field.CODE,
        _names("code statuscode httpcode httpstatus httpstatuscode responsecode resultcode"),
    ),
    (
        _Field.RESULT_CODE,
        _names("rc respcode retcode returncode returnvalue exitcode errno kodehasil koderespon koderespons"),
    ),
    (_Field.MESSAGE, _names("message msg pesan")),
    (_Field.WRAPPER, _names("results result data response body payload output")),
    (
        _Field.BESIDE,
        _names(
            "id uuid complaintid trackingid followupid timestamp time date datetime servertime requestid traceid path "
            "method version apiversion executiontime elapsed duration took locale lang links meta pagination"
        ),
    ),
)
_COMPLAINTS = re.compile(r"error|exception|fail|gagal|kesalahan|^fault|^(stack)?trace$")
_DOUBTS = re.compile(
    r"reject|tolak|invalid|denied|block|blokir|pending|queue|antri|tunda|draft|duplicat|duplikat|spam|batal|cancel"
    r"|skip|ignor|abai|drop|expire|kedaluwarsa|timeout|throttl|warn|peringatan|retry|moderat|partial|sebagian|conflict"
    r"|^(is|on)?(hold|held)$|^(is)?(locked|closed|full|readonly|dryrun|async)$|menunggu|waiting|unsaved|unsent"
)
_DONE = re.compile(
    r"(is|was|has|been|did|num(ber)?|n|total|jumlah|count|last|rows?|records?|data|sudah|telah|response|followup"
    r"|tindaklanjut|of)*"
    r"(sav|stor|insert|creat|writ|persist|affect|commit|accept|approv|process|deliver|send|sent|post|publish|submit"
    r"|receiv|add|record|regist|done|complet|finish|success|valid|ack|appl|modif|updat|chang|upsert|match|execut"
    r"|confirm|handl|forward|sukses|berhasil|simpan|kirim|terima|proses|catat|tambah|masuk|muat|selesai|teruskan|setuju)"
    r"(e|d|ed|en|ten|te|ied|ication|tion|ion|s|an|kan|i)?"
    r"(rows?|records?|count|total|data|num|n|ok|ids?|response|followup|flag|state|status)*"
    r"|(di|ter|di?per|me[mnl]?)[a-z]{0,3}(simpan|kirim|terima|proses|catat|tambah|muat|setujui|teruskan)[a-z]{0,3}"
    r"|(num|total|jumlah|n|affected)?(rows?|records?|count|total|jumlah)(num|n|affected|count)?"
)
_LONGEST_NAME = 40
_LONGEST_WORD = 60


class _Place(Enum):
    """Where in an answer an object stands."""

    TOP = "top"
    WRAPPED = "wrapped"  # right in it, or in what its wrappers hold
    DEEP = "deep"  # anywhere else: a part of a report


class _Part(NamedTuple):
    """One field; `under` is the name of the object that it stands in, "" at the top."""

    name: str
    value: object
    place: _Place
    under: str = ""


def of_write(envelope: Row) -> Says:
    """Return what the answer to a write says of it, by all that stands in it."""
    said = [_of_part(part) for part in _parts(envelope)]
    if Says.FAILURE in said:
        return Says.FAILURE
    return Says.SUCCESS if Says.SUCCESS in said else Says.NOTHING


def names_another(envelope: Row, ours: frozenset[str]) -> bool:
    """Return whether the answer to a write names another report than that of these ids, wherever it does."""
    return any(not ours.issuperset(_ids_in(part)) for part in _parts(envelope))


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
        bool(value) if not isinstance(value, str) else _SAD.search(value[:_WORDS_READ].lower()) is not None
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
            case _Field.RESULT_CODE if _number(value) > 0 and not 200 <= _number(value) < 300:
                return True
            case _:
                pass
    return False


# What stands where.


def _parts(fields: Row, place: _Place = _Place.TOP, under: str = "", deep: int = MAX_DEPTH) -> Iterator[_Part]:
    """Every field of an answer, and of the objects in it. What is nested deeper than `MAX_DEPTH` is a complaint."""
    for name, value in fields.items():
        yield _Part(name, value, place, under)
        is_wrapper = _field(name) is _Field.WRAPPER
        inner = _Place.WRAPPED if place is _Place.TOP or (place is _Place.WRAPPED and is_wrapper) else _Place.DEEP
        for found in _objects(_unpacked(value) if is_wrapper else value):
            if not deep:
                yield _Part("error", "nested too deep", inner)
                return
            yield from _parts(found, inner, under if is_wrapper else name, deep - 1)


def _objects(value: object) -> Iterator[Row]:
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _objects(part)


def _unpacked(value: object) -> object:
    """What a text of JSON holds, escaped up to twice; any other value, and a text that contradicts itself, as it is."""
    found = value
    for _ in range(2):
        if not isinstance(found, str):
            break
        try:
            found = strictly(found)
        except ValueError:
            return value
    return found


def _field(name: str) -> _Field | None:
    return _field_of(name) if len(name) <= _LONGEST_NAME else None


@lru_cache(maxsize=1024)
def _field_of(name: str) -> _Field | None:
    """`is_success`, `isSuccess` and `IS-SUCCESS` are one name."""
    bare = _bare(name)
    if _COMPLAINTS.search(bare):
        return _Field.COMPLAINT
    for field, names in _GROUPS:
        if bare in names:
            return field
    if _DOUBTS.search(bare) and not bare.endswith(_SAYS_WHO):
        return _Field.DOUBT
    return _Field.DONE if _DONE.fullmatch(bare) else None


_SAYS_WHO = ("by", "name", "type", "note", "url")


def _bare(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


# What a field says.


def _of_part(part: _Part) -> Says:
    name, value, place, _ = part
    match _field(name):
        case _Field.VERDICT | _Field.OUTCOME as field:
            is_own = field is _Field.OUTCOME or _bare(name) in {"status", "stat"}
            return _of_verdict(value, place, is_own=is_own)
        case _Field.CODE | _Field.RESULT_CODE as field:
            return _of_code(name, value, place, is_own=field is _Field.CODE)
        case _Field.COMPLAINT | _Field.DOUBT:
            return Says.FAILURE if _is_something(value) else Says.NOTHING
        case _Field.DONE:
            return Says.NOTHING if _is_done(value) else Says.FAILURE
        case _Field.MESSAGE if place is not _Place.DEEP:
            return _of_words(value)
        case _Field.WRAPPER if place is not _Place.DEEP:
            return _of_wrapper(value)
        case None if place is _Place.TOP:
            return Says.NOTHING if _is_empty(value) or isinstance(value, dict | list) else Says.FAILURE
        case None:
            return Says.FAILURE if _says_no(name, value) else Says.NOTHING
        case _:
            return Says.NOTHING


def _is_empty(value: object) -> bool:
    return value is None or value == ""


def _says_no(name: str, value: object) -> bool:
    """Whether a field whose name is not known says no, or tells of a failure in a word."""
    if value is False:
        return _FLAGS.search(name.lower()) is None
    return isinstance(value, str) and _is_curt(value) and name.lower() not in _TEXTS


_FLAGS = re.compile(
    r"secret|anonym|anonim|rahasia|priorit|public|publik|read|open|active|aktif|internal|rating|^has_"
)
_TEXTS = _names("title content template_content note info_disposition status_name name label")
"""Where a citizen, an officer or a report's own status may say such words."""


def _is_curt(words: str) -> bool:
    return _CURT.fullmatch(words[:_WORDS_READ].strip(" \t\r\n.!").lower()) is not None


def _of_verdict(value: object, place: _Place, *, is_own: bool) -> Says:
    """An object is no word; what is in it is looked at by itself. `is_own`: a report may have a word under this name."""
    if isinstance(value, dict):
        return Says.NOTHING
    if is_own and place is _Place.DEEP:
        return Says.FAILURE if value is False or (isinstance(value, str) and _is_curt(value)) else Says.NOTHING
    said = _verdict(value)
    return said if place is not _Place.DEEP or said is Says.FAILURE else Says.NOTHING


def _verdict(value: object) -> Says:
    """True, 1, 2xx, and the words of success; all else is none."""
    if isinstance(value, str):
        return Says.SUCCESS if _SUCCESS.fullmatch(value.strip(" \t\r\n.!").lower()) else Says.FAILURE
    if isinstance(value, int | float):  # True is 1
        return Says.SUCCESS if value == 1 or 200 <= value < 300 else Says.FAILURE
    return Says.FAILURE


_SUCCESS = re.compile(r"true|1|ok|success|successful|succeeded|sukses|berhasil|2[0-9][0-9]( ok| created)?")


def _of_code(name: str, value: object, place: _Place, *, is_own: bool) -> Says:
    """2xx is success, and 0 says nothing. `is_own`: a report may have a code under this name, and LAPOR counts its
    statuses by small numbers."""
    if isinstance(value, dict) or (is_own and place is _Place.DEEP) or (value is None and place is not _Place.TOP):
        return Says.NOTHING
    number = _number(value)
    if 200 <= number < 300:
        return Says.SUCCESS if place is not _Place.DEEP else Says.NOTHING
    is_status = _bare(name) == "statuscode" and place is not _Place.TOP and 0 < number < 100
    return Says.NOTHING if number == 0 or is_status else Says.FAILURE


def _number(value: object) -> float:
    """A number or one in a text; -1 for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip()) else -1


def _is_done(value: object) -> bool:
    """Whether something was done: true, one at least, a time or an id, a word of success; of a list or object, any."""
    if isinstance(value, str):
        word = value.strip().lower()
        return _DONE_WORD.fullmatch(word) is not None and re.search(r"[1-9a-z]", word) is not None
    return value > 0 if isinstance(value, int | float) else bool(value)


_DONE_WORD = re.compile(rf"{_SUCCESS.pattern}|yes|ya|done|selesai|[0-9a-f][0-9a-ftz:/. +-]{{0,50}}")


def _is_something(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in {"", "0", "false", "null", "none", "no", "tidak", "[]", "{}"}
    return bool(value)


def _of_words(value: object) -> Says:
    """Words for people are understood where each of them is known, and one is of success. A long number may be the id
    of another report."""
    if not isinstance(value, str):
        return Says.FAILURE if value else Says.NOTHING  # sentences by field: what is wrong with each
    words = re.findall(r"[^\W\d_]+", value[:_WORDS_READ].lower())
    if len(value) > _WORDS_READ or _LONG_NUMBER.search(value) or not _KNOWN.issuperset(words):
        return Says.FAILURE
    if _HAPPY.isdisjoint(words):
        return Says.FAILURE if value.strip() else Says.NOTHING
    return Says.SUCCESS


_WORDS_READ = 2000
_LONG_NUMBER = re.compile(r"\d{4}")
_HAPPY = _names(
    "success successful successfully succeeded sukses berhasil ok disimpan tersimpan dikirim terkirim dikirimkan "
    "ditambahkan dibuat dicatat tercatat diteruskan saved stored created added sent recorded submitted forwarded"
)
_KNOWN = _HAPPY | _names(
    "a an the is was are were has have had been your you our we to of for in on at by with and it this that anda kami "
    "ke di dari untuk pada oleh dengan dan yang ini itu telah sudah secara kepada baru data laporan pengaduan aduan "
    "tanggapan jawaban balasan tindak lanjut tindaklanjut komentar permintaan pelimpahan disposisi menyimpan mengirim "
    "mengirimkan menambahkan menambah membuat mencatat meneruskan penyimpanan pengiriman response reply answer comment "
    "follow followup up report complaint disposition request message record item operation terima kasih thank thanks "
    "http status done completed"
)
_SAD = re.compile(
    r"\b(gagal|errors?|fail(ed|ure|s)?|kesalahan|invalid|denied|ditolak|exception|forbidden|blocked|diblokir"
    r"|unauthori[sz]ed|unauthenticated|unsuccessful|rejected|maintenance|pemeliharaan|time-?out"
    r"|not|cannot|unable|tidak|belum|bukan)\b"
)


def _of_wrapper(value: object) -> Says:
    """`results: false` is PHP's way to say that it failed; a text in its place is JSON, an id, or words."""
    found = _unpacked(value)
    if isinstance(found, str):
        return Says.FAILURE if found.lstrip().startswith(("{", "[")) else _of_words(found)
    return Says.FAILURE if isinstance(found, int | float) and found <= 0 else Says.NOTHING


def _is_bad_word(value: object) -> bool:
    """Whether a single value says no, where a word that is not known may mean anything."""
    if isinstance(value, str):
        word = value.strip().lower()
        return bool(_NO.fullmatch(word) or _SAD.search(word[:_WORDS_READ])) and not _SUCCESS.fullmatch(word)
    if isinstance(value, int | float):
        return not 0 < value < 400
    return isinstance(value, list)


_NO = re.compile(r"0?|false|no|[345]\d\d")
_CURT = re.compile(rf"false|no|nok|nak|ko|[345]\d\d|pending|queued|antri|menunggu|batal|{_SAD.pattern}")


# Which report it names.


def _ids_in(part: _Part) -> Iterator[str]:
    """The ids of reports that a field says, as texts."""
    name, under = _bare(part.name[:_LONGEST_NAME]), _bare(part.under[:_LONGEST_NAME])
    if _ID_OF_REPORT.fullmatch(name) or (_REPORT.fullmatch(under) and name in _IDS):
        yield from _leaves(part.value)


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    elif value is not None and not isinstance(value, dict):
        yield identifier(value) or repr(value)


_A_REPORT = r"(complaints?|reports?|laporan|pengaduan|aduan|tickets?|tiket|tracking|case|kasus)"
_REPORT = re.compile(rf"(the|parent|old|new)?{_A_REPORT}(data|detail|row|record)?")
_ID_OF_REPORT = re.compile(
    rf"(id|no|nomor|number|kode|code|key|parent|target)?{_A_REPORT}(ids?|no|nomor|number|kode|code|key)?"
)
_IDS = _names("id ids no nomor number kode code key upstreamid")
