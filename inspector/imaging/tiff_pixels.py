"""The pixels of a TIFF that tiff.py has let through, strictly: every strip whole, Deflate's checksum right.

Not by OpenCV: a strip that breaks off it shows as black, without a word (tried with 5.0).
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.errors import BrokenImage
from inspector.imaging.levels import Pixels
from inspector.imaging.opencv import cv2
from inspector.imaging.tiff import Tiff, read_header


def decode_tiff(image: bytes, channels: int) -> Pixels:
    """(H, W) for 1 channel, (H, W, 3) RGB for 3; uint8 or uint16. Raises BrokenImage, UnsupportedImage. Its
    pixels were counted before (header.check_pixels)."""
    told = read_header(image)
    shape = (told.height, told.width, told.channels)
    kind = np.dtype(f"{told.order}u{told.bit_depth // 8}")
    stored: NDArray[Any] = np.frombuffer(_bytes(image, told), kind).reshape(shape)
    pixels: Any = stored.astype(np.uint8 if told.bit_depth == 8 else np.uint16)
    if told.differences:
        # Whole numbers wrap around, which is what the differences are made with.
        np.cumsum(pixels, axis=1, dtype=pixels.dtype, out=pixels)
    return _in_channels(pixels, channels)


def _in_channels(pixels: NDArray[Any], channels: int) -> Pixels:
    if pixels.shape[2] == 1:
        grey: Pixels = np.ascontiguousarray(pixels[..., 0])
        return grey if channels == 1 else np.repeat(grey[..., None], 3, axis=2)
    if channels == 1:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    colour: Pixels = pixels
    return colour


def _bytes(image: bytes, told: Tiff) -> bytearray:
    """Of all rows, in order."""
    rows = bytearray()
    for number, (offset, size) in enumerate(told.strips):
        whole = told.row_bytes * min(told.rows, told.height - number * told.rows)
        strip = memoryview(image)[offset : offset + size]
        rows += _inflated(strip, whole) if told.deflated else strip[:whole]
    return rows


def _inflated(strip: memoryview, whole: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        # A byte more than there may be: a strip that holds more is not of this size.
        rows = stream.decompress(strip, whole + 1)
    except zlib.error as error:
        raise BrokenImage(f"TIFF: a strip is damaged: {error}") from error
    # At its end zlib has compared the checksum.
    if len(rows) != whole or not stream.eof:
        raise BrokenImage(f"TIFF: a strip of {whole:,} bytes ends early, or its data is damaged")
    return rows
