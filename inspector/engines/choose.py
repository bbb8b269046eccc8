"""Which engine runs a bundle on this machine: what was asked for, or the best there is, and the reason."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from inspector.engines.base import Engine
from inspector.errors import EngineUnavailable, SettingsError
from inspector.models.bundle import OPENVINO_XML, Bundle

log = logging.getLogger(__name__)

DEVICE_PATTERN = re.compile(r"auto|cpu|cuda(:\d+)?")

_CUDA_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""Made by NVIDIA's driver (Linux, WSL). Looked at first, since asking torch costs seconds."""


def choose(bundle: Bundle, engine: str = "auto", device: str = "auto", *, threads: int = 0) -> Engine:
    """Open the engine for a bundle; the choice is logged.

    `engine`: auto, openvino, torch. `device`: auto, cpu, cuda, cuda:N. Raises EngineUnavailable when what was
    asked for is not on this machine, SettingsError for other words, BundleError for a bundle that lacks it.
    """
    if engine not in {"auto", *_OPENERS}:
        raise SettingsError(f"engine {engine!r} is not one of: auto, {', '.join(_OPENERS)}")
    if not DEVICE_PATTERN.fullmatch(device):
        raise SettingsError(f"device {device!r} is not one of: auto, cpu, cuda, cuda:0, cuda:1, ...")
    name, device, reason = _decide(bundle, engine, device)
    opened = _OPENERS[name](bundle, device, threads)
    log.info("engine %s on %s: %s", opened.name, opened.device, reason)
    return opened


def _decide(bundle: Bundle, engine: str, device: str) -> tuple[str, str, str]:
    """(engine, device, reason), with nothing left at auto."""
    if engine != "auto":
        return engine, _device_for(engine, device), "asked for"
    if device.startswith("cuda"):
        return "torch", device, "CUDA was asked for"
    if device == "auto" and _cuda_is_there():
        return "torch", "cuda", "a CUDA device is there"
    if OPENVINO_XML in bundle.manifest.files and find_spec("openvino"):
        return "openvino", "cpu", "the fastest on a CPU"
    return "torch", "cpu", "no OpenVINO export or no openvino here"


def _device_for(engine: str, device: str) -> str:
    if device != "auto":
        return device
    return "cuda" if engine == "torch" and _cuda_is_there() else "cpu"


def _cuda_is_there() -> bool:
    if not (find_spec("torch") and any(driver.exists() for driver in _CUDA_DRIVERS)):
        return False
    from inspector.engines.torch_engine import cuda_is_there  # noqa: PLC0415 - torch costs seconds

    return cuda_is_there()


def _open_openvino(bundle: Bundle, device: str, threads: int) -> Engine:
    if device != "cpu":
        raise EngineUnavailable(f"device {device!r}: the openvino engine runs on cpu; use --engine torch")
    _require("openvino", "worker")
    from inspector.engines.openvino_engine import OpenVinoEngine  # noqa: PLC0415 - may be absent

    return OpenVinoEngine(bundle, threads=threads)


def _open_torch(bundle: Bundle, device: str, threads: int) -> Engine:
    _require("torch", "train")
    _require("safetensors", "train")
    from inspector.engines.torch_engine import TorchEngine  # noqa: PLC0415 - torch costs seconds

    return TorchEngine(bundle, device, threads=threads)


def _require(module: str, extra: str) -> None:
    if find_spec(module) is None:
        raise EngineUnavailable(f"{module} is not installed: pip install 'inspector[{extra}]'")


_OPENERS: dict[str, Callable[[Bundle, str, int], Engine]] = {
    "openvino": _open_openvino,
    "torch": _open_torch,
}
