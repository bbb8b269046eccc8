"""Images in tiles, seen by an engine that finds exactly what each tile shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.engines.pipeline import Pipeline
from inspector.engines.postprocess import Inspection
from inspector.engines.seams import Found, frame, merge, stitch
from inspector.imaging.preprocess import prepare
from inspector.imaging.tiles import Tile
from inspector.models.bundle import Bundle, InputSpec
from tests.support.engines import Blobs

TILED = InputSpec(channels=1, min_side=128, max_side=128, nominal=(128, 128), overlap=64)
"""Tiles of 128 px, 64 px apart at most. What is within 16 px of an edge may be cut, so 32 px lie whole."""

Box = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def pipeline(tiny_bundle: Bundle) -> Pipeline:
    return Pipeline(_with(tiny_bundle, TILED), Blobs())


def _with(bundle: Bundle, rules: InputSpec) -> Bundle:
    return Bundle(bundle.folder, bundle.manifest.model_copy(update={"input": rules}), bundle.sha256)


def see(pipeline: Pipeline, size: tuple[int, int], boxes: Sequence[Sequence[int]]) -> Inspection:
    image = np.full(size, 20, np.uint8)
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = 255
    [seen] = pipeline.infer([prepare(image, pipeline.bundle.manifest.input)])
    return seen


def found(seen: Inspection) -> list[Box]:
    return sorted(detection.box for detection in seen.detections)


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((300, 300), (118, 100, 148, 120)),  # over the end of the first tile
        ((300, 300), (112, 112, 144, 144)),  # where four tiles meet
        ((256, 256), (60, 60, 68, 68)),  # over the beginning of the second
        ((300, 300), (0, 0, 10, 10)),
        ((300, 300), (290, 290, 300, 300)),
        ((129, 128), (50, 120, 60, 129)),  # one pixel too many
        ((128, 129), (126, 3, 129, 6)),
        ((128, 2000), (1000, 60, 1003, 63)),  # three pixels on a strip
        ((2000, 100), (40, 990, 72, 1022)),
        ((300, 300), (20, 100, 280, 110)),  # longer than a tile
        ((300, 300), (100, 5, 104, 300)),
        ((300, 300), (10, 10, 290, 290)),  # nearly everything
        ((300, 300), (60, 60, 160, 160)),  # larger than the overlap, over a corner
    ],
)
def test_a_defect_at_a_seam_is_one_box_that_covers_it(
    pipeline: Pipeline, size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    seen = see(pipeline, size, [box])

    assert found(seen) == [box]
    assert seen.detections[0].score == 0.9
    assert seen.classification.defective == 0.9


def test_defects_side_by_side_stay_two(pipeline: Pipeline) -> None:
    boxes = [(112, 100, 126, 114), (130, 100, 144, 114), (112, 118, 126, 140)]

    assert found(see(pipeline, (300, 300), boxes)) == sorted(boxes)


def test_long_ones_side_by_side_stay_two(pipeline: Pipeline) -> None:
    boxes = [(20, 100, 280, 108), (20, 114, 280, 122)]

    assert found(see(pipeline, (300, 300), boxes)) == boxes


def test_nothing_found_in_many_tiles(pipeline: Pipeline) -> None:
    seen = see(pipeline, (300, 700), [])

    assert seen.detections == []
    assert seen.classification.defective == 0.01


_cells = st.sets(st.tuples(st.integers(0, 8), st.integers(0, 6)), max_size=12)


@settings(max_examples=60)
@given(cells=_cells, data=st.data())
def test_whatever_lies_wherever_comes_out_once_and_exactly(
    pipeline: Pipeline, cells: set[tuple[int, int]], data: st.DataObject
) -> None:
    """Defects of 3 to 32 px, one in a cell of 36 px of an image of 324 x 252."""
    boxes = []
    for column, row in cells:
        width, height = data.draw(st.integers(3, 32)), data.draw(st.integers(3, 32))
        x = 36 * column + data.draw(st.integers(1, 34 - width))
        y = 36 * row + data.draw(st.integers(1, 34 - height))
        boxes.append((x, y, x + width, y + height))

    assert found(see(pipeline, (252, 324), boxes)) == sorted(boxes)


@pytest.mark.parametrize("size", [(129, 129), (300, 203), (131, 777), (1000, 33)])
def test_the_map_is_of_the_whole_image_and_lies_on_the_defects(
    pipeline: Pipeline, size: tuple[int, int]
) -> None:
    height, width = size
    box = (width - 9, height // 2, width, height // 2 + 40)

    seen = see(pipeline, size, [box])

    wanted = np.full((-(-height // 8), -(-width // 8)), round(20 / 255 * 255), np.uint8)
    wanted[box[1] // 8 : -(-box[3] // 8), box[0] // 8 :] = 255
    assert (seen.attention == wanted).all()
    assert (seen.facts.height, seen.facts.width) == seen.attention.shape


def test_an_image_of_one_tile_is_seen_as_before_tiles(tiny_bundle: Bundle) -> None:
    """To the bit: by a bundle that knows nothing of tiles, and by one for which the image is one tile."""
    whole = Pipeline(_with(tiny_bundle, InputSpec(channels=1)), Blobs())
    boxes = [(5, 5, 25, 20), (60, 60, 63, 63), (100, 90, 128, 128)]

    before, now = (
        see(whole, (128, 128), boxes),
        see(Pipeline(_with(tiny_bundle, TILED), Blobs()), (128, 128), boxes),
    )

    assert before.detections == now.detections
    assert before.classification == now.classification
    assert (before.attention == now.attention).all()


def test_runs_of_a_large_image_are_bounded_and_told(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.engines.pipeline.RUN_PIXELS", 5 * 128 * 128)
    engine, told = Blobs(), []
    pipeline = Pipeline(_with(tiny_bundle, TILED), engine)
    image = prepare(np.zeros((300, 300), np.uint8), TILED)

    pipeline.infer([image], on_run=lambda: told.append(engine.batches[-1]))

    assert told == engine.batches == [5, 5, 5, 1]


# --- the merge alone: what two tiles say of one another -----------------------------------------------------

LEFT, RIGHT = (0, 0, 128, 128), (64, 0, 192, 128)


def said(*rows: tuple[Box, float, Box]) -> list[tuple[Box, float]]:
    corners = np.array([row[0] for row in rows], np.float64).reshape(-1, 4)
    scores = np.array([row[1] for row in rows], np.float32)
    tiles = np.array([row[2] for row in rows], np.float64).reshape(-1, 4)
    found = Found(corners, scores, np.zeros(len(rows), np.intp), tiles)
    merged = merge(found, [Tile(0, 0, 128, 128), Tile(64, 0, 128, 128)], (128, 192), 0.5)
    return [
        (tuple(box), round(float(score), 3)) for box, score in zip(merged.corners, merged.scores, strict=True)
    ]


def test_nothing_said() -> None:
    assert said() == []


def test_a_cut_box_gives_way_to_the_whole_one_which_takes_its_score() -> None:
    whole = (100.0, 20.0, 150.0, 60.0)

    assert said((whole, 0.3, RIGHT), ((99, 21, 128, 62), 0.8, LEFT)) == [(whole, 0.8)]


def test_a_cut_box_where_the_neighbour_that_sees_it_whole_finds_nothing_is_the_edges() -> None:
    assert said(((110, 20, 128, 60), 0.4, LEFT)) == []


def test_what_two_tiles_see_of_an_edge_that_they_share_gives_way_as_well() -> None:
    """Four tiles; the two at the right see a hole where their left edge cuts a trace."""
    tiles = [Tile(x, y, 128, 128) for y in (0, 64) for x in (0, 64)]
    corners = np.array([(64, 90, 75, 105), (64, 89, 76, 105)], np.float64)
    frames = np.array([frame(tiles[1]), frame(tiles[3])], np.float64)
    found = Found(corners, np.array([0.5, 0.6], np.float32), np.zeros(2, np.intp), frames)

    assert len(merge(found, tiles, (192, 192), 0.5).scores) == 0


def test_a_cut_box_that_nobody_sees_whole_stays() -> None:
    assert said(((70, 20, 128, 60), 0.4, LEFT)) == [((70, 20, 128, 60), 0.4)]


def test_two_views_that_are_each_cut_and_clear_of_the_other_ones_edges_are_one() -> None:
    """By a pixel: neither may be dropped for the other."""
    assert said(((81, 20, 113, 60), 0.5, LEFT), ((79, 20, 111, 60), 0.4, RIGHT)) == [((79, 20, 113, 60), 0.5)]


def test_two_views_that_differ_by_a_pixel_are_one_even_of_three_pixels() -> None:
    assert said(((90, 20, 93, 23), 0.6, LEFT), ((91, 21, 94, 24), 0.7, RIGHT)) == [((91, 21, 94, 24), 0.7)]


def test_pieces_become_the_box_around_them() -> None:
    pieces = (((10, 20, 128, 40), 0.5, LEFT), ((64, 22, 180, 41), 0.9, RIGHT))

    assert said(*pieces) == [((10, 20, 180, 41), 0.9)]


def test_a_small_defect_is_not_taken_for_the_large_one_it_lies_beside() -> None:
    large, small = (20.0, 20.0, 128.0, 120.0), (90.0, 2.0, 100.0, 12.0)

    assert said((large, 0.9, LEFT), (small, 0.8, RIGHT)) == [(large, 0.9), (small, 0.8)]


def test_a_map_keeps_the_higher_value_where_tiles_overlap() -> None:
    left, right = np.full((16, 16), 0.2, np.float32), np.full((16, 16), 0.6, np.float32)

    whole = stitch([(Tile(0, 0, 128, 128), left), (Tile(64, 0, 128, 128), right)], (100, 190), 8)

    assert whole.shape == (13, 24)
    assert (whole[:, :8] == np.float32(0.2)).all()
    assert (whole[:, 8:] == np.float32(0.6)).all()
