"""Expires accepted images whose deadline passes while no worker has started them: there may be none alive.

A worker expires what it takes too late, so this only makes sure that a camera is told in time. It lives in
memory: after a restart of the gateway, the older images' deadlines are kept by the workers alone.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from inspector.errors import DeadlineExpired, QueueUnavailable
from inspector.messages.job import Job
from inspector.messages.result import failed
from inspector.queue.base import Producer

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=1)
"""While the queue does not answer."""


class Expiry:
    """One sleeping task for each unfinished image with a deadline; the queue's depth budget bounds them."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def watch(self, job: Job) -> None:
        if job.deadline_ms is not None:
            self._tasks[job.id] = asyncio.create_task(self._expire(job), name=f"expire {job.id}")

    def finished(self, inspection_id: str) -> None:
        """Its outcome is known; called by the hub."""
        task = self._tasks.pop(inspection_id, None)
        if task is not None:
            task.cancel()

    def stop(self) -> None:
        for inspection_id in list(self._tasks):
            self.finished(inspection_id)

    async def _expire(self, job: Job) -> None:
        deadline = job.received_at + timedelta(milliseconds=job.deadline_ms or 0)
        await asyncio.sleep((deadline - datetime.now(UTC)).total_seconds())
        error = DeadlineExpired(f"no worker started it within {job.deadline_ms} ms")
        while True:
            try:
                await self._producer.expire(failed(job.id, job.line, error, job))
                break
            except QueueUnavailable as unavailable:
                log.warning("%s cannot be expired, trying again: %s", job.id, unavailable)
                await asyncio.sleep(RETRY.total_seconds())
        self._tasks.pop(job.id, None)
