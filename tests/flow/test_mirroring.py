"""Pulling: what is mirrored, and what it costs upstream."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from connectors.transport import Transport
from lapor_sync.domain.colour import CLOSED, City, Colour, Flag
from lapor_sync.domain.delivery import State
from lapor_sync.domain.errors import Missing, UpstreamError
from lapor_sync.interface import status
from lapor_sync.mirror.mirror import Rules
from lapor_sync.store import people
from lapor_sync.store.marks import Mark
from lapor_sync.store.overview import overview
from lapor_sync.store.schema import mark as mark_table
from lapor_sync.sync.cycle import backfill
from lapor_sync.sync.pull import Tally
from tests.flow.bench import ON_BOTH, OPD, OTHER_OPD, OUTSIDE, START, Bench, Killed, assert_mirrored, bench

pytestmark = ON_BOTH

LIST = "GET /complaints"
DETAIL = "GET /complaints/{id}/complaint"
THREAD = "GET /complaints/{id}/followups"
MASTERS = "GET /masters/institutions/external"
TEMPLATES = "GET /masters/templates"


def by_id(routes: dict[str, int]) -> int:
    """How many calls were made about single reports."""
    return routes.get(DETAIL, 0) + routes.get(THREAD, 0)


def test_the_first_cycle_mirrors_everything(tmp_path: Path) -> None:
    """Every report of the city is there after one cycle, with its true colour, for one thread read each."""
    with bench(tmp_path / "kota.db", reports=150) as city:
        outcome = city.cycle()

        assert outcome.error is None
        assert outcome.tally == Tally(new=150, listed=150)
        assert_mirrored(city)
        assert all(one.agreed == one.colour for one in city.all_mirrored().values())
        assert city.requests() == {LIST: 2, THREAD: 150, MASTERS: 1, TEMPLATES: 1}


def test_a_cycle_with_nothing_new_costs_one_request_and_writes_its_heartbeat_only(tmp_path: Path) -> None:
    """After the mirror has come to rest a cycle is one list call, and no row changes but the last success."""
    with bench(tmp_path / "kota.db", reports=150) as city:
        city.settle_down()
        before = city.contents()

        city.cycle()

        after = city.contents()
        assert city.requests() == {LIST: 1}
        names = [column.name for column in mark_table.c]
        marks_before = {row[names.index("name")]: row for row in before.pop("mark")}
        marks_after = {row[names.index("name")]: row for row in after.pop("mark")}
        assert before == after
        changed = {name for name, row in marks_after.items() if marks_before[name] != row}
        assert changed == {Mark.LAST_SUCCESS, Mark.ANSWERED}


def test_a_poll_with_ten_changed_reports_costs_twenty_requests_at_most(tmp_path: Path) -> None:
    """What a poll costs follows what changed, not what is mirrored."""
    with bench(tmp_path / "kota.db", reports=200) as city:
        city.settle_down()
        for one in sorted(city.all_mirrored())[:10]:
            city.world.reply(one, content="Kapan selesai?")

        city.cycle()
        assert by_id(city.requests()) == 10

        city.pass_time()
        city.cycle()  # read once more, since a change may show late
        assert by_id(city.requests()) == 10
        city.pass_time()
        city.cycle()
        assert city.requests() == {LIST: 1}
        assert_mirrored(city)


def test_every_act_upstream_shows_in_the_colour_of_the_next_cycle(tmp_path: Path) -> None:
    """Answer, reply, satisfaction, reopening, archive, new disposition: the mirror follows."""
    with bench(tmp_path / "kota.db") as city:
        one = city.report()
        shades = []
        for act in (
            lambda: None,
            lambda: city.world.answer(one),
            lambda: city.world.reply(one),
            lambda: city.world.dispose(one, to=OTHER_OPD),
            lambda: city.world.answer(one),
            lambda: city.world.satisfied(one),
            lambda: city.world.reopen(one),
            lambda: city.world.dispose(one, to=OUTSIDE),
        ):
            act()
            city.cycle()
            assert_mirrored(city)
            shades.append(city.mirrored(one).colour)
            city.pass_time(60)
        assert shades == ["merah", "kuning", "kuning", "merah", "kuning", "hijau", "kuning", "abu"]


@pytest.mark.parametrize(("fields", "most"), [("full", 1.1), ("sparse", 2.1)])
def test_a_backfill_costs_one_read_a_report(tmp_path: Path, fields: str, most: float) -> None:
    """200 reports cost at most 1.1 requests each, 2.1 where list rows say too little."""
    with bench(tmp_path / "kota.db", reports=200, list_fields=fields) as city:
        tally = backfill(city.setup, None, None)

        assert tally.new == 200
        routes = city.requests()
        assert sum(routes.values()) <= 200 * most
        assert_mirrored(city)


def test_a_backfill_that_was_cut_short_costs_only_what_is_missing(tmp_path: Path) -> None:
    """Killed in the middle and started again, it asks for no report a second time but those of the open pages."""
    with bench(tmp_path / "kota.db", reports=160, page_cap=20) as city:
        committed = []

        def step(name: str) -> None:
            committed.append(name)
            if committed.count("page_committed") == 4:
                raise Killed

        city.restart(step=step)
        with pytest.raises(Killed):
            backfill(city.setup, None, None)
        there = len(city.all_mirrored())
        assert there == 80
        city.requests()

        city.restart()
        tally = backfill(city.setup, None, None)

        assert (tally.new, tally.unchanged) == (80, 80)
        assert by_id(city.requests()) == 80
        assert_mirrored(city)


def test_a_backfill_whose_upstream_goes_away_keeps_what_was_read(tmp_path: Path) -> None:
    """A list page for which no answer comes ends it with an error; what came before is kept, and it goes on later."""
    with bench(tmp_path / "kota.db", reports=120, page_cap=20) as city:
        city.world.add_faults({"match": {"path": "/complaints?page=4"}, "times": None, "do": "close-before"})

        with pytest.raises(UpstreamError):
            backfill(city.setup, None, None)
        assert len(city.all_mirrored()) == 60
        city.requests()

        city.world.clear_faults()
        assert backfill(city.setup, None, None).new == 60
        assert by_id(city.requests()) == 60
        assert_mirrored(city)


def test_a_list_of_which_a_page_fails_always_stops_nothing_else(tmp_path: Path) -> None:
    """LAPOR fails at one row of it, for ever: the others are mirrored, and their responses leave."""
    with bench(tmp_path / "kota.db", reports=60, page_cap=20) as city:
        city.world.add_faults({"match": {"path": "/complaints?page=2"}, "times": None, "do": "status:500"})
        city.cycle()
        assert len(city.all_mirrored()) == 40
        known = [
            one
            for one, mirrored in city.all_mirrored().items()
            if mirrored.colour not in CLOSED and mirrored.report.disposition_id in {OPD, OTHER_OPD}
        ]
        refs = [city.respond(known[0], "Sudah kami perbaiki."), city.respond(known[-1], "Sudah kami perbaiki.")]
        city.cycle()
        assert [city.state(ref) for ref in refs] == [State.SENT, State.SENT]
        assert city.log.named("listing_incomplete")[-1]["what"].startswith("page 2 cannot be read")
        assert not city.log.named("upstream_away")
        city.world.clear_faults()
        city.cycle()
        assert len(city.all_mirrored()) == 60


@pytest.mark.parametrize("how", ["status:500", "html-200"])
def test_a_list_of_which_the_first_page_fails_always_stops_nothing_else(tmp_path: Path, how: str) -> None:
    """Nothing new is seen, which is said; what is known is read, and its responses leave, one bad report or not."""
    with bench(tmp_path / "kota.db", reports=20) as city:
        one = city.report()
        city.settle_down()
        city.world.add_faults({"match": {"path": "/complaints?page=1"}, "times": None, "do": how})
        ref = city.respond(one, "Sudah kami perbaiki.")
        tally = city.cycle().tally
        assert (city.state(ref), bool(tally.doubt)) == (State.SENT, True)
        since = city.mark(Mark.LIST_FAILS)
        city.cycle()
        assert since is not None
        with city.setup.store.reading() as work:
            assert status(overview(work, City()))["list_fails_since"] == since
        assert city.mark(Mark.LIST_FAILS) == since
        assert len(city.log.named("listing_incomplete")) == 2
        assert not city.log.named("upstream_away")
        city.world.clear_faults()
        city.cycle()
        assert city.mark(Mark.LIST_FAILS) is None


def test_a_backfill_goes_on_after_a_first_page_that_fails_always(tmp_path: Path) -> None:
    """The other pages are mirrored; it is not whole, and says why. A poll, too, says that the list fails."""
    with bench(tmp_path / "kota.db", reports=60, page_cap=20) as city:
        city.world.add_faults({"match": {"path": "/complaints?page=1&"}, "times": None, "do": "status:500"})
        tally = backfill(city.setup, None, None)
        assert len(city.all_mirrored()) == 40
        assert tally.doubt.startswith("page 1 cannot be read")
        assert city.mark(Mark.CURSOR) is None
        city.cycle()
        assert city.mark(Mark.LIST_FAILS) is not None
        city.world.clear_faults()
        city.cycle()
        assert (city.mark(Mark.LIST_FAILS), len(city.all_mirrored())) == (None, 60)


def test_where_nothing_answers_it_is_no_fault_of_the_list(tmp_path: Path) -> None:
    with bench(tmp_path / "kota.db", reports=3) as city:
        city.settle_down()
        city.world.add_faults({"match": {"method": "GET"}, "times": None, "do": "status:500"})
        assert city.cycle().error is not None
        assert (city.mark(Mark.LIST_FAILS), len(city.log.named("upstream_away"))) == (None, 1)


@pytest.mark.parametrize("fields", ["full", "sparse"])
def test_a_backfill_of_a_span_takes_what_was_received_in_it(tmp_path: Path, fields: str) -> None:
    """Reports received before --since or after --until are left out, whether or not a row says when."""
    with bench(tmp_path / "kota.db", reports=120, list_fields=fields) as city:
        received = {
            one["tracking_id"]: datetime.fromisoformat(one["created_at"])
            for one in city.world.summary()["reports"]
        }
        moments = sorted(received.values())
        since, until = moments[30], moments[80]

        backfill(city.setup, since, until)

        assert set(city.all_mirrored()) == {one for one, at in received.items() if since <= at <= until}
        assert city.mark(Mark.CURSOR) is None  # a span says nothing of the rest
        city.cycle()
        assert_mirrored(city)


def test_a_backfill_goes_on_with_threads_that_could_not_be_read(tmp_path: Path) -> None:
    """A thread that failed leaves its report without colour; the next run reads it."""
    with bench(tmp_path / "kota.db", reports=30) as city:
        city.world.add_faults({"match": {"path": "/followups"}, "times": 3, "do": "status:500"})
        tally = backfill(city.setup, None, None)
        assert tally.new == 30
        city.pass_time()

        backfill(city.setup, None, None)

        assert_mirrored(city)


def test_progress_counts_what_was_listed(tmp_path: Path) -> None:
    """The bar hears how many reports were listed, of how many."""
    with bench(tmp_path / "kota.db", reports=120, page_cap=50) as city:
        heard: list[tuple[int, int | None]] = []
        city.restart(progress=lambda done, total: heard.append((done, total)))
        backfill(city.setup, None, None)
        assert heard == [(50, 120), (100, 120), (120, 120)]


def test_a_city_without_a_list_call_has_no_backfill(tmp_path: Path) -> None:
    """404 for the list ends a backfill with Missing, and is no outage."""
    with bench(tmp_path / "kota.db", scenario="restricted") as city:
        with pytest.raises(Missing):
            backfill(city.setup, None, None)
        assert city.contents()["outage"] == []


# What cannot be read.


def test_a_thread_that_cannot_be_read_keeps_the_last_colour(tmp_path: Path) -> None:
    """The row's news is taken, the colour stays until the thread can be read; then it is right."""
    with bench(tmp_path / "kota.db") as city:
        one = city.report()
        city.settle_down()
        assert city.mirrored(one).colour is Colour.MERAH
        city.world.answer(one)
        city.world.add_faults({"match": {"path": "/followups"}, "times": None, "do": "status:500"})

        city.cycle()
        assert city.mirrored(one).colour is Colour.MERAH
        assert not city.mirrored(one).settled

        city.world.clear_faults()
        city.cycle()
        assert city.mirrored(one).colour is Colour.KUNING
        assert_mirrored(city)


