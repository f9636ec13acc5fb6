"""Which passwords are refused. Source: people.md; NIST SP 800-63B, 5.1.1.2: long, not common, no rules of composition.

The list is one of *kinds*, not of millions of leaked ones: words that people here begin with, walks over the keyboard,
rows of letters and digits. A password is common where nothing of its own is left once these are taken out, so that
`Rahasia12345`, `P@ssw0rd2026!`, `semarang-2026` and a NIP are refused as their thousand siblings are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from lapor_sync.domain.refusals import Code, Refused

LEAST = 12
MOST = 200
"""Longer ones cost work, and nobody types them."""

_WORDS = """
password passwort passw pass sandi katasandi kunci rahasia masuk login welcome selamat datang selamatdatang letmein
admin administrator induk adminkota root user pengguna guest tamu test testing coba cobacoba demo default change changeme
ganti gantisandi gantidong secret master super superman batman dragon monkey football sepakbola bola sunshine princess
shadow iloveyou love cinta sayang sayangku sayangkamu akucintakamu kamu kita kasih bunda mama papa ayah ibu bapak anak
anakku keluarga bismillah alhamdulillah assalamualaikum subhanallah insyaallah masyaallah allah allahuakbar muhammad
yesus tuhan berkah amanah indonesia merdeka garuda pancasila bhinneka jakarta bandung surabaya semarang yogyakarta jogja
medan makassar palembang denpasar bali jawa sumatera kalimantan sulawesi papua lapor span pemkot pemkab pemda pemerintah
kota kabupaten provinsi kecamatan kelurahan desa dinas kantor bupati walikota camat lurah pejabat penghubung pegawai asn
pns nip opd pupr perkim dishub diskominfo kominfo bappeda inspektorat sekda sekretariat kesehatan pendidikan januari
februari maret april mei juni juli agustus september oktober november desember senin selasa rabu kamis jumat sabtu
minggu january february march may june july august october december monday friday sunday spring summer autumn winter
hello hallo halo computer komputer internet google facebook instagram whatsapp samsung oppo android windows
oke siap mantap juara sukses semangat bahagia jaya sejahtera abadi sentosa makmur
"""

_WALKS = (
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "abcdefghijklmnopqrstuvwxyz",
    "1234567890",
    "0987654321",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "a1b2c3d4e5f6g7h8i9j0",
    "1a2b3c4d5e6f7g8h9i0j",
    "147258369",
    "789456123",
)

_LEET = str.maketrans("013457@$!|+", "oieastasiit")
_OWN = 4
"""So many letters of its own make a password no common one."""

_FEW = 5
"""Fewer different characters than these are a row."""


def canonical(password: str) -> str:
    """Return the password in the one form that is hashed: what looks the same is the same on each keyboard."""
    return unicodedata.normalize("NFKC", password).encode(errors="replace").decode()


def problem(password: str, sign_in: str, institutions: Iterable[str] = ()) -> Refused | None:
    """Return why this may not be the password of who signs in so; None where it may.

    `institutions`: their names. The towns in them are what people here begin with.
    """
    said = canonical(password)
    if len(said) < LEAST:
        return Refused(Code.PASSWORD_TOO_SHORT, least=LEAST)
    if len(said) > MOST:
        return Refused(Code.PASSWORD_TOO_LONG, most=MOST)
    if _holds(said, sign_in):
        return Refused(Code.PASSWORD_HAS_SIGN_IN)
    return Refused(Code.PASSWORD_COMMON) if is_common(said, towns(institutions)) else None


def _holds(password: str, sign_in: str) -> bool:
    """Whether the sign-in name is in it, or what stands before the @ of an e-mail address; also backwards."""
    plain = re.sub(r"\s", "", password.casefold())
    mine = {sign_in.casefold(), sign_in.casefold().partition("@")[0]}
    names = {one for one in mine if len(one) >= 3}
    return any(one in plain or one[::-1] in plain for one in names)


def towns(institutions: Iterable[str]) -> frozenset[str]:
    """Return the words of the towns whose institutions these are: of `Dinas Sosial Kota Bengkulu` it is `bengkulu`."""
    places = (found[1] for name in institutions if (found := _TOWN.match(name.casefold())))
    return frozenset(word for place in places for word in re.findall(r"[^\W\d_]{4,}", place))


def is_common(password: str, names: Iterable[str] = ()) -> bool:
    """Return whether nothing of its own is left without the common words, these names, walks and rows."""
    plain = password.casefold()
    if len(set(plain)) < _FEW:
        return True
    common = re.compile("|".join(sorted({*_WORDS.split(), *names}, key=len, reverse=True)))
    return any(_is_common(form, common) for form in (plain, plain.translate(_LEET)))


def _is_common(form: str, common: re.Pattern[str]) -> bool:
    """Whether of its letters too few are left; a row of many different common words is a passphrase, and fine."""
    runs = re.findall(r"[^\W\d_]+", re.sub(r"(.)\1{2,}", r"\1", _without_walks(form)))
    words = {word for run in runs for word in common.findall(run)}
    own = "".join(dict.fromkeys(common.sub("", run) for run in runs))
    return len(own) < _OWN and len(words) <= _FEW_WORDS


def _without_walks(form: str) -> str:
    """The text without what is a piece of a walk, there or back."""
    pieces = [at for at in range(len(form) - _STEPS + 1) if form[at : at + _STEPS] in _PIECES]
    walked = {at + step for at in pieces for step in range(_STEPS)}
    return "".join(" " if at in walked else letter for at, letter in enumerate(form))


_FEW_WORDS = 3
_STEPS = 4
"""So many neighbours are a piece of a walk."""

_PIECES = frozenset(
    walk[at : at + _STEPS] for one in _WALKS for walk in (one, one[::-1]) for at in range(len(one) - _STEPS + 1)
)
_TOWN = re.compile(r".*\b(?:kota|kabupaten|provinsi)\s+(.+)")
