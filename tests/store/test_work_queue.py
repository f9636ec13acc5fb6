"""The queue of many agencies, on PostgreSQL: who is due, who waits, and the line before the gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text

from lapor_sync.domain.advice import Todo, advise
from lapor_sync.domain.errors import SettingsWrong, StoreUnavailable
from lapor_sync.store import marks, work_queue
from lapor_sync.store.database import make_engine, open_store
from lapor_sync.store.marks import Mark
from tests.databases import COPY, StillClock, admin, fresh_postgres, migrated_postgres, postgres_url_of


@cache
def with_a_queue() -> str:
    """The name of a database to copy from: its library's migrations take longer than a test of what it holds."""
    name = "lapor_queue_template"
    admin(f"CREATE DATABASE {name} TEMPLATE {migrated_postgres()} {COPY}")
    made = make_engine(postgres_url_of(name))
    work_queue.install(made)
    made.dispose()
    return name


@pytest.fixture
def queue_url() -> Iterator[str]:
    with fresh_postgres(with_a_queue()) as url:
        yield url


@pytest.fixture
def engine(queue_url: str) -> Iterator[Engine]:
    """A database with a queue and two agencies, of which nothing is due."""
    made = make_engine(queue_url)
    work_queue.enrol(made, {"curup": "CU", "manna": "MN"}, {}, "papan-1")
    for key in ("curup", "manna"):
        work_queue.ended(made, key, failures=0, wait=600, from_begin=False)
    yield made
    made.dispose()


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as conn:
        conn.exec_driver_sql(statement)


def put_job(engine: Engine, agency: str, status: str, queue: str = "cycles") -> None:
    run(
        engine,
        "SET LOCAL search_path = lapor_queue; "
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, status) "
        f"VALUES ('{queue}', 'cycle', '{agency}', '{agency}', '{status}')",
    )


def test_the_queue_is_as_its_library_makes_it(engine: Engine, queue_url: str) -> None:
    """By its own migrations, once; a city that is worked alone has nothing of it."""
    work_queue.install(engine)
    from procrastinate.schema import SchemaManager

    whole = SchemaManager.get_schema()
    run(engine, "CREATE SCHEMA its_own")
    with engine.begin() as conn:
        conn.execute(text("SET LOCAL search_path = its_own"))
        conn.exec_driver_sql(whole.replace("%", "%%"), ())
    columns = """SELECT table_name, column_name, data_type, is_nullable, column_default IS NULL
        FROM information_schema.columns WHERE table_schema = '{}' AND table_name LIKE 'procrastinate%%' ORDER BY 1, 2"""
    functions = "SELECT proname, pronargs FROM pg_proc WHERE pronamespace = '{}'::regnamespace ORDER BY 1, 2"
    indexes = (
        "SELECT indexname FROM pg_indexes WHERE schemaname = '{}' AND tablename LIKE 'procrastinate%%' ORDER BY 1"
    )
    with engine.connect() as conn:
        for asked in (columns, functions, indexes):
            ours, theirs = (
                [tuple(row) for row in conn.exec_driver_sql(asked.format(name), ())]
                for name in ("lapor_queue", "its_own")
            )
            assert {*theirs} <= {*ours}


def test_a_city_alone_has_no_queue(postgres_url: str) -> None:
    made = make_engine(postgres_url)
    assert work_queue.look(made) == {}
    assert work_queue.prefixes(made) == {}
    made.dispose()


def test_workers_need_a_server() -> None:
    made = create_engine("sqlite://")
    with pytest.raises(SettingsWrong, match="workers need PostgreSQL"):
        work_queue.need_server(made)
    made.dispose()


