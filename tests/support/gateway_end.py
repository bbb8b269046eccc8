"""A gateway's end of the queue for tests that are not async: submit, look, wait."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from inspector.messages.job import ImageFacts, Job
from inspector.queue import connect
from inspector.queue.base import Admin, Producer, QueueStatus, Results, Snapshot
from tests.support.images import job_of
from tests.support.waiting import wait_until

T = TypeVar("T")


class GatewayEnd:
    """Close it. Works on any producer, results and admin; `on` makes those of a server."""

    def __init__(self, producer: Producer, results: Results, admin: Admin) -> None:
        self._runner = asyncio.Runner()
        self.producer, self._results, self._admin = producer, results, admin

    @classmethod
    def on(cls, url: str) -> GatewayEnd:
        return cls(connect.producer(url), connect.results(url), connect.admin(url))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def submit(self, image: bytes, facts: ImageFacts | None = None, **changes: Any) -> Job:
        job = job_of(image, facts, **changes)
        self.run(self.producer.submit(job, image))
        return job

    def read(self, job: Job) -> Snapshot:
        return self.run(self._results.read(job.id))

    def attention(self, job: Job) -> bytes:
        return self.run(self._results.attention(job.id))

    def status(self) -> QueueStatus:
        return self.run(self._admin.status())

    def wait_for(self, jobs: Sequence[Job], timeout_s: float = 30.0) -> list[Snapshot]:
        """Their snapshots, once all are terminal."""
        wait_until(
            lambda: all(self.read(job).state.terminal for job in jobs), timeout_s, "an outcome of every image"
        )
        return [self.read(job) for job in jobs]

    def close(self) -> None:
        for end in (self.producer, self._results, self._admin):
            self.run(end.aclose())
        self._runner.close()
