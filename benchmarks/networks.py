"""The networks that are compared: ours, exported afresh, and rivals, given as OpenVINO files of one size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inspector.data.synthetic import board
from inspector.engines.base import FloatArray
from inspector.engines.openvino_runtime import core
from inspector.engines.torch_engine import load_network
from inspector.errors import SettingsError
from inspector.models.bundle import Bundle, resolve
from inspector.models.detector import Detector
from inspector.models.registry import build
from inspector.training.config import TrainConfig
from inspector.training.export import size_of, to_openvino
from inspector.training.quantise import kept_by_name, quantise

CALIBRATION_BOARDS = 16
"""Synthetic ones, the same for every network. What they show changes the ranges, not the speed."""

OURS = "ours"


@dataclass
class Network:
    """One side of the comparison."""

    name: str
    f32: Any
    """An ov.Model of one image, (1, C, H, W)."""
    kept: list[str]
    """Patterns of the operations that stay in floating point in INT8."""

    @property
    def channels(self) -> int:
        return int(self.f32.input(0).shape[1])

    @property
    def side(self) -> int:
        return int(self.f32.input(0).shape[2])

    @cached_property
    def int8(self) -> Any:
        """The f32 model is left as it is."""
        return quantise(self.f32.clone(), boards(self.channels, self.side), self.kept)

    def model(self, precision: str) -> Any:
        return self.int8 if precision == "int8" else self.f32


def ours(model: str, side: int) -> tuple[Network, dict[str, float]]:
    """The network of a bundle, or the untrained one that `inspector train` would train; and its size."""
    network = _untrained() if model == "untrained" else load_network(Bundle.load(resolve(model))).eval()
    channels = next(network.parameters()).shape[1]
    exported = to_openvino(network, channels)
    exported.reshape([1, channels, side, side])
    return Network(OURS, exported, kept_by_name(network)), size_of(network, channels, (side, side))


def rival(word: str, side: int) -> Network:
    """`NAME=FILE.xml`. Raises SettingsError: another form, a file that OpenVINO cannot read, another size."""
    name, equals, file = word.partition("=")
    if not (name and equals and file):
        raise SettingsError(f"--rival {word}: expected NAME=FILE.xml")
    if not Path(file).is_file():
        raise SettingsError(f"--rival {word}: there is no such file")
    try:
        model = core().read_model(file)
    except RuntimeError as error:
        raise SettingsError(f"--rival {word}: OpenVINO cannot read it") from error
    shape = model.input(0).partial_shape
    if shape.is_dynamic or list(model.input(0).shape)[2:] != [side, side]:
        raise SettingsError(f"--rival {word}: takes {shape}; export it for one image of {side}x{side}")
    return Network(name, model, [])


def boards(channels: int, side: int) -> list[FloatArray]:
    """(1, C, H, W) each, 0-1."""
    drawn = [board(seed, size=(side, side)).image for seed in range(CALIBRATION_BOARDS)]
    return [np.repeat(image[None, None] / np.float32(255), channels, 1) for image in drawn]


def _untrained() -> Detector:
    config = TrainConfig()
    torch.manual_seed(0)
    fields = ("in_channels", "widths", "neck_channels", "attention", "reduction", "shared_tower")
    arguments = {field: getattr(config, field) for field in fields}
    return build({"name": "detector", "classes": 6, **arguments}).eval()
