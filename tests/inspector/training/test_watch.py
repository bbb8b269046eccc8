"""Looks at the validation part: what is measured, what weights are judged by; nothing is disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from inspector.data import sources
from inspector.data.dataset import Dataset
from inspector.models.registry import build
from inspector.training.config import TrainConfig
from inspector.training.watch import FEWEST_DEFECTS, Figures, Watch
from tests.support import datasets, deeppcb_folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """More threads on pictures this small only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


CONFIG = TrainConfig(size=64, final_size=96, widths=(8, 8, 16, 16, 16), neck_channels=16)


def parts(folder: Path, *, defective: int, good: int) -> Dataset:
    return sources.load(f"coco:{datasets.coco(folder, defective=defective, good=good)}").data


def look(data: Dataset) -> tuple[Watch, Figures]:
    torch.manual_seed(0)
    watch = Watch(data, CONFIG)
    return watch, watch.look(build(CONFIG.architecture(len(data.classes))).eval())


def test_two_images_are_enough_and_are_judged_by_their_loss(tmp_path: Path) -> None:
    watch, figures = look(parts(tmp_path, defective=1, good=1))
    assert watch.by_loss
    assert "loss" in watch.criterion
    assert figures.loss is not None
    assert figures.worth == -figures.loss
    assert set(figures.known()) == {"map50", "map50_95", "auroc", "loss"}


def test_many_defects_are_judged_by_what_is_found(tmp_path: Path) -> None:
    watch, figures = look(parts(tmp_path, defective=FEWEST_DEFECTS, good=2))
    assert watch.criterion == "mAP50-95 + image AUROC"
    assert figures.loss is None
    assert figures.worth == (figures.map50_95 or 0) + (figures.auroc or 0)


@pytest.mark.parametrize(
    ("defective", "good", "missing"),
    [(0, 3, {"map50", "map50_95", "auroc"}), (FEWEST_DEFECTS, 0, {"auroc"})],
)
def test_what_there_is_nothing_to_measure_by_is_none(
    tmp_path: Path, defective: int, good: int, missing: set[str]
) -> None:
    _, figures = look(parts(tmp_path, defective=defective, good=good))
    assert missing.isdisjoint(figures.known())
    assert np.isfinite(figures.worth)


def test_boards_with_templates_are_healed_to_have_good_ones(tmp_path: Path) -> None:
    deeppcb_folder.make(tmp_path, groups=2, boards=2, side=128)
    watch, figures = look(sources.load(f"deeppcb:{tmp_path}").data)
    assert watch.criterion == "mAP50-95 + image AUROC"
    assert figures.auroc is not None


def test_a_better_network_is_worth_more() -> None:
    worse, better = Figures(0.5, 0.3, 0.9, None), Figures(0.6, 0.4, 0.9, None)
    assert better.worth > worse.worth
    assert Figures(1.0, 1.0, 1.0, 0.5).worth > Figures(1.0, 1.0, 1.0, 0.6).worth


def test_a_look_leaves_the_random_state_and_the_network_as_they_were(tmp_path: Path) -> None:
    data = parts(tmp_path, defective=2, good=2)
    network = build(CONFIG.architecture(2)).eval()
    watch = Watch(data, CONFIG)
    before = torch.get_rng_state(), str(np.random.get_state(legacy=False))
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    first = watch.look(network)
    assert watch.look(network) == first
    assert torch.equal(torch.get_rng_state(), before[0])
    assert str(np.random.get_state(legacy=False)) == before[1]
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())


def test_its_cost_is_known_beforehand(tmp_path: Path) -> None:
    few, many = (Watch(parts(tmp_path / str(n), defective=n, good=0), CONFIG) for n in (12, 24))
    assert few.pixels() == 12 * 64 * 96
    assert many.pixels() == 2 * few.pixels()


@pytest.mark.parametrize(
    ("bad", "good", "criterion", "measured"),
    [
        (FEWEST_DEFECTS, 3, "image AUROC", {"auroc"}),
        (FEWEST_DEFECTS, 0, "loss (there are neither boxes nor good images)", {"loss"}),
        (2, 3, f"loss (there are fewer than {FEWEST_DEFECTS} defects to count)", {"auroc", "loss"}),
    ],
)
def test_images_of_a_class_alone_are_defective_and_judged_whole(
    tmp_path: Path, bad: int, good: int, criterion: str, measured: set[str]
) -> None:
    for kind, count in (("dent", bad), ("good", good)):
        for number in range(count):
            datasets.picture(tmp_path / kind / f"{number}.png")
    watch, figures = look(sources.load(f"folder:{tmp_path}").data)
    assert watch.criterion == criterion
    assert set(figures.known()) == measured
    assert watch.by_loss is ("loss" in measured)
