"""One bench an implementation of the queue: the tests of this folder run on each of them.

The servers have the users of deploy/redis, and each end of the queue comes as the one that it is: a command
that roles.acl does not name fails here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from inspector.queue import connect
from inspector.queue.base import (
    DEFAULT_BUDGETS,
    Admin,
    Archive,
    Budgets,
    Consumer,
    Delivery,
    Disposal,
    Producer,
    Results,
)
from inspector.queue.blobs import Blob, BlobStore
from inspector.queue.memory import MemoryQueue
from tests.support import queue_users
from tests.support.jobs import IMAGE, job_for
from tests.support.servers import KINDS, QueueServer

T = TypeVar("T")

LONG = timedelta(seconds=30)
SHORT = timedelta(milliseconds=40)
"""A worker that misses its heartbeat this long counts as dead, in tests that wait for it."""


class Backend(Protocol):
    def producer(self, min_idle: timedelta) -> Producer: ...
    def consumer(self, name: str, min_idle: timedelta) -> Consumer: ...
    def results(self) -> Results: ...
    def archive(self, name: str, min_idle: timedelta) -> Archive: ...
    def admin(self) -> Admin: ...
    def disposal(self) -> Disposal: ...


class ServerBackend:
    def __init__(self, server: QueueServer, budgets: Budgets, store: BlobStore) -> None:
        self._server, self._budgets, self._store = server, budgets, store

    def producer(self, min_idle: timedelta) -> Producer:
        return connect.producer(self._server.url_of("gateway"), self._budgets, min_idle=min_idle)

    def consumer(self, name: str, min_idle: timedelta) -> Consumer:
        url = self._server.url_of("worker")
        return connect.consumer(url, name, self._budgets, min_idle, blobs=self._store)

    def results(self) -> Results:
        return connect.results(self._server.url_of("gateway"), blobs=self._store)

    def archive(self, name: str, min_idle: timedelta) -> Archive:
        url = self._server.url_of("archiver")
        return connect.archive(url, name, self._budgets, min_idle, blobs=self._store)

    def detacher(self, name: str) -> Archive:
        return connect.archive(self._server.url_of("maintenance"), name, self._budgets, LONG)

    def admin(self) -> Admin:
        return connect.admin(self._server.url_of("admin"))

    def disposal(self) -> Disposal:
        return connect.disposal(self._server.url_of("gateway"))


class Bench:
    """A gateway's and some workers' ends of one queue; `run` drives the gateway's."""

    def __init__(self, backend: Backend, store: BlobStore) -> None:
        self.store = store
        self._backend = backend
        self._runner = asyncio.Runner()
        self._closing = ExitStack()
        self.producer = backend.producer(LONG)
        self.results = backend.results()
        self.admin = backend.admin()
        self.disposal = backend.disposal()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def consumer(self, name: str = "w1", min_idle: timedelta = LONG) -> Consumer:
        consumer = self._backend.consumer(name, min_idle)
        self._closing.callback(consumer.close)
        return consumer

    def archive(self, name: str = "a1", min_idle: timedelta = LONG) -> Archive:
        archive = self._backend.archive(name, min_idle)
        self._closing.callback(archive.close)
        return archive

    def detacher(self, name: str = "a1") -> Archive:
        """Whoever ends the archiver of that name for good."""
        backend = self._backend
        if isinstance(backend, ServerBackend):
            archive = backend.detacher(name)
        else:
            archive = backend.archive(name, LONG)
        self._closing.callback(archive.close)
        return archive

    def other_producer(self, min_idle: timedelta = LONG) -> Producer:
        """Another gateway's."""
        producer = self._backend.producer(min_idle)
        self._closing.callback(lambda: self.run(producer.aclose()))
        return producer

    def submit(self, image: bytes = IMAGE, **changes: Any) -> str:
        return self.run(self.producer.submit(job_for(image, **changes), image)).id

    def store_image(self, inspection_id: str, image: bytes = IMAGE) -> Blob:
        """As a gateway does before its submit."""
        incoming = self.store.begin()
        incoming.write([image])
        return incoming.keep(inspection_id)

    def submit_stored(self, image: bytes = IMAGE, **changes: Any) -> str:
        """An image that lies in the blob store."""
        job = job_for(image, **changes)
        return self.run(self.producer.submit(job, self.store_image(job.id, image))).id

    def take_one(self, consumer: Consumer) -> Delivery:
        [delivery] = consumer.take(1, timedelta(seconds=5))
        return delivery

    def close(self) -> None:
        self._closing.close()
        for end in (self.producer, self.results, self.admin, self.disposal):
            self.run(end.aclose())
        self._runner.close()


class OpenBench(Protocol):
    def __call__(self, budgets: Budgets = DEFAULT_BUDGETS) -> Bench: ...


@pytest.fixture(scope="session", params=["memory", *KINDS])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """None for the queue in memory."""
    if request.param == "memory":
        yield None
        return
    folder: Path = tmp_path_factory.mktemp(request.param)
    users = queue_users.make(folder / "users")
    with QueueServer(request.param, folder, users=users) as running:
        yield running


@pytest.fixture
def open_bench(server: QueueServer | None, tmp_path: Path) -> Iterator[OpenBench]:
    """A bench with budgets of its own, on a queue and a blob store that are empty."""
    with ExitStack() as closing:

        def open_one(budgets: Budgets = DEFAULT_BUDGETS) -> Bench:
            store = BlobStore(tmp_path / "blobs", durable=False)
            store.prepare()
            bench = Bench(_backend(server, budgets, store), store)
            closing.callback(bench.close)
            return bench

        yield open_one


@pytest.fixture
def bench(open_bench: OpenBench) -> Bench:
    return open_bench()


def _backend(server: QueueServer | None, budgets: Budgets, store: BlobStore) -> Backend:
    if server is None:
        return MemoryQueue(budgets)
    with server.client() as client:
        client.flushall()
    return ServerBackend(server, budgets, store)
