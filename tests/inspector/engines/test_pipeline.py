from __future__ import annotations

import hashlib

import numpy as np
import pytest

from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import BrokenImage, TooManyPixels, WrongLevels
from inspector.imaging.files import facts_of
from inspector.imaging.overlay import encode_png
from inspector.models.bundle import Bundle
from tests.support.engines import Picky
from tests.support.images import deep_png, grey, grey_png


@pytest.fixture(scope="module")
def pipeline(tiny_bundle: Bundle) -> Pipeline:
    return Pipeline(tiny_bundle, choose(tiny_bundle, "openvino", "cpu", threads=1))


def test_images_of_many_sizes_come_back_in_order(pipeline: Pipeline) -> None:
    sizes = [(128, 128), (40, 70), (128, 128), (600, 300), (64, 96)]
    images = [grey_png(*size, seed=index) for index, size in enumerate(sizes)]
    batch = [pipeline.decode(image, facts_of(image)) for image in images]

    together = pipeline.infer(batch)

    assert [(seen.attention.shape) for seen in together] == [(16, 16), (5, 9), (16, 16), (75, 38), (8, 12)]
    assert [len(prepared.tiles) for prepared in batch] == [1, 1, 1, 36, 1]
    for prepared, seen in zip(batch, together, strict=True):
        [alone] = pipeline.infer([prepared])
        assert [d.defect_class for d in alone.detections] == [d.defect_class for d in seen.detections]
        np.testing.assert_allclose(
            [d.score for d in alone.detections], [d.score for d in seen.detections], atol=1e-4
        )


def test_images_of_one_shape_share_a_run(tiny_bundle: Bundle, pipeline: Pipeline) -> None:
    engine = Picky(pipeline.engine, refuses=lambda _: False)
    image, other = grey_png(100, 120), grey_png(40, 40)
    watched = Pipeline(tiny_bundle, engine)

    watched.infer([watched.decode(each, facts_of(each)) for each in (image, other, image)])

    assert engine.batches == [2, 1]


def test_no_images(pipeline: Pipeline) -> None:
    assert pipeline.infer([]) == []


def test_a_broken_image_has_no_input(pipeline: Pipeline) -> None:
    image = grey_png()
    cut = image[:-40]

    with pytest.raises(BrokenImage):
        pipeline.decode(cut, facts_of(image).model_copy(update={"sha256": hashlib.sha256(cut).hexdigest()}))


def test_the_limit_of_pixels_is_the_pipelines(tiny_bundle: Bundle, pipeline: Pipeline) -> None:
    image = grey_png(100, 100)
    small = Pipeline(tiny_bundle, pipeline.engine, max_pixels=9_999)

    with pytest.raises(TooManyPixels):
        small.decode(image, facts_of(image))


def test_warm_up_runs_the_model(pipeline: Pipeline) -> None:
    engine = Picky(pipeline.engine, refuses=lambda batch: batch.shape != (1, 1, 128, 128))

    Pipeline(pipeline.bundle, engine).warm_up()

    assert engine.batches == [1]


def test_sixteen_bits_say_the_same_as_eight_of_the_same_picture(pipeline: Pipeline) -> None:
    rules = pipeline.bundle.manifest.input.model_copy(update={"bit_depth": 16, "white": 4080})
    manifest = pipeline.bundle.manifest.model_copy(update={"input": rules})
    deep = Pipeline(Bundle(pipeline.bundle.folder, manifest, ""), pipeline.engine)
    flat = grey(100, 120)
    images = encode_png(flat), deep_png(flat.astype(np.uint16) * 16)

    [one] = pipeline.infer([pipeline.decode(images[0], facts_of(images[0]))])
    [other] = deep.infer([deep.decode(images[1], facts_of(images[1]))])

    assert one.classification.defective == pytest.approx(other.classification.defective, abs=1e-4)
    assert [d.score for d in one.detections] == pytest.approx([d.score for d in other.detections], abs=1e-3)
    assert (np.abs(one.attention.astype(int) - other.attention) <= 1).all()
    for pipe, image in ((deep, images[0]), (pipeline, images[1])):
        with pytest.raises(WrongLevels, match="bits a channel"):
            pipe.decode(image, facts_of(image))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_contrast_has_no_verdict(pipeline: Pipeline, level: int) -> None:
    image = encode_png(np.full((64, 64), level, np.uint8))

    with pytest.raises(BrokenImage, match="shows no part"):
        pipeline.decode(image, facts_of(image))
