"""Processes of a run, started as a user starts them, and what they cost: CPU and memory, by /proc."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from inspector.errors import SettingsError

ROOT = Path(__file__).parents[1]

READY_WITHIN_S = 60.0

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_S = 0.005
_STOP_WITHIN_S = 20.0


class Usage(NamedTuple):
    """Of one process since it started."""

    cpu_s: float
    rss_mb: float
    peak_mb: float

    @property
    def rounded(self) -> dict[str, float]:
        return {name: round(value, 3) for name, value in self._asdict().items()}


class Process:
    """Started when made; ended when left as a context manager."""

    def __init__(
        self, name: str, command: list[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self.started = time.monotonic()
        own = {key: value for key, value in os.environ.items() if not key.startswith("INSPECTOR_")}
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**own, "PYTHONPATH": str(ROOT), **(environment or {})},
                start_new_session=True,
            )
        self.pid = self._process.pid

    def wait_for(self, ready: Callable[[], bool], within_s: float = READY_WITHIN_S) -> float:
        """Seconds from its start until it was ready. Raises SettingsError with its last words if it ended."""
        while not ready():
            if self._process.poll() is not None:
                raise SettingsError(f"{self.name} ended at once: {self.last_words}")
            if time.monotonic() - self.started > within_s:
                raise SettingsError(f"{self.name} was not ready within {within_s:g} s: {self.last_words}")
            time.sleep(_LOOK_S)
        return time.monotonic() - self.started

    @property
    def last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " / ".join(lines[-3:]) or "it said nothing"

    def usage(self) -> Usage:
        return usage(self.pid)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_WITHIN_S)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def python(*words: str) -> list[str]:
    return [sys.executable, "-m", *words]


def usage(pid: int) -> Usage:
    """All threads of it, in user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    sizes = dict(line.split(":", 1) for line in status.splitlines())
    megabytes = [int(sizes[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")]
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, *megabytes)
