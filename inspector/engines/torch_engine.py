"""The network by torch, on CPU or CUDA, from the bundle's safetensors.

Import this module only when asked for: torch alone takes seconds and hundreds of megabytes.
"""

from __future__ import annotations

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from inspector.engines.base import FloatArray, RawOutput
from inspector.errors import BundleError, EngineUnavailable, InspectionFailed
from inspector.models.bundle import WEIGHTS, Bundle
from inspector.models.detector import Detector
from inspector.models.registry import build


def cuda_is_there() -> bool:
    """Whether torch can use a CUDA device now."""
    return torch.cuda.is_available()


class TorchEngine:
    """An Engine. `device` is "cpu", "cuda" or "cuda:N"; `threads` 0 leaves the CPU's to torch."""

    name = "torch"

    def __init__(self, bundle: Bundle, device: str = "cpu", *, threads: int = 0) -> None:
        """Raises BundleError (weights that do not fit the architecture) and EngineUnavailable."""
        self._device = _device(device)
        self.device = _shown(self._device)
        # TF32 would round to 10 bits: other scores than those that were measured, for a network this small.
        torch.backends.cudnn.allow_tf32 = False
        if threads and self._device.type == "cpu":
            torch.set_num_threads(threads)
        self._network = load_network(bundle).to(self._device).eval()

    def infer(self, batch: FloatArray) -> RawOutput:
        """See Engine.infer."""
        try:
            with torch.inference_mode():
                outputs = self._network(torch.from_numpy(np.ascontiguousarray(batch)).to(self._device))
                return RawOutput(*(output.float().cpu().numpy() for output in outputs))
        except RuntimeError as error:  # torch's out-of-memory and CUDA errors are all of this kind
            raise InspectionFailed(f"torch failed on {self.device}: {_first_line(error)}") from error


def load_network(bundle: Bundle) -> Detector:
    """The network with the bundle's weights, on the CPU. Raises BundleError when these do not fit it."""
    path = bundle.path(WEIGHTS)
    network = build(bundle.manifest.architecture)
    try:
        network.load_state_dict(load_file(path))
    except (RuntimeError, SafetensorError) as error:
        raise BundleError(
            f"{path}: does not fit the manifest's architecture: {_first_line(error)}"
        ) from error
    return network


def _device(wanted: str) -> torch.device:
    device = torch.device(wanted)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise EngineUnavailable(f"device {wanted!r}: torch finds {count} CUDA devices on this machine")
    return device


def _shown(device: torch.device) -> str:
    if device.type != "cuda":
        return device.type
    return f"cuda:{device.index or 0} {torch.cuda.get_device_name(device)}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
