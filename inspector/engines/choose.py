"""Which engine runs a bundle on this machine, and in which precision: what was asked for, or the best there
is, and the reason.

The rule for precision "auto" is in docs/adr/0012-precision.md: f32, at which a recipe's thresholds were
chosen, unless the bundle's own facts say that a faster one changed no verdict on enough validation images.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from inspector.engines.base import Engine
from inspector.errors import EngineUnavailable, SettingsError
from inspector.models.bundle import OPENVINO_INT8_XML, OPENVINO_XML, Bundle

log = logging.getLogger(__name__)

DEVICE_PATTERN = re.compile(r"auto|cpu|cuda(:\d+)?")

PRECISIONS = ("f32", "bf16", "int8")

ENOUGH_VERDICTS = 300
"""Validation verdicts of which a reduced precision may have changed none: then, with 95 % confidence, it
changes fewer than one in a hundred (3 / n, the rule of three)."""

_CUDA_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""Made by NVIDIA's driver (Linux, WSL). Looked at first, since asking torch costs seconds."""


class _Choice(NamedTuple):
    engine: str
    device: str
    why: str


def choose(
    bundle: Bundle, engine: str = "auto", device: str = "auto", *, threads: int = 0, precision: str = "f32"
) -> Engine:
    """Open the engine for a bundle; the choice is logged.

    `engine`: auto, openvino, torch. `device`: auto, cpu, cuda, cuda:N. `precision`: auto, f32, bf16, int8.
    Raises EngineUnavailable when what was asked for is not on this machine, SettingsError for other words,
    BundleError for a bundle that lacks it.
    """
    if engine not in {"auto", *_OPENERS}:
        raise SettingsError(f"engine {engine!r} is not one of: auto, {', '.join(_OPENERS)}")
    if not DEVICE_PATTERN.fullmatch(device):
        raise SettingsError(f"device {device!r} is not one of: auto, cpu, cuda, cuda:0, cuda:1, ...")
    if precision not in {"auto", *PRECISIONS}:
        raise SettingsError(f"precision {precision!r} is not one of: auto, {', '.join(PRECISIONS)}")
    choice = _decide(bundle, engine, device, precision)
    precision, why = _precision_for(bundle, choice, precision)
    opened = _OPENERS[choice.engine](bundle, choice.device, threads, precision)
    log.info("engine %s on %s: %s; precision %s: %s", opened.name, opened.device, choice.why, precision, why)
    return opened


def _decide(bundle: Bundle, engine: str, device: str, precision: str) -> _Choice:
    """With nothing left at auto."""
    if engine != "auto":
        return _Choice(engine, _device_for(engine, device), "asked for")
    if device.startswith("cuda"):
        return _Choice("torch", device, "CUDA was asked for")
    if precision in {"bf16", "int8"}:
        return _Choice("openvino", "cpu", "the one that runs this precision")
    if device == "auto" and _cuda_is_there():
        return _Choice("torch", "cuda", "a CUDA device is there")
    if OPENVINO_XML in bundle.manifest.files and find_spec("openvino"):
        return _Choice("openvino", "cpu", "the fastest on a CPU")
    return _Choice("torch", "cpu", "no OpenVINO export or no openvino here")


def _precision_for(bundle: Bundle, choice: _Choice, wanted: str) -> tuple[str, str]:
    """(precision, reason). Fastest first: int8, where the bundle carries it, then bf16, where this CPU has
    units for it, then f32."""
    if wanted != "auto":
        # Its facts are of OpenVINO's bf16, which rounds in other places.
        cost = "; what it costs was not measured" if choice.engine == "torch" else _cost(bundle, wanted)
        return wanted, f"asked for{cost if wanted != 'f32' else ''}"
    if choice.engine == "torch":
        return "f32", "the measure; --precision bf16 is torch's faster one, its cost not measured"
    if OPENVINO_INT8_XML in bundle.manifest.files and _changes_nothing(_facts(bundle, "int8")):
        return "int8", f"changed no verdict{_cost(bundle, 'int8')}; --precision f32 is the slower measure"
    if _changes_nothing(_facts(bundle, "bf16")) and _has_bf16():
        return "bf16", f"changed no verdict{_cost(bundle, 'bf16')}; --precision f32 is the slower measure"
    return "f32", "thresholds were chosen with it, and no faster one is known to change no verdict"


def _facts(bundle: Bundle, precision: str) -> dict[str, Any]:
    """What training/precisions.py found, or nothing."""
    facts: dict[str, Any] = bundle.manifest.training.get("precisions", {}).get(precision, {})
    return facts


def _changes_nothing(facts: dict[str, Any]) -> bool:
    return bool(facts.get("passed")) and facts["flips"] == 0 and facts["verdicts"] >= ENOUGH_VERDICTS


def _cost(bundle: Bundle, precision: str) -> str:
    """For the log: what a reduced precision costs, as far as it was measured."""
    if precision == "f32":
        return ""
    facts = _facts(bundle, precision)
    if "flips" not in facts:
        return "; what it costs was not measured"
    lost = facts.get("map50_95_lost")
    points = "" if lost is None else f", mAP50-95 lost {100 * lost:.2f} points"
    return f"; on validation {facts['flips']} of {facts['verdicts']} verdicts changed{points}"


def _device_for(engine: str, device: str) -> str:
    if device != "auto":
        return device
    return "cuda" if engine == "torch" and _cuda_is_there() else "cpu"


def _cuda_is_there() -> bool:
    if not (find_spec("torch") and any(driver.exists() for driver in _CUDA_DRIVERS)):
        return False
    from inspector.engines.torch_engine import cuda_is_there  # noqa: PLC0415 - torch costs seconds

    return cuda_is_there()


def _has_bf16() -> bool:
    if not find_spec("openvino"):
        return False
    from inspector.engines.openvino_engine import has_bf16  # noqa: PLC0415 - may be absent

    return has_bf16()


def _open_openvino(bundle: Bundle, device: str, threads: int, precision: str) -> Engine:
    if device != "cpu":
        raise EngineUnavailable(f"device {device!r}: the openvino engine runs on cpu; use --engine torch")
    _require("openvino", "worker")
    from inspector.engines.openvino_engine import OpenVinoEngine  # noqa: PLC0415 - may be absent

    return OpenVinoEngine(bundle, threads=threads, precision=precision)


def _open_torch(bundle: Bundle, device: str, threads: int, precision: str) -> Engine:
    if precision == "int8":
        raise EngineUnavailable("precision 'int8': the torch engine runs f32 and bf16; use --engine openvino")
    _require("torch", "train")
    _require("safetensors", "train")
    from inspector.engines.torch_engine import TorchEngine  # noqa: PLC0415 - torch costs seconds

    return TorchEngine(bundle, device, threads=threads, precision=precision)


def _require(module: str, extra: str) -> None:
    if find_spec(module) is None:
        raise EngineUnavailable(f"{module} is not installed: pip install 'inspector[{extra}]'")


_OPENERS: dict[str, Callable[[Bundle, str, int, str], Engine]] = {
    "openvino": _open_openvino,
    "torch": _open_torch,
}
