"""The network on the CPU by OpenVINO: what a worker without a GPU runs. Needs no torch.

The export takes any size. A second compilation, fixed to one image of the nominal size, is faster for the
images a line sends all day; everything else goes through the dynamic one.

f32 and bf16 are one file, run in two ways. INT8 is a file of its own: its convolutions are 8 bits wide, and
what was left in floating point (training/quantise.py) runs in f32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from inspector.engines.base import FloatArray, RawOutput
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


class OpenVinoEngine:
    """An Engine. `threads` 0 leaves the number to OpenVINO; `precision` is f32, bf16 or int8."""

    device = "cpu"

    def __init__(self, bundle: Bundle, *, threads: int = 0, precision: str = "f32") -> None:
        """Raises BundleError (an export that is not there or cannot be used) and EngineUnavailable."""
        if precision == "bf16" and not has_bf16():
            raise EngineUnavailable("this CPU has no bf16 units; use --precision f32")
        self.name = "openvino" if precision == "f32" else f"openvino {precision}"
        self._core = core()
        # LATENCY: one compute thread sends one batch at a time.
        self._properties: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
        }
        if threads:
            self._properties["INFERENCE_NUM_THREADS"] = threads
        model = self._read(bundle.path(_FILES[precision]))
        spec = bundle.manifest.input
        self._nominal = (1, spec.channels, *spec.nominal)
        self._any_size = self._compile(model)
        model.reshape(list(self._nominal))
        self._nominal_size = self._compile(model)

    def infer(self, batch: FloatArray) -> RawOutput:
        """See Engine.infer."""
        if batch.shape[1:] != self._nominal[1:]:
            return RawOutput(*self._run(self._any_size, batch))
        singles = [self._run(self._nominal_size, batch[i : i + 1]) for i in range(len(batch))]
        if len(singles) == 1:
            return RawOutput(*singles[0])
        return RawOutput(*(np.concatenate(arrays) for arrays in zip(*singles, strict=True)))

    def _read(self, path: Path) -> Any:
        try:
            model = self._core.read_model(path)
        except RuntimeError as error:
            raise BundleError(f"{path}: OpenVINO cannot read it: {_first_line(error)}") from error
        if len(model.outputs) != OUTPUTS:
            raise BundleError(f"{path}: has {len(model.outputs)} outputs instead of {OUTPUTS}")
        return model

    def _compile(self, model: Any) -> Any:
        try:
            return self._core.compile_model(model, "CPU", self._properties).create_infer_request()
        except RuntimeError as error:
            raise EngineUnavailable(f"OpenVINO cannot run the model here: {_first_line(error)}") from error

    def _run(self, request: Any, batch: FloatArray) -> list[FloatArray]:
        try:
            # Outputs are copied: the request writes over its own at the next image.
            outputs = request.infer([batch], share_inputs=True, share_outputs=False)
            return [np.asarray(outputs[index], np.float32) for index in range(OUTPUTS)]
        except RuntimeError as error:
            raise InspectionFailed(f"OpenVINO failed: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
