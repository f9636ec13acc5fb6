"""Alerts and dashboard ask for what is told, and for nothing else.

Each name and each label is held against docs/metrics.md, which tests/web/test_metrics.py holds against what is exported.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "monitoring"
RULES, DASHBOARD = FOLDER / "lapor-sync.rules.yml", FOLDER / "grafana-dashboard.json"
TESTS = sorted(FOLDER.glob("*.test.yml"))
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's package prometheus has it")


def told() -> Mapping[str, frozenset[str]]:
    """Each series with its labels, as docs/metrics.md lists them; a histogram is three."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    found = {"up": frozenset({"instance", "job"})}
    for name, kind, labels in rows:
        own = {*re.findall(r"`(\w+)`", labels), "instance", "job"}
        if kind == "histogram":
            found |= {f"{name}_count": frozenset(own), f"{name}_sum": frozenset(own)}
            found[f"{name}_bucket"] = frozenset(own | {"le"})
        else:
            found[name] = frozenset(own)
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return list(json.loads(DASHBOARD.read_text())["panels"])


def queries() -> Iterator[tuple[str, str]]:
    """Each query with where it stands; Grafana's own words as it would fill them."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$agency", "kota")


def wrong_in(query: str) -> list[str]:
    """What a query asks for that nobody tells."""
    wrong, series = [], told()
    names = set(re.findall(r"\b(?:lapor_sync_\w+|process_\w+|up)\b", re.sub(r'"[^"]*"', '""', query)))
    wrong += [name for name in names if name not in series]
    for name, inside in re.findall(r"\b(\w+)\{([^}]*)\}", query):
        labels = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', inside))
        wrong += [f"{label} of {name}" for label in labels if label not in series.get(name, ())]
    known = frozenset[str]().union(*(series[name] for name in names & series.keys()))
    for inside in re.findall(r"\b(?:by|on|without|ignoring|group_left|group_right) \(([^)]*)\)", query):
        wrong += [label for label in re.findall(r"\w+", inside) if label not in known]
    return wrong


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_a_query_asks_for_what_is_told(where: str, query: str) -> None:
    assert wrong_in(query) == []


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("max(lapor_sync_nothing)", ["lapor_sync_nothing"]),
        ('lapor_sync_upstream_up{city="x"}', ["city of lapor_sync_upstream_up"]),
        ("max by (opd) (lapor_sync_upstream_up)", ["opd"]),
        ("lapor_sync_cycle_duration_seconds", ["lapor_sync_cycle_duration_seconds"]),
    ],
)
def test_a_query_for_what_is_not_told_is_seen(query: str, wrong: list[str]) -> None:
    """The test above can fail."""
    assert wrong_in(query) == wrong


def promtool(*args: str | Path) -> None:
    """Prometheus' own tool finds nothing wrong."""
    ran = subprocess.run(["promtool", *args], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_promtool
def test_every_query_is_one_for_prometheus(tmp_path: Path) -> None:
    """By its own parser: the dashboard's as rules of a file."""
    records = [{"record": f"q{n}", "expr": query} for n, (_where, query) in enumerate(queries())]
    made = tmp_path / "all.yml"
    made.write_text(json.dumps({"groups": [{"name": "all", "rules": records}]}))
    promtool("check", "rules", made, RULES)


@needs_promtool
def test_every_alert_fires_and_stays_silent_as_its_tests_say() -> None:
    promtool("test", "rules", *TESTS)


def test_every_alert_has_a_test_of_both_and_says_what_to_do() -> None:
    tests = [test for file in TESTS for test in yaml.safe_load(file.read_text())["tests"]]
    asked = [case for test in tests for case in test["alert_rule_test"]]
    fired = {case["alertname"] for case in asked if case.get("exp_alerts")}
    silent = {case["alertname"] for case in asked if not case.get("exp_alerts")}
    assert fired == silent == {rule["alert"] for rule in rules()}
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "todo"}


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    """Panels have ids of their own, lie beside each other in 24 columns, and ask the Prometheus that is chosen."""
    board, taken = json.loads(DASHBOARD.read_text()), set[tuple[int, int]]()
    assert len({panel["id"] for panel in panels()}) == len(panels())
    assert [one["name"] for one in board["templating"]["list"]] == ["datasource", "agency"]
    for panel in panels():
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${datasource}"
    variable = board["templating"]["list"][1]["definition"]
    assert re.fullmatch(r"label_values\((\w+), agency\)", variable)[1] in told()  # type: ignore[index]
