"""What the image files of a data set are, before hours are spent on them."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.data.dataset import Dataset, Image, Sample
from inspector.errors import BadInput, DataError
from inspector.imaging.decode import Channels
from inspector.imaging.files import read_bytes, read_image
from inspector.imaging.header import ImageHeader, sniff

COLOURED = 24
"""Grey levels between the channels of one pixel: above this is colour, below is JPEG and white balance."""

LOOKED_AT = 200
"""Images stored in colour that are decoded to see whether they are grey all the same, evenly spread."""


def header_of(sample: Sample) -> ImageHeader:
    """Raises DataError, naming the file: missing, broken, of another format, 16 bits a channel."""
    try:
        return sniff(read_bytes(sample.image))
    except BadInput as error:
        raise DataError(f"{sample.image}: {error}") from error


def channels_of(data: Dataset) -> Channels:
    """1 if all images are grey, however they are stored; else 3. Raises DataError as `header_of` does."""
    stored = [sample for sample in data.samples if header_of(sample).channels > 2]
    return 3 if any(is_coloured(_pixels(sample)) for sample in _spread(stored)) else 1


def largest_side(data: Dataset) -> int:
    """Pixels, of all its images. Raises DataError as `header_of` does."""
    headers = [header_of(sample) for sample in data.samples]
    return max(max(header.width, header.height) for header in headers)


def is_coloured(image: Image) -> bool:
    """(H, W, 3)."""
    return bool((image.max(axis=2) - image.min(axis=2)).max() > COLOURED)


def _pixels(sample: Sample) -> Image:
    try:
        return read_image(sample.image, 3)
    except BadInput as error:
        raise DataError(f"{sample.image}: {error}") from error


def _spread(samples: Sequence[Sample]) -> list[Sample]:
    count = min(len(samples), LOOKED_AT)
    return [samples[index * len(samples) // count] for index in range(count)]
