"""The figures of a status page."""

from __future__ import annotations

from datetime import datetime, timedelta

from inspector.queue.base import WorkerReport
from tests.contract.conftest import Bench
from tests.support.jobs import IMAGE, done
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)


def report(name: str, inspected: int = 0) -> WorkerReport:
    return WorkerReport(
        name, "cpu", "openvino", "boards 1.0", "ab" * 32, "2026-01-01T00:00:00+00:00", "", inspected
    )


def test_an_empty_queue_is_all_noughts(bench: Bench) -> None:
    bench.run(bench.admin.ping())
    status = bench.run(bench.admin.status())
    figures = (status.depth, status.in_flight, status.bytes, status.recent_bytes, status.dead_letters)
    assert (figures, status.oldest_age_s, status.workers) == ((0, 0, 0, 0, 0), 0.0, [])


def test_the_figures_follow_the_images(bench: Bench) -> None:
    for _ in range(3):
        bench.submit()
    consumer = bench.consumer()
    first, second = consumer.take(2, NO_WAIT)
    status = bench.run(bench.admin.status())
    assert (status.depth, status.in_flight, status.bytes) == (3, 2, 3 * len(IMAGE))
    assert status.recent_bytes == 0
    consumer.finish([done(first)])
    consumer.hand_back([second])
    status = bench.run(bench.admin.status())
    assert (status.depth, status.in_flight, status.bytes) == (2, 0, 2 * len(IMAGE))
    assert status.recent_bytes > len(IMAGE)


def test_the_oldest_image_grows_older_until_it_is_finished(bench: Bench) -> None:
    bench.submit()

    def age() -> float:
        return bench.run(bench.admin.status()).oldest_age_s

    wait_until(lambda: age() > 0.05, what="an age")
    consumer = bench.consumer()
    consumer.finish([done(bench.take_one(consumer))])
    assert age() == 0.0


def test_workers_are_listed_by_name_with_their_last_word(bench: Bench) -> None:
    one, two = bench.consumer("w1"), bench.consumer("w2")
    two.report(report("w2"))
    one.report(report("w1", inspected=1))
    one.report(report("w1", inspected=7))
    workers = bench.run(bench.admin.status()).workers
    assert [(worker.name, worker.inspected, worker.engine) for worker in workers] == [
        ("w1", 7, "openvino"),
        ("w2", 0, "openvino"),
    ]
    assert datetime.fromisoformat(workers[0].last_seen).utcoffset() == timedelta(0)


def test_a_worker_that_left_is_not_listed(bench: Bench) -> None:
    leaving = bench.consumer("w1")
    leaving.report(report("w1"))
    leaving.close()
    assert bench.run(bench.admin.status()).workers == []


def test_a_server_tells_how_full_it_is_and_whether_its_file_is_sound(bench: Bench) -> None:
    before = bench.run(bench.admin.server())
    if before is None:  # the queue in memory has no server
        return
    assert (before.memory_limit_bytes, before.fullness, before.aof_sound) == (0, 0.0, True)
    bench.submit(b"x" * 1_000_000)
    after = bench.run(bench.admin.server())
    assert after is not None
    assert after.memory_bytes > before.memory_bytes + 900_000
