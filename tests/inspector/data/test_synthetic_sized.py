"""Defects of a size that is asked for: exactly that size, and boards without the option stay as they were."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from inspector.data.synthetic import CLASSES, SyntheticBoard, board
from inspector.data.synthetic_sized import KINDS


def extents(made: SyntheticBoard) -> list[int]:
    """The longer side of what differs from the template in black and white, for each defect."""
    flipped = (made.image > 127) != (made.template > 127)
    sides = []
    for x1, y1, x2, y2 in made.boxes.astype(int).tolist():
        places = np.nonzero(flipped[y1:y2, x1:x2])
        sides.append(max(int(np.ptp(place)) + 1 for place in places))
    return sides


@pytest.mark.parametrize("extent", [3, 5, 9])
def test_a_small_defect_has_the_size_to_the_pixel(extent: int) -> None:
    made = [board(seed, defects=3, size=(256, 256), extent=extent) for seed in range(6)]
    found = [side for each in made for side in extents(each)]
    assert len(found) >= 6
    assert set(found) == {extent}


def test_a_larger_one_is_off_by_a_tenth_at_most() -> None:
    found = [side for seed in range(6) for side in extents(board(seed, defects=3, extent=20))]
    assert len(found) >= 12
    assert all(18 <= side <= 22 for side in found)


def test_only_the_kinds_that_come_in_every_size() -> None:
    labels = [label for seed in range(6) for label in board(seed, defects=4, extent=8).labels]
    assert {CLASSES[label] for label in labels} == set(KINDS)


def test_a_board_is_its_template_outside_the_boxes() -> None:
    made = board(3, defects=3, extent=6)
    assert len(made.boxes) == 3
    differs = made.image != made.template
    for x1, y1, x2, y2 in made.boxes.astype(int).tolist():
        differs[y1:y2, x1:x2] = False
    assert not differs.any()


def test_the_layout_does_not_depend_on_the_size() -> None:
    assert (board(5, defects=2, extent=4).template == board(5, defects=2).template).all()


def test_nothing_smaller_than_the_blur_can_be_drawn() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        board(0, defects=1, extent=2)


def test_boards_of_a_seed_stay_what_they_are() -> None:
    """Trained models and the demo rest on them: change them knowingly (last: poured copper)."""
    made = board(7, defects=5, size=(256, 256))
    digest = hashlib.sha256(made.image.tobytes() + made.boxes.tobytes() + made.labels.tobytes()).hexdigest()
    assert digest[:16] == "31758549c65c7d42"
