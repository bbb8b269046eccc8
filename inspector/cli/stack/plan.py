"""Plan: which children a stack has, with which ports, environment and commands."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

import inspector
from inspector.cli.stack import embedded, ports
from inspector.cli.stack.child import Child, ChildSpec
from inspector.cli.stack.datadir import DataDir
from inspector.queue.base import DEFAULT_BUDGETS, Durability

_SERVER_PORT = 16379
_METRICS_PORT = 9100
"""Preferred, so that a second start is found at the same place; taken ports move to free ones."""

_SERVER_STOPS = timedelta(seconds=20)
"""It flushes its file; a 1 GB one on a slow disk takes seconds."""

_PROBE_S = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """What `inspector up` was asked for."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    redis_url: str | None = None
    """None: the embedded server."""
    durability: Durability = Durability.D2
    records: bool = True
    """Whether an archiver belongs to it."""
    database_url: str | None = None
    """None: SQLite in the data directory."""
    settings: dict[str, str] = field(default_factory=dict)
    """Environment of gateway and workers: INSPECTOR_... of every option that was given."""


@dataclass(frozen=True, slots=True)
class Plan:
    steps: list[list[Child]]
    """To be started one after the other."""
    url: str
    """Of the gateway, as this machine reaches it."""
    redis_url: str
    metrics: dict[str, str]
    """Process -> URL of its metrics."""
    data: DataDir
    blobs: str | None
    """Folder of the blob store; None: as the environment says."""

    def facts(self) -> dict[str, Any]:
        """For stack.json."""
        pids = {child.name: child.pid for step in self.steps for child in step}
        return {
            "url": self.url,
            "redis_url": self.redis_url,
            "blobs": self.blobs,
            "metrics": self.metrics,
            "pids": pids,
        }


def plan(options: Options, data: DataDir) -> Plan:
    """Raises SettingsError: the port is in use, no embedded server for this machine."""
    port = ports.demand(options.host, options.port, "--port")
    taken = {port}
    steps: list[list[Child]] = []
    redis_url = options.redis_url
    if redis_url is None:
        server_port = ports.prefer(_SERVER_PORT, taken)
        redis_url = f"redis://127.0.0.1:{server_port}/0"
        steps.append([_server(server_port, data, options.durability)])
    names = ["gateway", *(f"worker-{number + 1}" for number in range(options.workers))]
    names += ["archiver"] if options.records else []
    metrics = {name: ports.prefer(_METRICS_PORT + place, taken) for place, name in enumerate(names)}
    url = f"http://{_reachable(options.host)}:{port}"
    environment = {**options.settings, **_own_code(), "INSPECTOR_REDIS_URL": redis_url}
    if options.redis_url is None:
        environment["INSPECTOR_QUEUE_DISK"] = str(data.server)
        # Beside its own server alone: workers of another one may be on machines that do not see this folder.
        environment["INSPECTOR_BLOBS"] = os.environ.get("INSPECTOR_BLOBS", str(data.blobs))
    if options.records:
        environment |= _records(options, data)
        # In a step of its own: at the end it is stopped behind the workers, and records what they did last.
        steps.append([_archiver(metrics["archiver"], environment, data)])
    gateway = _gateway(options.host, port, url, metrics["gateway"], environment, data)
    inspecting = names[1 : 1 + options.workers]
    workers = [_worker(name, metrics[name], environment, data) for name in inspecting]
    steps.append([gateway, *workers])
    addresses = {name: f"http://127.0.0.1:{number}/metrics" for name, number in metrics.items()}
    return Plan(steps, url, redis_url, addresses, data, environment.get("INSPECTOR_BLOBS"))


def _server(port: int, data: DataDir, durability: Durability) -> Child:
    configuration = data.server / "valkey.conf"
    text = embedded.configuration(port, data.server, DEFAULT_BUDGETS, durability)
    configuration.write_text(text, encoding="utf-8")
    return Child(
        ChildSpec(
            "redis",
            [embedded.binary(), str(configuration)],
            data.log / "redis.log",
            partial(embedded.answers, port),
            stops_within=_SERVER_STOPS,
            # Also without a supervisor it may end in order; it waits for nobody.
            orphan_signal=signal.SIGTERM,
            inherits=(data.lock,),
        )
    )


def _gateway(
    host: str, port: int, url: str, metrics_port: int, environment: dict[str, str], data: DataDir
) -> Child:
    command = ["-m", "api", "--port", str(port), "--metrics-port", str(metrics_port)]
    return Child(
        ChildSpec(
            "gateway",
            [sys.executable, "-P", *command],
            data.log / "gateway.log",
            _serves(f"{url}/readyz"),
            {**environment, "INSPECTOR_HOST": host, "INSPECTOR_SESSION_SECRET": _session_secret(data)},
        )
    )


def _session_secret(data: DataDir) -> str:
    """Its own, so that nobody has to sign in again because the gateway was started again."""
    return os.environ.get("INSPECTOR_SESSION_SECRET") or data.secret("session.secret")


def _worker(name: str, metrics_port: int, environment: dict[str, str], data: DataDir) -> Child:
    command = ["-m", "workers", "inspect", "--metrics-port", str(metrics_port)]
    return Child(
        ChildSpec(
            name,
            [sys.executable, "-P", *command],
            data.log / f"{name}.log",
            _serves(f"http://127.0.0.1:{metrics_port}/readyz"),
            environment,
            stops_within=timedelta(seconds=30),  # a batch under way is finished first
        )
    )


def _records(options: Options, data: DataDir) -> dict[str, str]:
    """Where the archiver writes, and the gateway reads."""
    return {
        "INSPECTOR_DATABASE_URL": options.database_url or f"sqlite:///{data.path / 'records.db'}",
        "INSPECTOR_IMAGES_URL": os.environ.get("INSPECTOR_IMAGES_URL", str(data.path / "images")),
    }


def _archiver(metrics_port: int, environment: dict[str, str], data: DataDir) -> Child:
    command = ["-m", "workers", "archive", "--metrics-port", str(metrics_port)]
    return Child(
        ChildSpec(
            "archiver",
            [sys.executable, "-P", *command],
            data.log / "archiver.log",
            # It waits for a database that is away, and nobody waits for it.
            _serves(f"http://127.0.0.1:{metrics_port}/healthz"),
            environment,
            stops_within=timedelta(seconds=20),
        )
    )


def _own_code() -> dict[str, str]:
    """Children run the code that this process runs, whatever else is named `api` where it was started."""
    return {"PYTHONPATH": str(Path(inspector.__file__).parent.parent), "PYTHONUNBUFFERED": "1"}


def _reachable(host: str) -> str:
    """An address of all interfaces is no address to go to."""
    known = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # compared with, not bound to
    return known.get(host, f"[{host}]" if ":" in host else host)


def _serves(url: str) -> Callable[[], Awaitable[bool]]:
    async def probe() -> bool:
        # trust_env=False: a proxy of the plant is not asked about this machine's own ports.
        async with httpx.AsyncClient(trust_env=False, timeout=_PROBE_S) as http:
            try:
                return (await http.get(url)).is_success
            except httpx.TransportError:
                return False

    return probe
