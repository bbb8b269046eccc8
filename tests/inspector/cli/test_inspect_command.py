"""`inspector inspect` as a user calls it: arguments in, lines and exit code out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from inspector.cli.app import app
from inspector.messages.result import Result as InspectionResult
from inspector.models.bundle import Bundle, write_manifest
from tests.support.images import deep_png, grey, grey_png

EAGER = 'id = "eager"\nversion = 2\n[thresholds]\ndefault = 0.06\n'


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "board [1].png"
    path.write_bytes(grey_png())
    return path


@pytest.fixture
def eager(tmp_path: Path) -> Path:
    path = tmp_path / "eager.toml"
    path.write_text(EAGER)
    return path


@pytest.fixture
def calm(tmp_path: Path) -> Path:
    """Above all that untrained weights say."""
    path = tmp_path / "calm.toml"
    path.write_text(EAGER.replace("eager", "calm").replace("0.06", "0.5"))
    return path


def inspect(bundle: Bundle, *arguments: str | Path) -> Result:
    words = ["inspect", "--model", str(bundle.folder), "--device", "cpu", *map(str, arguments)]
    return CliRunner().invoke(app, words)


def test_a_good_part(tiny_bundle: Bundle, image: Path, calm: Path) -> None:
    answer = inspect(tiny_bundle, image, "--recipe", calm)

    assert answer.exit_code == 0
    assert answer.stdout.startswith(f"OK  {image}\n")


def test_a_bad_part_with_its_reasons_and_findings(tiny_bundle: Bundle, image: Path, eager: Path) -> None:
    answer = inspect(tiny_bundle, image, "--recipe", eager)

    assert answer.exit_code == 0, "it was inspected; the verdict is no failure of the command"
    first, heading, *rows = answer.stdout.splitlines()
    assert first.startswith(f"NG  {image}  ")
    assert ">= 0.06" in first
    assert heading.split()[:4] == ["class", "score", "threshold", "counts"]
    assert rows[0].split()[3] == "yes"


def test_json_is_a_result_a_line(tiny_bundle: Bundle, image: Path, eager: Path) -> None:
    answer = inspect(tiny_bundle, image, image, "--json", "--recipe", eager)

    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [line.pop("file") for line in lines] == [str(image)] * 2
    results = [InspectionResult.model_validate(line) for line in lines]
    assert results[0].verdict == "NG"
    assert results[0].findings == results[1].findings
    assert results[0].recipe.id == "eager"


def test_an_overlay_is_an_image_with_boxes(
    tiny_bundle: Bundle, image: Path, eager: Path, tmp_path: Path
) -> None:
    answer = inspect(tiny_bundle, image, "--recipe", eager, "--overlay", tmp_path / "new" / "seen")

    assert answer.exit_code == 0
    drawn = cv2.imread(str(tmp_path / "new" / "seen" / f"{image.name}.png"))
    assert drawn is not None
    assert drawn.shape == (384, 384, 3), "enlarged three times to be readable"
    assert (drawn == (30, 30, 230)).all(axis=-1).any()


def test_sixteen_bits_are_inspected_and_drawn_and_never_by_a_model_of_eight(
    tiny_bundle: Bundle, tmp_path: Path, eager: Path
) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(deep_png(grey(300, 700).astype(np.uint16) * 16))
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle.folder, folder)
    fields = tiny_bundle.manifest.model_dump(exclude={"files"})
    bundle = write_manifest(
        folder, {**fields, "input": {**fields["input"], "bit_depth": 16, "white": 4095, "faintest": 255}}
    )

    answer = inspect(bundle, path, "--recipe", eager, "--overlay", tmp_path / "seen")

    assert answer.exit_code == 0, answer.stderr
    drawn = cv2.imread(str(tmp_path / "seen" / "deep.png.png"))
    assert drawn is not None
    assert drawn.mean() > 60, "not black, although 12 bits lie in the low end of 16"
    refused = inspect(tiny_bundle, path)
    assert refused.exit_code == 1
    assert "the image has 16 bits a channel; the model was trained on 8. Set the camera" in refused.stderr


def test_files_that_cannot_be_inspected_do_not_stop_the_others(
    tiny_bundle: Bundle, image: Path, calm: Path, tmp_path: Path
) -> None:
    text, cut, folder = tmp_path / "text.jpg", tmp_path / "cut.png", tmp_path / "folder"
    text.write_text("no image")
    cut.write_bytes(image.read_bytes()[:-50])
    folder.mkdir()

    paths = (text, cut, folder, tmp_path / "gone.png", tmp_path / "*.bmp", image)
    answer = inspect(tiny_bundle, *paths, "--recipe", calm)

    assert answer.exit_code == 1
    assert answer.stdout.startswith(f"OK  {image}")
    errors = answer.stderr.splitlines()
    assert [line.partition(": ")[2].partition(": ")[0] for line in errors] == [
        str(path) for path in (text, cut, folder, tmp_path / "gone.png", tmp_path / "*.bmp")
    ]
    assert "it is a folder" in errors[2]
    assert "No such file" in errors[3]
    assert "no file matches" in errors[4]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "nowhere"], "nowhere/manifest.json: cannot be read"),
        (["--device", "cuda:99"], "device 'cuda:99'"),
        (["--engine", "other"], "engine 'other' is not one of"),
        (["--recipe", "nowhere.toml"], "nowhere.toml: cannot be read"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(
    tiny_bundle: Bundle, image: Path, arguments: list[str], said: str
) -> None:
    answer = inspect(tiny_bundle, image, *arguments)

    assert answer.exit_code == 1
    [line] = answer.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line


def test_a_recipe_for_another_model(tiny_bundle: Bundle, image: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "glass.toml"
    recipe.write_text('id = "glass"\nversion = 1\nmodel = "glass"\n')

    answer = inspect(tiny_bundle, image, "--recipe", recipe)

    assert answer.exit_code == 1
    assert "recipe 'glass' is for model 'glass', not 'tiny'" in answer.stderr


def test_two_images_of_one_name_do_not_overwrite_each_others_overlay(
    tiny_bundle: Bundle, image: Path, tmp_path: Path
) -> None:
    answer = inspect(tiny_bundle, image, tmp_path / "other" / image.name, "--overlay", tmp_path)

    assert answer.exit_code == 1
    assert "is given twice" in answer.stderr


def test_help_shows_an_example() -> None:
    answer = CliRunner().invoke(app, ["inspect", "--help"])

    assert "Example: inspector inspect" in answer.stdout
