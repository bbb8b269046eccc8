"""Post-training quantisation to INT8, by NNCF: weights and activations of the convolutions, and not the gates.

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
from collections.abc import Iterable, Iterator
from typing import Any

import nncf
import numpy as np
from numpy.typing import NDArray
from torch import nn

from inspector.errors import BundleError
from inspector.models.cbam import CBAM, ChannelGate, SpatialGate
from inspector.models.head import ImageHead, LevelHead
from inspector.models.neck import GatedLevel

FloatArray = NDArray[np.float32]

CALIBRATION_IMAGES = 300
"""Enough for the ranges of activations to settle; NNCF's own default."""

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


def quantise(model: Any, images: Iterable[FloatArray], kept: Iterable[str] = ()) -> Any:
    """An ov.Model -> its INT8 twin, calibrated on `images`: (1, C, H, W) each, as the network gets them.

    `kept`: patterns of operation names that stay in floating point; those that match nothing are left out.
    Raises BundleError when there is no image.
    """
    calibration = list(images)
    if not calibration:
        raise BundleError("INT8 needs images to calibrate on, and there is none")
    names = [operation.get_friendly_name() for operation in model.get_ops()]
    patterns = [pattern for pattern in kept if any(re.fullmatch(pattern, name) for name in names)]
    with _quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries that NNCF uses, about each other
        return nncf.quantize(
            model,
            nncf.Dataset(calibration),
            preset=nncf.QuantizationPreset.MIXED,
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(calibration),
            ignored_scope=nncf.IgnoredScope(patterns=patterns),
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """NNCF logs and draws bars on stdout, which belongs to the command."""
    nncf.set_log_level(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):
        yield
