"""`inspector study` as a user runs it, and one line for what cannot be studied."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from tests.support import datasets, deeppcb_folder
from tests.support.command_line import inspector_here
from tests.support.tiny_bundle import make


def study(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inspector.cli", "study", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deeppcb_folder.make(tmp_path_factory.mktemp("data"), side=160)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("bundle") / "tiny").folder


def test_attention_writes_its_figures_and_pictures(data: Path, bundle: Path, tmp_path: Path) -> None:
    words = ("--model", bundle, "--validation", "group00001", "--pictures", tmp_path / "pictures")
    done = study("attention", "--data", f"deeppcb:{data}", "--out", tmp_path / "out", *words)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "attention.json").read_text())
    assert (found["model"], found["part"], found["images"]) == ("tiny", "val", 2)
    assert {"energy", "pointing", "peak_recall"} <= set(found["maps"]["the bundle's map"])
    assert cv2.imread(str(tmp_path / "pictures" / "maps.png")) is not None
    assert "hidden units live" in done.stdout


def test_robustness_writes_its_figures(data: Path, bundle: Path, tmp_path: Path) -> None:
    words = ("--model", bundle, "--limit", "1", "--boards", "1", "--side", "128")
    done = study("robustness", "--data", f"deeppcb:{data}", "--out", tmp_path, *words)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "robustness.json").read_text())
    assert found["images"] == 1
    assert len(found["levels"]) == 10
    assert [each["size"] for each in found["sizes"]["sizes"]] == [3, 4, 5, 6, 8, 10, 12, 16, 20]


def test_an_ablation_writes_a_table_and_keeps_its_runs(tmp_path: Path) -> None:
    # Of other classes than the synthetic boards: measuring on these takes longer than a test may.
    file = datasets.coco(tmp_path / "data", defective=8, good=0)
    words: list[str | Path] = ["ablation", "--data", f"coco:{file}", "--out", tmp_path, "--epochs", "1"]
    words += ["--size", "64", "--batch", "8", "--seeds", "1", "--attention", "cbam", "--limit", "1"]
    done = study(*words)
    assert done.returncode == 0, done.stderr
    assert "| mAP50-95 |" in done.stdout
    assert {path.name for path in tmp_path.glob("ablation.*")} == {
        "ablation.json",
        "ablation.md",
        "ablation.png",
    }
    again = study(*words)
    assert again.returncode == 0, again.stderr
    assert "run 1 of 1, cbam-neck-0: done before" in again.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--size", "100"], "--size 100: must be a multiple of 32"),
        (["--attention", "eca"], "--attention eca: one of none, se, cbam"),
        (["--validation", "group9"], "--validation group9: the data's groups are group00000"),
        (["--device", "cuda"], "--device cuda"),
    ],
)
def test_what_an_ablation_cannot_do_is_one_line(
    words: list[str], complaint: str, data: Path, tmp_path: Path
) -> None:
    done = inspector_here("study", "ablation", "--data", f"deeppcb:{data}", "--out", tmp_path / "out", *words)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {complaint}")
    assert done.stderr.count("\n") == 1


def test_a_model_of_other_classes_is_one_line(bundle: Path, tmp_path: Path) -> None:
    file = datasets.coco(tmp_path / "data")
    words = ("--data", f"coco:{file}", "--model", bundle, "--out", tmp_path / "out")
    done = inspector_here("study", "attention", *words)
    assert done.returncode == 1
    assert "the model knows open, short" in done.stderr
