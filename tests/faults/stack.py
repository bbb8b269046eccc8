"""The processes of a fault run. Gateways and workers reach the server through proxies that lose replies."""

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

from tests.support.proxy import LossyProxy
from tests.support.servers import DURABLE, QueueServer, free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]

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
                cwd=ROOT,
                env=self.environment,
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
    """Ready inside, as a context manager; gone after."""

    def __init__(
        self, folder: Path, *, gateways: int, workers: int, real_workers: int, minutes_kept: float
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.server = QueueServer("valkey", folder / "server", DURABLE)
        self._closing = ExitStack()
        self._folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("INSPECTOR_")},
            "INSPECTOR_MIN_IDLE_S": str(MIN_IDLE.total_seconds()),
            "INSPECTOR_RESULTS_KEPT_MIN": str(minutes_kept),  # all of them are counted at the end
            "INSPECTOR_RECENT_BYTES": str(16 << 20),
            "PYTHONPATH": str(ROOT),
        }
        self.ports = [free_port() for _ in range(gateways)]
        self._numbers = (workers, real_workers)
        self.proxies: list[LossyProxy] = []
        self.gateways: list[Process] = []
        self.workers: list[Process] = []

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def __enter__(self) -> Self:
        self._closing.enter_context(self.server)
        self.proxies = [self._closing.enter_context(LossyProxy(self.server.port)) for _ in range(2)]
        to_gateways, to_workers = (proxy.url for proxy in self.proxies)
        self.gateways = [self._gateway(port, to_gateways) for port in self.ports]
        delayed, real = self._numbers
        self.workers = [
            self._worker(f"w{number}", "tests.faults.worker", to_workers) for number in range(delayed)
        ]
        self.workers += [self._worker(f"real{number}", "workers", to_workers) for number in range(real)]
        for process in (*self.gateways, *self.workers):
            self._closing.callback(process.kill)
            process.start()
        for url in self.urls:
            wait_until(lambda url=url: _ready(url), _READY_WITHIN_S, f"{url}, see {self._folder}")  # type: ignore[misc]
        wait_until(self._all_workers_report, _READY_WITHIN_S, f"all workers, see {self._folder}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def _all_workers_report(self) -> bool:
        status = httpx.get(f"{self.urls[0]}/v1/status", trust_env=False)
        return status.is_success and len(status.json()["workers"]) == len(self.workers)

    def _gateway(self, port: int, redis_url: str) -> Process:
        place = ["--port", str(port), "--metrics-port", "0", "--redis-url", redis_url]
        command = [sys.executable, "-m", "api", *place]
        return Process(f"gateway-{port}", command, self._folder / f"gateway-{port}.log", self._environment)

    def _worker(self, name: str, module: str, redis_url: str) -> Process:
        role = ["inspect"] if module == "workers" else []
        command = [sys.executable, "-m", module, *role, "--redis-url", redis_url, "--threads", "1"]
        return Process(name, command, self._folder / f"{name}.log", self._environment, named=True)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).is_success
    except httpx.TransportError:
        return False