def test_each_migration_is_a_transaction_and_a_start_that_dies_is_gone_on_from(postgres_url: str) -> None:
    """PostgreSQL 15 and 16 let no transaction use what it has added to a type: no worker could ever start there."""
    made, begun = make_engine(postgres_url), list[object]()

    def dies_at_the_fourth(conn: Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("COMMENT ON SCHEMA"):
            begun.append(conn.get_transaction())
            if len(begun) == 4:
                raise KeyboardInterrupt

    event.listen(made, "before_cursor_execute", dies_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        work_queue.install(made)
    assert not work_queue.has_workers(made)
    work_queue.install(made)
    assert work_queue.has_workers(made)
    assert len(set(map(id, begun))) == len(begun) > 30
    made.dispose()


def test_who_may_make_no_schema_is_told_what_to_grant(postgres_url: str) -> None:
    owner = make_engine(postgres_url)
    run(owner, "DROP ROLE IF EXISTS little")
    run(owner, "CREATE ROLE little LOGIN")
    little = create_engine(owner.url.set(username="little"))
    with pytest.raises(StoreUnavailable) as refused:
        work_queue.install(little)
    assert refused.value.todo == advise(Todo.LET_MAKE_QUEUE)
    little.dispose()
    run(owner, "DROP ROLE little")
    owner.dispose()


def due(engine: Engine) -> list[tuple[str, str | None]]:
    """The agencies that are to be polled now, with the host of each."""
    return [(one.agency, one.host) for one in work_queue.due(engine)]


def test_an_agency_is_due_when_its_poll_is_and_it_is_in_no_job(engine: Engine) -> None:
    assert due(engine) == []
    work_queue.ended(engine, "manna", failures=2, wait=-1, from_begin=False)
    assert due(engine) == [("manna", None)]
    assert work_queue.begun(engine, "manna", "papan-1 7") == 2
    put_job(engine, "manna", "doing")
    assert due(engine) == []
    look = work_queue.look(engine)
    assert (look["manna"].state, look["manna"].failures, look["curup"].state) == ("working", 2, None)


def test_a_new_agency_is_due_at_once_and_one_whose_file_is_wrong_or_gone_never(engine: Engine) -> None:
    work_queue.enrol(engine, {"arga": "AR", "lais": "LA"}, {"curup": "timezone is wrong"}, "papan-1")
    assert {key for key, _ in due(engine)} == {"arga", "lais"}
    work_queue.ended(engine, "curup", failures=0, wait=-1, from_begin=False)
    run(engine, "UPDATE lapor_queue.agency SET seen_at = now() - interval '1 minute' WHERE agency = 'lais'")
    assert [key for key, _ in due(engine)] == ["arga"]
    assert work_queue.look(engine)["curup"].wrong == "timezone is wrong"
    assert work_queue.prefixes(engine) == {"arga": "AR", "curup": "CU", "lais": "LA", "manna": "MN"}


def test_an_agency_is_new_until_a_cycle_went_through(engine: Engine, queue_url: str) -> None:
    work_queue.ended(engine, "curup", failures=0, wait=-1, from_begin=False)
    assert [one.is_new for one in work_queue.due(engine)] == [True]
    store = open_store(queue_url, "curup", StillClock())
    with store.work() as work:
        marks.put_now(work, Mark.LAST_SUCCESS)
    assert [one.is_new for one in work_queue.due(engine)] == [False]
    store.close()


def test_a_job_that_was_worked_and_not_finished_is_found(engine: Engine) -> None:
    """One that is being worked, or was only just taken, is not."""
    for agency in ("curup", "manna"):
        put_job(engine, agency, "doing")
        work_queue.begun(engine, agency, "papan-1 7")
    run(
        engine,
        "INSERT INTO lapor_queue.procrastinate_events (job_id, type, at) SELECT id, 'started', now() FROM "
        "lapor_queue.procrastinate_jobs",
    )
    work_queue.ended(engine, "curup", failures=0, wait=0, from_begin=False)
    assert work_queue.left_open(engine) == []
    run(engine, "UPDATE lapor_queue.procrastinate_events SET at = now() - interval '1 minute'")
    assert len(work_queue.left_open(engine)) == 1


def test_what_a_person_lets_go_makes_its_agency_due_once(engine: Engine, queue_url: str) -> None:
    store = open_store(queue_url, "curup", StillClock())
    with store.work() as work:
        marks.put_now(work, Mark.WAKE)
    assert due(engine) == [("curup", None)]
    work_queue.begun(engine, "curup", "papan-1 7")
    assert due(engine) == []
    store.close()


def test_an_agency_with_a_folder_is_its_hosts_while_that_lives(engine: Engine) -> None:
    work_queue.ended(engine, "curup", failures=0, wait=-1, from_begin=False)
    work_queue.enrol(engine, {"curup": "CU"}, {}, "papan-1", here=["curup"])
    work_queue.enrol(engine, {"curup": "CU"}, {}, "papan-2", here=["curup"])
    assert due(engine) == [("curup", "papan-1")]
    put_job(engine, "curup", "todo", "cycles:papan-1")
    work_queue.call_off_forsaken(engine, "cycles:")
    assert due(engine) == []
    run(engine, "UPDATE lapor_queue.agency SET host_seen_at = now() - interval '1 minute'")
    work_queue.call_off_forsaken(engine, "cycles:")
    assert due(engine) == [("curup", None)]
    work_queue.enrol(engine, {"curup": "CU"}, {}, "papan-2", here=["curup"])
    assert due(engine) == [("curup", "papan-2")]


def test_places_before_a_gateway_lie_evenly_over_all_who_ask(engine: Engine) -> None:
    """Few a second: what passes between the questions on a busy machine is little against a place."""
    places = [work_queue.take_places(engine, "https://lapor", 0.2, 2, only_if_idle=False) for _ in range(3)]
    assert [count for count, _ in places] == [2, 2, 2]
    for (_, wait), due in zip(places, (0, 10, 20), strict=True):
        assert wait == pytest.approx(due, abs=4)
    assert work_queue.take_places(engine, "https://lapor", 0.2, 1, only_if_idle=True) == (0, 0.0)
    assert work_queue.take_places(engine, "https://other", 5, 1, only_if_idle=True)[0] == 1
    work_queue.pause(engine, "https://lapor", 60)
    work_queue.pause(engine, "https://lapor", 1)
    assert work_queue.take_places(engine, "https://lapor", 0.2, 1, only_if_idle=False)[1] == pytest.approx(
        60, abs=4
    )


def test_that_a_file_was_found_is_written_only_now_and_then(engine: Engine) -> None:
    """Two workers that found 657 files each five seconds wrote 263 rows a second, for nothing that changed."""

    def versions() -> list[object]:
        with engine.connect() as conn:
            return list(conn.execute(text("SELECT xmin FROM lapor_queue.agency ORDER BY agency")).scalars())

    first = versions()
    work_queue.enrol(engine, {"curup": "CU", "manna": "MN"}, {}, "papan-2")
    assert versions() == first
    work_queue.enrol(engine, {"curup": "CU"}, {"manna": "timezone is wrong"}, "papan-2")
    assert [now == then for now, then in zip(versions(), first, strict=True)] == [True, False]
    run(engine, "UPDATE lapor_queue.agency SET seen_at = now() - interval '8 seconds'")
    aged = versions()
    work_queue.enrol(engine, {"curup": "CX"}, {"manna": "timezone is wrong"}, "papan-2")
    assert all(now != then for now, then in zip(versions(), aged, strict=True))
    assert work_queue.prefixes(engine)["curup"] == "CX"


def test_a_database_that_is_away_is_said_to_be(tmp_path: Path) -> None:
    """A worker that started while the server was restarted said that this is a fault of lapor-sync."""
    away = make_engine(f"postgresql+psycopg://city@/city?host={tmp_path}")
    asks: list[Callable[[], object]] = [
        lambda: work_queue.install(away),
        lambda: work_queue.prefixes(away),
        lambda: work_queue.enrol(away, {"curup": "CU"}, {}, "papan-1"),
        lambda: work_queue.look(away),
    ]
    for ask in asks:
        with pytest.raises(StoreUnavailable):
            ask()
