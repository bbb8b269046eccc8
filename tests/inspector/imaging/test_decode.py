from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.errors import BrokenImage, DigestMismatch, TooManyPixels, UnsupportedImage
from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of
from inspector.imaging.levels import Pixels
from inspector.messages.job import ImageFacts
from tests.support import pictures

DEEPPCB = Path(__file__).parents[4] / "shared" / "data" / "deeppcb" / "PCBData"
WHOLE = {"jpeg": pictures.jpeg(), "png": pictures.png(), "bmp": pictures.bmp()}


def damaged(image: bytes, *, of: bytes) -> ImageFacts:
    """Facts as a gateway that was deceived would write them: of the whole image, with the damaged digest."""
    return facts_of(of).model_copy(update={"sha256": hashlib.sha256(image).hexdigest()})


@pytest.mark.parametrize("kind", WHOLE)
def test_grey_and_colour(kind: str) -> None:
    image = WHOLE[kind]

    grey, colour = decode(image, facts_of(image), 1), decode(image, facts_of(image), 3)

    assert grey.shape == (48, 64)
    assert colour.shape == (48, 64, 3)
    assert grey.dtype == colour.dtype == np.uint8
    assert near(colour, opencv(image, cv2.IMREAD_COLOR)[..., ::-1])
    assert near(grey, opencv(image, cv2.IMREAD_GRAYSCALE))


def opencv(image: bytes, flag: int) -> NDArray[np.uint8]:
    pixels = cv2.imdecode(np.frombuffer(image, np.uint8), flag)
    assert pixels is not None
    return pixels.astype(np.uint8)


def near(a: Pixels, b: Pixels) -> bool:
    return int(np.abs(a.astype(int) - b.astype(int)).max()) <= 2


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_come_back_to_the_last_one(channels: int) -> None:
    image = pictures.png(channels=channels, bits=16)
    stored = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_UNCHANGED)
    assert stored is not None
    assert stored.max() > 60_000

    colour = decode(image, facts_of(image), 3)

    assert colour.dtype == np.uint16
    wanted = np.repeat(stored[..., None], 3, axis=2) if channels == 1 else stored[..., 2::-1]
    assert (colour == wanted).all()
    grey = decode(image, facts_of(image), 1)
    assert grey.dtype == np.uint16
    assert grey.shape == (48, 64)
    if channels == 1:
        assert (grey == stored).all()


@pytest.mark.parametrize("image", [pictures.png(channels=4), pictures.bmp(channels=4)], ids=["png", "bmp"])
def test_alpha_is_dropped(image: bytes) -> None:
    pixels = opencv(image, cv2.IMREAD_UNCHANGED)

    decoded = decode(image, facts_of(image), 3)

    assert (decoded == pixels[..., 2::-1]).all()


def test_a_picture_of_one_pixel() -> None:
    image = pictures.png(1, 1, channels=1)

    assert decode(image, facts_of(image), 1).shape == (1, 1)


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_a_truncated_image_is_never_a_picture(kind: str, keep: float) -> None:
    whole = WHOLE[kind]
    image = whole[: int(len(whole) * keep)]

    with pytest.raises(BrokenImage):
        decode(image, damaged(image, of=whole), 1)


def test_a_jpeg_cut_in_its_data_with_its_end_put_back_is_broken() -> None:
    whole = WHOLE["jpeg"]
    image = whole[: len(whole) * 2 // 3] + b"\xff\xd9"

    with pytest.raises(BrokenImage, match="JPEG"):
        decode(image, damaged(image, of=whole), 1)


def test_a_png_with_a_flipped_bit_is_broken(capfd: pytest.CaptureFixture[str]) -> None:
    image = bytearray(WHOLE["png"])
    image[len(image) // 2] ^= 1

    with pytest.raises(BrokenImage, match="checksum"):
        decode(bytes(image), damaged(bytes(image), of=WHOLE["png"]), 1)

    assert capfd.readouterr().err == ""


def test_a_png_that_lies_about_its_data_is_broken() -> None:
    image = pictures.png_claiming(40, 40)

    with pytest.raises(BrokenImage):
        decode(image, facts_of(image), 1)


def test_other_bytes_than_the_gateway_received() -> None:
    with pytest.raises(DigestMismatch):
        decode(pictures.jpeg(32, 32), facts_of(WHOLE["jpeg"]), 1)


def test_another_size_than_the_gateway_read() -> None:
    image = WHOLE["png"]

    with pytest.raises(BrokenImage, match="64 x 48"):
        decode(image, facts_of(image).model_copy(update={"width": 65}), 1)


def test_more_pixels_than_the_limit_are_refused_before_they_are_decoded() -> None:
    image = pictures.png_claiming(60_000, 60_000)

    with pytest.raises(TooManyPixels):
        decode(image, facts_of(image), 1)


def test_what_is_no_image() -> None:
    text = b"not an image at all"

    with pytest.raises(UnsupportedImage):
        decode(text, damaged(text, of=WHOLE["png"]), 1)


def test_exif_orientation_does_not_turn_the_picture() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    whole = WHOLE["jpeg"]
    turned = whole[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + whole[2:]

    assert (decode(turned, facts_of(turned), 3) == decode(whole, facts_of(whole), 3)).all()


@pytest.mark.realdata
def test_real_boards_decode_as_opencv_decodes_them() -> None:
    paths = sorted(DEEPPCB.glob("*/*/*_test.jpg"))[::50]
    assert len(paths) == 30

    for path in paths:
        image = path.read_bytes()
        decoded = decode(image, facts_of(image), 1)
        assert near(decoded, opencv(image, cv2.IMREAD_GRAYSCALE)), path.name
