from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.errors import BadInput, BrokenImage, EmptyBody, TooManyPixels, UnsupportedImage
from inspector.imaging.header import MAX_PNG_CHUNKS, ImageHeader, check_pixels, sniff
from tests.support.pictures import bmp, chunk, jpeg, png, png_claiming

Make = Callable[..., bytes]
WHOLE = [jpeg(), jpeg(progressive=True), png(), bmp()]


def test_nothing_is_an_empty_body() -> None:
    with pytest.raises(EmptyBody):
        sniff(b"")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (jpeg(64, 48), ImageHeader("jpeg", 64, 48, 3, 8)),
        (jpeg(7, 5, channels=1), ImageHeader("jpeg", 7, 5, 1, 8)),
        (jpeg(64, 48, progressive=True), ImageHeader("jpeg", 64, 48, 3, 8)),
        (png(64, 48), ImageHeader("png", 64, 48, 3, 8)),
        (png(1, 9, channels=1), ImageHeader("png", 1, 9, 1, 8)),
        (png(4, 4, channels=4), ImageHeader("png", 4, 4, 4, 8)),
        (png(8, 9, bits=16), ImageHeader("png", 8, 9, 3, 16)),
        (png(8, 9, bits=16, channels=1), ImageHeader("png", 8, 9, 1, 16)),
        (png_claiming(640, 480, interlace=1), ImageHeader("png", 640, 480, 1, 8)),
        (bmp(63, 48), ImageHeader("bmp", 63, 48, 3, 8)),
        (bmp(63, 48, channels=1), ImageHeader("bmp", 63, 48, 1, 8)),
        (bmp(63, 48, channels=4), ImageHeader("bmp", 63, 48, 4, 8)),
    ],
)
def test_reads_size_and_channels(data: bytes, expected: ImageHeader) -> None:
    assert sniff(data) == expected


def test_reads_a_bmp_whose_first_row_is_the_top_one() -> None:
    data = bytearray(bmp(64, 48))
    struct.pack_into("<i", data, 22, -48)
    assert sniff(bytes(data)).height == 48


@pytest.mark.parametrize("padding", [b"\0", b"\0" * 512, b"\xff" * 100])
@pytest.mark.parametrize("data", WHOLE)
def test_padding_behind_the_image_is_allowed(data: bytes, padding: bytes) -> None:
    assert sniff(data + padding) == sniff(data)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("data", WHOLE)
def test_a_truncated_image_is_broken(data: bytes, share: float) -> None:
    with pytest.raises(BrokenImage):
        sniff(data[: int(len(data) * share)])


@pytest.mark.parametrize("data", WHOLE)
def test_no_cut_passes_as_a_whole_image(data: bytes) -> None:
    for end in range(0, len(data) - 1, 97):
        with pytest.raises(BadInput):
            sniff(data[:end])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"hello, this is no image", "not an image"),
        (b"II+\0" + bytes(40), "BigTIFF"),
        (b"MM\0+" + bytes(40), "BigTIFF"),
        (b"GIF89a" + bytes(40), "GIF"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
        (b"\0\0\0\x20ftypavif" + bytes(40), "AVIF"),
        (b"\x1f\x8b\x08" + bytes(40), "gzip"),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n', "multipart"),
        (png_claiming(8, 8, colour=3), "a PNG with a palette"),
        (png_claiming(8, 8, depth=1), "1 bits"),
    ],
)
def test_what_is_not_read_is_named(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=name):
        sniff(data)


def patched_frame(marker: int | None = None, precision: int | None = None) -> bytes:
    """A JPEG with another frame marker or precision."""
    data = bytearray(jpeg())
    place = data.index(b"\xff\xc0")
    data[place + 1] = marker if marker is not None else 0xC0
    data[place + 4] = precision if precision is not None else 8
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (patched_frame(marker=0xC3), "lossless"),
        (patched_frame(marker=0xC9), "arithmetic"),
        (patched_frame(precision=12), "12-bit"),
        (
            b"\xff\xd8\xff\xc0\0\x14\x08\0\x08\0\x08\x04" + b"\x01\x11\0" * 4 + b"\xff\xda\0\x02\xff\xd9",
            "CMYK",
        ),
    ],
)
def test_kinds_of_jpeg_that_are_not_read_are_named(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=name):
        sniff(data)


@pytest.mark.parametrize("colours", [0, 2, 300, 10**9])
def test_a_bmp_whose_palette_lacks_its_pixels_colours_is_broken(colours: int) -> None:
    whole = bmp(channels=1)
    kept = 4 * min(colours, 256)
    short = bytearray(whole[: 54 + kept] + whole[54 + 1024 :])
    struct.pack_into("<I", short, 10, 54 + kept)
    struct.pack_into("<I", short, 46, colours)
    with pytest.raises(BrokenImage, match="palette"):
        sniff(bytes(short))


def test_a_bmp_with_a_short_palette_that_suffices_is_read() -> None:
    whole = bmp(channels=1)
    short = bytearray(whole[: 54 + 8] + bytes(number % 2 for number in range(64 * 48)))
    struct.pack_into("<I", short, 10, 54 + 8)
    struct.pack_into("<I", short, 46, 2)
    assert sniff(bytes(short)).channels == 1


def test_a_compressed_bmp_is_not_read() -> None:
    data = bytearray(bmp())
    struct.pack_into("<I", data, 30, 1)
    with pytest.raises(UnsupportedImage, match="compression 1"):
        sniff(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        png_claiming(0, 8),
        png().replace(b"IHDR\0\0\0\x40", b"IHDR\0\0\1\x40"),  # a flipped bit: the CRC tells
        b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""),
        b"\xff\xd8\xff\xd9",
        jpeg() + b"something else",
    ],
)
def test_a_damaged_header_is_broken(data: bytes) -> None:
    with pytest.raises(BrokenImage):
        sniff(data)


def test_a_claim_of_3_6_billion_pixels_is_refused_by_the_limit() -> None:
    header = sniff(png_claiming(60_000, 60_000))
    with pytest.raises(TooManyPixels, match="60000 x 60000"):
        check_pixels(header, 64_000_000)
    check_pixels(ImageHeader("png", 8000, 8000, 1, 8), 64_000_000)


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
        + chunk(b"tEXt", b"") * (MAX_PNG_CHUNKS + 1),
        b"\xff\xd8" + b"\xff\xfe\0\2" * 2_000_000,
        b"\xff\xd8" + b"\xff" * 8_000_000,
        b"\xff\xd8" + b"\xff\x01" * 4_000_000,
    ],
    ids=["chunks", "segments", "fill", "standalone"],
)
def test_hostile_bytes_are_given_up_on(data: bytes) -> None:
    with pytest.raises(BrokenImage, match=r"more than|breaks off"):
        sniff(data)


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_header_or_a_refusal(data: bytes) -> None:
    header_or_refusal(data)


@settings(max_examples=300)
@given(st.sampled_from(WHOLE), st.data())
def test_any_damage_gives_a_header_or_a_refusal(whole: bytes, draw: st.DataObject) -> None:
    data = bytearray(whole[: draw.draw(st.integers(0, len(whole)))])
    for place in draw.draw(st.lists(st.integers(0, 80), max_size=6)):
        if place < len(data):
            data[place] = draw.draw(st.integers(0, 255))
    header_or_refusal(bytes(data))


def header_or_refusal(data: bytes) -> None:
    try:
        header = sniff(data)
    except BadInput:
        return
    assert header.width > 0
    assert header.height > 0
