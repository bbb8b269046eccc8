"""Real servers that replicate: a primary and replicas under three Sentinels, and a cluster of six nodes."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

from tests.support.queue_users import TESTER, Users
from tests.support.servers import DURABLE, QueueServer, binary, free_port
from tests.support.waiting import wait_until

NAME = "queue"
"""What the Sentinels call the primary."""

REPLICATING = {**DURABLE, "repl-diskless-sync-delay": "0"}

DOWN_AFTER_MS = (1000, 1250, 1500)
"""Until each Sentinel believes that a server is down. Where all do at once, each votes for itself, and they
try again only after twice their failover-timeout."""

THIRD = 16384 // 3 + 1
"""Slots of each of a cluster's primaries."""

NODE_TIMEOUT_MS = 2000
"""Until a cluster's nodes do."""

_WITHIN_S = 60.0
_ASK_WITHIN_S = 0.5


class SentinelTrio:
    """A primary, its replicas and three Sentinels. Ready inside, as a context manager."""

    def __init__(
        self,
        kind: str,
        folder: Path,
        config: Mapping[str, str] | None = None,
        replicas: int = 1,
        users: Users | None = None,
    ) -> None:
        self._kind, self._folder, self._users = kind, folder, users
        self._closing = ExitStack()
        own = {**REPLICATING, **(config or {})}
        self.primary = QueueServer(kind, folder / "primary", own, users)
        self.replicas = [QueueServer(kind, folder / f"replica{n}", own, users) for n in range(replicas)]
        self._ports = [free_port() for _ in range(3)]
        self._sentinels: list[subprocess.Popen[bytes]] = []

    @property
    def sentinels(self) -> list[str]:
        return [f"127.0.0.1:{port}" for port in self._ports]

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(self.sentinels)}/{NAME}"

    def named(self) -> list[int]:
        """The port that each Sentinel calls the primary's."""
        return [_named(port) for port in self._ports]

    def kill_sentinels(self) -> None:
        for process in self._sentinels:
            _end(process)

    def url_of(self, role: str) -> str:
        return self.url if self._users is None else self._users.known_to(self.url, role)

    def current(self) -> QueueServer:
        """The one that the Sentinels call the primary now."""
        port = _named(self._ports[0])
        return next(one for one in (self.primary, *self.replicas) if one.port == port)

    def __enter__(self) -> Self:
        for server in (self.primary, *self.replicas):
            self._closing.enter_context(server)
        for replica in self.replicas:
            with replica.client() as client:
                client.replicaof("127.0.0.1", self.primary.port)
                wait_until(lambda: _linked(client), _WITHIN_S, "a replica in step")
        for port, down_after_ms in zip(self._ports, DOWN_AFTER_MS, strict=True):
            self._start_sentinel(port, down_after_ms)
        wait_until(self._agreed, _WITHIN_S, "Sentinels that know the replicas and each other")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def _start_sentinel(self, port: int, down_after_ms: int) -> None:
        file = self._folder / f"sentinel-{port}.conf"
        file.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {self._folder}\n"
            f"sentinel monitor {NAME} 127.0.0.1 {self.primary.port} 2\n"
            f"sentinel down-after-milliseconds {NAME} {down_after_ms}\n"
            f"sentinel failover-timeout {NAME} 5000\n{self._entry()}"
        )
        with file.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(
                [binary(self._kind), str(file), "--sentinel"], stdout=log, stderr=subprocess.STDOUT
            )
        self._sentinels.append(process)
        self._closing.callback(_end, process)

    def _entry(self) -> str:
        if self._users is None:
            return ""
        password = self._users.password("sentinel")
        return f"sentinel auth-user {NAME} sentinel\nsentinel auth-pass {NAME} {password}\n"

    def _agreed(self) -> bool:
        return all(_knows(port, len(self.replicas)) for port in self._ports)


