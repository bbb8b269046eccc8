"""What images without boxes teach: no boxes, their classes, and that the map must fire somewhere."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.models.detector import Detector
from inspector.training import losses as of_boxes
from inspector.training import weak
from inspector.training.config import TrainConfig
from inspector.training.loader import Batch, Loader

Truth = tuple[list[list[float]], list[int]]

BOXED: Truth = ([[8.0, 8, 40, 30]], [1])
LABELLED: Truth = ([], [2])
GOOD: Truth = ([], [])


def sample(folder: Path, number: int, truth: Truth) -> Sample:
    path = folder / f"{number}.png"
    cv2.imwrite(str(path), np.random.default_rng(number).integers(0, 256, (64, 64), dtype=np.uint8))
    return Sample(str(number), path, as_boxes(truth[0]), as_labels(truth[1]))


def batch(folder: Path, *truths: Truth, count: int = 8) -> Batch:
    samples = tuple(sample(folder, n, truth) for n, truth in enumerate(truths))
    loader = Loader(Dataset(("a", "b", "c"), samples), TrainConfig())
    made = next(loader.batches(0, 64, count))
    loader.close()
    return made


@pytest.fixture(scope="module")
def network() -> Detector:
    torch.manual_seed(0)
    return Detector(3, 1, widths=(8, 8, 16, 16, 16), neck_channels=16)


def reached(network: Detector, loss: torch.Tensor) -> set[str]:
    """Parts of the network that the loss teaches."""
    network.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    return {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None}


def test_boxes_alone_lose_as_they_ever_did(network: Detector, tmp_path: Path) -> None:
    given = batch(tmp_path, BOXED, GOOD)
    raw = network.raw(given.images)
    assert given.boxed is not None
    assert given.boxed.all()
    assert torch.equal(weak.losses(raw, given).total, of_boxes.losses(raw, given).total)


def test_labels_alone_teach_the_image_head_and_the_gate_and_no_box(network: Detector, tmp_path: Path) -> None:
    given = batch(tmp_path, LABELLED, GOOD)
    parts = weak.losses(network.raw(given.images), given)
    assert float(parts.score + parts.box + parts.edge) == 0
    assert min(parts.image, parts.gate) > 0
    assert reached(network, parts.total) == {"backbone", "neck", "image_head"}


def test_mixed_the_boxed_ones_teach_boxes_and_all_teach_the_image_head(
    network: Detector, tmp_path: Path
) -> None:
    given = batch(tmp_path, BOXED, LABELLED, GOOD, count=16)
    assert given.boxed is not None
    assert 0 < given.boxed.sum() < 16
    raw = network.raw(given.images)
    parts = weak.losses(raw, given)
    assert all(torch.isfinite(part) and part > 0 for part in parts)
    assert reached(network, parts.total) == {"backbone", "neck", "heads", "image_head"}
    # Whatever boxes are predicted on an image whose boxes are unknown, none of them is wrong.
    raw = network.raw(given.images)
    moved = raw.scores + 5 * ~given.boxed[:, None, None]
    assert torch.equal(weak.losses(raw._replace(scores=moved), given).score, parts.score)


def test_a_labelled_image_wants_its_class_and_is_defective() -> None:
    raw = Detector(3, 1, widths=(8, 8, 16, 16, 16), neck_channels=16).raw(torch.zeros(2, 1, 64, 64))
    given = Batch(
        torch.zeros(2, 1, 64, 64),
        torch.zeros(2, 1, 4),
        torch.tensor([[2], [0]]),
        torch.zeros(2, 1, dtype=torch.bool),
        named=torch.tensor([[True], [False]]),
        boxed=torch.zeros(2, dtype=torch.bool),
    )
    right = raw._replace(image=torch.tensor([[9.0, -9, -9, 9], [-9.0, -9, -9, -9]]))
    wrong = raw._replace(image=torch.tensor([[-9.0, -9, -9, -9], [9.0, 9, -9, -9]]))
    assert weak.losses(right, given).image < 0.01
    assert weak.losses(wrong, given).image > 1


def spots(*places: tuple[int, int], height: float = 6.0) -> torch.Tensor:
    """(1, 1, 12, 12) logits, high around these cells."""
    logits = torch.full((1, 1, 12, 12), -6.0)
    for y, x in places:
        logits[0, 0, y - 1 : y + 2, x - 1 : x + 2] = height
    return logits


@pytest.mark.parametrize(
    ("better", "worse", "defective"),
    [
        (spots((4, 4)), spots(), True),
        (spots((4, 4)), spots((4, 4), height=0.0), True),
        (spots((4, 4)), torch.full((1, 1, 12, 12), 6.0), True),
        (spots(), spots((4, 4)), False),
        (spots((4, 4)), torch.full((1, 1, 12, 12), 6.0), False),
    ],
)
def test_a_map_must_fire_on_a_defective_image_and_nowhere_on_a_good_one(
    better: torch.Tensor, worse: torch.Tensor, defective: bool
) -> None:
    kind = torch.tensor([defective])
    assert weak.gate_loss(better, kind) < weak.gate_loss(worse, kind) - 0.1
