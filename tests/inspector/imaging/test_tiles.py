from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.imaging.tiles import Tile, layout

sides = st.integers(1, 5000)
multiples = st.integers(2, 20).map(lambda n: 32 * n)


@pytest.mark.parametrize(
    ("size", "starts"),
    [
        ((1, 1), [(0, 0)]),
        ((128, 128), [(0, 0)]),
        ((128, 129), [(0, 0), (32, 0)]),
        ((129, 128), [(0, 0), (0, 32)]),
        ((512, 128), [(0, y) for y in (0, 64, 128, 192, 256, 320, 384)]),
    ],
)
def test_one_pixel_too_many_makes_a_second_tile(size: tuple[int, int], starts: list[tuple[int, int]]) -> None:
    assert layout(size, (128, 128), 64, 32) == [Tile(x, y, 128, 128) for x, y in starts]


@given(height=sides, width=sides, tile=multiples, overlap=st.integers(0, 320))
def test_every_pixel_is_in_a_tile_and_every_tile_in_the_picture(
    height: int, width: int, tile: int, overlap: int
) -> None:
    tiles = layout((height, width), (tile, tile), overlap, 32)

    for length, starts in ((width, {t.x for t in tiles}), (height, {t.y for t in tiles})):
        ordered = sorted(starts)
        assert ordered[0] == 0
        assert all(start % 32 == 0 for start in ordered)
        assert all(after - before <= tile for before, after in pairwise(ordered))
        assert ordered[-1] + tile >= length
        assert ordered[-1] + tile < length + 32 or len(ordered) == 1
    assert len(tiles) == len(set(tiles)) == len({t.x for t in tiles}) * len({t.y for t in tiles})


@given(
    size=st.tuples(sides, sides),
    tile=multiples,
    overlap=st.integers(1, 320),
    defect=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_a_defect_no_larger_than_the_overlap_lies_whole_in_a_tile(
    size: tuple[int, int], tile: int, overlap: int, defect: tuple[float, float, float, float]
) -> None:
    height, width = size
    overlap = min(overlap, tile // 2)
    wide, tall = min(defect[0] * overlap, width), min(defect[1] * overlap, height)
    x, y = defect[2] * (width - wide), defect[3] * (height - tall)

    assert any(
        t.x <= x and t.y <= y and x + wide <= t.x + t.width and y + tall <= t.y + t.height
        for t in layout(size, (tile, tile), overlap, 32)
    )
