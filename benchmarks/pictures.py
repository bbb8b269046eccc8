"""The images that are posted: synthetic boards as JPEG, and bodies of a given size around a small picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from inspector.data.synthetic import board

COUNT = 16

_COMMENT = b"\xff\xfe"
_LONGEST_COMMENT = 65_533


def boards(folder: Path, side: int = 640, count: int = COUNT, quality: int = 75) -> list[str]:
    """Grey ones; about 30 kB each at 640 x 640."""
    files = []
    for seed in range(count):
        image = board(seed, size=(side, side)).image
        data = simplejpeg.encode_jpeg(np.ascontiguousarray(image)[..., None], quality, "GRAY")
        files.append(_written(folder / f"board-{side}-{seed}.jpg", data))
    return files


def bodies(folder: Path, size: int, side: int = 64) -> list[str]:
    """One body of `size` bytes that decodes in no time: a small JPEG, and comments behind its signature. No
    shorter than that JPEG, 462 bytes."""
    picture = simplejpeg.encode_jpeg(_noise(side)[..., None], 5, "GRAY")
    missing = size - len(picture)
    filled = bytearray(picture[:2])
    while missing > 4:
        length = min(_LONGEST_COMMENT, missing - 4)
        filled += _COMMENT + (length + 2).to_bytes(2, "big") + bytes(length)
        missing -= length + 4
    return [_written(folder / f"body-{size}-{side}.jpg", bytes(filled) + picture[2:])]


def _noise(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    small = np.random.default_rng(0).integers(0, 255, (8, 8)).astype(np.uint8)
    return np.asarray(cv2.resize(small, (side, side)), np.uint8)


def _written(file: Path, data: bytes) -> str:
    file.write_bytes(data)
    return str(file)
