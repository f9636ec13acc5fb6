"""Whether an answer's envelope says that the call went well. Pure.

A 2xx proves little: such systems say their failures under it too, in many words. So the success of a write is an
allow-list: a field must say so, and every other field must be known. A write that is taken for lost is read back, which
costs a read; one that is taken for stored and is not costs the citizen the answer. Which forms there are is assumed,
from those that are common in PHP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from typing import NamedTuple

from connectors.names import once_a_name
from connectors.sp4n_v3.values import MAX_DEPTH, Row, flag, identifier, moment, moment_or_none, strictly
from lapor_sync.domain.traces import letters


class Says(Enum):
    """What an envelope says of its call."""

    SUCCESS = "success"
    FAILURE = "failure"  # or anything that is not known
    NOTHING = "nothing"


class _Field(Enum):
    """What a field of an answer is for, by its name."""

    VERDICT = "verdict"  # true, "success", 200
    CODE = "code"  # a number: 2xx is success
    COMPLAINT = "complaint"  # anything in it is a failure
    MESSAGE = "message"  # words for people
    WRAPPER = "wrapper"  # what it holds is an envelope again
    ID = "id"  # of what was stored
    BESIDE = "beside"  # says nothing of the call: the answer's own, or a report's


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_GROUPS: tuple[tuple[_Field, frozenset[str]], ...] = (
    (
        _Field.VERDICT,
        _names("status success succeeded successful ok issuccess issuccessful isok stat berhasil sukses"),
    ),
    (
        _Field.CODE,
        _names(
            "code kode rc statuscode httpcode httpstatus httpstatuscode responsecode resultcode respcode retcode "
            "returncode errno"
        ),
    ),
    (_Field.MESSAGE, _names("message msg pesan")),
    (_Field.WRAPPER, _names("results result data response body payload output")),
    (_Field.ID, _names("id uuid followupid")),
    (
        _Field.BESIDE,
        _names(
            # the answer's own
            "timestamp time date datetime servertime requestid traceid path method version executiontime elapsed lang "
            # a report's, an item's of its thread, and of what these hold
            "complaint complaintid trackingid createdat updatedat deletedat title content templatecode templatecontent "
            "templateid institution institutionid institutionfrom institutionto institutionfromid institutiontoid "
            "institutionfromname institutiontoname disposition dispositionid dispositionname user userid name "
            "statusname statusid statusold statusnew statuslogs category categoryid classification channel location "
            "kecamatan kelurahan attachments attachment docs extension filename diskname filesize contenttype url type "
            "tags note reason reasondescription isrequest notauthority issecret isanonymous ispriority rating "
            "reporter reportername color"
        ),
    ),
)
_COMPLAINTS = re.compile(r"error|exception|fail|gagal|kesalahan|^fault|^(stack)?trace$|warn|peringatan")
_LONGEST_NAME = 40


class _Part(NamedTuple):
    """One field. `is_inner`: it stands in what a report or an item holds; `under`: in the object of this name."""

    name: str
    value: object
    is_inner: bool
    under: str = ""


def of_write(envelope: Row) -> Says:
    """Return what the answer to a write says of it, by all that stands in it."""
    said = [(_of_part(part), part.is_inner) for part in _parts(envelope)]
    if any(says is Says.FAILURE for says, _ in said):
        return Says.FAILURE
    gives_nothing = any(_field(name) is _Field.WRAPPER and _is_hollow(part) for name, part in envelope.items())
    return Says.SUCCESS if (Says.SUCCESS, False) in said and not gives_nothing else Says.NOTHING


def _is_hollow(value: object, deep: int = MAX_DEPTH) -> bool:
    """Whether nothing stands in what shall hold the thing that was stored: `{"data": null}`, `[]`, and the text of
    either. An item may have empty fields, and what an envelope says of the call is no thing."""
    found = _unpacked(value)
    if not isinstance(found, dict) or not deep:
        return found is None or (
            isinstance(found, str | list) and not (found.strip() if isinstance(found, str) else found)
        )
    parts = [part for name, part in found.items() if _field(name) not in _OF_THE_CALL]
    return not found or (bool(parts) and all(_is_hollow(part, deep - 1) for part in parts))


_OF_THE_CALL = frozenset({_Field.VERDICT, _Field.CODE, _Field.MESSAGE, _Field.COMPLAINT})


class Meant(NamedTuple):
    """What was written: the ids of its report, its text, the institution that it was written for, and by which account.

    `template` ("" for a hand-over) and `is_secret` are a response's. `known` are the ids of what was in the thread
    before, `began_at` is when the call began, `zone` that of upstream's times.
    """

    ids: frozenset[str]
    text: str
    writer: str
    user: str = ""
    template: str = ""
    is_secret: bool = False
    known: frozenset[str] = frozenset()
    began_at: datetime | None = None
    zone: tzinfo = UTC


def is_of_another(envelope: Row, meant: Meant, address: str = "") -> bool:
    """Return whether the answer to a write names another report, or shows another item than the one that was written.

    `address` is where it says that the result stands.
    """
    if not meant.ids.issuperset(_ADDRESS.findall(address)):
        return True
    return any(
        not meant.ids.issuperset(_ids_in(part)) or _is_another_echo(part, meant) for part in _parts(envelope)
    )


def reports_named(fields: Row) -> frozenset[str]:
    """Return the ids of the report that these fields of a read say that they are of, the objects of one among them."""
    inner = {name: value for name, value in fields.items() if isinstance(value, dict) and _is_report(name)}
    parts = [_Part(name, value, is_inner=False) for name, value in fields.items() if _names_report(name)]
    parts += [
        _Part(part, said, is_inner=True, under=name)
        for name, value in inner.items()
        for part, said in value.items()
    ]
    return frozenset(found for part in parts for found in _ids_in(part) if found.isalnum())


def reports_about(around: object, heads: Mapping[str, str]) -> frozenset[str]:
    """Return the ids of the report that an answer to a read says that it is about: beside what it holds, in the objects
    that tell of the answer, and in its headers (`Answer.heads`)."""
    said = [_Part(name.removeprefix("x-"), value, is_inner=False) for name, value in heads.items()]
    said += _parts_around(around, MAX_DEPTH)
    told = [part for part in said if part.under or _says_about(part.name) or _bare(part.name) in _ADDRESSES]
    return frozenset(found for part in told for found in _ids_in(part) if found.isalnum() and found != "0")


def _parts_around(around: object, deep: int) -> Iterator[_Part]:
    if not isinstance(around, dict) or not deep:
        return
    for name, value in around.items():
        if isinstance(value, dict) and _is_report(name):
            yield from (_Part(part, said, is_inner=True, under=name) for part, said in value.items())
        elif isinstance(value, dict) and (_field(name) is _Field.WRAPPER or _bare(name) in _AROUND):
            yield from _parts_around(value, deep - 1)
        else:
            yield _Part(name, value, is_inner=False)


_AROUND = _names("meta metadata request params parameters query links pagination paging")


@once_a_name
def _says_about(name: str) -> bool:
    """Whether that is the name of an id: `complaints` is one of a count, `kode_laporan` may be one of any code."""
    return _ABOUT.fullmatch(_bare(name[:_LONGEST_NAME])) is not None


@once_a_name
def _names_report(name: str) -> bool:
    bare = _bare(name[:_LONGEST_NAME])
    return _ID_OF_REPORT.fullmatch(bare) is not None and not bare.startswith(("parent", "target"))


@once_a_name
def _is_report(name: str) -> bool:
    bare = _bare(name[:_LONGEST_NAME])
    return _REPORT.fullmatch(bare) is not None and not bare.startswith(("parent", "old", "new"))


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
            case _Field.CODE if _is_bad_number(name, value) and "status_name" not in fields:
                return True
            case _:
                pass
    return False


def _is_bad_number(name: str, value: object) -> bool:
    """Whether a code of a read is one of failure. A `kode` may be a report's own, and so may a small number be but for
    names that no report's field has."""
    number, bare = _number(value), _bare(name)
    return bare != "kode" and (number >= 300 or (0 < number < 200 and bare in _ONLY_AN_ANSWER_S))


