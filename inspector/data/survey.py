"""What the image files of a data set are, before hours are spent on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from inspector.data.dataset import Dataset, Image, Sample
from inspector.errors import BadInput, DataError
from inspector.imaging.decode import Channels
from inspector.imaging.files import read_bytes, read_image
from inspector.imaging.header import ImageHeader, sniff
from inspector.imaging.levels import full_level

COLOURED = 24
"""Grey levels between the channels of one pixel: above this is colour, below is JPEG and white balance."""

LOOKED_AT = 200
"""Images that are decoded to see what their pixels are, evenly spread: grey all the same, how bright."""

BitDepth = Literal[8, 16]


@dataclass(frozen=True, slots=True)
class Levels:
    """How brightness is stored."""

    bit_depth: BitDepth
    white: int
    """The level that is white: 255 of 8 bits; of 16 the `full_level` of the brightest pixel."""
    faintest: int
    """No image's brightest pixel may lie below this, or it is stored in another way; 0 for 8 bits."""


def header_of(sample: Sample) -> ImageHeader:
    """Raises DataError, naming the file: missing, broken, of another format."""
    try:
        return sniff(read_bytes(sample.image))
    except BadInput as error:
        raise DataError(f"{sample.image}: {error}") from error


def channels_of(data: Dataset) -> Channels:
    """1 if all images are grey, however they are stored; else 3. Raises DataError as `header_of` does."""
    stored = [sample for sample in data.samples if header_of(sample).channels > 2]
    return 3 if any(is_coloured(_pixels(sample)) for sample in _spread(stored)) else 1


def levels_of(samples: Sequence[Sample]) -> Levels:
    """Raises DataError: no image, or 8 and 16 bits mixed, which no one network input can mean."""
    if not samples:
        raise DataError("the data set holds no image")
    depths = {header_of(sample).bit_depth: sample for sample in samples}
    if len(depths) > 1:
        few, many = depths[min(depths)], depths[max(depths)]
        raise DataError(f"{few.image} has {min(depths)} bits a channel and {many.image} has {max(depths)}")
    if min(depths) == 8:
        return Levels(8, 255, 0)
    peaks = [int(pixels.max()) for pixels in _decoded(_spread(samples))]
    white = full_level(max(peaks))
    # Twelve bits kept in the low end of sixteen are a sixteenth as bright as in the high end.
    return Levels(16, white, min(min(peaks) // 2, white // 16))


def _decoded(samples: Sequence[Sample]) -> Iterator[Image]:
    for sample in samples:
        yield _pixels(sample)


def is_coloured(image: Image) -> bool:
    """(H, W, 3)."""
    spread = int((image.max(axis=2) - image.min(axis=2)).max())
    white = 255 if image.dtype == np.uint8 else full_level(int(image.max()))
    return spread > COLOURED * white / 255


def _pixels(sample: Sample) -> Image:
    try:
        return read_image(sample.image, 3)
    except BadInput as error:
        raise DataError(f"{sample.image}: {error}") from error


def _spread(samples: Sequence[Sample]) -> list[Sample]:
    count = min(len(samples), LOOKED_AT)
    return [samples[index * len(samples) // count] for index in range(count)]
