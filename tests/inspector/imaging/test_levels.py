from __future__ import annotations

import numpy as np
import pytest

from inspector.imaging.levels import displayable, full_level


@pytest.mark.parametrize(
    ("peak", "level"),
    [(0, 255), (255, 255), (256, 1023), (1024, 4095), (4095, 4095), (16_383, 16_383), (16_384, 65_535)],
)
def test_the_level_of_a_camera_is_the_next_full_one(peak: int, level: int) -> None:
    assert full_level(peak) == level


def test_eight_bits_are_shown_as_they_are() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)

    assert displayable(image) is image


def test_twelve_bits_are_shown_over_the_whole_range_not_black() -> None:
    image = np.array([[0, 2048, 4095]], np.uint16)

    assert displayable(image).tolist() == [[0, 128, 255]]
