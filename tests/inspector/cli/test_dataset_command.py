"""`inspector dataset check`, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from inspector.cli.app import app
from tests.support import datasets

run = CliRunner()


def test_a_sound_set_is_shown_as_a_table_and_written_as_json(tmp_path: Path) -> None:
    datasets.tiles(tmp_path / "tiles", each=8, good=8)
    file = tmp_path / "check.json"
    done = run.invoke(app, ["dataset", "check", f"masks:{tmp_path / 'tiles'}", "--json", str(file)])
    assert done.exit_code == 0, done.output
    for words in ("boxes of Crack", "test drawn with seed 0", "24 jpeg, 1 x 8 bits", "nothing is wrong"):
        assert words in done.stdout
    assert "looking" not in done.stdout
    report = json.loads(file.read_text())
    assert sum(part["images"] for part in report["parts"].values()) == 24


def test_a_spoilt_set_ends_with_1(tmp_path: Path) -> None:
    datasets.mvtec(tmp_path)
    done = run.invoke(app, ["dataset", "check", f"masks:{tmp_path}"])
    assert done.exit_code == 1
    assert "WRONG: the train part holds no defect" in done.stdout


def test_two_specs_are_one_set(tmp_path: Path) -> None:
    specs = [f"coco:{datasets.coco(tmp_path / name, name=f'{name}.json')}" for name in ("train", "test")]
    done = run.invoke(app, ["dataset", "check", *specs])
    assert done.exit_code == 1
    assert "the same image in several parts" in done.stdout


def test_what_cannot_work_is_one_line(tmp_path: Path) -> None:
    for spec, complaint in (
        ("nonsense", "expected FORMAT:PATH"),
        (f"coco:{tmp_path}/a.json", "a.json: cannot be read"),
    ):
        failed = run.invoke(app, ["dataset", "check", spec])
        assert failed.exit_code == 1
        assert failed.stderr.count("\n") == 1
        assert complaint in failed.stderr
    datasets.tiles(tmp_path / "tiles")
    failed = run.invoke(
        app, ["dataset", "check", f"masks:{tmp_path / 'tiles'}", "--json", str(tmp_path / "a" / "b")]
    )
    assert "cannot be written" in failed.stderr


def test_help_shows_the_formats_and_an_example() -> None:
    shown = run.invoke(app, ["dataset", "check", "--help"])
    assert "Example: inspector dataset check" in shown.output
    assert "yolo:DATA.yaml" in shown.output
