"""Each recording of LAPOR's answers is read whole by the connector.

One that a city made with `check --record` is tested by copying its folder into `recordings/`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.simulator import Options, Simulator
from connectors.sp4n_v3.sampling import Recorder
from connectors.sp4n_v3.shapes import fields, shape_of
from lapor_sync.domain.report import ItemKind
from tests.contract.replay import REPORT, Recording, made_up, replayed
from tests.databases import START
from tests.system.cli_runner import city

FOLDER = Path(__file__).parent / "recordings"
RECORDINGS = sorted(path for path in FOLDER.iterdir() if path.is_dir())


@pytest.fixture(params=RECORDINGS, ids=[path.name for path in RECORDINGS])
def recording(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_every_row_of_its_list_is_a_report(recording: Path) -> None:
    with replayed(recording) as (connector, kept):
        if not kept.pages("list"):
            pytest.skip("no list was recorded")
        pages = list(connector.list_reports(updated_from=None))
        reports = [connector.parse_row(row) for page in pages for row in page.rows]
    assert pages[-1].why == ""
    assert sum(len(page.bad) for page in pages) == 0
    assert reports
    assert all(one.status_name and one.updated_at for one in reports)


def test_every_report_and_its_thread_are_read(recording: Path) -> None:
    with replayed(recording) as (connector, kept):
        assert kept.reports("report")
        for number in kept.reports("report"):
            detail = connector.read_report(f"{REPORT}{number}")
            assert detail.report.status_name
            assert detail.report.created_at
            assert all(move.at for move in detail.history)
        threads = [connector.read_thread(f"{REPORT}{number}") for number in kept.reports("thread")]
    items = [item for thread in threads for item in thread.items]
    assert all(thread.complete and not thread.bad for thread in threads)
    assert all(item.created_at for item in items)
    assert {ItemKind.ANSWER, ItemKind.DISPOSITION} <= {item.kind for item in items}


def test_its_master_lists_are_read(recording: Path) -> None:
    with replayed(recording) as (connector, _):
        assert connector.institutions()
        assert connector.templates()


def test_what_is_made_up_has_the_shapes_that_were_recorded(recording: Path) -> None:
    """So the replay shows the connector what LAPOR showed."""
    for one in Recording(recording).answers.values():
        again = shape_of(made_up(one["body"]), lambda _id: 0)
        assert list(fields(again)) == list(fields(one["body"]))


def test_the_simulator_is_recorded_as_it_is_now(tmp_path: Path) -> None:
    """The recording that is kept has the fields, forms and codes that `check --record` finds today; and is replayed."""
    folder = tmp_path / "answers"
    with Simulator(Options(seed=3, reports=12, start=START)) as simulator:
        ran = city(simulator, tmp_path / "city.db")("check", "--record", folder)
    assert "answers, as shapes, in" in ran.out
    assert _known(folder) == _known(FOLDER / "simulator")
    again = Recorder(tmp_path, "/complaints")
    with replayed(folder, again.seen) as (connector, kept):
        for number in kept.reports("report"):
            connector.read_report(f"{REPORT}{number}")
            connector.read_thread(f"{REPORT}{number}")
        assert list(connector.list_reports(updated_from=None))[-1].why == ""
        assert connector.institutions()
    assert again.count > 2 * len(kept.reports("report"))


def _known(folder: Path) -> dict[str, Any]:
    calls = json.loads((folder / "fields.json").read_text(encoding="utf-8"))["calls"]
    return {
        call: {path: (sorted(forms), sorted(codes)) for path, (_, _, forms, codes) in found.items()}
        for call, found in calls.items()
    }
