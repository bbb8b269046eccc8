"""Weights to a sealed bundle: safetensors for torch, an OpenVINO export for CPU workers, and the parity gate.

No bundle leaves here whose export says anything else than the network it was made from: on random images in
this file, on validation images in precisions.py, which also adds INT8.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.jit._trace import TracerWarning
from torch.utils.flop_counter import FlopCounterMode

from inspector.engines.openvino_runtime import core, ov
from inspector.engines.torch_engine import load_network
from inspector.errors import BundleError
from inspector.models.bundle import OPENVINO_XML, WEIGHTS, Bundle, write_manifest
from inspector.models.detector import Detector
from inspector.models.folding import folded
from inspector.models.neck import MAP_SOURCE, MAP_STRIDE

OUTPUT_NAMES = ("boxes", "scores", "classes", "attention")

PARITY = 1e-3
"""Largest difference allowed, relative to the output's own range: boxes in image sides, the rest in 0-1."""

PARITY_SIZES = ((1, 640, 640), (8, 160, 224))
"""(batch, height, width): one image and many, two sizes, not square."""


def export(
    network: Detector,
    folder: Path,
    *,
    architecture: Mapping[str, Any],
    classes: tuple[str, ...],
    name: str,
    version: str,
    nominal: tuple[int, int],
    training: Mapping[str, Any],
    rules: Mapping[str, Any] | None = None,
    image_level: tuple[str, ...] = (),
) -> Bundle:
    """Write, check and seal a bundle; `folder` is replaced only once all of it holds.

    `rules`: fields of InputSpec besides channels and `nominal`, such as scale and overlap of tiles.
    `image_level`: the classes without boxes.

    Raises BundleError when the export and the network disagree.
    """
    network = network.float().cpu().eval()
    channels = int(architecture["in_channels"])
    manifest = {
        "name": name,
        "version": version,
        "created_at": datetime.now(UTC).replace(microsecond=0),
        "classes": list(classes),
        "image_level": list(image_level),
        "input": {"channels": channels, **(rules or {}), "nominal": nominal},
        "attention": {"source": MAP_SOURCE, "stride": MAP_STRIDE},
        "architecture": dict(architecture),
        "training": {**training, **size_of(network, channels, nominal)},
    }
    return _write(network, channels, folder, manifest)


def export_again(bundle: Bundle, folder: Path) -> Bundle:
    """The same weights and manifest with a fresh f32 export, in another folder.

    Raises BundleError: weights that do not fit, or an export that says something else.
    """
    network = load_network(bundle).float().eval()
    fields = bundle.manifest.model_dump(exclude={"files"})
    return _write(network, bundle.manifest.input.channels, folder, fields)


def _write(network: Detector, channels: int, folder: Path, manifest: Mapping[str, Any]) -> Bundle:
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / OPENVINO_XML).parent.mkdir(parents=True)
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, fresh / WEIGHTS)
    ov.save_model(to_openvino(network, channels), fresh / OPENVINO_XML, compress_to_fp16=False)
    check_parity(network, fresh / OPENVINO_XML, channels)
    write_manifest(fresh, manifest)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return Bundle.load(folder)


def to_openvino(network: nn.Module, channels: int) -> Any:
    """An ov.Model for any batch and any size; its outputs are named as the fields of RawOutput.

    Its operations are named after the modules that they come from, as in `__module.neck.p3.spatial.conv/...`.
    """
    # OpenVINO would fold them too, but the convolutions would lose their names, by which quantisation tells
    # gates from the rest.
    network = folded(network)
    with warnings.catch_warnings():
        # OpenVINO's converter traces the network, which torch calls deprecated, and warns of shapes that
        # the trace records; both are what is wanted here.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", TracerWarning)
        model = ov.convert_model(
            network, example_input=torch.zeros(1, channels, 64, 96), input=[-1, channels, -1, -1]
        )
    for output, name in zip(model.outputs, OUTPUT_NAMES, strict=True):
        output.get_tensor().set_names({name})
    return model


@torch.no_grad()
def check_parity(network: nn.Module, xml: Path, channels: int) -> None:
    """Raises BundleError when an output differs by more than PARITY at one of the sizes."""
    compiled = core().compile_model(xml, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    generator = torch.Generator().manual_seed(0)
    for batch, height, width in PARITY_SIZES:
        images = torch.rand(batch, channels, height, width, generator=generator)
        answers = compiled([images.numpy()])
        for index, (name, wanted) in enumerate(zip(OUTPUT_NAMES, network(images), strict=True)):
            scale = max(height, width) if name == "boxes" else 1.0
            _check(name, wanted, answers[index], scale, (batch, height, width))


def _check(name: str, wanted: Tensor, got: np.ndarray, scale: float, size: tuple[int, int, int]) -> None:
    if wanted.shape != got.shape:
        raise BundleError(f"the export's {name} have shape {got.shape} instead of {tuple(wanted.shape)}")
    difference = float(np.abs(wanted.numpy() - got).max()) / scale
    # Written so that NaN fails it.
    if not difference <= PARITY:
        raise BundleError(f"the export's {name} are off by {difference:.2g} (limit {PARITY:.0e}) at {size}")


def size_of(network: nn.Module, channels: int, nominal: tuple[int, int]) -> dict[str, float]:
    """Parameters, and GFLOPs (2 x multiply-adds, as detectors are compared) for one image of that size."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, channels, *nominal))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return {"parameters": parameters, "gflops": round(counter.get_total_flops() / 1e9, 3)}
