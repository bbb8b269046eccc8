"""`inspector thresholds`, as a user runs it: on a tiny model and a small set of real files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from inspector.cli.app import app
from inspector.decision.recipes import read_recipe
from inspector.models.bundle import write_manifest
from tests.support.datasets import coco
from tests.support.tiny_bundle import make

RECIPE = """\
id = "parts"
version = 3
[thresholds]
default = 0.9
[thresholds.classes]
dent = 0.31
other = 0.77
[review]
margin = 0.02
[image]
width = 96
height = 64
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows dents and scratches, eight defective and eight good images, all of them val."""
    folder = tmp_path_factory.mktemp("parts")
    coco(folder, defective=8, good=8)
    names = [f"bad{n}" for n in range(8)] + [f"good{n}" for n in range(8)]
    (folder / "split.json").write_text(json.dumps({"val": names[:-2], "test": names[-2:]}))
    bundle = make(folder / "tiny")
    fields = bundle.manifest.model_dump(exclude={"files"})
    classes = ["dent", "scratch", "other", "d", "e", "f"]
    write_manifest(bundle.folder, {**fields, "classes": classes})
    return folder


def run(place: Path, recipe: Path, *arguments: str) -> Result:
    data = ["--data", f"coco:{place / 'parts.json'}", "--model", f"{place / 'tiny'}", "--engine", "openvino"]
    return CliRunner().invoke(app, ["thresholds", *data, "--recipe", f"{recipe}", *arguments])


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "parts.toml"
    file.write_text(RECIPE)
    return file


def test_a_new_version_with_all_else_kept(place: Path, recipe: Path) -> None:
    done = run(place, recipe, "--overkill", "99%")
    assert done.exit_code == 0, done.output
    old, new = read_recipe(recipe.with_name("parts.toml.v3")), read_recipe(recipe)
    assert recipe.with_name("parts.toml.v3").read_text() == RECIPE
    assert new.version == 4
    assert new.thresholds.of("dent") == new.thresholds.of("scratch") != 0.31
    # No such defect is in the data: left alone, or it would never be found again.
    assert new.thresholds.of("other") == 0.77
    kept = {"thresholds": old.thresholds, "version": 3}
    assert new.model_copy(update=kept) == old
    text = recipe.read_text()
    assert "Chosen on 14 images, the val part of coco; model tiny 1." in text
    assert "dent = " in text
    assert "# was 0.31" in text
    assert "no defect in the data, so left as the recipe has it: other, d, e, f" in done.output
    assert "6 good boards are too few to tell alarms apart by class" in done.output
    assert list(recipe.parent.glob("*.toml")) == [recipe]


def test_out_leaves_the_recipe_alone_and_the_bundle_is_never_touched(place: Path, recipe: Path) -> None:
    before = (place / "tiny" / "manifest.json").read_bytes()
    done = run(place, recipe, "--overkill", "99%", "--out", f"{recipe.parent / 'new.toml'}")
    assert done.exit_code == 0, done.output
    assert recipe.read_text() == RECIPE
    assert read_recipe(recipe.parent / "new.toml").version == 4
    assert (place / "tiny" / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --overkill RATE or --escape RATE"),
        (["--overkill", "1%", "--escape", "1%"], "one of the two"),
        (["--overkill", "1"], "--overkill 1: expected a rate below 100 %"),
        (["--overkill", "1%%"], "expected a rate"),
        (["--overkill", "-1%"], "expected a rate"),
        (["--escape", "nan"], "expected a rate"),
        (["--overkill", "1%", "--split", "test"], "--split test: thresholds chosen on test images"),
        (["--overkill", "1%", "--split", "all"], "--split all: thresholds chosen on test images"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(
    place: Path, recipe: Path, arguments: list[str], message: str
) -> None:
    done = run(place, recipe, *arguments)
    assert done.exit_code == 1
    assert message in done.output
    assert recipe.read_text() == RECIPE


def test_an_older_version_of_that_number_is_not_written_over(place: Path, recipe: Path) -> None:
    recipe.with_name("parts.toml.v3").write_text("another")
    done = run(place, recipe, "--overkill", "99%")
    assert done.exit_code == 1
    assert "holds another version 3 already" in done.output
    assert recipe.read_text() == RECIPE


def test_the_shipped_recipe_is_only_written_elsewhere(place: Path) -> None:
    data = ["--data", f"coco:{place / 'parts.json'}", "--overkill", "1%"]
    done = CliRunner().invoke(app, ["thresholds", *data])
    assert done.exit_code == 1
    assert "or --out FILE" in done.output
