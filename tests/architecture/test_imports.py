"""The gateway and what it may import stay light: its container has no torch, numpy or OpenCV to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inspector.models.bundle import Bundle

ROOT = Path(__file__).parents[2]
HEAVY = {
    "torch",
    "numpy",
    "cv2",
    "openvino",
    "simplejpeg",
    "safetensors",
    "pycocotools",
    "scipy",
    "pyarrow",
}


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
    assert loaded & {"workers", "alembic"} == set()


def test_the_gateways_own_rooms_import_nothing_of_the_web() -> None:
    rooms = ("inspector.messages.result", "inspector.decision.verdict", "inspector.imaging.header")
    loaded = modules_after(";".join(f"import {room}" for room in rooms))

    assert loaded & (HEAVY | {"fastapi", "starlette", "redis", "prometheus_client"}) == set()


def test_the_package_itself_imports_none_of_its_rooms() -> None:
    assert "pydantic" not in modules_after("import inspector")


def test_a_cpu_worker_with_int8_needs_neither_torch_nor_nncf(int8_bundle: Bundle) -> None:
    loaded = modules_after(
        "from pathlib import Path; import workers.__main__\n"
        "from inspector.models.bundle import Bundle; from inspector.engines.choose import choose\n"
        "from inspector.engines.pipeline import Pipeline\n"
        f"bundle = Bundle.load(Path({str(int8_bundle.folder)!r}))\n"
        "Pipeline(bundle, choose(bundle, precision='int8')).warm_up()"
    )
    assert "openvino" in loaded
    assert loaded & {"torch", "nncf", "safetensors", "scipy"} == set()


def test_an_archiver_needs_no_model() -> None:
    loaded = modules_after("import workers.__main__, workers.archive_role")
    assert "sqlalchemy" in loaded
    assert loaded & (HEAVY | {"fastapi", "api"}) == set()


def test_nothing_reports_home() -> None:
    # Blocked: its name stands in the table of modules, and its code was never run.
    code = (
        "import inspector.training.quantise, nncf, inspector.training.export, sys\n"
        "print(sys.modules['openvino_telemetry'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None"]


def test_openvino_is_only_taken_from_where_it_was_silenced() -> None:
    own = {"inspector/engines/openvino_runtime.py", "tests/architecture/test_imports.py"}
    found = [
        path.relative_to(ROOT).as_posix()
        for room in ("inspector", "api", "workers", "benchmarks", "tests")
        for path in (ROOT / room).rglob("*.py")
        if "import openvino" in path.read_text("utf-8") or "from openvino" in path.read_text("utf-8")
    ]
    assert sorted(set(found) - own) == []
