"""What a run is: its phases, its budget, and that the options of older runs are still read."""

from __future__ import annotations

import json

import pytest

from inspector.data.augment import Augmentation
from inspector.models.registry import build
from inspector.training.config import FEWEST_STEPS, MOST_STEPS, TrainConfig, default_epochs


def test_the_last_part_sees_whole_parts_at_equal_pixels() -> None:
    config = TrainConfig()
    assert config.phase(0.0) == (320, 16)
    assert config.phase(0.75) == (640, 4)
    assert TrainConfig(final_size=2048).phase(1.0) == (2048, 1)


@pytest.mark.parametrize("images", [1, 2, 30, 870, 100_000])
def test_a_budget_that_nobody_gave(images: int) -> None:
    epochs = default_epochs(images, 16)
    steps = epochs * -(-images // 16)
    assert FEWEST_STEPS * 0.9 <= steps <= MOST_STEPS * 1.5
    assert epochs >= 1


def test_options_survive_their_file() -> None:
    config = TrainConfig(augmentation=Augmentation(symmetries="flips", paste=0.5), held_back=("a",), epochs=3)
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


def test_options_of_a_run_before_augmentation_was_one_are_those_of_boards() -> None:
    older = json.loads(TrainConfig(epochs=3).model_dump_json())
    for key in ("augmentation", "placement", "blocks", "scale", "balance", "held_back", "patience"):
        del older[key]
    assert TrainConfig.model_validate(older) == TrainConfig(epochs=3)


def test_the_architecture_is_what_the_registry_builds() -> None:
    network = build(TrainConfig(placement="stage").architecture(4))
    assert network.image_head.linear.out_features == 5
