"""A whole stack for a run, in a folder of its own: the embedded server, one gateway, workers."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.processes import Process, Usage, python
from inspector.cli.stack import embedded
from inspector.queue.base import DEFAULT_BUDGETS, Durability

ENGINES = {"real": ("workers", "inspect"), "empty": ("benchmarks.empty_worker",)}
"""The module that runs a worker, by what it computes with."""


class Stack:
    """Ready inside, as a context manager; gone after."""

    def __init__(
        self,
        folder: Path,
        *,
        durability: str = "D1",
        engine: str = "real",
        workers: int = 1,
        flags: tuple[str, ...] = (),
        settings: Mapping[str, str] | None = None,
        profiled: bool = False,
    ) -> None:
        """`flags` are the workers'; `settings` are INSPECTOR_... of all processes. `profiled`: Python's
        processes write <name>.stacks into the folder when they end."""
        self._folder = folder
        self._durability = Durability(durability)
        self._engine = engine
        self._workers = workers
        self._flags = flags
        self._settings = {**(settings or {}), "INSPECTOR_DURABILITY": durability}
        self._profiled = profiled
        self._closing = ExitStack()
        self.processes: dict[str, Process] = {}
        self.ready_s: dict[str, float] = {}
        """Seconds from a process's start until it was ready."""
        self.port = free_port()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def add_worker(self) -> float:
        """One more; seconds until it was ready."""
        number = sum(name.startswith("worker") for name in self.processes)
        port = free_port()
        worker = self._worker(number, port)
        self._await(worker.name, worker, f"http://127.0.0.1:{port}/readyz")
        return self.ready_s[worker.name]

    def usage(self) -> dict[str, Usage]:
        return {name: process.usage() for name, process in self.processes.items()}

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._server_port = free_port()
        self._server()
        metrics = free_port()
        place = ["--port", str(self.port), "--metrics-port", str(metrics), "--redis-url", self.redis_url]
        gateway = self._begin("gateway", self._python("gateway", "api", *place))
        ports = [free_port() for _ in range(self._workers)]
        workers = [self._worker(number, port) for number, port in enumerate(ports)]
        self._await("gateway", gateway, f"http://127.0.0.1:{self.port}/readyz")
        for worker, port in zip(workers, ports, strict=True):
            self._await(worker.name, worker, f"http://127.0.0.1:{port}/readyz")

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self._server_port}/0"

    def _server(self) -> None:
        folder = self._folder / f"server-{self._server_port}"
        folder.mkdir(parents=True)
        file = folder / "valkey.conf"
        text = embedded.configuration(self._server_port, folder, DEFAULT_BUDGETS, self._durability)
        file.write_text(text, encoding="utf-8")
        server = self._begin("server", [embedded.binary(), str(file)])
        self.ready_s["server"] = server.wait_for(lambda: _connects(self._server_port))

    def _worker(self, number: int, metrics_port: int) -> Process:
        place = ["--redis-url", self.redis_url, "--metrics-port", str(metrics_port)]
        name = f"worker-{number + 1}"
        return self._begin(name, self._python(name, *ENGINES[self._engine], *place, *self._flags))

    def _python(self, name: str, *words: str) -> list[str]:
        if not self._profiled:
            return python(*words)
        return python("benchmarks.profiled", str(self._folder / f"{name}.stacks"), *words)

    def _begin(self, name: str, command: list[str]) -> Process:
        process = Process(name, command, self._folder / f"{name}.log", self._settings)
        self._closing.callback(process.stop)
        self.processes[name] = process
        return process

    def _await(self, name: str, process: Process, url: str) -> None:
        self.ready_s[name] = process.wait_for(lambda: answers(url))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a GET of it is 200 now."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def service_cpu(before: Mapping[str, Usage], after: Mapping[str, Usage], images: int) -> dict[str, float]:
    """Milliseconds of CPU an image, by process; "service" is gateway and workers together, without the
    server."""
    spent = {name: (after[name].cpu_s - before[name].cpu_s) * 1000 / max(1, images) for name in after}
    spent["service"] = sum(value for name, value in spent.items() if name != "server")
    return {name: round(value, 3) for name, value in spent.items()}


def settle(seconds: float = 0.3) -> None:
    """Let what a start or a round left behind come to an end."""
    time.sleep(seconds)


def _connects(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
