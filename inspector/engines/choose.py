"""Which engine runs a bundle on this machine, and in which precision: what was asked for, or the best there
is, and the reason.

decide   words -> Choice, by what this machine and the bundle have
choose   the same, opened, with a line in the log

The rule: INT8 and bf16 of a CPU by OpenVINO; else a CUDA device by torch, if there is one; else OpenVINO, if
the bundle carries its export; else torch on the CPU. The rule for precision "auto" is in
docs/adr/0012-precision.md: f32, at which a recipe's thresholds were chosen, unless the bundle's own facts say
that a faster one changed no verdict on enough validation images.
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

CUDA_BF16 = "torch-bf16"
"""Of the bundle's facts: bf16 on a CUDA device rounds in other places than OpenVINO's."""

ENOUGH_VERDICTS = 300
"""Validation verdicts of which a reduced precision may have changed none: then, with 95 % confidence, it
changes fewer than one in a hundred (3 / n, the rule of three)."""

_CUDA_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""Made by NVIDIA's driver (Linux, WSL). Looked at first, since asking torch costs seconds."""


class Choice(NamedTuple):
    """Nothing of it is auto."""

    engine: str
    device: str
    precision: str
    why: str
    """For the log: of the engine, then of the precision and what that costs."""


def choose(
    bundle: Bundle,
    engine: str = "auto",
    device: str = "auto",
    *,
    threads: int = 0,
    precision: str = "f32",
    batch: int = 0,
) -> Engine:
    """Open the engine for a bundle; the choice is logged.

    `engine`: auto, openvino, torch. `device`: auto, cpu, cuda, cuda:N. `precision`: auto, f32, bf16, int8.
    `batch`: most images in one run, which a GPU makes ready for; 0 leaves it to the engine. Raises
    EngineUnavailable when what was asked for is not on this machine, SettingsError for other words,
    BundleError for a bundle that lacks it.
    """
    choice = decide(bundle, engine, device, precision)
    opened = _OPENERS[choice.engine](bundle, choice, threads, batch)
    log.info("engine %s on %s: %s", opened.name, opened.device, choice.why)
    return opened


def decide(bundle: Bundle, engine: str, device: str, precision: str) -> Choice:
    """Raises as `choose`, as far as it can be told without opening anything."""
    if engine not in {"auto", *_OPENERS}:
        raise SettingsError(f"engine {engine!r} is not one of: auto, {', '.join(_OPENERS)}")
    if not DEVICE_PATTERN.fullmatch(device):
        raise SettingsError(f"device {device!r} is not one of: auto, cpu, cuda, cuda:0, cuda:1, ...")
    if precision not in {"auto", *PRECISIONS}:
        raise SettingsError(f"precision {precision!r} is not one of: auto, {', '.join(PRECISIONS)}")
    engine, device, why = _engine_for(bundle, engine, device, precision)
    precision, reason = _precision_for(bundle, engine, device, precision)
    return Choice(engine, device, precision, f"{why}; precision {precision}: {reason}")


def _engine_for(bundle: Bundle, engine: str, device: str, precision: str) -> tuple[str, str, str]:
    """(engine, device, reason)."""
    if precision == "int8" and (engine == "torch" or device.startswith("cuda")):
        raise EngineUnavailable(
            "precision 'int8' runs on the CPU by OpenVINO alone: --engine openvino --device cpu; "
            "torch runs f32 and bf16"
        )
    if engine == "openvino" and device.startswith("cuda"):
        raise EngineUnavailable(f"device {device!r}: the openvino engine runs on cpu; use --engine torch")
    if engine != "auto":
        return engine, _device_for(engine, device), "asked for"
    if precision == "int8":
        return "openvino", "cpu", "the one that runs this precision"
    if device.startswith("cuda"):
        return "torch", device, "CUDA was asked for"
    if device == "auto" and _cuda_is_there():
        return "torch", "cuda", "a CUDA device is there"
    return _on_a_cpu(bundle, driver=device == "auto" and _has_cuda_driver())


def _on_a_cpu(bundle: Bundle, *, driver: bool) -> tuple[str, str, str]:
    idle = "; NVIDIA's driver is here, but no torch that can use it" if driver else ""
    if OPENVINO_XML in bundle.manifest.files and find_spec("openvino"):
        return "openvino", "cpu", f"the fastest on a CPU{idle}"
    if not find_spec("torch"):
        # Of the two ways out the light one: an export, or the package that brings OpenVINO.
        bundle.path(OPENVINO_XML)
        _require("openvino", "worker")
    lacks = "openvino is not installed"
    if OPENVINO_XML not in bundle.manifest.files:
        lacks = "the bundle has no OpenVINO export, which `inspector export` makes"
    return "torch", "cpu", f"{lacks}: torch takes half as long again{idle}"


