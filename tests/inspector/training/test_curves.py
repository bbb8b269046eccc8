"""The curves are drawn from whatever a run has measured so far."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.imaging.files import read_image
from inspector.training.curves import NAMES, draw
from inspector.training.journal import Row

LEARNT: list[Row] = [
    {"step": step, "learning_rate": 1e-3 / step, "losses": {"score": 2 / step, "box": 1 / step}}
    for step in (50, 100, 150)
]
LOOKED: list[Row] = [
    {"step": 0, "validation": {"map50": 0.0, "map50_95": 0.0}, "best": False},
    {"step": 100, "validation": {"map50": 0.6, "map50_95": 0.3, "auroc": 0.9}, "best": True},
]


def test_nothing_measured_is_no_picture(tmp_path: Path) -> None:
    draw([], tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rows", [LEARNT, LOOKED, [*LEARNT, *LOOKED]])
def test_pictures_of_what_there_is(tmp_path: Path, rows: list[Row]) -> None:
    draw(rows, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(NAMES)
    image = read_image(tmp_path / "curves.png", 3)
    assert image.shape[:2] == (800, 900)
    assert image.min() < 100
    assert (tmp_path / "curves.svg").read_text().lstrip().startswith("<?xml")
