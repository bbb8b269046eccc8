"""OpenVINO, silenced: every module of the project takes `ov` from here.

OpenVINO's converter and NNCF report their use to a server on the internet, unasked, through a package that
they treat as optional. A plant's machine does not phone home: here that package counts as not installed.
"""

from __future__ import annotations

import sys

# None in this table makes an import fail with ModuleNotFoundError (the documented way to block one).
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino as ov  # noqa: E402 - only after the line above

__all__ = ["ov"]
