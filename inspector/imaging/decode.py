"""Image bytes -> pixels, once per image. A damaged image is an error, never a half-grey picture.

    decode        check digest and header, decode, check the size against what the gateway read
      JPEG        libjpeg-turbo (simplejpeg), strict: its warnings are errors too, and so are missing scans
      PNG         chunks and checksums are walked first (libpng would complain on stderr), then OpenCV
      BMP         OpenCV
      TIFF        strip by strip, here (tiff_pixels.py): OpenCV lets damage pass

EXIF orientation is ignored on purpose: boxes are pixels of the image as stored.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Literal

import numpy as np
import simplejpeg

from inspector.errors import BrokenImage, DigestMismatch
from inspector.imaging.header import check_pixels, sniff
from inspector.imaging.jpeg_scans import check_scans
from inspector.imaging.levels import Pixels
from inspector.imaging.opencv import MAX_PIXELS, cv2
from inspector.imaging.tiff_pixels import decode_tiff
from inspector.messages.job import ImageFacts

Channels = Literal[1, 3]

_PNG_SIGNATURE = 8
_PNG_FRAME = 12
"""Bytes around a chunk's data: length, kind, checksum."""


def decode(image: bytes, facts: ImageFacts, channels: Channels, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Pixels as stored: (H, W) for 1 channel, (H, W, 3) RGB for 3; uint8, or uint16 of 16 bits (PNG, TIFF).
    Alpha is dropped.

    Raises DigestMismatch, TooManyPixels, UnsupportedImage, BrokenImage. Safe to call from several threads.
    """
    if hashlib.sha256(image).hexdigest() != facts.sha256:
        raise DigestMismatch("the bytes that reached the worker are not those that the gateway received")
    # The header is looked at again, before any memory is taken for its pixels.
    header = sniff(image)
    check_pixels(header, max_pixels)
    pixels = _DECODERS[header.format](image, channels)
    height, width = pixels.shape[:2]
    if (width, height) != (facts.width, facts.height):
        raise BrokenImage(f"it decodes to {width} x {height}, not to {facts.width} x {facts.height}")
    return pixels


def _decode_jpeg(image: bytes, channels: Channels) -> Pixels:
    try:
        pixels = simplejpeg.decode_jpeg(image, "GRAY" if channels == 1 else "RGB", strict=True)
    except ValueError as error:
        raise BrokenImage(f"JPEG: {error}") from error
    check_scans(image)
    decoded: Pixels = pixels[..., 0] if channels == 1 else pixels
    return decoded


def _decode_png(image: bytes, channels: Channels) -> Pixels:
    _check_png_chunks(image)
    return _decode_opencv(image, channels)


def _check_png_chunks(image: bytes) -> None:
    """Every chunk whole and with the right checksum, up to IEND."""
    view = memoryview(image)
    at, kind = _PNG_SIGNATURE, b""
    while kind != b"IEND":
        length = int.from_bytes(view[at : at + 4], "big")
        end = at + _PNG_FRAME + length
        if end > len(view):
            raise BrokenImage(f"PNG: it ends after {len(view)} bytes, inside a chunk that needs {end}")
        kind = bytes(view[at + 4 : at + 8])
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise BrokenImage(f"PNG: the checksum of chunk {kind.decode('ascii', 'replace')!r} is wrong")
        at = end


def _decode_opencv(image: bytes, channels: Channels) -> Pixels:
    flags = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR_RGB
    # ANYDEPTH: else 16 bits would become 8 by their upper byte, and 12 in the low end of 16 nearly black.
    flags |= cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(image, np.uint8), flags)
    except cv2.error as error:
        raise BrokenImage(f"its data is damaged: {error.err}") from error
    if pixels is None:
        raise BrokenImage("it ends early or its data is damaged")
    kind: type[np.uint8 | np.uint16] = np.uint16 if pixels.dtype == np.uint16 else np.uint8
    return pixels.astype(kind, copy=False)


_DECODERS: dict[str, Callable[[bytes, Channels], Pixels]] = {
    "jpeg": _decode_jpeg,
    "png": _decode_png,
    "bmp": _decode_opencv,
    "tiff": decode_tiff,
}
