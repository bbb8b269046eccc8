"""Charts put a value where its axis says."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from inspector.evaluation.page.charts import BOTTOM, LEFT, RIGHT, TOP, Axis, Line, Mark, ceiling, chart


def test_a_chart_is_whole_and_its_corners_are_the_axes_ends() -> None:
    svg = chart(
        [Line("a & b", [(0.0, 0.0), (1.0, 0.5)], "#000")],
        Axis("recall"),
        Axis("missed", 0.5),
        size=(400, 300),
        marks=[Mark((0.5, 0.25), "<here>")],
        title="a < b",
    )
    tree = ET.fromstring(svg)
    line = next(element for element in tree.iter() if element.tag == "polyline")
    assert line.get("points") == f"{LEFT}.0,{300 - BOTTOM}.0 {400 - RIGHT}.0,{TOP}.0"
    dot = next(element for element in tree.iter() if element.tag == "circle")
    assert float(dot.get("cx") or 0) == pytest.approx((LEFT + 400 - RIGHT) / 2)
    assert "&lt;here&gt;" in svg


def test_nothing_to_draw_leaves_the_axes() -> None:
    svg = chart([Line("none", [], "#000")], Axis("x"), Axis("y"), title="empty")
    assert "polyline" not in svg
    assert "100 %" in svg
    assert len(re.findall("<text", svg)) > 10


@pytest.mark.parametrize(
    ("values", "end"), [([], 0.05), ([0.05], 0.05), ([0.06], 0.1), ([0.31, 0.1], 0.5), ([0.9], 1.0)]
)
def test_an_axis_ends_at_a_round_value(values: list[float], end: float) -> None:
    assert ceiling(values, 0.05) == end
