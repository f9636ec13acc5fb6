"""The zip that an .xlsx is: what it may hold, how much, and its parts as well-formed text.

Whoever made the file may mean harm: everything is bounded before it is unpacked, and again while it is.
Source: ISO/IEC 29500-2, the parts of a package; limits are ours.
"""

from __future__ import annotations

import codecs
import os
import posixpath
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, NoReturn
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from lapor_sync.domain.advice import Advice, Todo, advise
from lapor_sync.domain.errors import BadInput

MIB = 1024**2
MOST_FILE = 256 * MIB
MOST_PARTS = 2_000
MOST_DIRECTORY = MIB
MOST_UNPACKED = 2048 * MIB
MOST_RATIO = 100
SMALL = 64 * MIB
MOST_SMALL_PART = 8 * MIB
"""Of a part that says something of the workbook: its sheets, styles, relations."""

MOST_DEPTH = 100
"""Of marks within each other: the parser remembers each."""

_CHUNK = 64 * 1024
_MOST_CHUNKS_IN_A_TAG = 32

# What zipfile and the XML parser are known to raise over a broken file.
_BROKEN = (
    BadZipFile,
    EOFError,
    IndexError,
    KeyError,
    LargeZipFile,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    expat.ExpatError,
    zlib.error,
)

_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")
_DAMAGED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,8})|([0-9]{1,10}));")
_LONGEST_REFERENCE = 14
_DECLARED = re.compile(rb"""^<\?xml[^>]{0,100}?encoding=["']([A-Za-z0-9._-]+)""")
_ENCODINGS = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "utf-16", "iso-8859-1", "latin1", "windows-1252"})
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))

REPLACEMENT = "\ufffd"


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """How a file is spoken of: its name, and what to do where it is broken."""

    name: str
    todo: Advice

    def refused(self, what: str, todo: Advice | None = None) -> BadInput:
        return BadInput(f"{self.name}: {what}", todo=todo or self.todo)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Say of whatever the libraries raise that the file is broken."""
        try:
            yield
        except _BROKEN as exc:
            raise self.refused(f"the file is broken ({type(exc).__name__}).") from exc


class Package:
    """The parts of the file, by their names: in small letters, with `/`, as Windows compares them."""

    def __init__(self, stream: BinaryIO, said: Said) -> None:
        """Raises BadInput where the file is larger than such a file can be, holds two parts of one name, or one that is
        packed otherwise than the source allows: others may take gigabytes to unpack little."""
        self.said = said
        _refuse_large(stream, said)
        with said.translated():
            self._archive = ZipFile(stream)
        infos = self._archive.infolist()
        self._packed, self._shown = sum(info.compress_size for info in infos), 0
        self._refuse_unpacked(sum(info.file_size for info in infos))
        self._infos: dict[str, ZipInfo] = {}
        for info in infos:
            if info.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
                raise said.refused("it is packed in a way that no workbook is.")
            name = part_name(info.filename)
            if self._infos.setdefault(name, info) is not info and not name.endswith("/"):
                raise said.refused(f"it holds two parts of one name ({name[:80]!r}).")

    def _refuse_unpacked(self, whole: int) -> None:
        if whole > MOST_UNPACKED or (whole > SMALL and whole > MOST_RATIO * self._packed):
            raise self.said.refused("unpacked it is far larger than such a file can be.", DIVIDE)

    def show(self, letters: int) -> None:
        """Count what cells show of the texts that they share: one text may stand in each of a million.

        Raises BadInput where it is more than what such a file may unpack to.
        """
        self._shown += letters
        self._refuse_unpacked(self._shown)

    def __contains__(self, name: str) -> bool:
        return name in self._infos

    def names(self) -> Iterable[str]:
        """The names of all parts."""
        return self._infos.keys()

    def prove(self, name: str) -> None:
        """Read a part to its end, so that it is known to be whole. Raises BadInput."""
        for _ in self._chunks(name):
            pass

    def _chunks(self, name: str) -> Iterator[bytes]:
        info = self._infos.get(name)
        if info is None:
            raise self.said.refused(f"a part of it is missing ({name[:80]!r}).")
        if info.flag_bits & 1:
            todo = advise(Todo.NO_PASSWORD)
            raise self.said.refused("the file is protected with a password.", todo)
        read = 0
        with self.said.translated(), self._archive.open(info) as part:
            while chunk := part.read(_CHUNK):
                read += len(chunk)
                if read > info.file_size:
                    raise self.said.refused("unpacked it is larger than it says.")
                yield chunk

    def texts(self, name: str, *, most: int = MOST_UNPACKED) -> Iterator[str]:
        """The part as text, piece by piece: what no XML may hold is replaced by U+FFFD, for Excel opens it too."""
        decoder, rest, read = None, "", 0
        for chunk in self._chunks(name):
            read += len(chunk)
            if read > most:
                raise self.said.refused(f"a part of it is far larger than it can be ({name[:80]!r}).")
            decoder = decoder or self._decoder(chunk)
            is_sound = len(chunk.translate(None, _CONTROLS)) == len(chunk) and b"&#" not in chunk
            text = rest + decoder.decode(chunk)
            if not is_sound or rest or "\uffff" in text or "\ufffe" in text:
                text = _REFERENCE.sub(_sound_reference, _DAMAGED.sub(REPLACEMENT, text))
            text, rest = _cut_in_reference(text)
            yield text
        yield rest

    def _decoder(self, begin: bytes) -> codecs.IncrementalDecoder:
        encoding = next((name for mark, name in _MARKS if begin.startswith(mark)), None)
        declared = _DECLARED.search(begin)
        if encoding is None and declared and not begin.startswith(codecs.BOM_UTF8):
            encoding = declared[1].decode().lower()
            if encoding not in _ENCODINGS:
                raise self.said.refused(f"its letters are stored in a way that is not known ({encoding[:30]}).")
        if encoding in {None, "utf-8", "utf8"}:
            encoding = "utf-8-sig"
        return codecs.getincrementaldecoder(encoding or "")(errors="replace")

    def parse(self, texts: Iterator[str], parser: expat.XMLParserType) -> Iterator[None]:
        """Feed the parser piece by piece. Raises BadInput for XML that is broken, or that no workbook holds."""
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.buffer_text = True
        at, stuck = -1, 0
        with self.said.translated():
            for text in texts:
                parser.Parse(text, False)
                stuck = stuck + 1 if parser.CurrentByteIndex == at else 0
                at = parser.CurrentByteIndex
                if stuck > _MOST_CHUNKS_IN_A_TAG:  # the parser would keep the whole of it
                    raise self.said.refused("it holds a mark that is far longer than it can be.")
                yield
            parser.Parse("", True)
            yield

    def _refuse_doctype(self, *_args: object) -> NoReturn:
        raise self.said.refused("it declares a document type, as no workbook does; it may be made to do harm.")

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """What a part is related to, by the relation's id: its kind (the last word of its type) and the part's name."""
        folder, base = posixpath.split(name)
        rels = posixpath.join(folder, "_rels", f"{base}.rels")
        found: dict[str, tuple[str, str]] = {}

        def start(tag: str, attributes: dict[str, str]) -> None:
            if local(tag) == "Relationship" and attributes.get("TargetMode") != "External":
                target = attributes.get("Target", "").replace("\\", "/")
                kind = attributes.get("Type", "").rpartition("/")[2]
                found[attributes.get("Id", "")] = kind, part_name(posixpath.join(f"/{folder}", target))

        if rels in self:
            self.read_small(rels, start)
        return found

    def read_small(
        self,
        name: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] | None = None,
    ) -> None:
        """Tell of the marks of a part that says something of the workbook."""
        depth = 0

        def began(tag: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            if depth > MOST_DEPTH:
                raise ValueError("too deep")
            start(tag, attributes)

        def ended(tag: str) -> None:
            nonlocal depth
            depth -= 1
            if end is not None:
                end(tag)

        parser = expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = began, ended
        for _ in self.parse(self.texts(name, most=MOST_SMALL_PART), parser):
            pass


DIVIDE = advise(Todo.DIVIDE)

_END, _END_SIZE = b"PK\x05\x06", 22
_END_64, _END_64_SIZE = b"PK\x06\x06", 56
_LOCATOR_64, _LOCATOR_64_SIZE = b"PK\x06\x07", 20
"""The end of a zip's table of contents, and what stands right before it in ZIP64. Source: APPNOTE.TXT, 4.3.14 to 16."""


