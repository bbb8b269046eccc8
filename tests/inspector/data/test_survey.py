"""What image files are, told before a training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.data.survey import channels_of
from inspector.errors import DataError
from tests.support import datasets, pictures


def data(*paths: Path) -> Dataset:
    return Dataset(("a",), tuple(Sample(p.name, p, as_boxes([]), as_labels([])) for p in paths))


def test_grey_images_are_one_channel_however_they_are_stored(tmp_path: Path) -> None:
    grey = datasets.picture(tmp_path / "a.png")
    stored = tmp_path / "b.jpg"
    cv2.imwrite(str(stored), np.repeat(datasets.grey(grey)[..., None], 3, axis=2))
    assert channels_of(data(grey, stored)) == 1


def test_one_coloured_image_makes_three_channels(tmp_path: Path) -> None:
    coloured = tmp_path / "c.png"
    image = np.full((8, 8, 3), 100, np.uint8)
    image[2, 2] = (20, 100, 200)
    cv2.imwrite(str(coloured), image)
    assert channels_of(data(datasets.picture(tmp_path / "a.png"), coloured)) == 3


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (pictures.png_claiming(8, 8, depth=4), "4 bits"),
        (b"", "empty"),
        (b"II*\0", "TIFF"),
        (pictures.jpeg()[:-200], "ends"),
    ],
)
def test_what_is_not_read_is_one_line_that_names_it(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match=rf"x\.png: .*{complaint}"):
        channels_of(data(tmp_path / "x.png"))