_ONLY_AN_ANSWER_S = _names("rc respcode retcode returncode errno")


# What stands where.


def _parts(fields: Row, under: str = "", *, is_inner: bool = False, deep: int = MAX_DEPTH) -> Iterator[_Part]:
    """Every field of an answer, and of the objects in it. What is nested deeper than `MAX_DEPTH` is a complaint."""
    for name, value in fields.items():
        yield _Part(name, value, is_inner, under)
        field = _field(name)
        is_wrapper = field is _Field.WRAPPER
        inner = is_inner or field not in {_Field.WRAPPER, _Field.VERDICT}
        for found in _objects(_unpacked(value) if is_wrapper else value):
            if not deep:
                yield _Part("error", "nested too deep", is_inner)
                return
            yield from _parts(found, under if is_wrapper else name, is_inner=inner, deep=deep - 1)


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


@once_a_name
def _field(name: str) -> _Field | None:
    """`is_success`, `isSuccess` and `IS-SUCCESS` are one name; a number is that of a row."""
    if len(name) > _LONGEST_NAME:
        return None
    bare = _bare(name)
    if _COMPLAINTS.search(bare):
        return _Field.COMPLAINT
    if name.isdecimal():
        return _Field.BESIDE
    if not _NAME.fullmatch(name):
        return None  # a sign in it may turn it round
    return next((field for field, names in _GROUPS if bare in names), None)


