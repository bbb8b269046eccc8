"""What only the queue in memory can show: a clock that tests turn, and many threads at once."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from datetime import timedelta

import pytest

from inspector.errors import InspectionNotFound
from inspector.queue.base import Budgets, FinishStatus, WorkerReport
from inspector.queue.memory import MemoryQueue
from tests.support.jobs import IMAGE, done, job_for

NO_WAIT = timedelta(0)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _submit(queue: MemoryQueue) -> str:
    return asyncio.run(queue.producer().submit(job_for(), IMAGE)).id


def test_an_image_is_swept_when_min_idle_has_passed_and_not_before() -> None:
    clock = Clock()
    queue = MemoryQueue(clock=clock)
    _submit(queue)
    [delivery] = queue.consumer("dead").take(1, NO_WAIT)
    heir = queue.consumer("heir", timedelta(seconds=30))
    clock.now = 29.9
    assert heir.sweep(1) == []
    clock.now = 30.0
    assert [(one.entry, one.count) for one in heir.sweep(1)] == [(delivery.entry, 2)]


def test_a_worker_is_forgotten_15_seconds_after_its_last_report() -> None:
    clock = Clock()
    queue = MemoryQueue(clock=clock)
    queue.consumer("w1").report(WorkerReport("w1", "cpu", "openvino", "m", "0", ""))
    clock.now = 15.0
    assert [worker.name for worker in asyncio.run(queue.admin().status()).workers] == ["w1"]
    clock.now = 15.1
    assert asyncio.run(queue.admin().status()).workers == []


def test_an_id_is_forgotten_a_day_after_it_finished() -> None:
    clock = Clock()
    queue = MemoryQueue(Budgets(), clock)
    inspection = _submit(queue)
    clock.now = 10 * 86_400
    consumer = queue.consumer("w1")
    [delivery] = consumer.take(1, NO_WAIT)
    assert consumer.finish([done(delivery)]) == [FinishStatus.RECORDED]
    clock.now += 86_399
    assert asyncio.run(queue.results().read(inspection)).state.terminal
    clock.now += 1
    with pytest.raises(InspectionNotFound):
        asyncio.run(queue.results().read(inspection))


def test_many_threads_take_each_image_once() -> None:
    queue = MemoryQueue()
    ids = [_submit(queue) for _ in range(40)]
    taken: Counter[str] = Counter()

    def work(name: str) -> None:
        consumer = queue.consumer(name)
        while batch := consumer.take(3, timedelta(milliseconds=50)):
            taken.update(delivery.job.id for delivery in batch)
            consumer.finish([done(delivery) for delivery in batch])

    workers = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=10)
    assert taken == Counter(ids)
