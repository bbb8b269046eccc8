"""The network by torch on the CPU, from the bundle's safetensors: in f32, which is the measure of all other
engines, or in bf16 by request. On CUDA it is cuda_engine.py.

Import this module only when asked for: torch alone takes seconds and hundreds of megabytes.
"""

from __future__ import annotations

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from inspector.engines.base import FloatArray, RawOutput
from inspector.errors import BundleError, InspectionFailed
from inspector.models.bundle import WEIGHTS, Bundle
from inspector.models.detector import Answers, Detector, answers
from inspector.models.folding import folded
from inspector.models.registry import build

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


class Network:
    """(N, C, H, W) float32 0-1 -> what the fields of RawOutput hold, in float32.

    In bf16 the weights are, and all that is between the first convolution and the heads' logits; scores,
    boxes and map are made of these in float32.
    """

    def __init__(self, network: Detector, device: torch.device, precision: str) -> None:
        self._dtype = DTYPES[precision]
        # A matrix unit wants the channels of a pixel side by side.
        layout = torch.channels_last if device.type == "cuda" else torch.contiguous_format
        placed = network.eval().to(device, self._dtype)
        self.module: Detector = placed.to(memory_format=layout)  # type: ignore[call-overload]
        self._layout = layout

    def __call__(self, x: Tensor) -> Answers:
        return answers(self.module.raw(x.to(self._dtype, memory_format=self._layout)))


class TorchEngine:
    """An Engine. `threads` 0 leaves the CPU's to torch; `precision` is f32 or bf16."""

    device = "cpu"

    def __init__(self, bundle: Bundle, *, threads: int = 0, precision: str = "f32") -> None:
        """Raises BundleError: weights that do not fit the architecture."""
        self.name = named(precision)
        if threads:
            torch.set_num_threads(threads)
        network = load_network(bundle)
        # The measure is the network as it was trained; 8 bits are no place for a batch norm of its own.
        self._network = Network(
            network if precision == "f32" else folded(network), torch.device("cpu"), precision
        )

    @torch.inference_mode()
    def infer(self, batch: FloatArray) -> RawOutput:
        """See Engine.infer."""
        try:
            said = self._network(torch.from_numpy(np.ascontiguousarray(batch)))
        except RuntimeError as error:
            raise InspectionFailed(f"torch failed on cpu: {first_line(error)}") from error
        return RawOutput(*(output.numpy() for output in said))


def named(precision: str) -> str:
    """An engine's name."""
    return "torch" if precision == "f32" else f"torch {precision}"


def load_network(bundle: Bundle) -> Detector:
    """The network with the bundle's weights, on the CPU. Raises BundleError when these do not fit it."""
    path = bundle.path(WEIGHTS)
    network = build(bundle.manifest.architecture)
    try:
        network.load_state_dict(load_file(path))
    except (RuntimeError, SafetensorError) as error:
        raise BundleError(f"{path}: does not fit the manifest's architecture: {first_line(error)}") from error
    return network


def first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