def _precision_for(bundle: Bundle, engine: str, device: str, wanted: str) -> tuple[str, str]:
    """(precision, reason). Fastest first: int8, where the bundle carries it, then bf16, where this CPU has
    units for it, then f32."""
    if wanted != "auto":
        return wanted, f"asked for{_cost(bundle, engine, device, wanted)}"
    for precision in _faster(bundle, engine, device):
        if _changes_nothing(_facts(bundle, engine, device, precision)):
            cost = _cost(bundle, engine, device, precision)
            return precision, f"changed no verdict{cost}; --precision f32 is the slower measure"
    return "f32", "thresholds were chosen with it, and no faster one is known to change no verdict"


def _faster(bundle: Bundle, engine: str, device: str) -> list[str]:
    """Than f32, as far as this bundle and machine can run them; fastest first."""
    if engine == "torch":
        return ["bf16"] if device.startswith("cuda") else []  # torch on a CPU is for comparing
    int8 = ["int8"] if OPENVINO_INT8_XML in bundle.manifest.files else []
    return [*int8, *(["bf16"] if _has_bf16() else [])]


def _facts(bundle: Bundle, engine: str, device: str, precision: str) -> dict[str, Any]:
    """What training/precisions.py found of it, or nothing."""
    if engine == "torch":
        precision = CUDA_BF16 if precision == "bf16" and device.startswith("cuda") else "not measured"
    facts: dict[str, Any] = bundle.manifest.training.get("precisions", {}).get(precision, {})
    return facts


def _changes_nothing(facts: dict[str, Any]) -> bool:
    return bool(facts.get("passed")) and facts["flips"] == 0 and facts["verdicts"] >= ENOUGH_VERDICTS


def _cost(bundle: Bundle, engine: str, device: str, precision: str) -> str:
    """For the log: what a reduced precision costs, as far as it was measured."""
    if precision == "f32":
        return ""
    facts = _facts(bundle, engine, device, precision)
    if "flips" not in facts:
        return "; what it costs was not measured"
    lost = facts.get("map50_95_lost")
    points = ""
    if lost is not None:
        points = f", mAP50-95 {'lost' if lost >= 0 else 'gained'} {100 * abs(lost):.2f} points"
    return f"; on validation {facts['flips']} of {facts['verdicts']} verdicts changed{points}"


def _device_for(engine: str, device: str) -> str:
    if device != "auto":
        return device
    return "cuda" if engine == "torch" and _cuda_is_there() else "cpu"


def _has_cuda_driver() -> bool:
    return any(driver.exists() for driver in _CUDA_DRIVERS)


def _cuda_is_there() -> bool:
    if not (find_spec("torch") and _has_cuda_driver()):
        return False
    from inspector.engines.cuda_device import cuda_is_there  # noqa: PLC0415 - torch costs seconds

    return cuda_is_there()


def _has_bf16() -> bool:
    if not find_spec("openvino"):
        return False
    from inspector.engines.openvino_engine import has_bf16  # noqa: PLC0415 - may be absent

    return has_bf16()


def _open_openvino(bundle: Bundle, choice: Choice, threads: int, batch: int) -> Engine:
    _require("openvino", "worker")
    from inspector.engines.openvino_engine import OpenVinoEngine  # noqa: PLC0415 - may be absent

    return OpenVinoEngine(bundle, threads=threads, precision=choice.precision)


def _open_torch(bundle: Bundle, choice: Choice, threads: int, batch: int) -> Engine:
    _require("torch", "gpu")
    _require("safetensors", "gpu")
    if choice.device.startswith("cuda"):
        from inspector.engines.cuda_device import CudaDevice  # noqa: PLC0415 - torch costs seconds
        from inspector.engines.cuda_engine import CudaEngine, Model  # noqa: PLC0415

        device = CudaDevice(choice.device)
        return CudaEngine(Model.of(bundle, device, precision=choice.precision, largest=batch))
    from inspector.engines.torch_engine import TorchEngine  # noqa: PLC0415

    return TorchEngine(bundle, threads=threads, precision=choice.precision)


def _require(module: str, extra: str) -> None:
    if find_spec(module) is None:
        raise EngineUnavailable(f"{module} is not installed: pip install 'inspector[{extra}]'")


_OPENERS: dict[str, Callable[[Bundle, Choice, int, int], Engine]] = {
    "openvino": _open_openvino,
    "torch": _open_torch,
}
