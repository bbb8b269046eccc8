"""Whatever the bytes: gateway's and worker's path end in the network's input, or in an error of the image."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.errors import BadInput
from inspector.imaging.decode import Channels, decode
from inspector.imaging.files import facts_of
from inspector.imaging.preprocess import prepare
from inspector.models.bundle import InputSpec
from tests.support.fuzz import any_bytes, mutated, mutated_png
from tests.support.pictures import bmp, jpeg, png

MAX_PIXELS = 1_000_000
"""As a gateway and a worker may be set: what claims more is refused, and these tests stay small."""

WHOLE = [
    jpeg(),
    jpeg(channels=1),
    jpeg(progressive=True),
    png(),
    png(channels=4),
    png(channels=1, bits=16),
    bmp(),
    bmp(channels=1),
]
PNGS = [image for image in WHOLE if image.startswith(b"\x89PNG")]
BODIES = any_bytes() | st.sampled_from(WHOLE).flatmap(mutated) | st.sampled_from(PNGS).flatmap(mutated_png)


def taken_in(body: bytes, channels: Channels) -> bool:
    """Whether it is an image after all."""
    rules = InputSpec(channels=channels, max_side=256, nominal=(128, 128), overlap=64)
    try:
        facts = facts_of(body, MAX_PIXELS)
        pixels = decode(body, facts, channels, max_pixels=MAX_PIXELS)
        prepared = prepare(pixels, rules)
    except BadInput:
        return False
    for index in range(len(prepared.tiles)):
        array = prepared.input(index)
        assert array.dtype == np.float32
        assert float(array.min()) >= 0
        assert float(array.max()) <= 1
    assert (prepared.height, prepared.width) == (facts.height, facts.width)
    return True


def test_whole_images_are_taken_in() -> None:
    assert [taken_in(body, 1) for body in WHOLE if body is not WHOLE[5]] == [True] * 7


@given(body=BODIES, channels=st.sampled_from([1, 3]))
@settings(max_examples=300)
def test_any_bytes_are_an_image_or_an_error_of_the_image(body: bytes, channels: Channels) -> None:
    taken_in(body, channels)
