"""TIFF as cameras write it, as OpenCV and another library write it, and as nobody should."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inspector.errors import BrokenImage, InspectorError, TooManyPixels, UnsupportedImage
from inspector.imaging.decode import Channels, decode
from inspector.imaging.header import ImageHeader, check_pixels, sniff
from inspector.imaging.opencv import cv2
from inspector.messages.job import ImageFacts

GREY = np.arange(40 * 30, dtype=np.uint8).reshape(30, 40)
GREY_16 = (np.arange(40 * 30, dtype=np.uint16) * 50).reshape(30, 40)
COLOUR = np.dstack([GREY, GREY[::-1], GREY.T.reshape(30, 40)])


def tiff(pixels: NDArray[Any], **options: Any) -> bytes:
    """By Pillow, which writes strips."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "TIFF", **options)
    return out.getvalue()


def by_opencv(pixels: NDArray[Any], *options: int) -> bytes:
    return bytes(cv2.imencode(".tiff", pixels, list(options))[1])


def decoded(image: bytes, channels: Channels = 1) -> NDArray[Any]:
    head = sniff(image)
    digest = hashlib.sha256(image).hexdigest()
    facts = ImageFacts(
        width=head.width, height=head.height, format=head.format, bytes=len(image), sha256=digest
    )
    return decode(image, facts, channels)


def directory(image: bytes) -> tuple[int, int]:
    """Where it begins, and how many fields it has; of a little-endian file."""
    at = struct.unpack_from("<I", image, 4)[0]
    return at, struct.unpack_from("<H", image, at)[0]


def changed(image: bytes, tag: int, value: int, kind: int = 3) -> bytes:
    """With another value in that field."""
    at, count = directory(image)
    edited = bytearray(image)
    for number in range(count):
        place = at + 2 + 12 * number
        if struct.unpack_from("<H", image, place)[0] == tag:
            struct.pack_into("<HII" if kind == 4 else "<HIHxx", edited, place + 2, kind, 1, value)
            return bytes(edited)
    raise AssertionError(f"it has no field {tag}")


@pytest.mark.parametrize("compression", [None, "tiff_adobe_deflate", "tiff_deflate"])
@pytest.mark.parametrize("pixels", [GREY, GREY_16, COLOUR], ids=["grey", "grey 16", "colour"])
def test_every_pixel_comes_as_it_was_written(pixels: NDArray[Any], compression: str | None) -> None:
    image = tiff(pixels, compression=compression)
    channels: Channels = 3 if pixels.ndim == 3 else 1
    assert sniff(image) == ImageHeader("tiff", 40, 30, channels, 16 if pixels.dtype == np.uint16 else 8)
    np.testing.assert_array_equal(decoded(image, channels), pixels)


@pytest.mark.parametrize(
    "options", [(259, 1), (259, 8), (259, 8, 317, 1), (259, 8, 278, 7), (259, 1, 278, 7)]
)
def test_colour_of_16_bits_as_opencv_writes_it(options: tuple[int, ...]) -> None:
    """With and without differences, in one strip and in several."""
    colour = np.dstack([GREY_16, GREY_16[::-1], GREY_16])
    image = by_opencv(colour, *options)
    assert sniff(image) == ImageHeader("tiff", 40, 30, 3, 16)
    np.testing.assert_array_equal(decoded(image, 3), colour[..., ::-1])