def test_a_new_report_whose_thread_cannot_be_read_has_no_colour_yet(tmp_path: Path) -> None:
    """It is mirrored and shown as unknown, and takes no decision."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        city.cycle()
        one = city.report()
        city.world.add_faults({"match": {"path": "/followups"}, "times": None, "do": "status:500"})

        city.cycle()
        assert (city.mirrored(one).colour, city.mirrored(one).agreed) == (None, None)

        city.world.clear_faults()
        city.cycle()
        assert city.mirrored(one).colour is Colour.MERAH


def test_a_new_report_whose_detail_cannot_be_read_keeps_the_cursor_back(tmp_path: Path) -> None:
    """Where rows say too little, the cursor waits for the detail, for days if need be."""
    with bench(tmp_path / "kota.db", reports=5, list_fields="sparse") as city:
        city.settle_down()
        cursor = city.mark(Mark.CURSOR)
        one = city.report()
        fault = {"match": {"path": f"/complaints/{city.world.find(one).id}/complaint"}, "times": None}
        city.world.add_faults({**fault, "do": "status:500"})

        city.cycles(3, apart=20_000)
        assert one not in city.all_mirrored()
        assert city.mark(Mark.CURSOR) == cursor

        city.world.clear_faults()
        city.cycle()
        assert_mirrored(city)
        assert city.mark(Mark.CURSOR) > cursor  # type: ignore[operator]  # both are set by now


def test_a_known_report_whose_detail_cannot_be_read_is_read_by_id_until_it_can(tmp_path: Path) -> None:
    """Nothing of a row that says too little is taken over, and the cursor need not wait for it."""
    with bench(tmp_path / "kota.db", reports=5, list_fields="sparse") as city:
        one = city.report()
        city.settle_down()
        city.world.dispose(one, to=OTHER_OPD)
        fault = {"match": {"path": f"/complaints/{city.world.find(one).id}/complaint"}, "times": None}
        city.world.add_faults({**fault, "do": "status:500"})

        city.cycles(2, apart=20_000)
        assert city.mirrored(one).report.disposition_id == OPD

        city.world.clear_faults()
        city.cycle()
        assert city.mirrored(one).report.disposition_id == OTHER_OPD
        assert_mirrored(city)


def test_a_row_older_than_the_mirror_never_overwrites_it(tmp_path: Path) -> None:
    """A list that lags behind says nothing: the detail is read, and where it cannot be, all stays as it is."""
    with bench(tmp_path / "kota.db", reports=3) as city:
        one = city.report()
        city.settle_down()
        city.world.satisfied(one)
        city.cycle()
        assert city.mirrored(one).colour is Colour.HIJAU
        city.pass_time()
        report = city.world.find(one)
        newest, status = report.updated_at, report.status
        with lagging(city, one, updated_at=newest - 3000, status="Dalam Proses"):
            city.world.add_faults(
                {"match": {"path": f"/{report.id}/complaint"}, "times": None, "do": "status:500"}
            )
            city.cycle()
        assert city.mirrored(one).report.status_name == status
        assert city.mirrored(one).report.updated_at == datetime.fromtimestamp(newest, UTC)
        city.world.clear_faults()
        city.cycle()
        assert_mirrored(city)


class lagging:  # noqa: N801 - reads as a word in a `with`
    """The list shows the report as it was; reading it by id shows it as it is."""

    def __init__(self, city: Bench, tracking_id: str, **old: object) -> None:
        self.city, self.report, self.old = city, city.world.find(tracking_id), old

    def __enter__(self) -> None:
        self.new = {name: getattr(self.report, name) for name in self.old}
        self._set(self.old)

    def __exit__(self, *_: object) -> None:
        self._set(self.new)

    def _set(self, values: dict[str, object]) -> None:
        world = self.city.world
        with world.lock:
            world._unlist(self.report)
            for name, value in values.items():
                setattr(self.report, name, value)
            world._list(self.report)


def test_a_lagging_row_is_put_right_by_its_detail(tmp_path: Path) -> None:
    """A row older than the mirror costs a detail read, and the detail's word counts."""
    with bench(tmp_path / "kota.db", reports=3) as city:
        one = city.report()
        city.settle_down()
        real_row = city.setup.connector.parse_row

        def older(row: object) -> object:
            report = real_row(row)  # type: ignore[arg-type]  # handed through
            return report._replace(updated_at=START - timedelta(days=9), status_name="Selesai")

        city.setup.connector.parse_row = older  # type: ignore[method-assign,assignment]  # a list that lags
        city.world.touch(one)
        city.cycle()
        assert city.requests() == {LIST: 1, DETAIL: 1, THREAD: 1}
        assert city.mirrored(one).report.status_name == city.world.find(one).status


