from __future__ import annotations

import re

import pytest

from inspector.errors import BrokenImage
from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of
from tests.support.pictures import jpeg

END = b"\xff\xd9"


def cut(image: bytes, scans: int) -> bytes:
    """Its first scans only, closed again."""
    starts = [found.start() for found in re.finditer(rb"\xff\xda", image)]
    return image[: starts[scans]] + END


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_whole_jpeg_decodes(progressive: bool, channels: int) -> None:
    image = jpeg(channels=channels, progressive=progressive)
    assert decode(image + image, facts_of(image + image), 1).shape == (48, 64)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kept", [1, 2, -1])
def test_a_progressive_jpeg_without_its_last_scans_is_broken(channels: int, kept: int) -> None:
    image = cut(jpeg(channels=channels, progressive=True), kept)
    with pytest.raises(BrokenImage, match="scans are missing"):
        decode(image, facts_of(image), 1)


def test_a_jpeg_without_one_of_its_channels_is_broken() -> None:
    # Three scans of a baseline JPEG, one for each channel; of each 8 x 8 block all coefficients are 0.
    tables = b"\xff\xdb\0\x43\0" + bytes([1]) * 64 + _huffman(0x00) + _huffman(0x10)
    frame = b"\xff\xc0\0\x11\x08\0\x08\0\x08\x03" + b"".join(bytes([n, 0x11, 0]) for n in (1, 2, 3))
    scans = [b"\xff\xda\0\x08\x01" + bytes([n, 0, 0, 63, 0]) + b"\x3f" for n in (1, 2, 3)]
    whole = b"\xff\xd8" + tables + frame + b"".join(scans) + END
    assert decode(whole, facts_of(whole), 1).shape == (8, 8)
    for left_out in range(3):
        rest = b"".join(scan for number, scan in enumerate(scans) if number != left_out)
        image = b"\xff\xd8" + tables + frame + rest + END
        with pytest.raises(BrokenImage):
            decode(image, facts_of(image), 1)


def _huffman(kind: int) -> bytes:
    """A table of one code, the bit 0, that stands for the symbol 0."""
    return b"\xff\xc4\0\x14" + bytes([kind, 1, *[0] * 15, 0])
