"""Image files go the way of posted images: the same facts, the same checks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from inspector.errors import DataError, TooManyPixels, UnsupportedImage
from inspector.imaging.files import facts_of, read_image
from tests.support import pictures


def test_facts_are_what_the_gateway_would_find() -> None:
    image = pictures.png(64, 48, channels=1)
    facts = facts_of(image)
    assert (facts.width, facts.height, facts.format, facts.bytes) == (64, 48, "png", len(image))
    assert facts.sha256 == hashlib.sha256(image).hexdigest()


def test_a_file_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(TooManyPixels):
        facts_of(pictures.png_claiming(60_000, 60_000))


def test_pixels_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(pictures.png(64, 48))
    assert read_image(path, 1).shape == (48, 64)
    assert read_image(path, 3).shape == (48, 64, 3)
    assert read_image(path, 1).dtype == np.uint8


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.png: cannot be read"):
        read_image(tmp_path / "none.png", 1)


def test_text_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_text("hello")
    with pytest.raises(UnsupportedImage):
        read_image(path, 1)
