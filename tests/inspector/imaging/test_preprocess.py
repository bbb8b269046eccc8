from __future__ import annotations

import numpy as np
import pytest

from inspector.imaging.preprocess import crop_map, prepare, to_source
from inspector.models.bundle import InputSpec
from tests.support.images import grey

GREY = InputSpec(channels=1, max_side=256)


@pytest.mark.parametrize(
    ("size", "padded"),
    [((1, 1), (32, 32)), ((32, 64), (32, 64)), ((33, 64), (64, 64)), ((100, 200), (128, 224))],
)
def test_an_image_keeps_its_scale_and_is_padded_to_the_multiple(
    size: tuple[int, int], padded: tuple[int, int]
) -> None:
    image = grey(*size)

    prepared = prepare(image, GREY)

    assert prepared.array.shape == (1, *padded)
    assert prepared.array.dtype == np.float32
    assert (prepared.scale, prepared.height, prepared.width) == (1.0, *size)
    np.testing.assert_allclose(prepared.array[0, : size[0], : size[1]], image / 255, atol=1e-6)
    assert prepared.array[0, size[0] :].sum() == 0
    assert prepared.array[0, :, size[1] :].sum() == 0


def test_colour_is_planes_in_the_order_red_green_blue() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 0] = 255

    array = prepare(image, InputSpec(channels=3)).array

    assert [plane.mean() for plane in array] == [1.0, 0.0, 0.0]


def test_padding_has_the_value_of_the_bundle() -> None:
    prepared = prepare(grey(30, 32), InputSpec(channels=1, pad=0.5))

    assert (prepared.array[0, 30:] == 0.5).all()


def test_only_what_is_over_the_longest_side_is_shrunk_with_its_aspect_kept() -> None:
    prepared = prepare(grey(512, 200), GREY)

    assert prepared.scale == 0.5
    assert prepared.inner == (256, 100)
    assert prepared.array.shape == (1, 256, 128)


def test_a_hair_of_an_image_keeps_one_pixel() -> None:
    assert prepare(grey(1, 2000), GREY).inner == (1, 256)


def test_the_wrong_number_of_channels_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="1 channels for a network of 3"):
        prepare(grey(), InputSpec(channels=3))


def test_boxes_come_back_in_pixels_of_the_source_clipped_to_it() -> None:
    prepared = prepare(grey(512, 200), GREY)

    boxes = to_source(np.array([[10, 20, 30, 40], [-5, -5, 500, 500]], np.float32), prepared)

    assert boxes.tolist() == [[20, 40, 60, 80], [0, 0, 200, 512]]


@pytest.mark.parametrize(
    ("size", "cells"), [((1, 1), (1, 1)), ((8, 8), (1, 1)), ((9, 16), (2, 2)), ((640, 633), (32, 32))]
)
def test_the_map_keeps_the_cells_that_start_in_the_picture(
    size: tuple[int, int], cells: tuple[int, int]
) -> None:
    prepared = prepare(grey(*size), GREY)
    height, width = prepared.array.shape[1:]

    assert crop_map(np.zeros((height // 8, width // 8)), prepared, 8).shape == cells
