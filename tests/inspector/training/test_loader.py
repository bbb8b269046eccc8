"""Batches: the same for a seed whatever the threads, at the scale of the network, with pasted defects."""

from __future__ import annotations

from dataclasses import fields
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from inspector.data import sources
from inspector.data.augment import Augmentation
from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.errors import DataError
from inspector.training.config import TrainConfig
from inspector.training.loader import Batch, Loader, read_scaled
from tests.support import datasets

PLAIN = Augmentation(good=0, partly_good=0, symmetries="none", contrast=0, brightness=0, binarise=0, noise=0)


def parts(folder: Path) -> Dataset:
    return sources.load(f"coco:{datasets.coco(folder, defective=6, good=6)}").data


def first(loader: Loader, count: int, step: int = 0) -> list[Batch]:
    batches = list(islice(loader.batches(step, 64, 4), count))
    loader.close()
    return batches


def test_no_image_is_one_line() -> None:
    with pytest.raises(DataError, match="holds no image"):
        Loader(Dataset(("a",), ()), TrainConfig())


def test_threads_and_where_one_begins_change_no_batch(tmp_path: Path) -> None:
    data = parts(tmp_path)
    config = TrainConfig(
        augmentation=Augmentation(paste=0.5, scale=0.2, blur=1.0), balance=0.5, good_share=0.3, seed=3
    )
    one, many, later = (
        first(Loader(data, config), 6),
        first(Loader(data, config, threads=4), 6),
        first(Loader(data, config), 3, step=3),
    )
    for left, right in [*zip(one, many, strict=True), *zip(one[3:], later, strict=True)]:
        assert torch.equal(left.images, right.images)
        assert torch.equal(left.boxes, right.boxes)


def test_a_batch_is_padded_as_service_pads_and_no_further(tmp_path: Path) -> None:
    """With zeros at right and bottom, up to the next multiple of 32; all of it lies or all of it stands."""
    cv2.imwrite(str(tmp_path / "x.png"), np.full((60, 80), 200, np.uint8))
    part = Sample("x", tmp_path / "x.png", as_boxes([]), as_labels([]))
    turning = Augmentation(contrast=0, brightness=0, binarise=0, noise=0)
    loader = Loader(Dataset(("a",), (part,)), TrainConfig(augmentation=turning))
    batches = list(islice(loader.batches(0, 96, 4), 12))
    loader.close()
    assert {tuple(batch.images.shape) for batch in batches} == {(4, 1, 64, 96), (4, 1, 96, 64)}
    for batch in batches:
        height, width = (60, 80) if batch.images.shape[3] == 96 else (80, 60)
        assert batch.images[:, 0, :height, :width].min() > 0.7
        assert float(batch.images.gt(0).sum()) == 4 * height * width


def test_good_images_come_at_the_share_asked_for(tmp_path: Path) -> None:
    loader = Loader(parts(tmp_path), TrainConfig(augmentation=PLAIN, good_share=0.1))
    batches = first(loader, 50)
    good = np.mean([not row for batch in batches for row in batch.valid.any(1).tolist()])
    assert 0.05 < good < 0.25  # crops of defective images without their defect are among them


def test_defects_are_pasted_into_good_images(tmp_path: Path) -> None:
    config = TrainConfig(augmentation=PLAIN, good_share=1.0)
    pasting = config.model_copy(update={"augmentation": Augmentation(paste=1.0, binarise=0)})
    data = parts(tmp_path)
    without, pasted = (first(Loader(data, c), 10) for c in (config, pasting))
    assert not any(batch.valid.any() for batch in without)
    assert sum(int(batch.valid.any(1).sum()) for batch in pasted) > 10
    for batch in pasted:
        for image, boxes in zip(batch.images, batch.boxes, strict=True):
            for x1, y1, x2, y2 in boxes[boxes.any(1)].round().int().tolist():
                assert image[0, y1:y2, x1:x2].mean() < 0.4  # dark, as the defects of these parts are


def test_nothing_is_pasted_into_or_cropped_off_images_of_a_class_alone(tmp_path: Path) -> None:
    data = parts(tmp_path)
    cv2.imwrite(str(tmp_path / "x.png"), np.full((90, 90), 255, np.uint8))
    bad = Sample("x", tmp_path / "x.png", as_boxes([]), as_labels([0]))
    config = TrainConfig(
        augmentation=Augmentation(paste=1.0, scale=0.3, binarise=0, contrast=0, brightness=0, noise=0)
    )
    batches = first(Loader(Dataset(data.classes, (bad, *data.samples)), config), 40)
    found = 0
    for batch in batches:
        assert batch.named is not None
        assert batch.boxed is not None
        assert not (batch.named & batch.valid).any()
        assert torch.equal(batch.boxed, ~batch.named.any(1))
        for image, valid in zip(batch.images[~batch.boxed], batch.valid[~batch.boxed], strict=True):
            found += 1
            assert not valid.any()
            lit = image[0] > 0.9
            # No dark patch in it, and no smaller than the scale makes it.
            assert lit.sum() == lit.any(0).sum() * lit.any(1).sum() >= 49**2
    assert found


def test_what_a_batch_holds_is_moved_and_pinned_as_one(tmp_path: Path) -> None:
    batch = first(Loader(parts(tmp_path), TrainConfig(augmentation=PLAIN)), 1)[0]
    moved = batch.to(torch.device("meta"))
    held = [getattr(moved, field.name) for field in fields(moved)]
    assert [tensor.device.type for tensor in held] == ["meta"] * 6
    assert batch.rows(torch.tensor([1, 0])).images.shape[0] == 2


def test_the_network_sees_a_smaller_picture_where_the_plan_says_so(tmp_path: Path) -> None:
    image = np.full((64, 96), 200, np.uint8)
    image[16:32, 40:60] = 0
    cv2.imwrite(str(tmp_path / "x.png"), image)
    sample = Sample("x", tmp_path / "x.png", as_boxes([[40, 16, 60, 32]]), as_labels([0]))
    config = TrainConfig(scale=0.5, augmentation=PLAIN)
    batch = first(Loader(Dataset(("dent",), (sample,)), config), 1)[0]
    assert batch.boxes[0, 0].tolist() == [20, 8, 30, 16]
    assert not batch.images[0, 0, 8:16, 20:30].any()
    assert batch.images[0, 0, :32, :48].mean() > 0.6
    assert read_scaled(sample.image, config).shape == (32, 48)


def test_twelve_bits_come_as_more_than_256_levels(tmp_path: Path) -> None:
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    cv2.imwrite(str(tmp_path / "x.png"), ramp)
    sample = Sample("x", tmp_path / "x.png", as_boxes([]), as_labels([]))
    config = TrainConfig(augmentation=PLAIN, bit_depth=16, white=4095)
    images = first(Loader(Dataset(("dent",), (sample,)), config), 1)[0].images
    assert (float(images.min()), float(images.max())) == (0.0, 1.0)
    assert len(np.unique(images.numpy())) == 4096


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    sample = Sample("x", tmp_path / "x.png", as_boxes([]), as_labels([]))
    loader = Loader(Dataset(("dent",), (sample,)), TrainConfig())
    with pytest.raises(DataError, match=r"x\.png"):
        next(loader.batches(0, 64, 2))
    loader.close()
