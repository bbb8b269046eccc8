"""The processes of a fault run: servers, gateways and workers. Some may be of another version."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.faults.servers import KINDS
from tests.faults.versions import OURS, Tree
from tests.support.servers import free_port
from tests.support.waiting import wait_until

MIN_IDLE = timedelta(seconds=2)

_READY_WITHIN_S = 60.0
_NICE = 5
"""The machine may have other things to do; the server and the cameras go before the workers."""


@dataclass(slots=True)
class Process:
    """One process that is started again and again, under names that count up."""

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str]
    tree: Tree = OURS
    named: bool = False
    """Whether it is told its name (--name): a worker's is its consumer's."""
    started: int = 0
    _running: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def alias(self) -> str:
        """Of the running one."""
        return f"{self.name}-{self.started}"

    def start(self) -> None:
        self.started += 1
        own = ["--name", self.alias] if self.named else []
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                ["nice", "-n", str(_NICE), *self.command, *own],
                stdout=log,
                stderr=log,
                cwd=self.tree.folder,
                env={**self.environment, "PYTHONPATH": str(self.tree.folder)},
            )

    def signal(self, number: signal.Signals) -> None:
        if self._running is not None and self._running.poll() is None:
            os.kill(self._running.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        if self._running is not None:
            self._running.wait(60)

    def ended_by_itself(self) -> bool:
        return self._running is not None and self._running.poll() is not None


class Stack:
    """Ready inside, as a context manager; gone after. With `other`, every second gateway and every second
    worker is of that version; its workers have the model that it shipped with."""

    def __init__(
        self,
        folder: Path,
        servers: str,
        *,
        gateways: int,
        workers: int,
        real_workers: int,
        minutes_kept: float,
        inline_limit: int,
        other: Tree | None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.servers = KINDS[servers]("valkey", folder)
        self._closing = ExitStack()
        self._folder = folder
        self.runs = folder / "runs.txt"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("INSPECTOR_")},
            "INSPECTOR_MIN_IDLE_S": str(MIN_IDLE.total_seconds()),
            "INSPECTOR_RESULTS_KEPT_MIN": str(minutes_kept),  # all of them are counted at the end
            "INSPECTOR_RECENT_BYTES": str(16 << 20),
            "INSPECTOR_DURABILITY": self.servers.durability,
            "INSPECTOR_REPLICAS": str(self.servers.replicas),
            "INSPECTOR_SHARDS": str(self.servers.shards),
        }
        if other is None:  # which may be of before the blob store
            self._environment["INSPECTOR_BLOBS"] = str(folder / "blobs")
            self._environment["INSPECTOR_INLINE_LIMIT"] = str(inline_limit)
        self.ports = [free_port() for _ in range(gateways)]
        self._numbers = (workers, real_workers)
        self._other = other
        self.gateways: list[Process] = []
        self.workers: list[Process] = []

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def __enter__(self) -> Self:
        self._closing.enter_context(self.servers)
        to_gateways, to_workers = self.servers.urls
        self.gateways = [self._gateway(number, to_gateways) for number in range(len(self.ports))]
        self.workers = [self._worker(number, to_workers) for number in range(sum(self._numbers))]
        for process in (*self.gateways, *self.workers):
            self._closing.callback(process.kill)
            process.start()
        for url in self.urls:
            wait_until(lambda url=url: ready(url), _READY_WITHIN_S, f"{url}, see {self._folder}")  # type: ignore[misc]
        wait_until(self._all_workers_report, _READY_WITHIN_S, f"all workers, see {self._folder}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def _all_workers_report(self) -> bool:
        status = httpx.get(f"{self.urls[0]}/v1/status", trust_env=False)
        return status.is_success and len(status.json()["workers"]) == len(self.workers)

    def _tree(self, number: int) -> Tree:
        return self._other if self._other and number % 2 else OURS

    def _gateway(self, number: int, redis_url: str) -> Process:
        port = self.ports[number]
        place = ["--port", str(port), "--metrics-port", "0", "--redis-url", redis_url]
        command = [sys.executable, "-m", "api", *place]
        log = self._folder / f"gateway-{port}.log"
        return Process(f"gateway-{port}", command, log, self._environment, self._tree(number))

    def _worker(self, number: int, redis_url: str) -> Process:
        """Those with the shipped model come behind those with the delayed engine; another version has no
        other than the shipped one."""
        engine, tree = "delayed" if number < self._numbers[0] else "shipped", self._tree(number)
        if tree is OURS:
            name, role = f"{engine}{number}", ["tests.faults.worker", str(self.runs), engine]
        else:
            name, role = f"other{number}", ["workers", "inspect"]
        command = [sys.executable, "-m", *role, "--redis-url", redis_url, "--threads", "1"]
        return Process(name, command, self._folder / f"{name}.log", self._environment, tree, named=True)


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).is_success
    except httpx.TransportError:
        return False