def test_an_unknown_status_keeps_the_colour_and_is_flagged(tmp_path: Path) -> None:
    """A status name that nobody knows changes no colour; known again, the flag goes."""
    with bench(tmp_path / "kota.db") as city:
        one = city.report()
        city.world.answer(one)
        city.settle_down()
        city.world.set_status(one, status_name="Menunggu Kajian")
        city.cycle()
        assert city.mirrored(one).colour is Colour.KUNING
        assert Flag.UNKNOWN_STATUS in city.mirrored(one).verdict.flags

        city.pass_time()
        city.world.set_status(one, status_name="Selesai")
        city.cycle()
        assert city.mirrored(one).colour is Colour.HIJAU
        assert not city.mirrored(one).verdict.flags


def test_other_rules_judge_every_report_anew_at_once(tmp_path: Path) -> None:
    """A city that names fewer OPDs sees the others' reports turn abu with the next cycle, without a call."""
    with bench(tmp_path / "kota.db", reports=30) as city:
        one = city.report(opd=OTHER_OPD)
        city.settle_down()
        narrower = replace_city(city, frozenset({OPD}))

        city.cycle(rules=narrower)

        assert city.requests() == {LIST: 1}
        assert city.mirrored(one).colour is Colour.ABU
        assert {mine.rules for mine in city.all_mirrored().values()} == {narrower.city.rules}


