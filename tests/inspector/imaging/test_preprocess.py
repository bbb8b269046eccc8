from __future__ import annotations

import numpy as np
import pytest

from inspector.errors import WrongLevels
from inspector.imaging.preprocess import cells, prepare, to_source
from inspector.imaging.tiles import Tile
from inspector.models.bundle import InputSpec
from tests.support.images import grey

GREY = InputSpec(channels=1, max_side=256, nominal=(128, 128), overlap=64)
TWELVE = InputSpec(channels=1, bit_depth=16, white=4095, faintest=200)


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
    assert (prepared.inner, prepared.height, prepared.width) == (size, *size)
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


@pytest.mark.parametrize("size", [(32, 32), (20, 500), (500, 20), (640, 640)])
def test_a_small_image_is_padded_to_what_training_saw(size: tuple[int, int]) -> None:
    trained = InputSpec(channels=1, min_side=640, max_side=640)

    prepared = prepare(grey(*size), trained)

    assert prepared.tiles == (Tile(0, 0, 640, 640),)
    assert prepared.array.shape == (1, 640, 640)


@pytest.mark.parametrize(("size", "tiles"), [((256, 256), 1), ((257, 200), 12), ((1, 2000), 31)])
def test_only_what_is_over_the_longest_side_is_cut_into_tiles(size: tuple[int, int], tiles: int) -> None:
    prepared = prepare(grey(*size), GREY)

    assert len(prepared.tiles) == tiles
    assert prepared.inner == size


def test_tiles_show_the_picture_as_it_is_and_padding_past_it() -> None:
    image = grey(300, 200)
    prepared = prepare(image, GREY)

    for index, tile in enumerate(prepared.tiles):
        window = image[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] / 255
        array = prepared.input(index)
        assert array.shape == (1, 128, 128)
        np.testing.assert_allclose(array[0, : window.shape[0], : window.shape[1]], window, atol=1e-6)
        assert array.sum() == pytest.approx(window.sum(), rel=1e-4)


def test_an_image_in_tiles_has_no_single_input() -> None:
    with pytest.raises(ValueError, match="12 tiles"):
        _ = prepare(grey(300, 200), GREY).array


def test_the_scale_of_the_bundle_averages_areas_and_keeps_the_aspect() -> None:
    image = np.zeros((90, 60), np.uint8)
    image[30:33, 30:33] = 255

    prepared = prepare(image, InputSpec(channels=1, scale=1 / 3))

    assert prepared.inner == (30, 20)
    assert prepared.array[0, 10, 10] == 1.0
    assert prepared.array.sum() == 1.0


def test_a_hair_of_an_image_keeps_one_pixel() -> None:
    assert prepare(grey(1, 2000), InputSpec(channels=1, scale=0.25)).inner == (1, 500)


def test_the_wrong_number_of_channels_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="1 channels for a network of 3"):
        prepare(grey(), InputSpec(channels=3))


def test_boxes_come_back_in_pixels_of_the_source_clipped_to_it() -> None:
    prepared = prepare(grey(512, 200), InputSpec(channels=1, scale=0.5))

    boxes = to_source(np.array([[10, 20, 30, 40], [-5, -5, 500, 500]], np.float32), prepared)

    assert boxes.tolist() == [[20, 40, 60, 80], [0, 0, 200, 512]]


def test_the_far_end_of_a_scaled_image_stays_its_end() -> None:
    prepared = prepare(grey(64, 8192), InputSpec(channels=1, scale=1 / 3))

    assert prepared.inner == (21, 2731)
    assert to_source(np.array([[0, 0, 2731, 21]]), prepared)[0] == pytest.approx([0, 0, 8192, 64])


@pytest.mark.parametrize(("side", "count"), [(1, 1), (8, 1), (9, 2), (16, 2), (633, 80)])
def test_the_map_keeps_the_cells_that_start_in_the_picture(side: int, count: int) -> None:
    assert cells(side, 8) == count


def test_twelve_bits_keep_every_level() -> None:
    image = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)

    array = prepare(image, TWELVE).array

    assert (array.min(), array.max()) == (0.0, 1.0)
    assert len(np.unique(array)) == 4096


def test_scaling_keeps_sixteen_bits() -> None:
    image = np.full((64, 64), 1001, np.uint16)

    prepared = prepare(image, TWELVE.model_copy(update={"scale": 0.5}))

    assert prepared.picture.dtype == np.uint16
    assert (prepared.picture == 1001).all()


@pytest.mark.parametrize(
    ("image", "rules", "words"),
    [
        (grey(), TWELVE, "8 bits a channel; the model was trained on 16"),
        (grey().astype(np.uint16), InputSpec(channels=1), "16 bits a channel; the model was trained on 8"),
        (np.full((32, 32), 4096, np.uint16), TWELVE, "above 4095"),
        (np.full((32, 32), 199, np.uint16), TWELVE, "below 200"),
    ],
)
def test_other_levels_than_in_training_are_an_error_never_a_black_image(
    image: np.ndarray, rules: InputSpec, words: str
) -> None:
    with pytest.raises(WrongLevels, match=words):
        prepare(image, rules)
