"""A poison image is held with all that is known of it, until a person requeues or drops it."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inspector.errors import DeadLetterNotFound, ImageGone, InspectionNotFound
from inspector.messages.result import State
from inspector.queue.base import Admin, Budgets, FinishStatus
from tests.contract.conftest import SHORT, Bench, OpenBench
from tests.contract.test_finish import announced
from tests.support.jobs import IMAGE, done, job_for, key_for
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)

QUESTIONS: list[Callable[[Admin, str], Coroutine[Any, Any, Any]]] = [
    lambda admin, one: admin.dead_letter(one),
    lambda admin, one: admin.requeue(one),
    lambda admin, one: admin.drop(one),
]


def bury(bench: Bench, **changes: Any) -> str:
    """One image all the way to the dead letters."""
    job = job_for(**changes)
    bench.run(bench.producer.submit(job, IMAGE, key_for(job, f"key of {job.id}")))
    consumer = bench.consumer("crashing", SHORT)
    consumer.take(1, NO_WAIT)

    def buried() -> bool:
        consumer.sweep(5)
        return bench.run(bench.results.read(job.id)).state.terminal

    wait_until(buried, what="the burial")
    return job.id


def test_no_dead_letters_are_none(bench: Bench) -> None:
    waiting = bench.submit()
    assert bench.run(bench.admin.dead_letters(10)) == []
    for question in QUESTIONS:
        for unknown in ("nobody", waiting):
            with pytest.raises(DeadLetterNotFound):
                bench.run(question(bench.admin, unknown))
    assert bench.run(bench.results.read(waiting)).state is State.QUEUED


def test_a_letter_says_whose_image_it_is_and_the_image_is_there(bench: Bench) -> None:
    inspection = bury(bench, part_id="SN-7")
    [letter] = bench.run(bench.admin.dead_letters(10))
    assert bench.run(bench.admin.dead_letter(inspection)) == letter
    assert (letter.id, letter.line, letter.consumer, letter.deliveries) == (inspection, "L1", "crashing", 4)
    assert letter.size > len(IMAGE)
    assert abs(datetime.now(UTC) - letter.died_at) < timedelta(seconds=10)
    assert json.loads(letter.error)["part"]["part_id"] == "SN-7"
    assert bench.run(bench.results.image(inspection)) == ("jpeg", IMAGE)


def test_the_newest_come_first_and_stand_among_the_latest(bench: Bench) -> None:
    ids = [bury(bench) for _ in range(3)]
    assert [letter.id for letter in bench.run(bench.admin.dead_letters(2))] == [ids[2], ids[1]]
    assert bench.run(bench.admin.dead_letters(0)) == []
    assert [outcome.id for outcome in bench.run(bench.results.latest(5))] == ids[::-1]


def test_a_letter_outlives_the_ring_and_the_time_that_ids_are_known(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(recent_bytes=0, forget_after=timedelta(milliseconds=20)))
    inspection = bury(bench)
    consumer = bench.consumer()
    ids = []
    for _ in range(2):
        ids.append(bench.submit())
        consumer.finish([done(bench.take_one(consumer))])

    def forgotten() -> bool:
        try:
            bench.run(bench.results.read(ids[1]))
        except InspectionNotFound:
            return True
        return False

    wait_until(forgotten, what="a finished image forgotten")
    assert bench.run(bench.results.read(inspection)).state is State.FAILED
    assert bench.run(bench.results.image(inspection)) == ("jpeg", IMAGE)


def test_a_requeued_image_is_the_same_and_starts_anew(bench: Bench) -> None:
    inspection = bury(bench, part_id="SN-7", deadline_ms=60_000)
    bench.run(bench.admin.requeue(inspection))
    snapshot = bench.run(bench.results.read(inspection))
    assert (snapshot.state, snapshot.outcome) == (State.QUEUED, None)
    assert bench.run(bench.admin.dead_letters(5)) == []
    status = bench.run(bench.admin.status())
    assert (status.depth, status.bytes, status.dead_letters) == (1, len(IMAGE), 0)

    consumer = bench.consumer("mended", SHORT)
    delivery = bench.take_one(consumer)
    assert (delivery.job.id, delivery.count, delivery.image) == (inspection, 1, IMAGE)
    assert (delivery.job.part_id, delivery.job.deadline_ms) == ("SN-7", None)
    assert consumer.finish([done(delivery)]) == [FinishStatus.RECORDED]
    assert bench.run(bench.results.read(inspection)).state is State.DONE
    assert [one.outcome.state for one in announced(bench, 2)] == [State.FAILED, State.DONE]
    assert [one.id for one in bench.run(bench.results.latest(5))] == [inspection]
    assert bench.run(bench.admin.status()).bytes == 0


def test_a_requeued_image_keeps_its_key(bench: Bench) -> None:
    inspection = bury(bench)
    bench.run(bench.admin.requeue(inspection))
    again = job_for()
    submission = bench.run(bench.producer.submit(again, IMAGE, key_for(again, f"key of {inspection}")))
    assert (submission.id, submission.created) == (inspection, False)


def test_a_requeued_image_that_is_poison_still_is_a_letter_again(bench: Bench) -> None:
    inspection = bury(bench)
    bench.run(bench.admin.requeue(inspection))
    consumer = bench.consumer("crashing", SHORT)
    counts = [bench.take_one(consumer).count]

    def buried() -> bool:
        counts.extend(delivery.count for delivery in consumer.sweep(5))
        return bench.run(bench.results.read(inspection)).state.terminal

    wait_until(buried, what="the second burial")
    assert counts == [1, 2, 3]
    assert [letter.id for letter in bench.run(bench.admin.dead_letters(5))] == [inspection]


def test_a_dropped_letter_stays_failed_and_its_image_is_gone(bench: Bench) -> None:
    inspection = bury(bench)
    bench.run(bench.admin.drop(inspection))
    assert bench.run(bench.admin.dead_letters(5)) == []
    assert bench.run(bench.results.read(inspection)).state is State.FAILED
    with pytest.raises(ImageGone):
        bench.run(bench.results.image(inspection))
    with pytest.raises(DeadLetterNotFound):
        bench.run(bench.admin.drop(inspection))
    again = job_for()
    submission = bench.run(bench.producer.submit(again, IMAGE, key_for(again, f"key of {inspection}")))
    assert (submission.id, submission.created) == (inspection, False)


@pytest.mark.parametrize("dead_bytes", [0, 1000])
def test_the_oldest_letters_leave_when_there_are_too_many_bytes(
    open_bench: OpenBench, dead_bytes: int
) -> None:
    bench = open_bench(Budgets(dead_bytes=dead_bytes))
    ids = [bury(bench) for _ in range(3)]
    kept = [letter.id for letter in bench.run(bench.admin.dead_letters(5))]
    assert kept == ids[::-1][: len(kept)]
    assert 1 <= len(kept) < 3
    assert bench.run(bench.results.read(ids[0])).state is State.FAILED
    with pytest.raises(ImageGone):
        bench.run(bench.results.image(ids[0]))
    assert bench.run(bench.results.image(ids[2])) == ("jpeg", IMAGE)
