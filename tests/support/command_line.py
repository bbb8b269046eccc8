"""`inspector` in this process: for what ends before its work begins. A process of its own takes seconds to
import torch; whole runs have one all the same, as a user's do."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

from typer.testing import CliRunner

from inspector.cli.app import app


def inspector_here(*words: str | Path) -> CompletedProcess[str]:
    """What is no exit is raised: a traceback never passes for an answer."""
    command = list(map(str, words))
    done = CliRunner().invoke(app, command)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return CompletedProcess(command, done.exit_code, done.stdout, done.stderr)