class Cluster:
    """Three primaries, each with a replica. Ready inside, as a context manager."""

    def __init__(
        self,
        kind: str,
        folder: Path,
        config: Mapping[str, str] | None = None,
        users: Users | None = None,
    ) -> None:
        self._closing, self._users = ExitStack(), users
        own = {
            **REPLICATING,
            **(config or {}),
            "cluster-enabled": "yes",
            "cluster-node-timeout": str(NODE_TIMEOUT_MS),
            "cluster-replica-validity-factor": "0",
        }
        self.nodes = [
            QueueServer(kind, folder / f"node{number}", {**own, "cluster-port": str(free_port())}, users)
            for number in range(6)
        ]

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes)}"

    def url_of(self, role: str) -> str:
        return self.url if self._users is None else self._users.known_to(self.url, role)

    def holder(self, key: str) -> QueueServer:
        """The node that is the primary of this key's slot at first."""
        return self.nodes[key_slot(key.encode()) // THIRD]

    def current(self, key: str) -> QueueServer:
        """The one that most nodes call so now: one that was away says for a while what was true before."""
        slot = key_slot(key.encode())
        votes = Counter(port for node in self.nodes if (port := _holder_says(node, slot)))
        [(port, _)] = votes.most_common(1)
        return next(node for node in self.nodes if node.port == port)

    def agrees(self) -> bool:
        """Whether all six nodes say that the cluster is whole, with six nodes and three primaries."""
        return all(node.running and _said(node, _whole) for node in self.nodes)

    def __enter__(self) -> Self:
        for node in self.nodes:
            self._closing.enter_context(node)
        clients: list[Any] = [self._closing.enter_context(node.client()) for node in self.nodes]
        for client in clients:
            client.response_callbacks.clear()
        for number, client in enumerate(clients[:3]):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            last = min(16383, (number + 1) * THIRD - 1)
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * THIRD, last)
        for node in self.nodes[1:]:
            bus = node.config["cluster-port"]
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
        ids = [client.execute_command("CLUSTER", "MYID") for client in clients[:3]]
        for client, primary in zip(clients[3:], ids, strict=True):
            wait_until(lambda: _replicates(client, primary), _WITHIN_S, "a replica that knows its primary")  # noqa: B023
        for client in clients:
            wait_until(lambda: _whole(client), _WITHIN_S, "a cluster that is whole")  # noqa: B023
        for node in self.nodes[3:]:
            with node.client() as plain:
                wait_until(lambda: _linked(plain), _WITHIN_S, "a replica in step")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()


def replicas_in_step(server: QueueServer) -> int:
    """How many of its replicas have all that it has, or are behind by what is on its way."""

    def count(client: Any) -> int:
        facts = client.info("replication")
        return sum(isinstance(one, dict) and one.get("state") == "online" for one in facts.values())

    return int(_said(server, count) or 0)


def _holder_says(node: QueueServer, slot: int) -> int | None:
    """The port of that slot's primary, as this node has it."""

    def ask(client: Any) -> int | None:
        slots = client.execute_command("CLUSTER SLOTS")
        return next((int(primary[1]) for first, last, primary, *_ in slots if first <= slot <= last), None)

    port: int | None = _said(node, ask)
    return port


def _said(server: QueueServer, ask: Callable[[Any], Any]) -> Any:
    """What it says; None from one that is down, paused, or not ready to."""
    limits: dict[str, Any] = {"socket_timeout": _ASK_WITHIN_S, "socket_connect_timeout": _ASK_WITHIN_S}
    with redis.Redis.from_url(
        server.url_of(TESTER), protocol=2, retry=Retry(NoBackoff(), 0), **limits
    ) as client:
        info = client.response_callbacks["INFO"]
        client.response_callbacks.clear()
        client.response_callbacks["INFO"] = info
        try:
            return ask(client)
        except redis.RedisError:
            return None


def _named(sentinel: int) -> int:
    with redis.Redis(port=sentinel, protocol=2) as client:
        return int(client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", NAME)[1])


def _linked(client: Any) -> bool:
    return bool(client.info("replication").get("master_link_status") == "up")


def _knows(port: int, replicas: int) -> bool:
    with redis.Redis(port=port, protocol=2) as client:
        client.response_callbacks.clear()
        try:
            flat = client.execute_command("SENTINEL MASTER", NAME)
        except (redis.ConnectionError, redis.ResponseError):
            return False
    facts = dict(zip(flat[0::2], flat[1::2], strict=True))
    return (facts[b"num-slaves"], facts[b"num-other-sentinels"]) == (b"%d" % replicas, b"2")


def _replicates(client: Any, primary: bytes) -> bool:
    try:
        return bool(client.execute_command("CLUSTER", "REPLICATE", primary) == b"OK")
    except redis.ResponseError:  # has not heard of it yet
        return False


def _whole(client: Any) -> bool:
    info = client.execute_command("CLUSTER", "INFO")
    wanted = (b"cluster_state:ok", b"cluster_known_nodes:6", b"cluster_size:3", b"cluster_slots_pfail:0")
    return all(fact in info for fact in wanted)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(10)
