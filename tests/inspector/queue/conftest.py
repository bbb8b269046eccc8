"""Servers of one test's own, to be killed, paused and filled; and both ends of a queue on them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from inspector.queue import connect
from inspector.queue.base import DEFAULT_BUDGETS, MIN_IDLE, Budgets, Consumer, Delivery
from tests.support.jobs import IMAGE, job_for
from tests.support.servers import KINDS, QueueServer

T = TypeVar("T")


class StartServer(Protocol):
    def __call__(self, config: Mapping[str, str] | None = None) -> QueueServer: ...


@pytest.fixture(params=KINDS)
def start_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StartServer]:
    with ExitStack() as closing:

        def start(config: Mapping[str, str] | None = None) -> QueueServer:
            server = QueueServer(request.param, tmp_path / "server", config)
            server.start()
            closing.callback(server.kill)
            return server

        yield start


class Ends:
    """A gateway's ends, and workers', of the queue at one URL. They are closed without the server's help."""

    def __init__(self, url: str, budgets: Budgets = DEFAULT_BUDGETS) -> None:
        self.url, self.budgets = url, budgets
        self._runner = asyncio.Runner()
        self.producer = connect.producer(url, budgets)
        self.results = connect.results(url)
        self.admin = connect.admin(url)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def consumer(self, name: str = "w1", min_idle: timedelta = MIN_IDLE) -> Consumer:
        return connect.consumer(self.url, name, self.budgets, min_idle)

    def submit(self, image: bytes = IMAGE, **changes: Any) -> str:
        return self.run(self.producer.submit(job_for(image, **changes), image)).id

    def close(self) -> None:
        for end in (self.producer, self.results, self.admin):
            self.run(end.aclose())
        self._runner.close()


def take_one(consumer: Consumer) -> Delivery:
    [delivery] = consumer.take(1, timedelta(seconds=5))
    return delivery


class OpenEnds(Protocol):
    def __call__(self, url: str, budgets: Budgets = DEFAULT_BUDGETS) -> Ends: ...


@pytest.fixture
def open_ends() -> Iterator[OpenEnds]:
    with ExitStack() as closing:

        def open_at(url: str, budgets: Budgets = DEFAULT_BUDGETS) -> Ends:
            ends = Ends(url, budgets)
            closing.callback(ends.close)
            return ends

        yield open_at
