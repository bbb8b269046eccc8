"""Being asked to stop, and what a full disk says."""

from __future__ import annotations

import errno
import io
import os
import signal
from pathlib import Path

import pytest
from rich.console import Console
from safetensors import SafetensorError

from inspector.cli.train_screen import Screen, StopWish, disk_errors
from inspector.errors import SettingsError
from inspector.training.journal import Journal
from inspector.training.loop import Progress
from inspector.training.watch import Figures


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_wish_and_the_second_an_end(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopWish() as wish:
        assert not wish()
        os.kill(os.getpid(), number)
        assert wish()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_after_training_there_is_nothing_to_wait_for() -> None:
    with StopWish() as wish:
        wish.at_once()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_wish_at_the_very_end_is_not_forgotten() -> None:
    with StopWish() as wish:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            wish.at_once()


def test_a_full_disk_is_one_line_and_other_errors_pass(tmp_path: Path) -> None:
    for error in (OSError(errno.ENOSPC, "No space left on device"), SafetensorError("No space left")):
        with (
            pytest.raises(SettingsError, match=r"No space left.*; make room, then go on"),
            disk_errors(tmp_path),
        ):
            raise error
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path):
        (tmp_path / "nothing").read_text()


def test_what_is_shown_of_a_run(tmp_path: Path) -> None:
    text = io.StringIO()
    journal = Journal(tmp_path)
    with Screen(Console(file=text, width=200), journal) as screen:
        screen(Progress(0.0, 0, 1.0, {}, Figures(0.1, 0.05, None, None), best=True))
        screen(Progress(0.5, 50, 90.0, {"box": 1.25}))
        journal.add({"step": 50, "losses": {"box": 1.25}, "learning_rate": 1e-3})
    said = text.getvalue()
    assert "step 0: validation map50 0.100 map50_95 0.050 (best so far)" in said
    assert "step 50: box 1.250; 2 min left" in said
    assert (tmp_path / "curves.svg").is_file()
