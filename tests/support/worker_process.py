"""Real worker processes: `python -m workers inspect` and `archive`, to be watched, signalled and killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]

_STARTS_WITHIN_S = 60.0


class WorkerProcess:
    """Started when made; gone when left as a context manager."""

    role: tuple[str, ...] = ("inspect", "--threads", "1")

    def __init__(self, log: Path, *flags: str) -> None:
        self.log = log
        command = [sys.executable, "-W", "error", "-m", "workers", *self.role, *flags]
        with log.open("wb") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=file, cwd=ROOT, env=_environment())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def url(self) -> str:
        """Of its metrics port; it is there once the model is."""
        found = wait_until(lambda: self._find(r"(http://[\d.]+:\d+)/metrics"), _STARTS_WITHIN_S, "a port")
        assert found is not None
        return found[1]

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url() + path)

    def wait_ready(self) -> None:
        wait_until(lambda: self.get("/readyz").status_code == 200, _STARTS_WITHIN_S, "a ready worker")

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def wait(self, timeout_s: float = 60.0) -> int:
        """Its exit code."""
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)

    def _find(self, pattern: str) -> re.Match[str] | None:
        if self._process.poll() is not None:
            raise AssertionError(f"the worker ended with {self._process.returncode}:\n{self.said}")
        return re.search(pattern, self.said)


class ArchiverProcess(WorkerProcess):
    """`python -m workers archive`."""

    role = ("archive",)


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("INSPECTOR_")}
