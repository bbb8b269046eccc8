"""How a dashboard of Grafana is written down: rows of panels, from left to right, as the JSON that it reads.

Only what ours need. Expressions may use `$line` (the chosen lines, a regular expression), `$__rate_interval`
and `$__range`, as Grafana has them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

PROVISIONED = "inspector"
"""The data source of deploy/grafana/provisioning, by its uid."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
"""Whatever the variable says: the provisioned one, or another Grafana's own."""

COLUMNS = 24
"""Of Grafana's grid."""

SCHEMA = 39
"""Of Grafana 11's dashboards; later ones read it too."""

GREEN, YELLOW, RED = "green", "yellow", "red"

PER_SECOND = "suffix:/s"
"""A unit: Grafana's own ones speak of requests, reads or packets."""


class Kind(StrEnum):
    LINES = "timeseries"
    STAT = "stat"
    BARS = "bargauge"


@dataclass(frozen=True, slots=True)
class Target:
    """`name` is the legend, with {{label}} for the value of a label."""

    expr: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    targets: tuple[Target, ...]
    text: str
    """What it shows and what to make of it; the little i of the panel."""
    unit: str = "short"
    """Of Grafana: short, percentunit, s, bytes, PER_SECOND."""
    kind: Kind = Kind.LINES
    width: int = 8
    height: int = 8
    steps: tuple[tuple[float, str], ...] = ()
    """From which value on it has which colour; below the first one it is green."""
    floor: float | None = 0.0
    """Least value of the axis; None lets it float."""
    stacked: bool = False
    at_once: bool = False
    """One value over the whole range on the screen, rather than a course."""


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    uid: str
    title: str
    text: str
    rows: tuple[Row, ...]
    hours: int
    """That it shows when opened."""

    @property
    def panels(self) -> Iterator[Panel]:
        for row in self.rows:
            yield from row.panels

    def render(self) -> str:
        """JSON, the same for the same dashboard."""
        return json.dumps(self._document(), indent=1, ensure_ascii=False) + "\n"

    def _document(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.text,
            "tags": ["inspector"],
            "schemaVersion": SCHEMA,
            "editable": False,
            "graphTooltip": 1,  # one crosshair for all panels: what happened together is seen together
            "refresh": "10s",
            "time": {"from": f"now-{self.hours}h", "to": "now"},
            "templating": {"list": [_source_variable(), _lines_variable()]},
            "links": [{"type": "dashboards", "tags": ["inspector"], "title": "Inspector", "keepTime": True}],
            "panels": _laid_out(self.rows),
        }


def _laid_out(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each row's heading, and its panels from left to right, in as many lines as they need."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        heading = {"type": "row", "title": row.title, "collapsed": False, "panels": [], "gridPos": place}
        panels.append({"id": len(panels) + 1, **heading})
        top, left, tallest = top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            panels.append({"id": len(panels) + 1, **_panel(panel), "gridPos": place})
            left, tallest = left + panel.width, max(tallest, panel.height)
        top += tallest
    return panels


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind.value,
        "title": panel.title,
        "description": panel.text,
        "datasource": DATASOURCE,
        "targets": [_target(panel, number, target) for number, target in enumerate(panel.targets)],
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(panel: Panel, number: int, target: Target) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + number),
        "datasource": DATASOURCE,
        "expr": target.expr,
        "legendFormat": target.name or "__auto",
        "instant": panel.at_once,
        "range": not panel.at_once,
    }


def _field(panel: Panel) -> dict[str, Any]:
    steps = [{"value": None, "color": GREEN}, *({"value": at, "color": colour} for at, colour in panel.steps)]
    field: dict[str, Any] = {
        "unit": panel.unit,
        "noValue": "–",
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "palette-classic" if panel.kind is Kind.LINES else "thresholds"},
    }
    if panel.floor is not None:
        field["min"] = panel.floor
    if panel.kind is Kind.LINES:
        field["custom"] = {
            "lineWidth": 2,
            "fillOpacity": 25 if panel.stacked else 0,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": {"mode": "dashed" if panel.steps else "off"},
        }
    return field


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind is Kind.LINES:
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if panel.kind is Kind.STAT:
        return {"reduceOptions": reduced, "colorMode": "background", "graphMode": "area", "textMode": "auto"}
    return {"reduceOptions": reduced, "orientation": "horizontal", "displayMode": "basic"}


def _source_variable() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {"text": "Inspector", "value": PROVISIONED},
    }


def _lines_variable() -> dict[str, Any]:
    query = "label_values(inspector_takt_seconds, line)"
    return {
        "name": "line",
        "label": "Line",
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": "lines"},
        "definition": query,
        "refresh": 2,  # when the range changes
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }
