"""The gateway and what it may import stay light: its container has no torch, numpy or OpenCV to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "numpy", "cv2", "openvino", "simplejpeg", "safetensors", "pycocotools", "scipy"}


def modules_after(statement: str) -> set[str]:
    """The top-level modules of a fresh process that ran this."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("module", ["api.app", "api.__main__"])
def test_the_gateway_imports_nothing_heavy(module: str) -> None:
    loaded = modules_after(f"import {module}")

    assert "fastapi" in loaded
    assert loaded & HEAVY == set()
    assert "workers" not in loaded


def test_the_gateways_own_rooms_import_nothing_of_the_web() -> None:
    rooms = ("inspector.messages.result", "inspector.decision.verdict", "inspector.imaging.header")
    loaded = modules_after(";".join(f"import {room}" for room in rooms))

    assert loaded & (HEAVY | {"fastapi", "starlette", "redis", "prometheus_client"}) == set()


def test_the_package_itself_imports_none_of_its_rooms() -> None:
    assert "pydantic" not in modules_after("import inspector")
