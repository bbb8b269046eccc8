"""The data directory of a stack: what must survive a restart, and the logs.

lock          held while a stack (or its server, left over) uses this directory
stack.json    where everything is, for scripts; only while it runs
valkey/       the server's append-only file: accepted images and results
blobs/        accepted images that are too large for the server
records.db    the records of all results (SQLite), unless --database-url says another place
images/       images and maps that are kept
log/          one file a process
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from inspector.errors import SettingsError

_LOCK_WAIT = timedelta(seconds=5)
"""A stack that was killed a moment ago leaves a server that is still writing its last: wait for it."""

_LOOK_S = 0.1


class DataDir:
    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.log = self.path / "log"
        self.server = self.path / "valkey"
        self.blobs = self.path / "blobs"
        self.state = self.path / "stack.json"
        self._lock: int | None = None

    def open(self) -> None:
        """Create what is missing and take the lock. Raises SettingsError: not writable, or in use."""
        try:
            for folder in (self.path, self.log, self.server, self.blobs):
                # Private: images of products, and a server without a password.
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                # A directory can exist, with the right bits, and still refuse a file: a read-only disk.
                with tempfile.TemporaryFile(dir=folder):
                    pass
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(
                f"the data directory {self.path} cannot be written ({error.strerror}): "
                "give one that can with --data-dir"
            ) from error
        self._take(self._lock)

    @property
    def lock(self) -> int:
        """The lock's file descriptor. The server inherits it: while it lives, the directory is in use."""
        if self._lock is None:
            raise RuntimeError("the data directory is not open")
        return self._lock

    def write_state(self, facts: Mapping[str, Any]) -> None:
        partial = self.state.with_suffix(".part")
        partial.unlink(missing_ok=True)
        partial.touch(0o600)  # the URL of a Redis of one's own may hold a password
        partial.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        partial.replace(self.state)

    def secret(self, name: str) -> str:
        """Drawn once, the same at each start: 64 hexadecimal digits in a file that its owner alone reads."""
        file = self.path / name
        if not file.exists():
            partial = file.with_suffix(".part")
            partial.unlink(missing_ok=True)
            partial.touch(0o600)
            partial.write_text(secrets.token_hex(32), encoding="ascii")
            partial.replace(file)
        return file.read_text(encoding="ascii")

    def close(self) -> None:
        self.state.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take(self, lock: int) -> None:
        limit = time.monotonic() + _LOCK_WAIT.total_seconds()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > limit:
                    raise self._in_use(lock) from error
                time.sleep(_LOOK_S)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)

    def _in_use(self, lock: int) -> SettingsError:
        holder = os.pread(lock, 32, 0).decode(errors="replace") or "unknown"
        os.close(lock)
        self._lock = None
        return SettingsError(
            f"the data directory {self.path} is in use by another `inspector up` (process {holder}): "
            "stop that one, or give another --data-dir"
        )
