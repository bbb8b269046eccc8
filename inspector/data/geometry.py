"""How large the network sees a product: decided from the data, before training, and written in the bundle.

plan_input    headers, boxes and some pixels -> InputPlan, with a sentence for each decision

    scale     1, or 1/2, 1/3 ...: only when defects are too large for the network's boxes, or an image would
              need too many tiles; never so far that the smallest defects vanish. Where no defect has a box:
              whatever brings the whole image into the square
    final     longest side that the network sees, in the last part of training and ever after: the whole
              image where that is affordable, else a square tile. Images are padded to multiples of 32 and
              no further: a network that is shown mostly padding learns padding
    nominal   height and width of most images so padded, or of a tile
    overlap   of neighbouring tiles: the largest defect and a margin, so that one tile sees it whole
    crop      side of the crops that the first part of training sees
    levels    bit depth, and which stored level is white

A pixel of the network is a pixel of the image times `scale`. All sides here are of the network unless said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inspector.data.dataset import Dataset, Sample
from inspector.data.survey import BitDepth, Levels, header_of, levels_of
from inspector.errors import SettingsError
from inspector.imaging.header import ImageHeader
from inspector.imaging.tiles import EDGE, layout

MULTIPLE = 32
"""Pixels: the network's coarsest stride."""

SMALLEST_SIDE = 64
"""Below this the coarsest map of the network would be a single cell."""

TILE = 640
"""Side of a tile where nothing asks for another; images up to it are always seen whole."""

WHOLE = 1024
"""Longest side of an image that is seen whole: one run of it costs less than the tiles it would need."""

MOST_PADDING = 0.5
"""Share of the square that may be padding when an image over `TILE` is seen whole."""

LARGEST_DEFECT = 400
"""Pixels: the head's boxes reach 240 px to each side of an anchor point (models/head.py), 480 in all from the
very middle. Some room is left, since the best point is seldom the middle."""

SMALLEST_DEFECT = 12
"""Pixels: a defect's short side is never scaled below this, one and a half cells of the finest map."""

FINEST = 8
"""Pixels of the finest map's cell."""

MOST_TILES = 64
"""Of an ordinary image, before scale is given up for time: about 3 s on two CPU cores."""

FIRST_CROP = 320
"""Crops of the first part of training are at least this large, where the image is."""

WORTH_CROPPING = 2.0
"""Times a crop's area that an image has, at least: below it crops save little time, and cut large defects."""


@dataclass(frozen=True, slots=True)
class InputPlan:
    """What the network will see. `reasons` are sentences for people, one for each decision."""

    crop: int
    """Side of the crops in the first part of training; a multiple of 32, at most `final`."""
    final: int
    """Longest side in the last part of training and in service, of image or tile; a multiple of 32."""
    nominal: tuple[int, int]
    """Height and width that are expected in service; no side above `final`."""
    crop_area: float
    """Mean over the images of a crop's pixels, padding included: of small images there is less to see."""
    shrink: float
    """Mean area of what the last part of training sees, by that of the first part's crops; 1 at least."""
    overlap: int
    """Pixels that neighbouring tiles share; a multiple of 32, at most half of `final`."""
    scale: float
    """Network pixels per source pixel: 1, or 1/2, 1/3 ...; anything where images are seen whole for want of
    boxes."""
    bit_depth: BitDepth
    white: int
    """Stored level that the network sees as 1."""
    faintest: int
    """No image's brightest pixel may lie below this level, or it is stored in another way; 0 for 8 bits."""
    reasons: tuple[str, ...]

    def rules(self) -> dict[str, Any]:
        """Fields of the bundle's `models.bundle.InputSpec`, without `channels`."""
        return input_rules(
            final=self.final,
            nominal=self.nominal,
            overlap=self.overlap,
            scale=self.scale,
            bit_depth=self.bit_depth,
            white=self.white,
            faintest=self.faintest,
        )


def input_rules(
    *,
    final: int,
    nominal: tuple[int, int],
    overlap: int,
    scale: float,
    bit_depth: BitDepth,
    white: int,
    faintest: int,
) -> dict[str, Any]:
    """The same from a run's stored options: serving shows the network what training showed it last."""
    return {
        "multiple": MULTIPLE,
        "nominal": nominal,
        "min_side": min(SMALLEST_SIDE, final),
        "max_side": final,
        "overlap": overlap,
        "scale": scale,
        "bit_depth": bit_depth,
        "white": white,
        "faintest": faintest,
    }


