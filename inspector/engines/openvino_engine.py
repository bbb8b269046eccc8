"""The network on the CPU by OpenVINO: what a worker without a GPU runs. Needs no torch.

The engine itself has all cores work on one image: the lone image is done soonest. Its lanes have a core each,
and an image each: most images a second, since nobody waits for the slowest core after each layer. Which one
runs is the worker's choice, image by image (docs/adr/0024-lanes.md).

The export takes any size. What the line sends all day, one image of the nominal size, is compiled for it; any
other size goes through a compilation that is made when the first such image comes.

f32 and bf16 are one file, run in two ways. INT8 is a file of its own: its convolutions are 8 bits wide, and
what was left in floating point (training/quantise.py) runs in f32.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inspector.engines.base import Engine, FloatArray, RawOutput
from inspector.engines.cores import usable_cores
from inspector.engines.openvino_runtime import core
from inspector.errors import BundleError, EngineUnavailable, InspectionFailed
from inspector.models.bundle import OPENVINO_INT8_XML, OPENVINO_XML, Bundle

OUTPUTS = 4
"""boxes, scores, classes, attention: the fields of RawOutput, in this order."""

_FILES = {"f32": OPENVINO_XML, "bf16": OPENVINO_XML, "int8": OPENVINO_INT8_XML}

# Never the CPU's own choice: on CPUs with bf16 units the default would give other scores than the network
# that was measured.
_HINTS = {"f32": "f32", "bf16": "bf16", "int8": "f32"}


def has_bf16() -> bool:
    """Whether this CPU has units for bf16. Where it has none, OpenVINO would run f32 under that name."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class _Compiled:
    """One model, compiled when it is first asked for. Thread-safe."""

    def __init__(self, path: Path, shape: Sequence[int] | None, properties: dict[str, Any]) -> None:
        self._path = path
        self._shape = shape
        self._properties = properties
        self._lock = threading.Lock()
        self._model: Any = None

    def request(self) -> Any:
        """A new one. Raises BundleError, EngineUnavailable."""
        with self._lock:
            if self._model is None:
                self._model = self._compile()
        return self._model.create_infer_request()

    def _compile(self) -> Any:
        model = _read(self._path)
        if self._shape is not None:
            model.reshape(list(self._shape))
        try:
            return core().compile_model(model, "CPU", self._properties)
        except RuntimeError as error:
            raise EngineUnavailable(f"OpenVINO cannot run the model here: {_first_line(error)}") from error


class OpenVinoLane:
    """An Engine on its own requests of what is compiled: one for the nominal size, one for the others."""

    device = "cpu"

    def __init__(self, name: str, shape: tuple[int, ...], nominal: _Compiled, any_size: _Compiled) -> None:
        self.name = name
        self._shape = shape
        self._nominal = nominal.request()
        self._compiled = any_size
        self._any_size: Any = None

    def infer(self, batch: FloatArray) -> RawOutput:
        """See Engine.infer."""
        if batch.shape[1:] != self._shape[1:]:
            if self._any_size is None:
                self._any_size = self._compiled.request()
            return RawOutput(*_run(self._any_size, batch))
        singles = [_run(self._nominal, batch[i : i + 1]) for i in range(len(batch))]
        if len(singles) == 1:
            return RawOutput(*singles[0])
        return RawOutput(*(np.concatenate(arrays) for arrays in zip(*singles, strict=True)))


class OpenVinoEngine(OpenVinoLane):
    """All cores on one image. `threads` is how many of them, 0 for all that this process may use; `precision`
    is f32, bf16 or int8."""

    def __init__(self, bundle: Bundle, *, threads: int = 0, precision: str = "f32") -> None:
        """Raises BundleError (an export that is not there or cannot be used) and EngineUnavailable."""
        if precision == "bf16" and not has_bf16():
            raise EngineUnavailable("this CPU has no bf16 units; use --precision f32")
        self._cores = threads or usable_cores()
        self._path = bundle.path(_FILES[precision])
        self._hint = _HINTS[precision]
        name = "openvino" if precision == "f32" else f"openvino {precision}"
        shape = (1, bundle.manifest.input.channels, *bundle.manifest.input.nominal)
        super().__init__(name, shape, *self._compiled_for(shape, streams=1))

    def lanes(self) -> Sequence[Engine]:
        """See Laned.lanes."""
        if self._cores == 1:
            return ()
        compiled = self._compiled_for(self._shape, streams=self._cores)
        return [OpenVinoLane(self.name, self._shape, *compiled) for _ in range(self._cores)]

    def _compiled_for(self, shape: tuple[int, ...], streams: int) -> tuple[_Compiled, _Compiled]:
        """For the nominal size, and for any."""
        properties = {
            "INFERENCE_PRECISION_HINT": self._hint,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": self._cores,
        }
        return _Compiled(self._path, shape, properties), _Compiled(self._path, None, properties)


def _read(path: Path) -> Any:
    try:
        model = core().read_model(path)
    except RuntimeError as error:
        raise BundleError(f"{path}: OpenVINO cannot read it: {_first_line(error)}") from error
    if len(model.outputs) != OUTPUTS:
        raise BundleError(f"{path}: has {len(model.outputs)} outputs instead of {OUTPUTS}")
    return model


def _run(request: Any, batch: FloatArray) -> list[FloatArray]:
    try:
        # Outputs are copied: the request writes over its own at the next image.
        outputs = request.infer([batch], share_inputs=True, share_outputs=False)
        return [np.asarray(outputs[index], np.float32) for index in range(OUTPUTS)]
    except RuntimeError as error:
        raise InspectionFailed(f"OpenVINO failed: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
