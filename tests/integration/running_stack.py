"""`inspector up` as a user runs it: a process, with real children, on free ports."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from tests.support.waiting import wait_until

_READY_WITHIN_S = 60.0
"""Generous: other things may run on the machine that runs the tests."""


@contextmanager
def no_other_starts() -> Iterator[None]:
    """In no process of tests: two stacks that start at once would choose the same port for their servers."""
    lock = Path(tempfile.gettempdir()) / f"inspector-up-{os.getuid()}.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


class RunningStack:
    """As a context manager it is ready inside, and stopped after."""

    def __init__(self, folder: Path, model: Path, *options: str, **environment: str) -> None:
        self.data = folder / "var"
        self.output = folder / "up.out"
        fixed = ["--port", "0", "--model", str(model), "--data-dir", str(self.data)]
        self._command = [sys.executable, "-m", "inspector.cli", "up", *fixed, *options]
        # A killed worker's images move on within the test's patience, not after half a minute.
        self._environment = {**os.environ, "INSPECTOR_MIN_IDLE_S": "2", **environment}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.data / "stack.json").read_text())
        return facts

    @property
    def url(self) -> str:
        return str(self.facts["url"])

    @property
    def said(self) -> str:
        return self.output.read_text()

    def pid(self, name: str) -> int:
        return int(self.facts["pids"][name])

    def start(self) -> None:
        with no_other_starts():
            with self.output.open("ab") as output:
                self.process = subprocess.Popen(
                    self._command, stdout=output, stderr=subprocess.STDOUT, env=self._environment
                )
            wait_until(self._ready, _READY_WITHIN_S, "a stack that is ready")

    def signal(self, number: signal.Signals) -> int:
        """Send it and wait for the end; the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def post(self, image: bytes, **headers: str) -> dict[str, Any]:
        """One POST; the envelope."""
        answer = httpx.post(f"{self.url}/v1/inspections", content=image, headers=headers, timeout=60)
        assert answer.is_success, answer.text
        envelope: dict[str, Any] = answer.json()
        return envelope

    def read(self, inspection_id: str) -> dict[str, Any]:
        answer = httpx.get(f"{self.url}/v1/inspections/{inspection_id}", timeout=10)
        assert answer.is_success, answer.text
        envelope: dict[str, Any] = answer.json()
        return envelope

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGTERM)

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said
        return (self.data / "stack.json").exists()


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody has buried yet counts."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
