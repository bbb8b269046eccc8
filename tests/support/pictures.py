"""Small image files, made by hand or by OpenCV, for whatever reads image bytes."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def jpeg(width: int = 64, height: int = 48, *, channels: int = 3, progressive: bool = False) -> bytes:
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    return _encoded(".jpg", width, height, channels, options)


def png(width: int = 64, height: int = 48, *, channels: int = 3, bits: int = 8) -> bytes:
    return _encoded(".png", width, height, channels, [], np.uint16 if bits == 16 else np.uint8)


def tiff(width: int = 64, height: int = 48, *, channels: int = 3, bits: int = 8) -> bytes:
    """Deflate, in one strip."""
    return _encoded(".tiff", width, height, channels, [259, 8], np.uint16 if bits == 16 else np.uint8)


def bmp(width: int = 64, height: int = 48, *, channels: int = 3) -> bytes:
    return _encoded(".bmp", width, height, channels, [])


def png_claiming(width: int, height: int, *, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    """A whole PNG of a few bytes whose header claims any size."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in chunks)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _encoded(
    suffix: str,
    width: int,
    height: int,
    channels: int,
    options: list[int],
    kind: type[np.integer[Any]] = np.uint8,
) -> bytes:
    shape = (height, width) if channels == 1 else (height, width, channels)
    levels = np.random.default_rng(7).integers(0, np.iinfo(kind).max, shape)
    pixels: NDArray[np.integer[Any]] = levels.astype(kind)
    done, data = cv2.imencode(suffix, pixels, options)
    assert done
    return data.tobytes()
