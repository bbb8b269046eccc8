"""`inspector train` while it runs: a bar and lines on stderr, curves in the folder, the wish to stop."""

from __future__ import annotations

import contextlib
import errno
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from safetensors import SafetensorError

from inspector.cli.train_plan import say
from inspector.errors import SettingsError
from inspector.training import curves
from inspector.training.journal import Journal
from inspector.training.loop import Progress as Step

CURVES_SECONDS = 120.0
"""Between two drawings of the curves: one takes about a second."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES}


class Screen:
    """Shows a run. Call it with each report of the loop."""

    def __init__(self, console: Console, journal: Journal) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>5.1f} %"))
        self._bar = Progress(*columns, TextColumn("{task.fields[left]}"), console=console)
        self._task = self._bar.add_task("training", total=1.0, left="")
        self._journal = journal
        self._drawn = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
        self.draw()

    def __call__(self, step: Step) -> None:
        left = _left(step.seconds_left)
        self._bar.update(self._task, completed=step.done, left=left)
        if step.figures is None:
            losses = " ".join(f"{name} {value:.3f}" for name, value in step.losses.items())
            say(self._bar.console, f"step {step.step}: {losses}; {left}")
            return
        figures = " ".join(f"{name} {value:.3f}" for name, value in step.figures.known().items())
        say(
            self._bar.console,
            f"step {step.step}: validation {figures}{' (best so far)' if step.best else ''}",
        )
        if time.monotonic() - self._drawn > CURVES_SECONDS:
            self.draw()

    def draw(self) -> None:
        curves.draw(self._journal.rows(), self._journal.path.parent)
        self._drawn = time.monotonic()


class StopWish:
    """SIGINT and SIGTERM while this is entered: the first asks for a stop between two steps, a second one
    raises KeyboardInterrupt at once. After `at_once()` the first does so too."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self._wished = False
        self._patient = True
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        return self._wished

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def at_once(self) -> None:
        """From here on there is no step to wait for."""
        self._patient = False
        if self._wished:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._wished or not self._patient:
            raise KeyboardInterrupt
        self._wished = True


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """What a full or locked disk does anywhere inside, as one line. Other errors pass."""
    try:
        yield
    except SafetensorError as error:
        raise SettingsError(_cannot_write(folder, str(error))) from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise SettingsError(_cannot_write(folder, error.strerror or "")) from error


def _cannot_write(folder: Path, why: str) -> str:
    return f"{folder}: cannot be written: {why}; make room, then go on with --resume"


def _left(seconds: float) -> str:
    if seconds == float("inf"):
        return ""
    return f"{seconds / 60:.0f} min left" if seconds >= 60 else f"{seconds:.0f} s left"
