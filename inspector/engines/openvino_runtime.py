"""OpenVINO, silenced: every module of the project takes `ov` from here.

OpenVINO's converter and NNCF report their use to a server on the internet, unasked, through a package that
they treat as optional. A plant's machine does not phone home: here that package counts as not installed.

And held: `core` is the one Core of the process. A Core that goes away takes the signal stack of its thread
with it, and the next signal, such as Ctrl-C, is a segmentation fault (OpenVINO 2026.4.1 on AVX-512).
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

# None in this table makes an import fail with ModuleNotFoundError (the documented way to block one).
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino as ov  # noqa: E402 - only after the line above

__all__ = ["core", "ov"]


@cache
def core() -> Any:
    """Never freed. Called before NNCF makes Cores of its own: these come and go within its life."""
    return ov.Core()
