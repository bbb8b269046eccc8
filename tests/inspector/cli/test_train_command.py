"""`inspector train` as a user runs it: a bundle and a recipe that the other commands take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inspector.decision.recipes import read_recipe
from inspector.models.bundle import Bundle
from tests.support import datasets, deeppcb_folder, pictures


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


def figures(run: Path) -> dict[str, Any]:
    return Bundle.load(run / "bundle").manifest.model_dump()


def test_a_coco_set_with_its_own_split_trains_and_evaluates(tmp_path: Path) -> None:
    file = datasets.coco(tmp_path / "data", defective=8, good=5)
    split = {
        "train": [*(f"bad{n}" for n in range(5)), "good0", "good1"],
        "val": ["bad5", "bad6", "good2", "good3"],
        "test": ["bad7", "good4"],
    }
    datasets.text(tmp_path / "data" / "split.json", json.dumps(split))
    run = tmp_path / "run"
    trained = inspector("train", "--data", f"coco:{file}", "--out", run, "--epochs", "1")
    assert trained.returncode == 0, trained.stderr
    assert "7 images to train on, 4 held back: split.json" in trained.stderr
    assert "1 channel: all images are grey" in trained.stderr
    manifest = figures(run)
    assert manifest["input"]["channels"] == 1
    assert manifest["classes"] == ["dent", "scratch"]
    image = manifest["training"]["validation"]["image"]
    assert (image["overkill_rate"]["of"], image["escape_rate"]["of"]) == (2, 2)

    words = ("--model", run / "bundle", "--recipe", run / "recipe.toml", "--json", tmp_path / "figures.json")
    measured = inspector("evaluate", "--data", f"coco:{file}", *words)
    assert measured.returncode == 0, measured.stderr
    report = json.loads((tmp_path / "figures.json").read_text())
    assert (report["images"], report["defects"]) == (2, 1)
    assert report["image"]["overkill_rate"]["of"] == report["image"]["escape_rate"]["of"] == 1


def test_two_sets_in_colour_and_grey_are_one_in_colour(tmp_path: Path) -> None:
    tiles = datasets.tiles(tmp_path / "tiles", channels=3)
    file = datasets.coco(tmp_path / "coco", defective=3, good=0)
    run = tmp_path / "run"
    words: list[str | Path] = [
        "train",
        "--data",
        f"masks:{tiles}",
        "--data",
        f"coco:{file}",
        "--out",
        run,
        "--epochs",
        "1",
    ]
    trained = inspector(*words)
    assert trained.returncode == 0, trained.stderr
    assert "3 channels: there is colour" in trained.stderr
    assert "val drawn with seed 0" in trained.stderr
    manifest = figures(run)
    assert manifest["input"]["channels"] == 3
    assert manifest["classes"] == ["Crack", "Fray", "dent", "scratch"]
    assert manifest["training"]["data"] == "masks, coco"


def test_what_cannot_be_trained_on_is_one_line(data: Path, tmp_path: Path) -> None:
    mvtec = datasets.mvtec(tmp_path / "mvtec")
    deep = datasets.coco(tmp_path / "deep")
    (tmp_path / "deep" / "images" / "bad2.png").write_bytes(pictures.png(bits=16))
    for words, complaint in (
        ([f"masks:{mvtec}"], "images and no defect; say in split.json"),
        ([f"coco:{deep}"], "bad2.png: a PNG of 16 bits a channel"),
        (
            [f"coco:{datasets.coco(tmp_path / 'b')}", "--synthetic", "0.5"],
            "--synthetic: its boards have the classes",
        ),
    ):
        failed = inspector("train", "--out", tmp_path / "run", "--data", *words)
        assert failed.returncode == 1
        assert complaint in failed.stderr.splitlines()[-1]
        assert "Traceback" not in failed.stderr


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


def test_folders_train_a_classifier_that_inspects_and_is_measured(tmp_path: Path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    for kind, count in (("good", 8), ("scratch", 5), ("dent", 4)):
        for number in range(count):
            datasets.picture(data / kind / f"{number}.png", [(20, 20, 40, 40)] if kind != "good" else [])
    trained = inspector("train", "--data", f"folder:{data}", "--out", run, "--epochs", "1")
    assert trained.returncode == 0, trained.stderr
    assert "no boxes of dent, scratch: found by the image's score" in trained.stderr
    manifest = figures(run)
    assert manifest["image_level"] == manifest["classes"] == ["dent", "scratch"]
    assert manifest["training"]["data"] == "folder"

    shown = inspector(
        "inspect",
        data / "dent" / "0.png",
        "--model",
        run / "bundle",
        "--recipe",
        run / "recipe.toml",
        "--json",
    )
    assert shown.returncode == 0, shown.stderr
    result = json.loads(shown.stdout)
    assert {finding["class"] for finding in result["findings"]} == {"dent", "scratch"}
    words = ("--model", run / "bundle", "--recipe", run / "recipe.toml", "--json", tmp_path / "figures.json")
    measured = inspector("evaluate", "--data", f"folder:{data}", *words, "--split", "all")
    assert measured.returncode == 0, measured.stderr
    report = json.loads((tmp_path / "figures.json").read_text())
    assert (report["images"], report["map50"], report["attention"]) == (17, None, None)
    assert (report["image"]["escape_rate"]["of"], report["image"]["overkill_rate"]["of"]) == (9, 8)
    assert report["classes"]["accuracy"]["of"] == 17
    assert sum(sum(row.values()) for row in report["classes"]["confusion"].values()) == 17
    assert "images whose class was told" in measured.stdout


def test_a_set_without_good_images_is_warned_of(tmp_path: Path) -> None:
    for kind in ("cut", "dent"):
        for number in range(4):
            datasets.picture(tmp_path / "data" / kind / f"{number}.png")
    trained = inspector(
        "train", "--data", f"folder:{tmp_path / 'data'}", "--out", tmp_path / "run", "--epochs", "1"
    )
    assert trained.returncode == 0, trained.stderr
    assert "WARNING: no good image to train on" in trained.stderr