def replace_city(city: Bench, opd_ids: frozenset[str]) -> Rules:
    return replace(city.setup.rules, city=replace(city.setup.rules.city, opd_ids=opd_ids))


def test_a_reporters_name_is_kept_in_its_own_field_only(tmp_path: Path) -> None:
    """As it came it would outlive its own field, and stand there of a rahasia report too."""
    with bench(tmp_path / "kota.db", reports=0) as city:
        one, secret = city.report(), city.report(secret=True)
        city.settle_down()
        name = city.mirrored(one).report.reporter_name
        assert name
        assert city.mirrored(secret).report.reporter_name is None
        payloads = [str(row) for row in city.contents()["raw_payload"]]
        assert any("disposition_name" in text for text in payloads)
        assert not any("reporter_name" in text or name in text for text in payloads)


def test_names_and_raw_payloads_are_dropped_in_time(tmp_path: Path) -> None:
    """After 90 days no payload as it came is left, after a year no reporter's name of a closed report.

    Nor is it known any more who tried to sign in, though nobody signed in since.
    """
    with bench(tmp_path / "kota.db", reports=40) as city:
        city.settle_down()
        with city.setup.store.work() as work:
            people.add_try(work, "account", "10.1.2.3")
        names = [one for one in city.all_mirrored().values() if one.report.reporter_name and one.closed_at]
        assert names
        assert city.contents()["raw_payload"]

        city.pass_time(91 * 86_400)
        city.cycle()
        read_at = {row[-1][:10] for row in city.contents()["raw_payload"]}
        assert all(day >= "2026-05-31" for day in read_at)
        assert city.contents()["sign_in_try"] == []

        city.pass_time(366 * 86_400)
        city.cycle()
        closed = {one.tracking_id for one in names}
        left = [one for one in city.all_mirrored().values() if one.tracking_id in closed]
        assert left
        assert not any(one.report.reporter_name for one in left)


