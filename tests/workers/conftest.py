"""Rig: a whole worker in this process (its network thread is a thread of the test), on any queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from inspector.engines.base import lanes_of, slots_of
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.models.bundle import Bundle
from inspector.queue import connect
from inspector.queue.base import Consumer, WorkerReport
from inspector.queue.memory import MemoryQueue
from tests.support.engines import Picky
from tests.support.gateway_end import GatewayEnd
from tests.support.servers import DURABLE, QueueServer
from tests.support.waiting import wait_until
from workers.compute import Compute
from workers.hands import Hands
from workers.health import Health
from workers.inspect import InspectWorker
from workers.metrics import Metrics
from workers.pace import Pace

LONG = timedelta(seconds=30)


class Rig:
    """`engine.refuses` may be set at any time; `ended` is run's answer once it returned."""

    def __init__(
        self,
        pipeline: Pipeline,
        consumer: Consumer,
        *,
        max_lease: timedelta,
        min_idle: timedelta,
        engine: Picky | None = None,
    ) -> None:
        self.engine = engine or Picky(pipeline.engine, refuses=lambda _: False)
        self.pipeline = Pipeline(pipeline.bundle, self.engine)
        self.hands = Hands(max_lease)
        self.metrics = Metrics(["L1"], pipeline.bundle.manifest.classes)
        self.compute = Compute(
            self.pipeline,
            self.hands,
            lanes_of(self.engine),
            slots_of(self.engine),
            batch_size=4,
            readers=2,
            on_batch=self.metrics.batch,
        )
        self.health = Health()
        report = WorkerReport("w1", "cpu", "picky", "tiny 1", "ab", "2026-01-01T00:00:00Z")
        pace = Pace(4, min_idle, drain=timedelta(seconds=10))
        self.worker = InspectWorker(
            consumer, self.hands, self.compute, report, self.metrics, self.health, pace
        )
        self.ended: bool | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Rig:
        self._thread.start()
        return self

    def stop(self) -> bool:
        self.worker.stop()
        return self.wait()

    def wait(self) -> bool:
        """For `run` to return, by itself or after stop."""
        wait_until(lambda: self.ended is not None, 20, "the end of the worker")
        return bool(self.ended)

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"inspector_{name}", labels) or 0.0

    def _run(self) -> None:
        self.ended = self.worker.run()
        self.compute.close()


@pytest.fixture(scope="session")
def pipeline(tiny_bundle: Bundle) -> Pipeline:
    return Pipeline(tiny_bundle, choose(tiny_bundle, "openvino", "cpu", threads=1))


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
def gateway(queue: MemoryQueue) -> Iterator[GatewayEnd]:
    end = GatewayEnd(queue.producer(), queue.results(), queue.admin())
    yield end
    end.close()


MakeRig = Callable[..., Rig]


@pytest.fixture
def make_rig(pipeline: Pipeline, queue: MemoryQueue) -> Iterator[MakeRig]:
    """A rig that is stopped after the test, on the queue in memory if not told another."""
    made: list[Rig] = []

    def make(
        consumer: Consumer | None = None, max_lease: timedelta = LONG, min_idle: timedelta = LONG
    ) -> Rig:
        rig = Rig(
            pipeline, consumer or queue.consumer("w1", min_idle), max_lease=max_lease, min_idle=min_idle
        )
        made.append(rig)
        return rig

    yield make
    for rig in made:
        rig.worker.stop()
        rig.engine.refuses = lambda _: False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueServer]:
    folder: Path = tmp_path_factory.mktemp("valkey")
    with QueueServer("valkey", folder, DURABLE) as running:
        yield running


@pytest.fixture
def on_server(server: QueueServer) -> Iterator[GatewayEnd]:
    """A gateway's end of an emptied server."""
    with server.client() as client:
        client.flushall()
    end = GatewayEnd.on(server.url)
    yield end
    end.close()


def consumer_on(server: QueueServer, name: str, min_idle: timedelta = LONG) -> Consumer:
    return connect.consumer(server.url, name, min_idle=min_idle)
