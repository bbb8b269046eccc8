"""A deadline that passes while no living worker has the image: expired, by whichever gateway looks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from inspector.messages.result import Outcome, State
from inspector.queue.base import FinishStatus
from tests.contract.conftest import SHORT, Bench
from tests.contract.test_finish import announced
from tests.support.jobs import IMAGE, done, job_for
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)
NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)


def submit(bench: Bench, deadline_ms: int | None = 1000, line: str = "L1") -> str:
    return bench.submit(deadline_ms=deadline_ms, received_at=NOW, line=line)


def expire(bench: Bench, now: datetime = LATER, limit: int = 100) -> list[Outcome]:
    return bench.run(bench.producer.expire_overdue(now, limit))


def test_nothing_is_overdue_in_an_empty_queue(bench: Bench) -> None:
    assert expire(bench) == []


def test_only_a_deadline_that_has_passed_expires(bench: Bench) -> None:
    submit(bench, deadline_ms=None)
    submit(bench, deadline_ms=2000)
    late = submit(bench, deadline_ms=1000)
    assert expire(bench, NOW + timedelta(milliseconds=999)) == []
    [outcome] = expire(bench, NOW + timedelta(milliseconds=1500))
    assert (outcome.id, outcome.line, outcome.state, outcome.accept) == (late, "L1", State.EXPIRED, False)
    error = json.loads(outcome.error or b"")
    assert (error["code"], error["part"]["line"]) == ("deadline-expired", "L1")
    assert "1000 ms" in error["detail"]
    assert bench.run(bench.results.read(late)).outcome == outcome
    assert announced(bench, 1)[0].outcome == outcome
    assert bench.run(bench.admin.status()).bytes == 2 * len(IMAGE)


def test_the_longest_overdue_come_first_and_each_once(bench: Bench) -> None:
    ids = [submit(bench, deadline_ms=ms) for ms in (3000, 1000, 2000)]
    assert [one.id for one in expire(bench, limit=2)] == [ids[1], ids[2]]
    assert [one.id for one in expire(bench)] == [ids[0]]
    assert expire(bench) == []
    assert bench.consumer().take(5, NO_WAIT) == []


def test_what_a_worker_has_begun_is_its_own(bench: Bench) -> None:
    begun, waiting = submit(bench), submit(bench)
    consumer = bench.consumer()
    delivery = bench.take_one(consumer)
    assert delivery.job.id == begun
    assert [one.id for one in expire(bench)] == [waiting]
    assert consumer.finish([done(delivery)]) == [FinishStatus.RECORDED]
    assert expire(bench) == []


def test_what_was_handed_back_unstarted_can_expire(bench: Bench) -> None:
    inspection = submit(bench)
    consumer = bench.consumer()
    consumer.hand_back([bench.take_one(consumer)])
    assert [one.id for one in expire(bench)] == [inspection]
    assert consumer.take(5, NO_WAIT) == []
    status = bench.run(bench.admin.status())
    assert (status.depth, status.in_flight, status.bytes) == (0, 0, 0)


def test_what_a_dead_worker_held_expires_after_min_idle(bench: Bench) -> None:
    inspection = submit(bench)
    dead = bench.consumer("dead")
    delivery = bench.take_one(dead)
    producer = bench.other_producer(min_idle=SHORT)
    expired = wait_until(lambda: bench.run(producer.expire_overdue(LATER, 5)), what="the expiry")
    assert [one.id for one in expired] == [inspection]
    assert dead.finish([done(delivery)]) == [FinishStatus.LOST]
    assert bench.run(bench.admin.status()).in_flight == 0


def test_any_gateway_expires_any_image(bench: Bench) -> None:
    """After a restart too: the deadlines lie in the queue."""
    job = job_for(deadline_ms=1, received_at=NOW)
    bench.run(bench.producer.submit(job, IMAGE))
    assert [one.id for one in bench.run(bench.other_producer().expire_overdue(LATER, 5))] == [job.id]
