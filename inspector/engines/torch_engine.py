"""The network by torch, on CPU or CUDA, from the bundle's safetensors: in f32, or in bf16 by request.

On CUDA a batch goes over from memory that the device reads by itself, and convolutions run channels-last, as
its matrix units want them.

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

    def __init__(
        self, bundle: Bundle, device: str = "cpu", *, threads: int = 0, precision: str = "f32"
    ) -> None:
        """`precision` is f32 or bf16. Raises BundleError (weights that do not fit the architecture) and
        EngineUnavailable."""
        self.name = "torch" if precision == "f32" else f"torch {precision}"
        self._half = precision == "bf16"
        self._device = _device(device)
        self.device = _shown(self._device)
        # TF32 would round to 10 bits: other scores than those that were measured, for a network this small.
        torch.backends.cudnn.allow_tf32 = False
        if threads and self._device.type == "cpu":
            torch.set_num_threads(threads)
        on_cuda = self._device.type == "cuda"
        self._layout = torch.channels_last if on_cuda else torch.contiguous_format
        network = load_network(bundle).eval().to(self._device)
        self._network = network.to(memory_format=self._layout)  # type: ignore[call-overload]

    def infer(self, batch: FloatArray) -> RawOutput:
        """See Engine.infer."""
        try:
            with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, self._half):
                outputs = self._network(self._there(torch.from_numpy(np.ascontiguousarray(batch))))
                return RawOutput(*(output.float().cpu().numpy() for output in outputs))
        except RuntimeError as error:  # torch's out-of-memory and CUDA errors are all of this kind
            raise InspectionFailed(f"torch failed on {self.device}: {_first_line(error)}") from error

    def _there(self, batch: torch.Tensor) -> torch.Tensor:
        """On the device, as its convolutions want it."""
        if self._device.type == "cuda":
            batch = batch.pin_memory()
        return batch.to(self._device, non_blocking=True).to(memory_format=self._layout)


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