_NAME = re.compile(r"[A-Za-z][A-Za-z_ -]*")


def _bare(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


# What a field says.


def _of_part(part: _Part) -> Says:
    """Return what one field says. Below a report's own fields a `status` or `code` is that of an institution, say."""
    name, value, is_inner, _ = part
    match _field(name):
        case _Field.COMPLAINT:
            return Says.FAILURE if _is_something(value) else Says.NOTHING
        case _Field.VERDICT if not (value and isinstance(value, dict)) and not (
            is_inner and _bare(name) in _ALSO_A_REPORT_S
        ):
            return _verdict(value)
        case _Field.CODE if not (is_inner and _bare(name) in _ALSO_A_REPORT_S):
            return _of_code(name, value)
        case _Field.MESSAGE if not is_inner:
            return _of_words(value)
        case _Field.WRAPPER if not is_inner:
            return _of_wrapper(value)
        case _Field.ID if not is_inner and not (_is_something(value) and _ID.fullmatch(identifier(value) or "")):
            return Says.FAILURE
        case _Field.BESIDE:
            is_known = _is_of_its_kind(part) and (is_inner or _says_nothing_bad(_bare(name), value))
            return Says.NOTHING if is_known else Says.FAILURE
        case None:
            return Says.FAILURE
        case _:
            return Says.NOTHING


_ID = re.compile(r"(?=[0-]*[1-9A-Fa-f])[0-9A-Fa-f][0-9A-Fa-f-]{0,63}")


def _is_of_its_kind(part: _Part) -> bool:
    """Return whether a field that says nothing of the call holds what such a field holds.

    In the place of a value, a list or an object with texts under numbers (a list, in PHP) is what is wrong with it;
    where a list is none that a write gives, neither is such an object.
    """
    if part.name.isdecimal():
        return part.is_inner and isinstance(part.value, dict)
    if isinstance(part.value, list):
        return not part.value or (
            _bare(part.name) in _LISTS and all(isinstance(value, dict) for value in part.value)
        )
    return True


_LISTS = _names("attachments attachment docs tags statuslogs")


def _says_nothing_bad(name: str, value: object) -> bool:
    """Return whether a field of an answer's own, or of the one thing in it, has a value that is known.

    What a citizen or officer wrote is not looked at: it may hold any word.
    """
    if name == "deletedat":
        return value is None
    if name in {"complaintid", "trackingid"}:
        return value is not None
    known = _VALUES.get(name) or (_NUMBER if name.endswith("id") or name.startswith("is") else None)
    if value is None or isinstance(value, list) or (isinstance(value, dict) and known is None):
        return True
    said = str(value).strip().lower()
    if name in _TIMES:
        return _is_time(value) or (name == "time" and _ELAPSED.fullmatch(said) is not None)
    if len(said) > _LONGEST_VALUE or isinstance(value, dict):
        return known is None
    if known is None:
        return name in _FREE or not (_SAD.search(said) or _WRONG.search(said))
    return said == "" or known.fullmatch(said) is not None


def _is_time(value: object) -> bool:
    try:
        moment(value, UTC)
    except ValueError:
        return False
    return True


_LONGEST_VALUE = 300
_FREE = _names("title content templatecontent location reporter reportername user username reasondescription")
_WRONG = re.compile(
    r"\b(wajib|harus|kosong|terlalu|maksimal|melebihi|required|must|may|too|empty|missing|expired)\b"
)
_NUMBER = re.compile(r"[0-9a-f-]{1,64}|[0-9]+\.[0-9]+|true|false")
_TOKEN = re.compile(r"(?!.*(error|fail|gagal|invalid))[a-z0-9 ._:/+-]{1,128}")
_ELAPSED = re.compile(r"[0-9.,]+ ?(ms|s|seconds?|detik)?")
_TIMES = _names("timestamp time date datetime servertime createdat updatedat")
_ADDRESSED = re.compile(r"(?!.*(error|login|masuk|fail|gagal))\S*/complaints?(/\S*)?")
_GOES_ON = re.compile(
    "(belum )?terverifikasi|dalam proses|selesai|ditindaklanjuti oleh instansi|ditanggapi oleh pelapor"
)
_VALUES = {
    **dict.fromkeys(("requestid", "traceid", "version", "lang"), _TOKEN),
    **dict.fromkeys(("executiontime", "elapsed"), _ELAPSED),
    **dict.fromkeys(("url", "path"), _ADDRESSED),
    "rating": re.compile(r"[0-9](\.[0-9])?"),
    "method": re.compile("post"),
    "type": re.compile("success|info|ok|reply|answer|followup|complaint"),
    "reason": _NUMBER,  # of a hand-over: where to
    **dict.fromkeys(("statusname", "name"), _GOES_ON),
    "note": re.compile(r"(berhasil|sukses|success|ok|terima kasih)[.!]?"),
}
"""By a field's name what it may say, in small letters; a number where the name is that of an id or of a truth."""
_ALSO_A_REPORT_S = _names("status code kode")


def _verdict(value: object) -> Says:
    """True, 1, 200, 201 and the words of success; all else is none: 202 is not done yet."""
    if isinstance(value, str):
        return Says.SUCCESS if _SUCCESS.fullmatch(value.strip(" \t\r\n.!").lower()) else Says.FAILURE
    if isinstance(value, int | float):  # True is 1
        return Says.SUCCESS if value in {1, 200, 201} else Says.FAILURE
    return Says.FAILURE


_SUCCESS = re.compile(r"true|1|ok|success|successful|succeeded|sukses|berhasil|20[01]( ok| created)?")


def _of_code(name: str, value: object) -> Says:
    """200 and 201 are success; "00", as banks write it, says nothing, nor does 0 as the number of an error."""
    if _number(value) in {200, 201}:
        return Says.SUCCESS
    says_nothing = value == "00" or (_bare(name) == "errno" and _number(value) == 0)
    return Says.NOTHING if says_nothing else Says.FAILURE


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
    """Words for people are understood where each of them is known, and one is of success. A number may be another
    report's id, or how many were stored: none."""
    if not isinstance(value, str):
        return Says.FAILURE if value else Says.NOTHING  # sentences by field: what is wrong with each
    words = re.findall(r"[^\W\d_]+", value[:_WORDS_READ].lower())
    numbers = {*re.findall(r"\d+", value[:_WORDS_READ])}
    if len(value) > _WORDS_READ or numbers - {"200", "201"} or not _PLAIN.fullmatch(value):
        return Says.FAILURE
    if not _KNOWN.issuperset(words):
        return Says.FAILURE
    if _HAPPY.isdisjoint(words):
        return Says.FAILURE if value.strip() else Says.NOTHING
    return Says.SUCCESS


_WORDS_READ = 2000
_PLAIN = re.compile(r"\s*(?![!-])[\w\s.,:;!'\"()/&\u2013\u2019-]*")
"""No sign that turns words round: a question mark, a cross, an exclamation mark before them."""
_HAPPY = _names(
    "success successful successfully succeeded sukses berhasil ok disimpan tersimpan dikirim terkirim dikirimkan "
    "ditambahkan dibuat dicatat tercatat diteruskan saved stored created added sent recorded submitted forwarded"
)
_KNOWN = _HAPPY | _names(
    "a an the is was are were has have had been your you our we to of for in on at by with and it this that anda kami "
    "ke di dari untuk pada oleh dengan dan yang ini itu telah secara kepada baru data laporan pengaduan aduan "
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
    """`results: false` is PHP's way to say that it failed; a text in its place is JSON, an id, or words. A list with
    something in it is what a read gives."""
    found = _unpacked(value)
    if isinstance(found, list):
        return Says.FAILURE if found else Says.NOTHING
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


# Which report it names.


def _ids_in(part: _Part) -> Iterator[str]:
    """The ids of reports that a field says, as texts."""
    name, under = _bare(part.name[:_LONGEST_NAME]), _bare(part.under[:_LONGEST_NAME])
    if isinstance(part.value, str) and name in _ADDRESSES:
        yield from _ADDRESS.findall(part.value)
    if part.name.isdecimal() and len(part.name) >= _LEAST_DIGITS and _REPORT.fullmatch(under):
        yield part.name
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
_ABOUT = re.compile(rf"(id|no|nomor|number){_A_REPORT}|{_A_REPORT}(ids?|no|nomor|number)|tracking(kode|code|key)")
_IDS = _names("id ids no nomor number kode code key upstreamid")
_ADDRESSES = _names("url path link links location contentlocation href self")
_ADDRESS = re.compile(r"/complaints?/(?:process/)?([0-9][A-Za-z0-9-]*)")
_LEAST_DIGITS = 4
"""Of a key that is an id: a list that became an object is counted from 0."""


def _is_another_echo(part: _Part, meant: Meant) -> bool:
    """Whether it tells of another response that an answer gives back: an old one, or one of another kind."""
    name, value = _bare(part.name[:_LONGEST_NAME]), part.value
    if part.is_inner:
        return False
    if name == "content":
        return not isinstance(value, str) or letters(value) != letters(meant.text)
    if value is None:
        return False
    if name == "institutionfromid":
        return identifier(value) != meant.writer
    if not meant.template:
        return False
    match name:
        case "userid":
            return bool(meant.user) and identifier(value) not in {meant.user, None}
        case "templatecode":
            return value != meant.template
        case "issecret":
            return flag(value) != meant.is_secret
        case "createdat":
            return _is_far(moment_or_none(value, meant.zone), meant.began_at)
    return _field(part.name) is _Field.ID and identifier(value) in meant.known


def _is_far(said: datetime | None, began_at: datetime | None) -> bool:
    """Whether a time is none of the call's day: by more than its zone may be wrong."""
    return said is not None and began_at is not None and abs(said - began_at) > timedelta(days=1)
