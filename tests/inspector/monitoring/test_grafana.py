"""Dashboards as Grafana reads them: panels that do not overlap, one data source, no expression left out."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from inspector.monitoring import dashboards
from inspector.monitoring.grafana import (
    COLUMNS,
    DATASOURCE,
    PER_SECOND,
    PROVISIONED,
    Dashboard,
    Kind,
    Panel,
    Row,
    Target,
)

ROOT = Path(__file__).parents[3]
GRAFANA = ROOT / "deploy" / "grafana"


def document(*rows: Row) -> dict[str, Any]:
    board = Dashboard("x", "X", "", rows, hours=1)
    parsed: dict[str, Any] = json.loads(board.render())
    return parsed


def places(parsed: dict[str, Any]) -> list[tuple[int, int]]:
    return [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in parsed["panels"]]


def test_a_dashboard_without_rows_is_empty() -> None:
    assert document()["panels"] == []


def test_panels_go_from_left_to_right_and_on_to_the_next_line() -> None:
    wide = tuple(Panel(str(number), (Target("up"),), "", width=10, height=4) for number in range(3))
    parsed = document(Row("first", wide), Row("second", ()))
    assert places(parsed) == [(0, 0), (0, 1), (10, 1), (0, 5), (0, 9)]


@pytest.mark.parametrize("board", dashboards.ALL, ids=lambda board: board.uid)
def test_no_panel_lies_on_another_or_over_the_edge(board: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(board.render())["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
        across, down = (range(place[at], place[at] + place[size]) for at, size in (("x", "w"), ("y", "h")))
        cells = set(itertools.product(across, down))
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("board", dashboards.ALL, ids=lambda board: board.uid)
def test_each_panel_has_a_title_of_its_own_and_all_its_expressions(board: Dashboard) -> None:
    drawn = [panel for panel in json.loads(board.render())["panels"] if panel["type"] != "row"]
    titles = [panel["title"] for panel in drawn]
    assert sorted(titles) == sorted(set(titles))
    asked = [target["expr"] for panel in drawn for target in panel["targets"]]
    assert asked == [target.expr for panel in board.panels for target in panel.targets]
    assert all(panel["datasource"] == DATASOURCE for panel in drawn)


UNITS = {"short", "percentunit", "s", "bytes", PER_SECOND}
"""That Grafana knows; one that it does not is drawn without a word."""


@pytest.mark.parametrize("board", dashboards.ALL, ids=lambda board: board.uid)
def test_each_panel_says_what_it_shows_in_which_unit_and_names_its_series(board: Dashboard) -> None:
    for panel in board.panels:
        assert panel.text.endswith("."), panel.title
        assert panel.unit in UNITS, panel.title
        names = [target.name for target in panel.targets]
        single = panel.kind is Kind.STAT and len(names) == 1
        assert single or all(names), panel.title
        assert len(set(names)) == len(names), panel.title
        assert [at for at, _ in panel.steps] == sorted(at for at, _ in panel.steps), panel.title


@pytest.mark.parametrize("board", dashboards.ALL, ids=lambda board: board.uid)
def test_every_variable_that_is_asked_for_is_there(board: Dashboard) -> None:
    """In another Grafana than the provisioned one a person chooses the data source."""
    parsed = json.loads(board.render())
    variables = {one["name"]: one for one in parsed["templating"]["list"]}
    asked = set(re.findall(r"\$\{?([a-z]\w*)", board.render()))
    assert asked == set(variables)
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == DATASOURCE["type"]
    assert variables["datasource"]["current"]["value"] == PROVISIONED
    assert 8 <= len(parsed["uid"]) <= 40, "what Grafana takes for a uid"


def test_grafana_finds_the_data_source_and_the_dashboards() -> None:
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    assert (source["uid"], source["type"]) == (PROVISIONED, DATASOURCE["type"])
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/inspector.yml").read_text())["providers"]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    mounted = dict(volume.removesuffix(":ro").split(":") for volume in services["grafana"]["volumes"])
    assert mounted["./deploy/grafana/dashboards"] == provider["options"]["path"]
    assert mounted["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services
    files = sorted(path.stem for path in (GRAFANA / "dashboards").glob("*.json"))
    assert files == sorted(dashboards.render())


def test_grafana_is_for_whoever_asks_and_for_this_host_only() -> None:
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]["grafana"]
    assert grafana["profiles"] == ["grafana"]
    assert all(port.startswith("127.0.0.1:") for port in grafana["ports"])
