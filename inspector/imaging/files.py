"""Image files: what the gateway would know of them, and their pixels, by the same path as a posted image."""

from __future__ import annotations

import hashlib
from pathlib import Path

from inspector.errors import DataError
from inspector.imaging.decode import Channels, decode
from inspector.imaging.header import check_pixels, sniff
from inspector.imaging.levels import Pixels
from inspector.imaging.opencv import MAX_PIXELS
from inspector.messages.job import ImageFacts


def facts_of(image: bytes, max_pixels: int = MAX_PIXELS) -> ImageFacts:
    """What the bytes say of themselves. Raises EmptyBody, UnsupportedImage, BrokenImage, TooManyPixels."""
    header = sniff(image)
    check_pixels(header, max_pixels)
    return ImageFacts(
        width=header.width,
        height=header.height,
        format=header.format,
        bytes=len(image),
        sha256=hashlib.sha256(image).hexdigest(),
    )


def read_bytes(path: Path) -> bytes:
    """Raises DataError, naming the file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def read_image(path: Path, channels: Channels) -> Pixels:
    """(H, W) for 1 channel, (H, W, 3) RGB for 3; uint8, or uint16 of a 16-bit PNG.

    Raises DataError and what decoding raises.
    """
    image = read_bytes(path)
    return decode(image, facts_of(image), channels)
