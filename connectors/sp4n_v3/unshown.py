"""Whether an item of a thread says of itself that nobody is shown it: deleted, hidden, refused, not published yet. Pure.

No such field was seen of LAPOR (assumed, from those that are common in PHP). A field that says so wrongly costs a person
a look at LAPOR; one that is not known costs the citizen the answer.
"""

from __future__ import annotations

from connectors.names import once_a_name, words_in, words_of
from connectors.sp4n_v3.values import Row, mapping

_OF_UNSHOWN = """
delete deleted deletion removed hide hidden trashed archived draft reject rejected refused declined denied withheld
unpublished suppressed blocked banned spam failed failure error cancelled canceled withdrawn takedown trash suspended
rejection private internal dihapus terhapus hapus disembunyikan tersembunyi sembunyi ditolak tolak penolakan draf gagal
dibatalkan batal diblokir ditarik
"""
_OF_SHOWN = """
published publish public visible approved shown show displayed active tayang tampil tampilkan ditampilkan terlihat
terbit diterbitkan publikasi dipublikasikan disetujui publik aktif
"""
_NOT_YET = """
pending queued queue waiting awaiting review moderation unapproved unpublish inactive nonaktif menunggu moderasi ditinjau
dimoderasi persetujuan antre antrean
"""
_OF_STATES = """
status state stage visibility moderation approval publication publish review result flag flags moderasi publikasi hasil
"""
_HOLDERS = ("data", "meta", "metadata", "attributes", "pivot", "extra")
"""Under these names stand fields of the item itself."""
_OF_RIGHTS = "can may allow allowed boleh bisa dapat url link href tombol button count jumlah old new lama baru"
_OF_TIMES = frozenset({"at", "on", "time", "date", "pada", "waktu", "tanggal"})
_UNSHOWN, _SHOWN = frozenset(_OF_UNSHOWN.split()), frozenset(_OF_SHOWN.split())
_STATES, _BAD_STATES = frozenset(_OF_STATES.split()), _UNSHOWN.union(_NOT_YET.split())
_TURNED = frozenset({"not", "un", "non", "tidak", "belum"})
_RIGHTS = frozenset(_OF_RIGHTS.split())
"""What may be done with an item, where, how often, or what a report's status was, tells nothing of the item itself."""
_OF_WHOM = frozenset({"public", "publik", "private", "internal"})
_ALONE = _OF_WHOM.union((f"is{word}" for word in _OF_WHOM), ("is", ""))
"""Beside other words these tell nothing."""
_INNER = frozenset({"name", "nama", "code", "kode", "label", "value", "slug", "key"})
_NO = frozenset({"false", "f", "no", "n", "off", "tidak", "belum", "null", "none", "nil", "n/a", "ok"})
_LONGEST_STATE = 60


def says_unshown(row: Row) -> bool:
    """Whether one of an item's own fields, or of an object of such in it, says so."""
    held = (mapping(row[name]) for name in _HOLDERS if name in row)
    return any(_says_so(name, value) for some in (row, *held) for name, value in some.items() if _may_say_so(name))


@once_a_name
def _may_say_so(name: str) -> bool:
    """Whether a field has a name that tells anything of that: few have."""
    return not _words(name).isdisjoint(_SHOWN | _UNSHOWN | _STATES)


def _words(name: str) -> frozenset[str]:
    """The words of a name that tell something, also of one written together: `isdeleted`, `deletedat`."""
    words = words_of(name)
    words = words.union(word.removeprefix("is") for word in words)
    timed = (_SHOWN | _UNSHOWN).intersection(word.removesuffix("at") for word in words if word.endswith("at"))
    words = words.union(timed, {"at"} if timed else ())
    return words if words <= _ALONE else words - _ALONE


def _says_so(name: str, value: object) -> bool:
    words = _words(name)
    if words & _RIGHTS:
        return False
    if isinstance(value, dict):
        is_said = bool(words & _STATES) and any(
            _says_so(inner, part) or (inner in _INNER and _is_bad_state(part)) for inner, part in value.items()
        )
        return is_said or bool(value and words & _UNSHOWN)
    if words & _SHOWN:
        if words & _TURNED:
            return _is_yes(value)
        return _is_no(value) or _is_bad_state(value) or (value is None and bool(words & _OF_TIMES))
    if words & _UNSHOWN:
        return _is_yes(value)
    return (
        bool(words) and words <= _STATES and any(map(_is_bad_state, value if isinstance(value, list) else [value]))
    )


def _is_yes(value: object) -> bool:
    return value is not None and not isinstance(value, list) and not _is_no(value)


def _is_no(value: object) -> bool:
    """Whether a value says no, or nothing: also the time that databases give for none, and a dash."""
    if isinstance(value, str):
        said = value.strip().lower()
        is_nothing = not any(letter.isalnum() and letter != "0" for letter in said) or said.startswith(
            "0001-01-01"
        )
        return is_nothing or said in _NO
    return isinstance(value, int | float) and not value


def _is_bad_state(value: object) -> bool:
    """Whether a word for a state is one of what is not shown; a status of the report is no such word."""
    if not isinstance(value, str) or len(value) > _LONGEST_STATE:
        return False
    words = words_in(value)
    return bool(words & _BAD_STATES) or bool(words & _SHOWN and words & _TURNED)
