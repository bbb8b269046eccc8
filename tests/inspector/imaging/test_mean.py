"""The mean of images, of whatever formats and sizes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inspector.errors import BrokenImage, UnsupportedImage
from inspector.imaging.mean import LONGEST_SIDE, MeanImage


def png(value: int, size: tuple[int, int] = (20, 30)) -> bytes:
    return cv2.imencode(".png", np.full(size, value, np.uint8))[1].tobytes()


def shown(mean: MeanImage) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = cv2.imdecode(np.frombuffer(mean.jpeg(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture.astype(np.uint8)


def test_there_is_no_mean_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        MeanImage().jpeg()


def test_it_is_the_mean_of_what_was_added() -> None:
    mean = MeanImage()
    for value in (0, 90, 210):
        mean.add(png(value))
    assert mean.images == 3
    assert shown(mean).shape == (20, 30, 3)
    assert np.abs(shown(mean).astype(int) - 100).max() <= 2


def test_a_large_image_is_made_small_and_others_fit_to_the_first() -> None:
    mean = MeanImage()
    mean.add(png(100, (500, 2 * LONGEST_SIDE)))
    mean.add(png(100, (50, 50)))
    assert shown(mean).shape == (250, LONGEST_SIDE, 3)


@pytest.mark.parametrize(("image", "error"), [(b"no image", UnsupportedImage), (png(9)[:60], BrokenImage)])
def test_what_is_broken_is_refused_and_changes_nothing(image: bytes, error: type[Exception]) -> None:
    mean = MeanImage()
    mean.add(png(50))
    with pytest.raises(error):
        mean.add(image)
    assert mean.images == 1
    assert np.abs(shown(mean).astype(int) - 50).max() <= 1
