"""Opening an export: what the file is, how old it is, where its table begins; its rows as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from connectors.admin_export.row import COLUMNS, REQUIRED, find_columns, reader
from connectors.moments import Moment, find_moment, read_moment
from connectors.workbook import Book, Line, Row, Table, names_of, open_book
from lapor_sync.domain.advice import Advice, Todo, advise
from lapor_sync.domain.colour import canonical
from lapor_sync.domain.errors import BadInput, BadRecord
from lapor_sync.domain.names import shown_name
from lapor_sync.domain.report import Report, digest, key_beside


class AgeFrom(StrEnum):
    """How the age of an export is known."""

    GIVEN = "given"  # a person said so
    FILE = "file"  # its info rows say so
    MTIME = "mtime"  # neither: the file's time of last change, which a copy can make too young


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportInfo:
    """What is known of an export before its rows are read.

    `generated_at` is aware; a day without a time is its first instant, so that a later API read wins: then
    `generated_on_day` is set. `missing_columns` are read where they are there; `ignored_columns` are in the file and
    not read. `hidden_sheets` have the columns of an export and are not read.
    """

    sheets: tuple[str, ...]
    generated_at: datetime
    generated_from: AgeFrom
    generated_on_day: bool
    missing_columns: tuple[str, ...]
    ignored_columns: tuple[str, ...]
    hidden_sheets: tuple[str, ...] = ()


_Reader = Callable[[Line], Report | BadRecord | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """An open export."""

    info: ExportInfo
    _tables: tuple[tuple[Table, _Reader], ...]

    def rows(self) -> Iterator[Report | BadRecord]:
        """Each row as a report, or as the record of why it could not be read; empty rows are passed over.

        A stream: not more than one row is held. Raises BadInput where the file turns out to be broken.
        """
        told: dict[str, str] = {}
        for table, read in self._tables:
            where = f"sheet {table.sheet}, " if len(self._tables) > 1 else ""
            for line in table.rows():
                record = read(line)
                if isinstance(record, BadRecord):
                    record = _placed(record, where, told)
                if record is not None:
                    yield record


def _placed(bad: BadRecord, where: str, told: dict[str, str]) -> BadRecord:
    """The record with its sheet, and with a key of its own where another row without an id says the same words."""
    by_id = bad.key.isdecimal()
    words = digest(bad.raw)
    is_twin = not by_id and told.setdefault(bad.key, words) != words
    key = key_beside(bad.key, bad.raw) if is_twin else bad.key
    return BadRecord(f"{where}{bad.reason}", key=key, raw=bad.raw)


@contextmanager
def open_export(
    path: Path, *, timezone: tzinfo, as_of: datetime | None = None, file: BinaryIO | None = None
) -> Iterator[Export]:
    """The export in the file, open as long as the context is.

    `file` is the file, where it is open already: what stands at `path` may be another one by then.
    `timezone` is that of the times in the file; `as_of` (aware) is how old the export is, where a person says so.
    Raises BadInput for a file that is no such export.
    """
    with open_book(path, file=file, todo=advise(Todo.DOWNLOAD_AGAIN)) as book:
        yield _export(book, shown_name(path.name), timezone, as_of)


def _export(book: Book, name: str, timezone: tzinfo, as_of: datetime | None) -> Export:
    """All sheets that people see and that have the header are the export: some give a sheet to each month."""
    tables = tuple(book.tables(_is_header))
    hidden = tuple(table.sheet for table in book.tables(_is_header, hidden=True))
    if not tables and (rows := book.split_header(_is_header)) is not None:
        raise BadInput(f"{name}: {_IN_TWO_ROWS} ({rows[0]} and {rows[1]}).", todo=_put_into(rows[0]))
    if not tables:
        where = f", but in a hidden sheet ({', '.join(hidden)})" if hidden else "; this is no LAPOR export"
        raise BadInput(f"{name}: no row has a cell `Tracking ID`{where}.", todo=advise(Todo.DOWNLOAD_AGAIN))
    columns = [find_columns(table.header) for table in tables]
    for table, found in zip(tables, columns, strict=True):
        _refuse_header(table, found, f"{name}: sheet {table.sheet}" if len(tables) > 1 else name)
    generated_at, generated_from, on_day = _age(tables, timezone, as_of, book.modified)
    missing = [name for field, name in COLUMNS.items() if any(field not in found for found in columns)]
    ignored = [_ignored(table.header, found.values()) for table, found in zip(tables, columns, strict=True)]
    info = ExportInfo(
        sheets=tuple(table.sheet for table in tables),
        generated_at=generated_at,
        generated_from=generated_from,
        generated_on_day=on_day,
        missing_columns=tuple(missing),
        ignored_columns=tuple(dict.fromkeys(name for names in ignored for name in names)),
        hidden_sheets=hidden,
    )
    readers = (reader(found, timezone, table.epoch) for table, found in zip(tables, columns, strict=True))
    return Export(info=info, _tables=tuple(zip(tables, readers, strict=True)))


def _is_header(names: frozenset[str]) -> bool:
    return "trackingid" in names


_KNOWN = frozenset(canonical(column) for column in COLUMNS.values())


_IN_TWO_ROWS = "the names of the columns stand in two rows"


def _put_into(row: int) -> Advice:
    return advise(Todo.ONE_HEADER_ROW, row=row, otherwise=advise(Todo.DOWNLOAD_AGAIN))


def _refuse_header(table: Table, columns: Mapping[str, int], what: str) -> None:
    """Refuse a header that does not name all that a report needs, or that stands in two rows."""
    second = _second_header(table, columns)
    if second is not None:
        raise BadInput(
            f"{what}: {_IN_TWO_ROWS} ({table.header_row} and {second.number}).", todo=_put_into(table.header_row)
        )
    names = names_of(table.header)
    twins = [column for column in COLUMNS.values() if names.count(canonical(column)) > 1]
    if twins:
        what = f"{what}: there is more than one column {' and more than one column '.join(twins)}."
        raise BadInput(what, todo=advise(Todo.DOWNLOAD_AGAIN))
    lacking = [COLUMNS[field] for field in REQUIRED if field not in columns]
    if lacking:
        raise BadInput(
            f"{what}: there is no column {' and no column '.join(lacking)}.", todo=advise(Todo.DOWNLOAD_AGAIN)
        )


def _second_header(table: Table, columns: Mapping[str, int]) -> Line | None:
    """The row right below the header, if it names columns that the header does not."""
    line = next(table.rows(), None)
    if line is None:
        return None
    below = {name for name in names_of(line.cells) if name in _KNOWN}
    return line if below - {canonical(COLUMNS[field]) for field in columns} else None


def _ignored(header: Row, read: Iterable[int]) -> tuple[str, ...]:
    taken = set(read)
    return tuple(str(cell).strip() for at, cell in enumerate(header) if cell is not None and at not in taken)


def _age(
    tables: Iterable[Table], timezone: tzinfo, as_of: datetime | None, modified: datetime
) -> tuple[datetime, AgeFrom, bool]:
    """How old the export is, how that is known, and whether only its day is; of several sheets the oldest counts."""
    if as_of is not None:
        return as_of, AgeFrom.GIVEN, False
    said = [told for table in tables for row in table.info if (told := _generated(row, timezone)) is not None]
    if not said:
        return modified, AgeFrom.MTIME, False
    oldest = min(said)
    local = oldest.at.astimezone(timezone)
    return local, AgeFrom.FILE, oldest.is_day or local.time() == time()


def _generated(row: Row, timezone: tzinfo) -> Moment | None:
    """The time that an info row such as `Tanggal Generate | 3 Jan 2026` tells, in the same cell or a later one."""
    cells = [cell for cell in row if cell is not None]
    for at, cell in enumerate(cells):
        if isinstance(cell, str) and canonical(cell).startswith("tanggalgenerate"):
            return next((told for part in cells[at:] if (told := _told(part, timezone))), None)
    return None


def _told(cell: object, timezone: tzinfo) -> Moment | None:
    try:
        return find_moment(cell, timezone) if isinstance(cell, str) else read_moment(cell, timezone)
    except ValueError:
        return None
