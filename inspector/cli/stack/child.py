"""One child process of a stack: started, asked whether it is ready, restarted by others, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from inspector.cli.stack import tether

_LOG_LIMIT = 16 << 20
"""Bytes of a log file before it is moved to `.log.1`: two files a process, whatever happens."""

_LAST_WORDS = 3
"""Lines of a dead child's log that are shown."""

_LOOK_S = 0.05
"""Between two looks whether a child is ready."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    name: str
    command: Sequence[str]
    """Absolute path of the program, then its arguments."""
    log: Path
    ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of this process's own."""
    stops_within: timedelta = timedelta(seconds=15)
    """From SIGTERM to SIGKILL."""
    orphan_signal: signal.Signals = signal.SIGKILL
    """What it gets when this process is gone. Nothing is lost by it: all that counts is in the server."""
    inherits: tuple[int, ...] = ()
    """File descriptors that it keeps open."""


class Child:
    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.name = spec.name
        self._process: asyncio.subprocess.Process | None = None
        self._started = 0.0
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def age_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started

    async def start(self) -> None:
        """In a session of its own, so that Ctrl-C at the terminal reaches only the supervisor. Raises OSError
        when it cannot log."""
        spec = self.spec
        self._started = time.monotonic()
        command = [sys.executable, "-IS", tether.__file__, str(os.getpid()), str(int(spec.orphan_signal))]
        with spec.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *command,
                *spec.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **spec.environment},
                pass_fds=spec.inherits,
                start_new_session=True,
            )

    async def exited(self) -> int:
        """Waits for its end; its exit code, negative for a signal."""
        return await self._process.wait() if self._process else 0

    async def becomes_ready(self) -> bool:
        """Waits until it is ready; False if it died instead."""
        while self.running:
            if await self.spec.ready():
                return self.running
            await asyncio.sleep(_LOOK_S)
        return False

    async def stop(self) -> bool:
        """SIGTERM, and SIGKILL after its time. True if it ended by itself."""
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.exited(), self.spec.stops_within.total_seconds())
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self.exited()
            return False
        return True

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def last_words(self) -> list[str]:
        """The last lines it logged in this life; none if somebody tidied its log up."""
        if not self.spec.log.exists():
            return []
        with self.spec.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - (16 << 10)))
            lines = log.read().decode(errors="replace").splitlines()
        return [_words(line) for line in lines if line.strip()][-_LAST_WORDS:]

    def trim_log(self) -> None:
        """Copy a log that grew too large aside and empty it; its writer appends, so goes on at the start. On
        a full disk the copy is what is given up."""
        log = self.spec.log
        if log.stat().st_size > _LOG_LIMIT:
            aside = log.with_name(f"{log.name}.1")
            try:
                aside.write_bytes(log.read_bytes())
            except OSError:
                aside.unlink(missing_ok=True)
            os.truncate(log, 0)
            self._log_start = 0


def _words(line: str) -> str:
    """A line of a log as a person reads it: of a line in JSON, its message."""
    try:
        return str(json.loads(line)["message"])
    except (ValueError, KeyError, TypeError):
        return line.rstrip()


def death(code: int) -> str:
    """An exit code in words."""
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
