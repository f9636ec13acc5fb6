"""A database of each schema that was ever landed, with its data, opened by today's program: nothing is lost.

`earlier/NNNN.json` holds the rows of every table as the program of that schema left them: reports, threads, deliveries
in every state, a conflict, an outage, a quarantined record, the audit. Made by the stand-in's city, all invented.
A new migration adds its own file, written by the program before it.
"""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, create_engine, inspect, text

from lapor_sync import interface
from lapor_sync.domain.colour import City
from lapor_sync.domain.delivery import State
from lapor_sync.store import audit, outbox, overview, reports
from lapor_sync.store.database import Store, open_store, schema_version
from lapor_sync.store.dossier import dossier
from lapor_sync.store.migrations import upgrade
from lapor_sync.store.schema import HEAD
from tests.databases import StillClock, differences, fresh_of_schema
from tests.store.elsewhere import die_upgrading, process

FOLDER = Path(__file__).parent / "earlier"
EARLIER = sorted(FOLDER.glob("*.json"))
_BYTES = "base64:"

Rows = dict[str, list[dict[str, Any]]]


def rows_of(path: Path) -> Rows:
    """The rows of each table; what is bytes stands there in base64."""
    found: Rows = json.loads(path.read_text(encoding="utf-8"))
    return {name: [{key: _value(one) for key, one in row.items()} for row in rows] for name, rows in found.items()}


def _value(stored: Any) -> Any:
    is_bytes = isinstance(stored, str) and stored.startswith(_BYTES)
    return base64.b64decode(stored.removeprefix(_BYTES)) if is_bytes else stored


def fill(engine: Engine, rows: Rows) -> None:
    """Put the rows into an empty database that has their tables; counters go on behind them."""
    tables = MetaData()
    tables.reflect(engine, only=list(rows))
    with engine.begin() as conn:
        for name, found in rows.items():
            conn.execute(tables.tables[name].insert(), found)
        if engine.dialect.name == "postgresql":
            for table, column in (("delivery", "seq"), ("conflict", "id"), ("outage", "id")):
                last = f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM {table}"
                conn.execute(text(last))


ALSO_ON_POSTGRESQL = {*EARLIER[::5], EARLIER[-1]}
"""Of those `make test` upgrades on PostgreSQL too: the way of the first is that of all others. `make soak` has all."""


@pytest.fixture
def earlier_url(kind: str, schema: str, tmp_path: Path) -> Iterator[str]:
    """A new database of an earlier schema, without a row."""
    with fresh_of_schema(kind, tmp_path, schema) as url:
        yield url


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        *(("sqlite", path.stem) for path in EARLIER),
        *(
            pytest.param("postgresql", path.stem, marks=() if path in ALSO_ON_POSTGRESQL else pytest.mark.soak)
            for path in EARLIER
        ),
    ],
)
def test_a_database_of_an_earlier_schema_keeps_all_it_has(
    schema: str, earlier_url: str, clock: StillClock
) -> None:
    """Every row and value is there after it, the program works with them, and the audit's chain goes on."""
    rows = rows_of(FOLDER / f"{schema}.json")
    engine = create_engine(earlier_url)
    fill(engine, rows)
    store = open_store(earlier_url, "kota", clock)
    with store.reading() as work:
        assert schema_version(work.conn) == HEAD
        for name, before in rows.items():
            now = [dict(row) for row in work.conn.execute(text(f"SELECT * FROM {name}")).mappings()]
            kept_of_before = [{key: row[key] for key in before[0]} for row in now]
            assert sorted(kept_of_before, key=str) == sorted(before, key=str), name
        if schema == EARLIER[0].stem:  # its way is that of all others, and looking takes a third of a test
            assert differences(work.conn) == []
        assert audit.verify(work.conn, work.agency).count == len(rows["audit"])
        listed = outbox.listing(work)
        assert {one.state for one in listed} == set(State) - {State.SENDING}
        assert interface.status(overview.overview(work, City()))["conflicts"] == 1
        known = reports.load(work, [one.tracking_id for one in listed]).values()
        shown = [interface.show(dossier(work, one), work.now, ()) for one in known]
        assert all(report["timeline"] for report in shown)
    old = rows["audit"][-1]
    with store.work() as work:  # what is new comes after what was there
        queued = next(one for one in outbox.listing(work) if one.state is State.QUEUED)
        outbox.begin_attempt(work, queued.ref)
        work.note("shown", queued.tracking_id)
    with Store(engine, "kota-lain", clock).work() as other:  # another agency begins at the genesis
        other.note("shown", "1")
    with store.reading() as work:
        assert [row["prev_hash"] for row in audit.rows(work.conn, "kota") if row["seq"] == old["seq"] + 1] == [
            old["hash"]
        ]
        audit.verify(work.conn, "kota", old["hash"])
        assert audit.verify(work.conn, "kota-lain").count == 1
    store.close()
    engine.dispose()


