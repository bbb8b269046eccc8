"""`inspector train` as a user runs it: a bundle and a recipe that the other commands take."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inspector.decision.recipes import read_recipe
from inspector.models.bundle import Bundle
from tests.support import datasets, deeppcb_folder, pictures
from tests.support.command_line import inspector_here
from tests.support.waiting import wait_until


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


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty images, ten with a defect: where many users begin."""
    return datasets.coco(tmp_path_factory.mktemp("parts"), defective=10, good=20)


@pytest.fixture(scope="module")
def tiny_run(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A whole run on them, and what it said."""
    run = tmp_path_factory.mktemp("runs") / "tiny"
    done = inspector(
        "train", "--data", f"coco:{parts}", "--out", run, "--epochs", "2", "--placement", "stage"
    )
    assert done.returncode == 0, done.stderr
    return run, done.stderr


def config_of(run: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((run / "config.json").read_text())
    return config


def test_a_tiny_set_trains_and_says_what_was_decided(tiny_run: tuple[Path, str]) -> None:
    run, said = tiny_run
    for sentence in (
        "images are seen whole: their longest side is 96 px",
        "starts from the shipped weights, which were trained on deeppcb",
        "no class is known: heads are fresh",
        "few examples of dent, scratch: pasted into 50 % of the images",
        "40 % of the images shown are good ones, of 70 % in the data",
        "flips and quarter turns (--symmetries none",
        "step 0: validation",
        "best by loss (there are fewer than 10 defects to count)",
    ):
        assert sentence in said
    config = config_of(run)
    assert config["name"] == "tiny"
    assert (config["size"], config["final_size"], config["placement"]) == (96, 96, "stage")
    assert config["augmentation"]["binarise"] == 0


def test_the_folder_of_a_run(tiny_run: tuple[Path, str]) -> None:
    run, _ = tiny_run
    names = {path.name for path in run.iterdir()}
    assert {
        "config.json",
        "metrics.jsonl",
        "curves.svg",
        "curves.png",
        "best",
        "bundle",
        "recipe.toml",
    } <= names
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    looks = [row for row in rows if "validation" in row]
    assert looks[0]["step"] == 0
    assert looks[-1]["done"] == 1.0
    training = Bundle.load(run / "bundle").manifest.training
    assert training["kept_step"] == max(row["step"] for row in looks if row["best"])
    assert training["config"]["augmentation"]["paste"] == 0.5


def test_a_run_is_never_written_over(parts: Path, tiny_run: tuple[Path, str]) -> None:
    run, _ = tiny_run
    before = (run / "metrics.jsonl").read_text()
    refused = inspector("train", "--data", f"coco:{parts}", "--out", run)
    assert refused.returncode == 1
    assert "holds a run already; go on with it by --resume" in refused.stderr.splitlines()[-1]
    assert (run / "metrics.jsonl").read_text() == before


def test_going_on_takes_the_options_of_the_run_and_refuses_others(
    parts: Path, tiny_run: tuple[Path, str]
) -> None:
    run, _ = tiny_run
    words = ("train", "--data", f"coco:{parts}", "--out", run, "--resume")
    for option, value, complaint in (
        ("--attention", "se", "attention cbam, not se"),
        ("--size", "64", "final_size 96, not 64"),
        ("--init", str(run / "bundle"), "started_from pcb "),
        ("--init", "none", "started_from pcb "),
    ):
        refused = inspector_here(*words, option, value)
        assert refused.returncode == 1
        assert f"this run began with {complaint}" in refused.stderr.splitlines()[-1]
    assert config_of(run)["attention"] == "cbam"


def test_a_new_run_starts_from_an_earlier_bundle(
    parts: Path, tiny_run: tuple[Path, str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words: list[str | Path] = [
        "--init",
        tiny_run[0] / "bundle",
        "--reduction",
        "8",
        "--size",
        "64",
        "--symmetries",
        "none",
    ]
    done = inspector("train", "--data", f"coco:{parts}", "--out", run, "--epochs", "1", *words)
    assert done.returncode == 0, done.stderr
    assert "tensors taken over; heads know scratch, dent" in done.stderr.replace(
        "dent, scratch", "scratch, dent"
    )
    config = config_of(run)
    assert config["started_from"].startswith("tiny ")
    assert (config["placement"], config["reduction"]) == ("stage", 8)  # the bundle's, and what was asked for
    assert (config["final_size"], config["augmentation"]["symmetries"]) == (64, "none")
    architecture = Bundle.load(run / "bundle").manifest.architecture
    assert (architecture["placement"], architecture["reduction"]) == ("stage", 8)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--size", "100"], "--size 100: give auto, or a multiple of 32"),
        (["--size", "big"], "--size big: give auto, or a number"),
        (["--init", "nowhere"], "nowhere/manifest.json: cannot be read"),
        (["--out", "/dev/null/run"], "/dev/null/run: cannot be written"),
    ],
)
def test_odd_options_are_one_line(parts: Path, tmp_path: Path, words: list[str], complaint: str) -> None:
    out: list[str | Path] = [] if "--out" in words else ["--out", tmp_path / "run"]
    failed = inspector_here("train", "--data", f"coco:{parts}", *out, *words)
    assert failed.returncode == 1
    assert complaint in failed.stderr.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_goes_on(parts: Path, tmp_path: Path, number: signal.Signals) -> None:
    run = tmp_path / "run"
    words = [sys.executable, "-m", "inspector.cli", "train", "--data", f"coco:{parts}", "--out", str(run)]
    with subprocess.Popen([*words, "--epochs", "10000"], stderr=subprocess.PIPE, text=True) as started:
        # Training proper has begun: the first look at the validation part is over.
        wait_until(lambda: (run / "metrics.jsonl").is_file() or started.poll() is not None, timeout_s=100)
        started.send_signal(number)
        _, said = started.communicate(timeout=100)
    assert started.returncode == (130 if number == signal.SIGTERM else -signal.SIGKILL), said
    if number == signal.SIGTERM:
        assert said.splitlines()[-1].startswith("stopped; go on with: inspector train --data coco:")
        assert said.rstrip().endswith("--epochs 10000 --resume")
    # A shorter way to go: it is over, and what is left is to seal the bundle.
    done = inspector("train", "--data", f"coco:{parts}", "--out", run, "--resume", "--epochs", "1")
    assert done.returncode == 0, done.stderr
    assert Bundle.load(run / "bundle").manifest.training["config"]["epochs"] == 1


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
    (tmp_path / "deep" / "images" / "bad2.png").write_bytes(pictures.png_claiming(8, 8, depth=4))
    for words, complaint in (
        ([f"masks:{mvtec}"], "images and no defect; say in split.json"),
        ([f"coco:{deep}"], "bad2.png: a PNG of 4 bits a channel"),
        (
            [f"coco:{datasets.coco(tmp_path / 'b')}", "--synthetic", "0.5"],
            "--synthetic: its boards have the classes",
        ),
    ):
        failed = inspector_here("train", "--out", tmp_path / "run", "--data", *words)
        assert failed.returncode == 1
        assert complaint in failed.stderr.splitlines()[-1]


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
    failed = inspector_here("train", "--out", tmp_path / "run", *given, *words)
    assert failed.returncode == 1
    assert complaint in failed.stderr.splitlines()[-1]


def test_help_shows_an_example() -> None:
    shown = inspector_here("train", "--help")
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
