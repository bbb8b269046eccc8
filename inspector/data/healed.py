"""Good boards made from defective ones: template pixels pasted over their defects.

A template itself is no fair good board: it is cleaner than any image of the line, and that alone tells the
two apart. A healed board is the real image but for its patches, and so that the patches give nothing away,

- every board carries the same number of patches of the same sizes, whatever was healed: a box that is kept
  gets a control patch of its size elsewhere, touching no defect, on ground as black as its own;
- all boards of an evaluation are binarised and encoded alike (`binarise`, `encode`), the defective ones too.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.data.dataset import Boxes, Dataset, Image, Labels, Sample
from inspector.errors import DataError
from inspector.imaging.opencv import cv2

Keep = NDArray[np.bool_]  # (n,) True: the defect stays
_Rects = NDArray[np.int64]  # (n, 4) x1 y1 x2 y2 inside the image

PAD = 4
"""Pixels pasted around a box, because a defect's edge may reach past its annotation."""

_PLACES = 16
"""Random places tried for a control patch; on a board full of defects none may be free."""

Kind = Literal["good", "single", "defective"]


class Healed(NamedTuple):
    image: Image
    """As given, new memory."""
    keep: Keep
    """The boxes that are still there: those asked for, and any that overlaps one of them."""


def heal(
    image: Image,
    template: Image,
    boxes: Boxes,
    keep: Keep,
    rng: np.random.Generator,
    *,
    pad: int = PAD,
) -> Healed:
    """Paste `template` over every defect that is not kept, and control patches for those that are.

    `image` and `template` are aligned and of one shape, (H, W) or (H, W, C); a crop does, as long as `boxes`
    names every defect of it, cut ones too. No pixel of a kept box changes: a patch ends where one begins, and
    a defect whose box overlaps a kept one is kept as well, as it cannot be taken out alone.

    A blank template (`is_blank`) would paste holes into the board: that is for the caller to check.
    """
    healed = image.copy()
    if not len(boxes):
        return Healed(healed, keep.copy())
    keep = _with_overlapping(boxes, keep)
    rects = _outward(boxes, pad, image.shape)
    for rect in rects[~keep]:
        _paste(healed, template, rect)
    for x1, y1, x2, y2 in _outward(boxes[keep], 0, image.shape).tolist():
        healed[y1:y2, x1:x2] = image[y1:y2, x1:x2]
    for rect in rects[keep]:
        place = _control_place(template, rect, rects, rng)
        if place is not None:
            _paste(healed, template, place)
    return Healed(healed, keep)


def is_blank(template: Image) -> bool:
    """No edge at all: every pixel falls on the same side of 127. Three templates of DeepPCB are."""
    return bool(template.min() > 127 or template.max() <= 127)


def binarise(image: Image) -> Image:
    """0 or 255 by the threshold 127, so that grey edges tell nothing."""
    return np.where(image > 127, np.uint8(255), np.uint8(0))


def encode(image: Image) -> bytes:
    """The one encoding of evaluation boards: PNG, which keeps every pixel."""
    # Level 1: a binary board compresses well anyway, and this is written to be read once.
    done, png = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise DataError(f"an image of shape {image.shape} cannot be encoded as PNG")
    return png.tobytes()


@dataclass(frozen=True, slots=True)
class Board:
    """One evaluation board: binarised grey (H, W), with the defects it still holds."""

    name: str
    """The sample's name and the kind, as in `00041000.good`."""
    sample: str
    group: str
    kind: Kind
    image: Image
    boxes: Boxes
    labels: Labels


def healed_boards(dataset: Dataset, *, seed: int = 0) -> Iterator[Board]:
    """Up to three boards of every sample: defective (nothing healed), single (all but one), good (all).

    Which defect stays, and where the controls lie, depends on `seed` and the sample's name alone. A sample
    without a usable template (none, or a blank one) gives nothing; one whose defects all overlap gives no
    single.

    Raises DataError for a file that cannot be read or a template of another size.
    """
    for sample in dataset.samples:
        if sample.template is None:
            continue
        template = _read(sample.template.as_posix())
        if is_blank(template):
            continue
        image = _read(sample.image.as_posix())
        if image.shape != template.shape:
            raise DataError(f"{sample.template}: {template.shape} does not fit the image's {image.shape}")
        yield from _boards_of(sample, binarise(image), binarise(template), seed)