@pytest.mark.parametrize("at", ["report_colour", "delivery_waiting"])
def test_a_kill_in_the_middle_of_an_upgrade_loses_nothing(at: str, empty_url: str, clock: StillClock) -> None:
    """All of it or nothing: the database is what it was, the program before goes on, and the next start upgrades."""
    rows = rows_of(EARLIER[0])
    engine = create_engine(empty_url)
    upgrade(engine, "0001")
    fill(engine, rows)
    before = inspect(engine).get_indexes("report")
    with process(die_upgrading, empty_url, at) as (upgrading, _):
        upgrading.join(60)
        assert upgrading.exitcode == -signal.SIGKILL
    with engine.connect() as conn:
        assert schema_version(conn) == "0001"
    assert _sorted(inspect(engine).get_indexes("report")) == _sorted(before)
    engine.dispose()
    store = open_store(empty_url, "kota", clock)
    with store.reading() as work:
        assert schema_version(work.conn) == HEAD
        assert differences(work.conn) == []
        assert audit.verify(work.conn, work.agency).count == len(rows["audit"])
        assert len(outbox.listing(work)) == len(rows["delivery"])
    store.close()


def _sorted(indexes: Any) -> list[str]:
    return sorted(str(one["name"]) for one in indexes)


def test_every_landed_schema_has_its_database() -> None:
    """A schema without one is an upgrade that nobody has seen."""
    assert [path.stem for path in EARLIER] == [f"{number:04}" for number in range(1, len(EARLIER) + 1)]
    assert len(EARLIER) >= int(HEAD) - 1
    assert EARLIER


def test_what_was_html_has_its_text_after_the_upgrade(empty_url: str, clock: StillClock) -> None:
    """The views show it as a citizen reads it, also of what was mirrored before."""
    engine = create_engine(empty_url)
    upgrade(engine, "0004")
    fill(engine, rows_of(EARLIER[3]))
    engine.dispose()
    store = open_store(empty_url, "kota", clock)
    with store.reading() as work:
        query = "SELECT content FROM v_thread WHERE content_html = '<p>Sudah &amp; selesai</p>'"
        assert work.conn.execute(text(query)).scalars().all() == ["Sudah & selesai"]
    store.close()


def test_words_that_were_glued_are_apart_after_the_upgrade(empty_url: str, clock: StillClock) -> None:
    """In the views and in what is searched, of reports that LAPOR never changes again; nothing else is written."""
    engine = create_engine(empty_url)
    upgrade(engine, "0017")
    rows = rows_of(EARLIER[16])
    glued, well = rows["thread_item"][:2]
    glued |= {"content": "Satu<hr>Dua", "content_text": "SatuDua"}
    well |= {"content": "<p>Satu</p>", "content_text": "Satu"}
    rows["report"][0] |= {"content": "<h1>Jalan</h1>rusak", "content_text": "Jalanrusak"}
    fill(engine, rows)
    engine.dispose()
    store = open_store(empty_url, "kota", clock)
    with store.reading() as work:
        texts = text("SELECT content_text FROM thread_item WHERE item_id = :id AND tracking_id = :report")
        for one, shown in ((glued, "Satu\nDua"), (well, "Satu")):
            given = {"id": one["item_id"], "report": one["tracking_id"]}
            assert work.conn.execute(texts, given).scalars().all() == [shown]
        given = {"id": rows["report"][0]["tracking_id"]}
        report = text("SELECT content_text FROM report WHERE tracking_id = :id")
        assert work.conn.execute(report, given).scalars().all() == ["Jalan\nrusak"]
    store.close()


def test_nobody_lies_in_quarantine_after_the_upgrade_who_is_not_to_be_known(
    empty_url: str, clock: StillClock
) -> None:
    """Earlier programs kept what cannot be read as it came. What tells of a report that is shown with its name stays."""
    engine = create_engine(empty_url)
    upgrade(engine, "0022")
    rows = rows_of(EARLIER[21])
    like, known = rows["quarantine"][0], rows["report"][0]
    known |= {"reporter_name": "Budi", "is_anonymous": 0, "is_secret": 0}
    row = '{"id":9,"nama":"Sari","title":"Jalan rusak"}'
    put = {
        ("list", "9"): row,
        ("detail", "9"): row,
        ("thread", "9/h:1"): '["Sari"]',
        ("list", "h:2"): '"Sari <br>"',
        ("export", "7"): '{"Judul Laporan":"Jalan","Nama Pelapor":"Sari"}',
        ("export", "8"): "no JSON",
        ("thread", f"{known['tracking_id']}/3"): row,
    }
    rows["quarantine"] = [
        like | {"source": source, "key": key, "raw": raw, "report_id": key.partition("/")[0]}
        for (source, key), raw in put.items()
    ]
    fill(engine, rows)
    engine.dispose()
    store = open_store(empty_url, "kota", clock)
    with store.reading() as work:
        found = work.conn.execute(text("SELECT source, key, raw FROM quarantine")).all()
    store.close()
    reduced = '{"id":9,"title":"Jalan rusak"}'
    assert {(one.source, one.key): one.raw for one in found} == put | {
        ("list", "9"): reduced,
        ("detail", "9"): reduced,
        ("thread", "9/h:1"): "[null]",
        ("export", "7"): '{"Judul Laporan": "Jalan"}',
    }
