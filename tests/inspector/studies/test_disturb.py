"""Noise, blur and low contrast: the pictures a model is shown are what the level says."""

from __future__ import annotations

import numpy as np
import pytest

from inspector.data.dataset import Dataset, Image
from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of
from inspector.studies.disturb import SERIES, Disturbance, disturb, disturbed

GREY = np.full((64, 64), 128, np.uint8)
EDGE = np.repeat(np.array([[40, 200]], np.uint8), 32, axis=1).repeat(64, axis=0)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("what", SERIES, ids=str)
def test_shape_and_kind_stay(what: Disturbance) -> None:
    for image in (EDGE, np.repeat(EDGE[..., None], 3, axis=2)):
        changed = disturb(image, what, rng())
        assert (changed.shape, changed.dtype) == (image.shape, image.dtype)
        assert (changed != image).any()


def test_noise_has_the_standard_deviation_that_it_says() -> None:
    assert disturb(GREY, Disturbance("noise", 16), rng()).std() == pytest.approx(16, rel=0.05)


def test_contrast_shrinks_what_differs_from_the_mean() -> None:
    changed = disturb(EDGE, Disturbance("contrast", 0.25), rng())
    assert changed.mean() == pytest.approx(EDGE.mean(), abs=1)
    assert float(changed.max()) - float(changed.min()) == pytest.approx(0.25 * 160, abs=2)


def test_the_faintest_picture_is_not_a_single_grey() -> None:
    """The pipeline refuses a picture without any contrast, and a study must not end there."""
    faint: Image = GREY + (np.arange(64) % 2).astype(np.uint8)
    changed = disturb(faint, Disturbance("contrast", 0.1), rng())
    assert changed.min() < changed.max()


def test_blur_softens_the_edge_and_keeps_the_rest() -> None:
    changed = disturb(EDGE, Disturbance("blur", 2), rng())
    assert (changed[0, 0], changed[0, -1]) == (40, 200)
    assert 40 < changed[0, 31] < 120


def test_the_same_seed_gives_the_same_images_whatever_comes_before(boards: Dataset) -> None:
    what = Disturbance("noise", 32)
    all_of_them = list(disturbed(boards, what, 1, seed=5))
    last = list(disturbed(boards.where(lambda sample: sample.name == "3"), what, 1, seed=5))
    assert all_of_them[-1].image == last[0].image
    assert all_of_them[-1].image != next(disturbed(boards, what, 1, seed=6)).image


def test_colours_keep_their_order(boards: Dataset) -> None:
    (first, *_) = disturbed(boards, Disturbance("contrast", 1.0), 3, seed=0)
    picture = decode(first.image, facts_of(first.image), 3)
    assert picture.shape == (128, 160, 3)
