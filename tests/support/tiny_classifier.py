"""A real classifier, trained on image labels alone in seconds: a light square on grey ground."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from inspector.data import sources
from inspector.data.augment import Augmentation
from inspector.models.bundle import Bundle
from inspector.training.config import TrainConfig
from inspector.training.export import export
from inspector.training.loop import Run

CONFIG = TrainConfig(
    size=64,
    final_size=64,
    batch=8,
    epochs=25,
    warmup_steps=5,
    learning_rate=2e-2,
    widths=(8, 8, 16, 16, 16),
    neck_channels=16,
    augmentation=Augmentation(binarise=0.0),
)

SQUARE = 16


def images(folder: Path, *, each: int = 12, seed: int = 0) -> Path:
    """`good/` and `speck/`; 64 x 48 pixels, the square anywhere."""
    rng = np.random.default_rng(seed)
    for kind in ("good", "speck"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            image = rng.normal(140, 4, (48, 64)).clip(0, 255).astype(np.uint8)
            x, y = (int(rng.integers(side - SQUARE + 1)) for side in (64, 48))
            if kind == "speck":
                image[y : y + SQUARE, x : x + SQUARE] = 250
            cv2.imwrite(str(folder / kind / f"{number}.png"), image)
    return folder


def make(folder: Path) -> Bundle:
    """Train on `folder`/images and seal `folder`/bundle."""
    data = sources.load(f"folder:{images(folder / 'images')}").data
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more only wait for each other on pictures this small
    run = Run(CONFIG, data, folder / "run")
    network = run.train(lambda progress: None)
    torch.set_num_threads(threads)
    return export(
        network,
        folder / "bundle",
        architecture=run.architecture,
        classes=data.classes,
        name="squares",
        version="1",
        nominal=(64, 64),
        training={},
        image_level=data.labels_only,
    )