def test_no_payload_of_a_report_that_may_be_anonymous_holds_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under whatever key it stands, and in what cannot be read; one that becomes anonymous loses what was kept of it;
    others keep all."""
    with bench(tmp_path / "kota.db", reports=5) as city:
        secret, open_one, unsaid, turning = (city.report() for _ in range(4))
        flags = {secret: (1, 0), open_one: (0, 0), unsaid: (None, 0), turning: (0, 0)}
        read = Transport.read

        def named(self: Any, path: str, parse: Any, **how: Any) -> Any:
            def parsed(answer: Any) -> Any:
                said = json.loads(answer.body)
                data = said["results"].get("data") if isinstance(said.get("results"), dict) else None
                if path.endswith("/followups") and data is not None:
                    data += ["Sari Contoh", ["Sari Contoh"]]  # no objects: nothing tells what of them is a name
                    return parse(answer._replace(body=json.dumps(said).encode()))
                for row in data if isinstance(data, list) else [data] if isinstance(data, dict) else []:
                    row["pelapor"] = {"nama": "Sari Contoh"}
                    row["user"] = {"name": "Sari Contoh"}
                    if str(row.get("tracking_id")) in flags:
                        row["is_anonymous"], row["is_secret"] = flags[str(row["tracking_id"])]
                        row["reporter_name"] = "Sari Contoh"
                return parse(answer._replace(body=json.dumps(said).encode()))

            return read(self, path, parsed, **how)

        monkeypatch.setattr(Transport, "read", named)
        city.cycle()

        def holding(table: str) -> set[str]:
            rows = [[str(value) for value in row] for row in city.contents()[table]]
            return {one for one in flags for row in rows if one in row and "Sari" in " ".join(row)}

        assert holding("raw_payload") == holding("quarantine") == {open_one, turning}
        assert city.mirrored(open_one).report.reporter_name == "Sari Contoh"
        assert city.mirrored(unsaid).report.reporter_name is None
        flags[turning] = (0, 1)
        city.pass_time()
        city.world.touch(turning)
        city.cycle()
        assert holding("raw_payload") == holding("quarantine") == {open_one}
        assert city.mirrored(turning).report.reporter_name is None


def test_a_poll_that_finds_nothing_asks_the_database_little(tmp_path: Path) -> None:
    """Each of these is some round trips to a server, and nearly all polls of a nation find nothing."""
    asked = Counter[str]()
    with bench(tmp_path / "kota.db", reports=5) as city:
        city.cycles(2)
        event.listen(city.store.engine, "begin", lambda _conn: asked.update(["transactions"]))
        event.listen(city.store.engine, "before_cursor_execute", lambda *_: asked.update(["statements"]))
        city.cycle()
    # On SQLite its log is carried over before and after.
    transactions, statements = {"sqlite": (11, 34), "postgresql": (9, 22)}[city.store.engine.dialect.name]
    assert asked == {"transactions": transactions, "statements": statements}
