"""What the network will see of a product, planned from headers and boxes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest

from inspector.data import sources
from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.data.geometry import InputPlan, plan_input
from inspector.errors import DataError, SettingsError
from inspector.imaging.preprocess import prepare
from inspector.models.bundle import InputSpec
from tests.support import pictures

SHARED = Path(__file__).parents[4] / "shared" / "data"


def data(folder: Path, sizes: list[tuple[int, int]], boxes: list[tuple[int, int]]) -> Dataset:
    """Images of (width, height); the first one has a box of each (width, height)."""
    samples = []
    for number, (width, height) in enumerate(sizes):
        path = folder / f"{number}.png"
        path.write_bytes(pictures.png_claiming(width, height))
        rows = as_boxes([(1, 1, 1 + w, 1 + h) for w, h in boxes] if number == 0 else [])
        samples.append(Sample(path.name, path, rows, as_labels([0] * len(rows))))
    return Dataset(("flaw",), tuple(samples))


def plan(folder: Path, size: tuple[int, int], *boxes: tuple[int, int]) -> InputPlan:
    return plan_input(data(folder, [size] * 10, list(boxes)))


def told(plan: InputPlan) -> str:
    return "; ".join(plan.reasons)


def test_no_image_at_all() -> None:
    with pytest.raises(DataError, match="no image"):
        plan_input(Dataset(("a",), ()))


@pytest.mark.parametrize(
    ("size", "boxes", "final", "crop", "seen", "shrink"),
    [
        ((200, 200), [(20, 20)], 224, 224, (224, 224), 1.0),
        ((32, 32), [(5, 5)], 64, 64, (64, 64), 1.0),
        ((500, 20), [(10, 10)], 512, 512, (512, 64), 1.0),
        ((640, 640), [(18, 20), (90, 100)], 640, 320, (640, 640), 4.0),
        ((641, 480), [(20, 30)], 672, 352, (672, 480), 672 * 480 / 352**2),
        ((1024, 1024), [(20, 30)], 1024, 512, (1024, 1024), 4.0),
        # Crops never lose a defect that is as large as they are.
        ((400, 400), [(390, 390)], 416, 416, (416, 416), 1.0),
        ((600, 600), [], 608, 608, (608, 608), 1.0),
    ],
)
def test_small_images_are_seen_whole_and_hardly_padded(
    tmp_path: Path,
    size: tuple[int, int],
    boxes: list[tuple[int, int]],
    final: int,
    crop: int,
    seen: tuple[int, int],
    shrink: float,
) -> None:
    planned = plan(tmp_path, size, *boxes)

    assert (planned.final, planned.crop, planned.scale) == (final, crop, 1.0)
    assert planned.nominal == seen[::-1]
    assert planned.shrink == pytest.approx(shrink)
    assert "images are seen whole" in told(planned)
    [tile] = prepare(np.full(size[::-1], 90, np.uint8), InputSpec(channels=1, **planned.rules())).tiles
    assert (tile.width, tile.height) == seen


@pytest.mark.parametrize(
    ("size", "boxes", "final", "overlap"),
    [
        ((2048, 2048), [(3, 3), (20, 30)], 640, 64),
        ((4096, 4096), [(20, 30), (90, 90)], 640, 128),
        ((8192, 512), [(20, 30)], 512, 64),
        ((512, 8192), [(20, 30)], 512, 64),
        ((1024, 256), [(20, 30)], 256, 64),  # most of a square of 1024 would be padding
        ((2048, 2048), [(8, 8), (340, 30)], 768, 384),
        ((2048, 256), [(8, 8), (240, 30)], 576, 288),
    ],
)
def test_larger_ones_in_tiles_that_see_each_defect_whole(
    tmp_path: Path, size: tuple[int, int], boxes: list[tuple[int, int]], final: int, overlap: int
) -> None:
    planned = plan(tmp_path, size, *boxes)

    assert (planned.final, planned.overlap, planned.scale) == (final, overlap, 1.0)
    assert f"in tiles of {final} x {final} px" in told(planned)
    assert planned.overlap >= max(max(box) for box in boxes) + 32
    assert planned.overlap <= planned.final // 2


def test_huge_defects_bring_the_scale_down_until_boxes_reach_around_them(tmp_path: Path) -> None:
    planned = plan(tmp_path, (4096, 4096), (500, 600), (700, 900))

    assert planned.scale == 1 / 3
    assert 900 * planned.scale + 32 <= planned.overlap
    assert "scale 1/3 (areas averaged): defects are up to 900 px long" in told(planned)


def test_small_defects_keep_the_scale_up(tmp_path: Path) -> None:
    planned = plan(tmp_path, (4096, 4096), (8, 9), (700, 900))

    assert planned.scale == 1.0
    assert "scale 1, although defects are up to 900 px long" in told(planned)
    assert "put together from its pieces" in told(planned)

    halved = plan(tmp_path, (4096, 4096), (24, 30), (700, 900))
    assert halved.scale == 0.5
    assert "scale 1/2 (areas averaged), not 1/3, for the smallest defects" in told(halved)


def test_an_image_of_too_many_tiles_is_scaled_if_its_defects_allow_it(tmp_path: Path) -> None:
    planned = plan(tmp_path, (8000, 8000), (60, 60))

    assert planned.scale == 0.5
    assert "8000 x 8000 px would need more than 64 tiles" in told(planned)
    assert plan(tmp_path, (8000, 8000), (20, 20)).scale == 1.0


def test_tiny_defects_are_told(tmp_path: Path) -> None:
    assert "some defects are 3 px across" in told(plan(tmp_path, (300, 300), (3, 3)))


def test_one_odd_image_does_not_decide_for_all(tmp_path: Path) -> None:
    sizes = [(200, 150)] * 99 + [(5000, 5000)]

    assert plan_input(data(tmp_path, sizes, [(20, 20)])).final == 224


@pytest.mark.parametrize(
    ("longest", "size", "final", "scale"),
    [
        (200, "auto", 224, 1.0),
        (640, "auto", 640, 1.0),
        (641, "auto", 640, 0.99844),
        (1000, "auto", 640, 0.64),
        (7000, "auto", 640, 0.091428),
        (1000, 320, 320, 0.32),
        (200, 320, 320, 1.0),
    ],
)
def test_where_no_defect_has_a_box_images_are_seen_whole(
    tmp_path: Path, longest: int, size: int | Literal["auto"], final: int, scale: float
) -> None:
    images = data(tmp_path, [(longest, 30)] * 4, [])
    bad = tuple(replace(sample, labels=as_labels([0])) for sample in images.samples[:2])
    planned = plan_input(Dataset(images.classes, bad + images.samples[2:]), size)
    assert (planned.final, planned.crop) == (final, final)
    assert planned.scale == pytest.approx(scale, abs=1e-5)
    rules = InputSpec(channels=1, **planned.rules())
    seen = prepare(np.full((30, longest), 90, np.uint8), rules)
    assert [(tile.width, tile.height) for tile in seen.tiles] == [(min(final, -(-longest // 32) * 32), 64)]
    # Larger than all that training saw: in tiles, which share as much as they can.
    assert len(prepare(np.full((30, 3 * longest + final), 90, np.uint8), rules).tiles) > 1
    assert planned.overlap >= final // 2 - 32


def test_a_size_that_the_user_gives(tmp_path: Path) -> None:
    given = data(tmp_path, [(1600, 1200)], [(20, 20)])

    assert plan_input(given, 480).nominal == (480, 480)
    for wrong in (0, 32, 500):
        with pytest.raises(SettingsError, match=f"--size {wrong}"):
            plan_input(given, wrong)


def test_its_rules_are_a_bundles_input(tmp_path: Path) -> None:
    spec = InputSpec(channels=1, **plan(tmp_path, (2048, 2048), (20, 30)).rules())

    assert (spec.nominal, spec.min_side, spec.max_side, spec.overlap) == ((640, 640), 64, 640, 64)


def sixteen(folder: Path, *peaks: int) -> Dataset:
    samples = []
    for number, peak in enumerate(peaks):
        path = folder / f"{number}.png"
        image = np.full((64, 64), peak // 3, np.uint16)
        image[3, 3] = peak
        cv2.imwrite(str(path), image)
        samples.append(Sample(path.name, path, as_boxes([(1, 1, 9, 9)]), as_labels([0])))
    return Dataset(("flaw",), tuple(samples))


@pytest.mark.parametrize(
    ("peaks", "white", "faintest"),
    [
        ((4000, 3000), 4095, 255),
        ((200, 4095), 4095, 100),  # a dark image of the training set stays allowed
        ((4096,), 16383, 1023),
        ((65520,), 65535, 4095),  # twelve bits in the high end of sixteen: in the low end they reach 4095
        ((250,), 255, 15),
    ],
)
def test_sixteen_bits_have_the_white_of_the_brightest_pixel(
    tmp_path: Path, peaks: tuple[int, ...], white: int, faintest: int
) -> None:
    planned = plan_input(sixteen(tmp_path, *peaks))

    assert (planned.bit_depth, planned.white, planned.faintest) == (16, white, faintest)
    assert f"white is {white}" in told(planned)


def test_both_depths_in_one_set_name_an_image_of_each(tmp_path: Path) -> None:
    deep = sixteen(tmp_path, 4000)
    (tmp_path / "flat.png").write_bytes(pictures.png(channels=1))
    flat = Sample("flat", tmp_path / "flat.png", as_boxes([]), as_labels([]))

    with pytest.raises(DataError, match=r"flat\.png has 8 bits a channel and .*0\.png has 16"):
        plan_input(Dataset(("flaw",), (*deep.samples, flat)))


@pytest.mark.realdata
def test_real_sets() -> None:
    boards = plan_input(sources.load([f"deeppcb:{SHARED / 'deeppcb'}"]).of("trainval"))
    tiles = plan_input(sources.load([f"masks:{SHARED / 'magnetic-tile'}"]).of("trainval"))

    assert (boards.crop, boards.final, boards.scale, boards.overlap) == (320, 640, 1.0, 224)
    assert (tiles.final, tiles.scale) == (640, 1.0)
    assert tiles.nominal[0] < tiles.nominal[1] <= 640
    assert (tiles.crop, tiles.shrink) == (640, 1.0)  # an ordinary tile is hardly larger than a crop
    assert boards.shrink == 4.0
