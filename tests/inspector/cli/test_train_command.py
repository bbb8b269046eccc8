"""`inspector train` as a user runs it: a bundle and a recipe that the other commands take."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inspector.decision.recipes import read_recipe
from inspector.models.bundle import Bundle
from tests.support import deeppcb_folder


def inspector(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inspector.cli", *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deeppcb_folder.make(tmp_path_factory.mktemp("data"))


def test_a_run_gives_a_bundle_and_a_recipe_that_inspect_takes(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words: list[str | Path] = [
        "train",
        "--data",
        f"deeppcb:{data}",
        "--out",
        run,
        "--epochs",
        "1",
        "--name",
        "mine",
    ]
    words += ["--validation", "group00002"]
    trained = inspector(*words)
    assert trained.returncode == 0, trained.stderr
    assert "6 images to train on, 2 held back: group00002" in trained.stderr

    bundle = Bundle.load(run / "bundle")
    assert bundle.manifest.name == "mine"
    assert bundle.manifest.training["config"]["epochs"] == 1
    assert bundle.manifest.training["validation"]["image"]["overkill_rate"]["of"] == 2
    assert str(data) not in (run / "bundle" / "manifest.json").read_text()
    assert set(read_recipe(run / "recipe.toml").thresholds.classes) == set(bundle.manifest.classes)

    image = next((data / "PCBData").rglob("*_test.jpg"))
    inspected = inspector("inspect", image, "--model", run / "bundle", "--recipe", run / "recipe.toml")
    assert inspected.returncode == 0, inspected.stderr

    # The run is over: going on from it trains no more and seals the same again.
    again = inspector(*words, "--resume")
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--data", "deeppcb:nowhere"], "nowhere/trainval.txt: cannot be read"),
        (["--data", "nonsense"], "expected FORMAT:PATH"),
        (["--minutes", "1", "--epochs", "1"], "--minutes or --epochs, not both"),
        (["--validation", "group7"], "--validation group7: the data's groups are group00000, "),
        (["--resume"], "no checkpoint to go on from"),
        (["--device", "cuda"], "no CUDA device"),
    ],
)
def test_what_cannot_work_is_one_line(data: Path, tmp_path: Path, words: list[str], complaint: str) -> None:
    given = [] if "--data" in words else ["--data", f"deeppcb:{data}"]
    failed = inspector("train", "--out", tmp_path / "run", *given, *words)
    assert failed.returncode == 1
    assert complaint in failed.stderr.splitlines()[-1]
    assert "Traceback" not in failed.stderr


def test_help_shows_an_example() -> None:
    shown = inspector("train", "--help")
    assert shown.returncode == 0
    assert "Example: inspector train" in shown.stdout
