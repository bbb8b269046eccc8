"""`inspector evaluate`, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.models.bundle import write_manifest
from tests.support.tiny_bundle import make

DATA = "deeppcb:../shared/data/deeppcb"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inspector.cli", "evaluate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.realdata
def test_a_table_on_stdout_and_the_figures_in_a_file(tmp_path: Path) -> None:
    make(tmp_path / "tiny")
    file = tmp_path / "figures.json"
    done = run("--data", DATA, "--model", f"{tmp_path / 'tiny'}", "--limit", "4", "--json", f"{file}")
    assert done.returncode == 0, done.stderr
    assert "mAP50" in done.stdout
    assert "evaluating" not in done.stdout
    figures = json.loads(file.read_text())
    assert figures["images"] == 4
    assert figures["boards"]["good"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nonsense"], "expected FORMAT:PATH"),
        (["--data", "deeppcb:/no/such/folder"], "trainval.txt: cannot be read"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.realdata
def test_a_model_is_not_measured_at_another_ones_thresholds(tmp_path: Path) -> None:
    bundle = make(tmp_path / "tiny")
    fields = bundle.manifest.model_dump(exclude={"files"})
    write_manifest(bundle.folder, {**fields, "classes": ["a", "b", "c", "d", "e", "f"]})
    done = run("--data", DATA, "--model", f"{bundle.folder}", "--limit", "1")
    assert done.returncode == 1
    assert "the shipped recipe is not for this model" in done.stderr
    assert "give --recipe FILE" in done.stderr