def _boards_of(sample: Sample, image: Image, template: Image, seed: int) -> Iterator[Board]:
    rng = np.random.default_rng([seed, zlib.crc32(sample.name.encode())])
    count = len(sample.boxes)
    yield _board(sample, "defective", image, template, np.ones(count, np.bool_), rng)
    alone = np.flatnonzero(_overlaps(sample.boxes, sample.boxes).sum(axis=1) == 1)
    if len(alone):
        yield _board(sample, "single", image, template, np.arange(count) == rng.choice(alone), rng)
    yield _board(sample, "good", image, template, np.zeros(count, np.bool_), rng)


def _board(
    sample: Sample, kind: Kind, image: Image, template: Image, keep: Keep, rng: np.random.Generator
) -> Board:
    healed, keep = heal(image, template, sample.boxes, keep, rng)
    name = f"{sample.name}.{kind}"
    return Board(name, sample.name, sample.group, kind, healed, sample.boxes[keep], sample.labels[keep])


def _read(path: str) -> Image:
    pixels = cv2.imread(path, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    if pixels is None:
        raise DataError(f"{path}: cannot be read as an image")
    if pixels.dtype != np.uint8:
        raise DataError(f"{path}: 16 bits a channel; boards are healed in 8 bits, which half grey divides")
    return np.asarray(pixels, np.uint8)


def _with_overlapping(boxes: Boxes, keep: Keep) -> Keep:
    overlaps = _overlaps(boxes, boxes)
    while True:
        wider: Keep = keep | overlaps[:, keep].any(axis=1)
        if (wider == keep).all():
            return wider
        keep = wider


def _overlaps(a: Boxes | _Rects, b: Boxes | _Rects) -> Keep:
    """(n, 4) and (m, 4) -> (n, m); boxes that only touch do not overlap, a box overlaps itself."""
    apart = (a[:, None, :2] >= b[None, :, 2:]) | (b[None, :, :2] >= a[:, None, 2:])
    return np.logical_not(np.asarray(apart, np.bool_).any(axis=2))


def _outward(boxes: Boxes, pad: int, shape: tuple[int, ...]) -> _Rects:
    """Whole pixels, padded, inside an image of `shape`."""
    height, width = shape[:2]
    grown = np.concatenate([np.floor(boxes[:, :2]) - pad, np.ceil(boxes[:, 2:]) + pad], axis=1)
    return grown.clip(0, [width, height, width, height]).astype(np.int64)


def _paste(image: Image, template: Image, rect: _Rects) -> None:
    x1, y1, x2, y2 = rect.tolist()
    image[y1:y2, x1:x2] = template[y1:y2, x1:x2]


def _control_place(template: Image, rect: _Rects, taken: _Rects, rng: np.random.Generator) -> _Rects | None:
    """A place of the size of `rect` that meets no defect; of those tried, the one as black as `rect` is."""
    height, width = template.shape[:2]
    size = rect[2:] - rect[:2]
    corners = rng.integers(0, np.maximum([width, height] - size, 0) + 1, size=(_PLACES, 2))
    places = np.concatenate([corners, corners + size], axis=1)
    free = places[~_overlaps(places, taken).any(axis=1)]
    if not len(free):
        return None
    wanted = _mean(template, rect)
    place: _Rects = free[np.argmin([abs(_mean(template, place) - wanted) for place in free])]
    return place


def _mean(image: Image, rect: _Rects) -> float:
    x1, y1, x2, y2 = rect.tolist()
    if x2 <= x1 or y2 <= y1:
        return 0.0
    # Every fourth pixel of every fourth row: enough to match ground, and a patch costs microseconds.
    return float(image[y1:y2:4, x1:x2:4].mean())
