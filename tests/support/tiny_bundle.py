"""A real bundle, small and untrained: the detector at a tiny width, exported to OpenVINO, made in a second.

Its weights are random but seeded, and its heads are biased so that it says something: some boxes of some
score on every image. Verdicts mean nothing; everything around them is real.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from inspector.engines.openvino_runtime import core, ov
from inspector.models.bundle import OPENVINO_INT8_XML, OPENVINO_XML, WEIGHTS, Bundle, write_manifest
from inspector.models.registry import build
from inspector.training.export import to_openvino
from inspector.training.quantise import kept_by_name, quantise

CLASSES = ("open", "short", "mousebite", "spur", "copper", "pin-hole")


def make(folder: Path, *, channels: int = 1, name: str = "tiny", nominal: int = 128, seed: int = 0) -> Bundle:
    """Write the bundle into `folder` (made here) and load it. One of a kind is exported once in a process."""
    shutil.copytree(_made(channels, name, nominal, seed), folder)
    return Bundle.load(folder)


@cache
def _made(channels: int, name: str, nominal: int, seed: int) -> Path:
    """A folder for as long as the process lives."""
    place = tempfile.TemporaryDirectory(prefix="tiny-bundle-")
    atexit.register(place.cleanup)
    folder = Path(place.name)
    architecture = {
        "name": "detector",
        "classes": len(CLASSES),
        "in_channels": channels,
        "widths": [4, 8, 8, 16, 16],
        "neck_channels": 16,
        "reduction": 4,
    }
    network = _network(architecture, seed)
    (folder / "openvino").mkdir()
    save_file(network.state_dict(), folder / WEIGHTS)
    ov.save_model(to_openvino(network, channels), folder / OPENVINO_XML, compress_to_fp16=False)
    write_manifest(folder, _fields(architecture, name, nominal))
    return folder


def with_int8(bundle: Bundle, folder: Path) -> Bundle:
    """A copy in `folder` that carries INT8 too, calibrated on noise."""
    shutil.copytree(bundle.folder, folder)
    model = core().read_model(bundle.path(OPENVINO_XML))
    noise = [np.random.default_rng(seed).random((1, 1, 64, 64), np.float32) for seed in range(2)]
    kept = kept_by_name(build(bundle.manifest.architecture))
    ov.save_model(quantise(model, noise, kept), folder / OPENVINO_INT8_XML, compress_to_fp16=False)
    return write_manifest(folder, bundle.manifest.model_dump(exclude={"files"}))


def _network(architecture: dict[str, object], seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build(architecture).eval()
        for key, parameter in network.named_parameters():
            if key.endswith("scores.bias"):
                nn.init.constant_(parameter, -2.0)
            if key == "image_head.linear.bias":
                nn.init.constant_(parameter, 6.0)  # every image looks defective, so boxes keep their scores
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)  # a fresh spatial gate is 0.5 everywhere
    return network


def _fields(architecture: dict[str, object], name: str, nominal: int) -> dict[str, object]:
    return {
        "name": name,
        "version": "1",
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "classes": list(CLASSES),
        "input": {"channels": architecture["in_channels"], "nominal": (nominal, nominal), "max_side": 512},
        "attention": {"source": "neck.p3"},
        "architecture": architecture,
    }