def test_channels_as_the_model_wants_them() -> None:
    np.testing.assert_array_equal(decoded(tiff(GREY), 3), np.dstack([GREY] * 3))
    grey = cv2.cvtColor(COLOUR, cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(decoded(tiff(COLOUR), 1), grey)


def big_endian(pixels: NDArray[np.uint16]) -> bytes:
    """By hand: uncompressed, one strip."""
    height, width = pixels.shape
    fields = [(256, width), (257, height), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (278, height)]
    fields += [(279, pixels.nbytes)]
    body = pixels.astype(">u2").tobytes()
    entries = b"".join(struct.pack(">HHIHxx", tag, 3, 1, value) for tag, value in fields)
    return (
        b"MM\0*"
        + struct.pack(">I", 8 + len(body))
        + body
        + struct.pack(">H", len(fields))
        + entries
        + bytes(4)
    )


def test_big_endian() -> None:
    image = big_endian(GREY_16)
    assert sniff(image) == ImageHeader("tiff", 40, 30, 1, 16)
    np.testing.assert_array_equal(decoded(image), GREY_16)


def several_pages() -> bytes:
    out = io.BytesIO()
    Image.fromarray(GREY).save(out, "TIFF", save_all=True, append_images=[Image.fromarray(GREY)])
    return out.getvalue()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (several_pages(), "several pages; post each page"),
        (changed(tiff(GREY), 262, 0), "white as 0"),
        (changed(tiff(GREY), 262, 3), "palette"),
        (changed(tiff(GREY), 259, 7), "JPEG compression"),
        (changed(tiff(GREY), 259, 4), "CCITT compression"),
        (tiff(GREY, compression="tiff_lzw"), "LZW compression; save it uncompressed or with Deflate"),
        (tiff(GREY, compression="packbits"), "PackBits"),
        (changed(tiff(GREY), 259, 12345), "number 12345"),
        (changed(tiff(GREY), 258, 32), "32 bits"),
        (tiff(np.zeros((30, 40), bool)), "1 bits a channel"),
        (tiff(GREY.astype(np.float32)), "32 bits a channel, format 3"),
        (tiff(np.dstack([COLOUR, GREY])), "4 channels"),
        (b"II+\0" + bytes(40), "BigTIFF"),
    ],
)
def test_what_is_not_read_is_named(image: bytes, message: str) -> None:
    with pytest.raises(UnsupportedImage, match=message):
        sniff(image)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"II*\0", "ends before"),
        (b"II*\0\x08\0\0\0" + bytes(40), "0 fields"),
        (tiff(GREY)[:-40], "go on to byte"),
        (changed(tiff(GREY), 256, 0), "0 x 30"),
        (changed(tiff(GREY), 257, 60, 4), "60 rows names 1 strips of 30"),
        (changed(tiff(GREY), 279, 0, 4), "go on to byte"),
        (changed(tiff(GREY), 279, 1 << 31, 4), "go on to byte"),
        (changed(tiff(GREY), 273, 1 << 31, 4), "go on to byte"),
        (changed(tiff(GREY), 279, 900, 4), "rows ask for 1,200"),
    ],
)
def test_what_is_damaged_is_told(image: bytes, message: str) -> None:
    with pytest.raises(BrokenImage, match=message):
        sniff(image)


def test_a_claim_of_many_pixels_is_refused_before_they_are_decoded() -> None:
    image = changed(changed(tiff(GREY, compression="tiff_deflate"), 256, 65_000), 257, 65_000)
    image = changed(image, 278, 65_000)
    with pytest.raises(TooManyPixels):
        check_pixels(sniff(image), 64_000_000)


def strip_of(image: bytes) -> tuple[int, int]:
    """Where its only strip begins, and its bytes."""
    at, count = directory(image)
    fields = [struct.unpack_from("<HHII", image, at + 2 + 12 * number) for number in range(count)]
    [offset] = [field[3] for field in fields if field[0] == 273]
    [size] = [field[3] for field in fields if field[0] == 279]
    return offset, size


def test_pixels_that_break_off_or_are_damaged_are_no_half_grey_picture() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300), np.uint8)
    image = tiff(noise, compression="tiff_adobe_deflate")
    offset, size = strip_of(image)
    for damaged in (
        changed(image, 279, size // 2, 4),
        image[: offset + size // 2] + bytes(size - size // 2) + image[offset + size :],
        image[: offset + size - 1] + bytes([image[offset + size - 1] ^ 1]) + image[offset + size :],
    ):
        with pytest.raises(BrokenImage):
            decoded(damaged)


def test_a_strip_that_unpacks_to_more_than_its_rows_is_refused() -> None:
    packed = zlib.compress(bytes(50_000_000))
    image = tiff(GREY, compression="tiff_adobe_deflate")
    bomb = changed(changed(image, 273, len(image), 4), 279, len(packed), 4) + packed
    with pytest.raises(BrokenImage):
        decoded(bomb)


def test_no_byte_of_the_header_that_is_changed_does_more_than_be_refused() -> None:
    """Or it still reads as an image of the size that it says."""
    image = tiff(GREY)
    at, count = directory(image)
    for place in (*range(8), *range(at, at + 2 + 12 * count + 4)):
        for value in (0, 1, 255):
            edited = bytearray(image)
            edited[place] = value
            try:
                decoded(bytes(edited))
            except InspectorError:
                continue
