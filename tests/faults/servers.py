"""The queue's servers in a fault run: one alone, a primary under Sentinels, or a cluster of six nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from inspector.queue.keys import Keys
from inspector.queue.sharded import shard_of
from tests.support.proxy import LossyProxy
from tests.support.replicated import Cluster, SentinelTrio, replicas_in_step
from tests.support.servers import DURABLE, QueueServer

AT_D3 = {"min-replicas-to-write": "1"}


class Servers(Protocol):
    """Ready inside, as a context manager; gone after."""

    name: str
    durability: str
    replicas: int
    """That must confirm at D3, at least."""
    shards: int
    fails_over: bool
    """Whether a replica takes a dead primary's place."""
    proxies: Sequence[LossyProxy]
    """Between the others and the server: of gateways, and of workers. None where the primary moves."""

    @property
    def urls(self) -> tuple[str, str]:
        """For gateways, and for workers."""

    def holder(self, shard: int) -> QueueServer:
        """The primary of that shard, now."""

    def whole(self) -> bool:
        """Whether every replica is in step: the loss of one server is survived again."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Alone:
    """One at D2, reached through proxies that lose replies."""

    name = "alone"
    durability, replicas, shards, fails_over = "D2", 1, 1, False

    def __init__(self, kind: str, folder: Path) -> None:
        self._server = QueueServer(kind, folder / "server", DURABLE)
        self._closing = ExitStack()
        self.proxies: list[LossyProxy] = []

    @property
    def urls(self) -> tuple[str, str]:
        to_gateways, to_workers = self.proxies
        return to_gateways.url, to_workers.url

    def holder(self, shard: int) -> QueueServer:
        return self._server

    def whole(self) -> bool:
        return True

    def __enter__(self) -> Self:
        self._closing.enter_context(self._server)
        self.proxies = [self._closing.enter_context(LossyProxy(self._server.port)) for _ in range(2)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()


class UnderSentinels:
    """A primary and two replicas at D3. Of these one must confirm, and each that the Sentinels might promote:
    a primary that wakes replaced, and the replica that has not yet heard of it, confirm to each other what
    nobody else ever sees."""

    name = "two replicas, three Sentinels"
    durability, replicas, shards, fails_over = "D3", 1, 1, True

    def __init__(self, kind: str, folder: Path) -> None:
        self._trio = SentinelTrio(kind, folder, AT_D3, replicas=2)
        self.proxies: Sequence[LossyProxy] = ()

    @property
    def urls(self) -> tuple[str, str]:
        return self._trio.url, self._trio.url

    def holder(self, shard: int) -> QueueServer:
        return self._trio.current()

    def whole(self) -> bool:
        return replicas_in_step(self._trio.current()) == len(self._trio.replicas)

    def __enter__(self) -> Self:
        self._trio.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._trio.__exit__(kind, error, trace)


class InCluster:
    """Three primaries with a replica each, at D3. A shard whose primary is lost has no replica left, and
    takes no image until the lost node is back: that is D3 on six nodes."""

    name = "cluster of six, four shards"
    durability, replicas, shards, fails_over = "D3", 1, 4, True
    """With four shards each of the three primaries holds one at least."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._cluster = Cluster(kind, folder, AT_D3)
        self.proxies: Sequence[LossyProxy] = ()

    @property
    def urls(self) -> tuple[str, str]:
        return self._cluster.url, self._cluster.url

    def holder(self, shard: int) -> QueueServer:
        return self._cluster.current(Keys(str(shard)).work)

    def whole(self) -> bool:
        primaries = {self.holder(shard).port: self.holder(shard) for shard in range(self.shards)}
        return self._cluster.agrees() and all(replicas_in_step(one) for one in primaries.values())

    def __enter__(self) -> Self:
        self._cluster.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cluster.__exit__(kind, error, trace)


KINDS: Mapping[str, type[Alone] | type[UnderSentinels] | type[InCluster]] = {
    "alone": Alone,
    "sentinels": UnderSentinels,
    "cluster": InCluster,
}


def lines_on(shards: int) -> Iterable[str]:
    """Names of lines without end, on one shard after the other."""
    found: dict[int, list[str]] = {shard: [] for shard in range(shards)}
    number = turn = 0
    while True:
        while not found[turn % shards]:
            number += 1
            found[shard_of(f"L{number}", shards)].append(f"L{number}")
        yield found[turn % shards].pop(0)
        turn += 1
