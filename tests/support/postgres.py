"""A real PostgreSQL for tests: Debian's, on a free loopback port, in a folder of its own; gone afterwards.

PostgreSQL refuses to run as root: root's tests run it as the user `postgres` that the package makes, anybody
else's as themselves.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pg8000.native

from tests.support.servers import free_port
from tests.support.waiting import wait_until

OWNER = "postgres"

_START_WITHIN_S = 30.0


class PostgresServer:
    """Started when entered; `database()` makes a new, empty one. What was committed is lost when the machine
    dies (fsync off), which no test lets it do; a killed server process loses nothing."""

    def __init__(self) -> None:
        # Not under pytest's own folder, whose parents another user cannot enter.
        self.folder = Path(tempfile.mkdtemp(prefix="inspector-pg-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def start(self) -> None:
        """Returns when it answers. After kill(), again on the same port and folder."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": "40",
            "shared_buffers": "32MB",
        }
        given = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                _as_owner([binary("postgres"), "-D", str(self.data), *given]),
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        wait_until(self._answers, _START_WITHIN_S, f"an answer of PostgreSQL, see {self.log}")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def kill(self) -> None:
        """At once: nobody is told, nothing is tidied up. Its other processes end when they notice."""
        os.kill(self._pid(), signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        if self._process is not None:
            os.kill(self._pid(), signal.SIGQUIT)  # at once: nothing of it is needed any more
            self._reap()

    def database(self) -> str:
        """The URL of a new one, as `--database-url` takes it."""
        self._databases += 1
        name = f"records_{self._databases}"
        with self._connection() as connection:
            connection.run(f"CREATE DATABASE {name}")
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/{name}"

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            shutil.chown(self.folder, OWNER, OWNER)
        made = [binary("initdb"), "-D", str(self.data), "-U", OWNER, "--auth=trust", "--no-sync"]
        locale = ["--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run(_as_owner([*made, *locale]), check=True, stdout=subprocess.DEVNULL, cwd=self.folder)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _connection(self) -> pg8000.native.Connection:
        return pg8000.native.Connection(
            OWNER, host="127.0.0.1", port=self.port, database="postgres", timeout=5
        )

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended at once: {self.log.read_text(errors='replace')[-2000:]}")
        try:
            with self._connection() as connection:
                return bool(connection.run("SELECT 1"))
        except (pg8000.native.InterfaceError, pg8000.native.DatabaseError, OSError):
            return False

    def _pid(self) -> int:
        """Of the server itself, not of runuser before it."""
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(timeout=20)
            self._process = None


def binary(name: str) -> str:
    """Of Debian's newest version. A missing one is an error, not a skip: see `make test`."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return str(found[-1])


def _as_owner(command: Sequence[str]) -> list[str]:
    return ["runuser", "-u", OWNER, "--", *command] if os.geteuid() == 0 else list(command)