def local(tag: str) -> str:
    """A name of XML without its prefix: Strict and other writers use namespaces and prefixes of their own."""
    return tag[tag.find(":") + 1 :]


def is_on(value: str | None) -> bool:
    """Whether an attribute that is true or false is true."""
    return value in {"1", "true", "on"}


def part_name(name: str) -> str:
    """The one spelling of a part's name: some writers use backslashes, as Excel allows, or a `/` before it."""
    slashed = name.replace("\\", "/")
    ending = "/" if slashed.endswith("/") else ""
    return posixpath.normpath(f"/{slashed}").lstrip("/").lower() + ending


def _refuse_large(stream: BinaryIO, said: Said) -> None:
    """Refuse a file whose table of contents alone would fill the memory: zipfile reads it whole."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 66_000))
    tail = stream.read()
    stream.seek(0)
    end = tail.rfind(_END)
    if end < 0 or end + _END_SIZE > len(tail):
        raise said.refused("the file is broken (BadZipFile).")
    parts, directory = struct.unpack_from("<10xHI", tail, end)
    end_64 = end - _LOCATOR_64_SIZE - _END_64_SIZE
    if end_64 >= 0 and tail.startswith(_END_64, end_64) and tail.startswith(_LOCATOR_64, end_64 + _END_64_SIZE):
        # What zipfile goes by, whatever the other says.
        parts, directory = struct.unpack_from("<32xQQ", tail, end_64)
    if size > MOST_FILE or parts > MOST_PARTS or directory > MOST_DIRECTORY:
        raise said.refused("it is far larger, or has far more parts, than such a file can be.", DIVIDE)


def _sound_reference(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else int(found[2])
    is_character = code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD
    return found[0] if is_character or 0x10000 <= code <= 0x10FFFF else REPLACEMENT


def _cut_in_reference(text: str) -> tuple[str, str]:
    """The text, and the beginning of a reference that it ends with: what follows comes with the next piece."""
    at = text.find("&", max(0, len(text) - _LONGEST_REFERENCE))
    return (text[:at], text[at:]) if at >= 0 and ";" not in text[at:] else (text, "")