def plan_input(dataset: Dataset, size: int | Literal["auto"] = "auto") -> InputPlan:
    """`dataset`: all that training may look at, its held-back part too. A number fixes `final`, pixels.

    Raises DataError (no image, unreadable, 8 and 16 bits mixed) and SettingsError (a size that cannot work).
    """
    levels = levels_of(dataset.samples)
    facts = _Facts.of(dataset.samples)
    labels_only = not len(facts.long) and any(sample.labels_only for sample in dataset.samples)
    scale, why_scale = _scale_of_whole(facts, size) if labels_only else _scale(facts)
    scaled = facts.scaled(scale)
    final, why_final = _final(scaled) if size == "auto" else _given(size)
    overlap, why_overlap = _half(final) if labels_only else _overlap(scaled, final)
    crop, why_crop = _crop(scaled, final)
    reasons = (why_scale, why_final, why_overlap, why_crop, _why_levels(levels), _why_tiny(scaled))
    return InputPlan(
        crop=crop,
        final=final,
        nominal=scaled.nominal(final),
        crop_area=scaled.area(crop),
        shrink=scaled.area(final) / scaled.area(crop),
        overlap=overlap,
        scale=scale,
        bit_depth=levels.bit_depth,
        white=levels.white,
        faintest=levels.faintest,
        reasons=tuple(reason for reason in reasons if reason),
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """Sides of images and defects, pixels. Quantiles stand for "nearly all": one slip must not decide."""

    sizes: NDArray[np.float64]  # (n, 2) height and width of each image
    short: NDArray[np.float64]  # (m,) short side of each box
    long: NDArray[np.float64]  # (m,) long side

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> _Facts:
        headers: list[ImageHeader] = [header_of(sample) for sample in samples]
        boxes = [sample.boxes for sample in samples if len(sample.boxes)]
        rows = np.concatenate(boxes) if boxes else np.zeros((0, 4), np.float32)
        sides = (rows[:, 2:] - rows[:, :2]).astype(np.float64)
        sizes = np.array([[header.height, header.width] for header in headers], np.float64)
        return cls(sizes.reshape(-1, 2), sides.min(axis=1, initial=np.inf), sides.max(axis=1, initial=0.0))

    def scaled(self, scale: float) -> _Facts:
        return _Facts(self.sizes * scale, self.short * scale, self.long * scale)

    @property
    def longest_side(self) -> float:
        return _quantile(self.sizes.max(axis=1), 0.98)

    @property
    def shortest_side(self) -> float:
        return _quantile(self.sizes.min(axis=1), 0.98)

    def nominal(self, final: int) -> tuple[int, int]:
        """Of an image that is seen whole, nearly any; else of a tile."""
        if self.longest_side > final:
            return final, final
        height, width = (padded_side(_quantile(sides, 0.98)) for sides in self.sizes.T)
        return min(height, final), min(width, final)

    def area(self, side: int) -> float:
        """Mean over the images, pixels: of what is seen of them at most `side` each way, padding included."""
        return float(np.mean([padded_side(min(h, side)) * padded_side(min(w, side)) for h, w in self.sizes]))

    @property
    def ordinary(self) -> tuple[int, int]:
        height, width = np.median(self.sizes, axis=0)
        return math.ceil(height), math.ceil(width)

    @property
    def smallest(self) -> float:
        return _quantile(self.short, 0.05)

    @property
    def large(self) -> float:
        return _quantile(self.long, 0.98)

    @property
    def largest(self) -> float:
        return float(self.long.max(initial=0.0))


def _quantile(values: NDArray[np.float64], share: float) -> float:
    """A value that occurs; 0 of none."""
    return float(np.quantile(values, share, method="nearest")) if len(values) else 0.0


def _scale(facts: _Facts) -> tuple[float, str]:
    wanted_by_defects = math.ceil(facts.large / LARGEST_DEFECT)
    wanted_by_time = _divisor_for_time(facts)
    wanted = max(1, wanted_by_defects, wanted_by_time)
    allowed = max(1, int(facts.smallest / SMALLEST_DEFECT)) if len(facts.short) else 1
    divisor = min(wanted, allowed)
    if wanted_by_defects >= wanted_by_time:
        cause = f"defects are up to {facts.large:.0f} px long, the boxes reach {LARGEST_DEFECT} px"
    else:
        height, width = facts.ordinary
        cause = f"images of {width} x {height} px would need more than {MOST_TILES} tiles"
    small = f"the smallest defects ({facts.smallest:.0f} px across)"
    if wanted == 1:
        return 1.0, "scale 1: every pixel is looked at"
    if divisor == 1:
        return 1.0, f"scale 1, although {cause}: {small} would vanish below it"
    held_back = f", not 1/{wanted}, for {small}" if divisor < wanted else ""
    return 1 / divisor, f"scale 1/{divisor} (areas averaged){held_back}: {cause}"


def _scale_of_whole(facts: _Facts, size: int | Literal["auto"]) -> tuple[float, str]:
    """Where the defects lie is not known, so training must see all of an image, and service as well."""
    side, longest = TILE if size == "auto" else size, facts.longest_side
    if longest <= side:
        return 1.0, "scale 1: no defect has a box, and images are seen whole"
    # Rounded down, or the longest side would be a hair over the square.
    return math.floor(1e6 * side / longest) / 1e6, (
        f"scale {side}/{longest:.0f} (areas averaged): no defect has a box, so images are seen whole, at "
        f"{side} px; crop them to the part if its defects are small"
    )


def _divisor_for_time(facts: _Facts) -> int:
    divisor = 1
    while _tiles(facts.scaled(1 / divisor)) > MOST_TILES:
        divisor += 1
    return divisor


def _tiles(facts: _Facts) -> int:
    """How many an ordinary image takes."""
    final, _ = _final(facts)
    overlap, _ = _overlap(facts, final)
    return len(layout(facts.ordinary, (final, final), overlap, MULTIPLE))


def _final(facts: _Facts) -> tuple[int, str]:
    longest, shortest = facts.longest_side, facts.shortest_side
    if longest <= TILE or (longest <= WHOLE and _padding(facts) <= MOST_PADDING):
        side = max(SMALLEST_SIDE, _up(longest))
        return side, f"images are seen whole: their longest side is {longest:.0f} px"
    # Two overlaps at least, and no taller than a strip is.
    wanted = max(min(TILE, _up(shortest)), 2 * _up(facts.large + 2 * EDGE), SMALLEST_SIDE)
    side = min(wanted, WHOLE)
    height, width = facts.ordinary
    return side, f"images of {width} x {height} px are seen in tiles of {side} x {side} px"


def _padding(facts: _Facts) -> float:
    height, width = facts.ordinary
    return 1 - height * width / _up(facts.longest_side) ** 2


def _given(size: int) -> tuple[int, str]:
    if size < SMALLEST_SIDE or size % MULTIPLE:
        raise SettingsError(f"--size {size}: give auto, or a multiple of {MULTIPLE} from {SMALLEST_SIDE} on")
    return size, f"the network sees {size} x {size} px, as --size says; larger images in tiles"


def _overlap(facts: _Facts, final: int) -> tuple[int, str]:
    most = final // 2 // MULTIPLE * MULTIPLE
    wanted = max(2 * MULTIPLE, _up(facts.largest + 2 * EDGE))
    overlap = min(wanted, most)
    if wanted <= most:
        return overlap, f"tiles of larger images share {overlap} px; the largest defect: {facts.largest:.0f}"
    return overlap, (
        f"tiles of larger images share {overlap} px, not the {facts.largest:.0f} px of the largest defect: "
        "one that no tile sees whole is put together from its pieces"
    )


def _half(final: int) -> tuple[int, str]:
    overlap = final // 2 // MULTIPLE * MULTIPLE
    return overlap, f"tiles of larger images share {overlap} px: how large defects are is not known"


def _crop(facts: _Facts, final: int) -> tuple[int, str]:
    if not len(facts.long):
        return final, f"training sees {final} px throughout: there is no box to lay a crop around"
    # Nine in ten defects fit a crop: of a larger one, only pixels would be left and no box to learn from.
    crop = min(final, max(FIRST_CROP, _up(final / 2), _up(_quantile(facts.long, 0.9))))
    if facts.area(final) < WORTH_CROPPING * facts.area(crop):
        return final, f"training sees up to {final} px throughout: smaller crops would save little time"
    return crop, f"training starts on crops of {crop} px and ends on {final} px"


def _why_levels(levels: Levels) -> str:
    if levels.bit_depth == 8:
        return ""
    return f"16 bits a channel; white is {levels.white}, by the brightest pixel seen"


def _why_tiny(facts: _Facts) -> str:
    if not len(facts.short) or facts.smallest >= FINEST:
        return ""
    return (
        f"some defects are {facts.smallest:.0f} px across, less than the finest cell ({FINEST} px): "
        "more pixels a millimetre would help"
    )


def padded_side(side: float) -> int:
    """Pixels of the network's input for so many of a picture."""
    return max(SMALLEST_SIDE, _up(side))


def _up(side: float) -> int:
    return math.ceil(side / MULTIPLE) * MULTIPLE
