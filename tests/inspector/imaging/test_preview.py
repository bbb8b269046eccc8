"""Previews and thumbnails, decoded again as a browser would; and which images need no preview."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.errors import BrokenImage, EmptyBody
from inspector.imaging.header import browsers_show, sniff
from inspector.imaging.opencv import cv2
from inspector.imaging.preview import THUMBNAIL_SIDE, preview_of, shown_of, thumbnail_of
from tests.support.images import deep_png
from tests.support.pictures import bmp, jpeg, png, tiff


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        (jpeg(), True),
        (bmp(), True),
        (png(), True),
        (png(bits=16), False),
        (tiff(), False),
        (tiff(bits=16), False),
    ],
)
def test_what_a_browser_shows_as_it_is(image: bytes, shown: bool) -> None:
    assert browsers_show(image) is shown


def test_of_nothing_it_cannot_be_said() -> None:
    with pytest.raises(EmptyBody):
        browsers_show(b"")


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_preview_is_as_large_as_the_image_and_shown_by_a_browser(channels: int, bits: int) -> None:
    image = (
        png(40, 30, channels=4, bits=bits) if channels == 4 else tiff(40, 30, channels=channels, bits=bits)
    )

    preview = preview_of(shown_of(image))

    head = sniff(preview)
    assert (head.format, head.width, head.height, head.bit_depth) == ("png", 40, 30, 8)
    assert head.channels == (1 if channels == 1 else 3)
    assert browsers_show(preview)


def test_twelve_bits_are_no_black_picture() -> None:
    levels = np.array([[0, 1024, 2048, 4095]], np.uint16)
    shown = cv2.imdecode(
        np.frombuffer(preview_of(shown_of(deep_png(levels))), np.uint8), cv2.IMREAD_UNCHANGED
    )
    assert shown is not None
    assert shown.tolist() == [[0, 64, 128, 255]]


def test_colours_stay_where_they_are() -> None:
    blue = np.zeros((2, 2, 3), np.uint8)
    blue[..., 0] = 200  # OpenCV has blue first
    image = cv2.imencode(".tiff", blue, [259, 8])[1].tobytes()
    shown = cv2.imdecode(np.frombuffer(preview_of(shown_of(image)), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert np.array_equal(shown, blue)


def test_a_damaged_image_has_none() -> None:
    image = bytearray(tiff(bits=16))
    image[len(image) // 2] ^= 0xFF
    with pytest.raises(BrokenImage):
        shown_of(bytes(image))


@pytest.mark.parametrize(
    ("size", "small"),
    [((64, 48), (64, 48)), ((1280, 960), (THUMBNAIL_SIDE, 270)), ((4000, 2), (THUMBNAIL_SIDE, 1))],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_thumbnail_fits_and_keeps_its_shape(
    size: tuple[int, int], small: tuple[int, int], channels: int
) -> None:
    head = sniff(thumbnail_of(shown_of(png(*size, channels=channels))))
    assert (head.format, head.width, head.height, head.channels) == ("jpeg", *small, channels)


def test_a_thumbnail_has_the_colours_of_its_image() -> None:
    red = np.full((800, 800, 3), (220, 30, 20), np.uint8)
    shown = cv2.imdecode(np.frombuffer(thumbnail_of(red), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert shown is not None
    assert np.abs(shown.astype(int) - (220, 30, 20)).max() <= 3
