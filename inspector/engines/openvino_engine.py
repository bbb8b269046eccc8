"""The network on the CPU by OpenVINO: what a worker without a GPU runs. Needs no torch.

The export takes any size. A second compilation, fixed to one image of the nominal size, is faster for the
images a line sends all day; everything else goes through the dynamic one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov

from inspector.engines.base import FloatArray, RawOutput
from inspector.errors import BundleError, EngineUnavailable, InspectionFailed
from inspector.models.bundle import OPENVINO_XML, Bundle

OUTPUTS = 4
"""boxes, scores, classes, attention: the fields of RawOutput, in this order."""

# f32 and not the CPU's own choice: on CPUs with bf16 units the default would give other scores than the
# network that was measured. LATENCY: one compute thread sends one batch at a time.
_PROPERTIES = {"PERFORMANCE_HINT": "LATENCY"}


class OpenVinoEngine:
    """An Engine. `threads` 0 leaves the number to OpenVINO; `precision` is "f32" or "bf16"."""

    name = "openvino"
    device = "cpu"

    def __init__(self, bundle: Bundle, *, threads: int = 0, precision: str = "f32") -> None:
        """Raises BundleError (an export that cannot be used) and EngineUnavailable."""
        self._core = ov.Core()
        self._properties: dict[str, Any] = {**_PROPERTIES, "INFERENCE_PRECISION_HINT": precision}
        if threads:
            self._properties["INFERENCE_NUM_THREADS"] = threads
        model = self._read(bundle)
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

    def _read(self, bundle: Bundle) -> Any:
        path = bundle.path(OPENVINO_XML)
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
