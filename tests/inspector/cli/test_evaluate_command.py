"""`inspector evaluate`, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.models.bundle import write_manifest
from tests.support.command_line import inspector_here
from tests.support.datasets import coco, tiles
from tests.support.tiny_bundle import make

DATA = "deeppcb:../shared/data/deeppcb"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inspector.cli", "evaluate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.realdata
def test_a_table_on_stdout_and_the_figures_in_a_file(tmp_path: Path) -> None:
    make(tmp_path / "tiny")
    file = tmp_path / "figures.json"
    model, page = f"{tmp_path / 'tiny'}", tmp_path / "seen"
    done = run("--data", DATA, "--model", model, "--limit", "4", "--json", f"{file}", "--report", f"{page}")
    assert done.returncode == 0, done.stderr
    assert "mAP50" in done.stdout
    assert "1000 draws of 4 images" in done.stdout
    assert f"report {page / 'index.html'}" in done.stdout
    assert "deeppcb, test part" in (page / "index.html").read_text()
    assert "evaluating" not in done.stdout
    figures = json.loads(file.read_text())
    assert figures["images"] == 4
    assert figures["boards"]["good"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nonsense"], "expected FORMAT:PATH"),
        (["--data", "deeppcb:/no/such/folder"], "trainval.txt: cannot be read"),
        (["--data", "deeppcb:here", "--json", "no/such/folder/a.json"], "its folder does not exist"),
        (["--data", "deeppcb:here", "--report", "pyproject.toml"], "is a file, not a folder"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(arguments: list[str], message: str) -> None:
    done = inspector_here("evaluate", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_several_data_sets_are_one_and_masks_give_aupro(tmp_path: Path) -> None:
    bundle = make(tmp_path / "tiny")
    fields = bundle.manifest.model_dump(exclude={"files"})
    write_manifest(bundle.folder, {**fields, "classes": ["Crack", "Fray", "dent", "scratch", "e", "f"]})
    masked, boxed, file = tiles(tmp_path / "tiles"), coco(tmp_path / "parts"), tmp_path / "figures.json"
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('id = "tiny"\nversion = 1\n')
    data = ["--data", f"masks:{masked}", "--data", f"coco:{boxed}", "--split", "all"]
    done = run(*data, "--model", f"{bundle.folder}", "--recipe", f"{recipe}", "--json", f"{file}")
    assert done.returncode == 0, done.stderr
    figures = json.loads(file.read_text())
    assert figures["images"] == 10 + 10
    assert set(figures["per_class"]) == {"Crack", "Fray", "dent", "scratch"}
    assert 0 <= figures["attention"]["aupro"] <= 1
    assert figures["attention"]["truth"] == "boxes and masks"
    assert figures["intervals"]["unit"] == "image"
    assert set(figures["intervals"]["map50"]) == {"low", "high"}
    assert set(figures["intervals"]["attention"]) == {"energy", "pointing", "peak_recall"}


@pytest.mark.realdata
def test_a_model_is_not_measured_at_another_ones_thresholds(tmp_path: Path) -> None:
    bundle = make(tmp_path / "tiny")
    fields = bundle.manifest.model_dump(exclude={"files"})
    write_manifest(bundle.folder, {**fields, "classes": ["a", "b", "c", "d", "e", "f"]})
    done = inspector_here("evaluate", "--data", DATA, "--model", bundle.folder, "--limit", "1")
    assert done.returncode == 1
    assert "the shipped recipe is not for this model" in done.stderr
    assert "give --recipe FILE" in done.stderr
