"""Post-training quantisation to INT8, by NNCF: weights and activations of convolutions, not of gates.

An 8-bit sigmoid has 256 steps for the whole picture, and its input has fewer where it decides: the gates, the
image head and the box arithmetic stay in floating point. They are found by the names of the modules that they
come from, which the export keeps (`kept_by_name`).
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from torch import nn

from inspector.data.dataset import Dataset
from inspector.engines.base import Engine, FloatArray, RawOutput
from inspector.engines.openvino_engine import OpenVinoEngine
from inspector.engines.openvino_runtime import core
from inspector.engines.pipeline import Pipeline
from inspector.errors import BrokenImage, BundleError
from inspector.imaging.files import facts_of, read_bytes
from inspector.models.bundle import Bundle
from inspector.models.cbam import CBAM, ChannelGate, SpatialGate
from inspector.models.head import ImageHead, LevelHead
from inspector.models.neck import GatedLevel
from inspector.training.parity import spread

CALIBRATION_IMAGES = 200
"""Evenly spread over the training part. On boards of DeepPCB 40 lost 0.6 points of mAP50-95, 120 nothing."""

_WHOLE = (CBAM, ChannelGate, SpatialGate, ImageHead)
"""Modules of which no operation is quantised."""

_OUTSIDE = (GatedLevel, LevelHead)
"""Modules whose own operations are kept, but not those of the convolutions inside them."""


def kept_by_name(network: nn.Module) -> list[str]:
    """Patterns of operation names, for all that must not be quantised."""
    patterns = [r"aten::.*", r"prim::.*"]  # of the detector itself: sigmoids, distances, boxes
    for name, module in network.named_modules():
        place = rf"__module\.{re.escape(name)}"
        if isinstance(module, _WHOLE):
            patterns.append(rf"{place}[./].*")
        elif isinstance(module, _OUTSIDE):
            patterns.append(rf"{place}/.*")
    return patterns


class _Inputs:
    """An Engine that keeps what its engine was given."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name, self.device = engine.name, engine.device
        self.seen: list[FloatArray] = []

    def infer(self, batch: FloatArray) -> RawOutput:
        self.seen += [batch[index : index + 1] for index in range(len(batch))]
        return self._engine.infer(batch)


def calibration(bundle: Bundle, training: Dataset) -> list[FloatArray]:
    """(1, C, H, W) each: training images as the workers' pipeline gives them to the network, cut to the
    nominal size around their centre where they are larger."""
    inputs = _Inputs(OpenVinoEngine(bundle))
    pipeline = Pipeline(bundle, inputs)
    for sample in spread(training, CALIBRATION_IMAGES).samples:
        image = read_bytes(sample.image)
        with contextlib.suppress(BrokenImage):  # one without contrast says nothing of ranges
            pipeline.infer([pipeline.decode(image, facts_of(image))])
        if len(inputs.seen) >= CALIBRATION_IMAGES:  # tiles of large images
            break
    return [_centre(array, bundle.manifest.input.nominal) for array in inputs.seen]


def _centre(array: FloatArray, size: tuple[int, int]) -> FloatArray:
    top, left = (max(0, side - most) // 2 for side, most in zip(array.shape[2:], size, strict=True))
    return np.ascontiguousarray(array[:, :, top : top + size[0], left : left + size[1]])


def quantise(model: Any, images: Iterable[FloatArray], kept: Iterable[str] = ()) -> Any:
    """An ov.Model -> its INT8 twin, calibrated on `images`: (1, C, H, W) each, as the network gets them.

    `kept`: patterns of operation names that stay in floating point; those that match nothing are left out.
    Raises BundleError when there is no image.
    """
    calibration = list(images)
    if not calibration:
        raise BundleError("INT8 needs images to calibrate on, and there is none")
    # Seconds to import, and only after openvino_runtime, which silences what it would report.
    import nncf  # noqa: PLC0415

    core()  # before NNCF's own: see there
    names = [operation.get_friendly_name() for operation in model.get_ops()]
    patterns = [pattern for pattern in kept if any(re.fullmatch(pattern, name) for name in names)]
    nncf.set_log_level(logging.ERROR)
    # Its bars would go to stdout, which belongs to the command.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries that NNCF uses, about each other
        return nncf.quantize(
            model,
            nncf.Dataset(calibration),
            preset=nncf.QuantizationPreset.MIXED,
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(calibration),
            ignored_scope=nncf.IgnoredScope(patterns=patterns),
        )
