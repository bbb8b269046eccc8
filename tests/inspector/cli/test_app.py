from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inspector.cli.app import COMMANDS, app, missing
from inspector.errors import BundleError

run = CliRunner()


def test_help_lists_every_command_with_its_line() -> None:
    shown = run.invoke(app, ["--help"])
    assert shown.exit_code == 0
    for name, entry in COMMANDS.items():
        assert f"  {name} " in shown.output
        assert entry.help in shown.output


def test_no_arguments_show_the_help() -> None:
    assert "Commands:" in run.invoke(app, []).output


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_shows_an_example(name: str) -> None:
    shown = run.invoke(app, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Example" in shown.output
    assert f"inspector {name}" in shown.output


def test_help_needs_nothing_heavy() -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from inspector.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = ('numpy', 'cv2', 'torch', 'httpx', 'fastapi', 'redis')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def without(package: str, *command: str) -> subprocess.CompletedProcess[str]:
    """The command line in an install that lacks a package."""
    script = f"import sys; sys.modules[{package!r}] = None\nfrom inspector.cli.app import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *command], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        ("inspect", "numpy", "worker"),
        ("train", "torch", "train"),
        ("up", "redis", "up"),
        ("records", "pyarrow", "parquet"),
    ],
)
def test_a_missing_extra_is_one_line_that_names_it(
    command: str, package: str, extra: str, tmp_path: Path
) -> None:
    arguments = {
        "inspect": [str(tmp_path / "a.jpg")],
        "train": ["--help"],
        "up": ["--data-dir", str(tmp_path)],
        "records": ["--help"],
    }[command]
    failed = without(package, command, *arguments)
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert f"`inspector {command}` needs" in failed.stderr
    assert f"pip install 'inspector[{extra}]'" in failed.stderr


def test_the_camera_needs_no_extra_for_a_folder(tmp_path: Path) -> None:
    failed = without("numpy", "camera", "--folder", str(tmp_path))
    assert "holds no file that matches" in failed.stderr


def test_a_module_of_another_extra_names_that_one() -> None:
    assert "inspector[train]" in str(missing("inspect", ModuleNotFoundError(name="torch.nn")))


def test_an_error_of_ours_is_one_line_with_its_advice(tmp_path: Path) -> None:
    failed = run.invoke(app, ["up", "--model", str(tmp_path / "none"), "--data-dir", str(tmp_path)])
    assert failed.exit_code == 1
    assert failed.stderr.startswith("error: ")
    assert failed.stderr.count("\n") == 1
    assert BundleError.advice in failed.stderr


def test_a_typing_error_is_met_with_a_suggestion() -> None:
    assert "Did you mean 'train'?" in run.invoke(app, ["traim"]).output


def test_version() -> None:
    assert run.invoke(app, ["--version"]).output.startswith("inspector ")
