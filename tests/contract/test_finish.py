"""An outcome is recorded exactly once, by the delivery that owns the image."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta

import pytest

from inspector.errors import DeadlineExpired, ImageGone, InspectionFailed
from inspector.messages.result import State, failed
from inspector.queue.base import Announcement, Finished, FinishStatus
from tests.contract.conftest import SHORT, Bench
from tests.support.jobs import IMAGE, MAP, RESULT, done
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)
RECORDED, ALREADY, LOST = FinishStatus.RECORDED, FinishStatus.ALREADY, FinishStatus.LOST


def announced(bench: Bench, count: int) -> list[Announcement]:
    """The first `count` announcements since the queue was made."""

    async def read() -> list[Announcement]:
        seen: list[Announcement] = []
        async with aclosing(bench.results.follow("0")) as stream:
            async for announcement in stream:
                seen.append(announcement)
                if len(seen) == count:
                    return seen
        return seen

    return bench.run(read())


def test_nothing_to_finish_is_nothing(bench: Bench) -> None:
    assert bench.consumer().finish([]) == []


def test_a_done_image_is_readable_with_result_image_and_map(bench: Bench) -> None:
    inspection = bench.submit()
    consumer = bench.consumer()
    finished = done(bench.take_one(consumer))
    assert consumer.finish([finished]) == [RECORDED]
    snapshot = bench.run(bench.results.read(inspection))
    assert (snapshot.state, snapshot.outcome) == (State.DONE, finished.outcome)
    assert (snapshot.has_image, snapshot.has_attention) == (True, True)
    assert bench.run(bench.results.image(inspection)) == ("jpeg", IMAGE)
    assert bench.run(bench.results.attention(inspection)) == MAP


def test_what_waits_comes_back_with_the_reply_to_what_is_finished(bench: Bench) -> None:
    first, second, third = (bench.submit() for _ in range(3))
    consumer = bench.consumer()
    delivery = bench.take_one(consumer)
    assert delivery.job.id == first

    statuses, taken = consumer.finish_and_take([done(delivery)], 1)
    assert statuses == [RECORDED]
    assert [one.job.id for one in taken] == [second]
    assert (taken[0].image, taken[0].count) == (IMAGE, 1)

    statuses, taken = consumer.finish_and_take([done(delivery), done(taken[0])], 8)
    assert statuses == [ALREADY, RECORDED]
    assert [one.job.id for one in taken] == [third]
    assert consumer.finish_and_take([done(taken[0])], 8) == ([RECORDED], [])


@pytest.mark.parametrize(
    ("error", "state"),
    [(InspectionFailed("out of memory"), State.FAILED), (DeadlineExpired("late"), State.EXPIRED)],
)
def test_a_failed_image_has_an_error_and_no_map(
    bench: Bench, error: InspectionFailed | DeadlineExpired, state: State
) -> None:
    inspection = bench.submit()
    consumer = bench.consumer()
    outcome = failed(inspection, "L1", error)
    assert consumer.finish([Finished(bench.take_one(consumer), outcome)]) == [RECORDED]
    snapshot = bench.run(bench.results.read(inspection))
    assert (snapshot.state, snapshot.outcome, snapshot.has_attention) == (state, outcome, False)
    assert announced(bench, 1)[0].outcome == outcome
    with pytest.raises(ImageGone):
        bench.run(bench.results.attention(inspection))


def test_a_batch_is_recorded_in_its_order(bench: Bench) -> None:
    for _ in range(4):
        bench.submit()
    consumer = bench.consumer()
    batch = [done(delivery, b'{"n":%d}' % n) for n, delivery in enumerate(consumer.take(4, NO_WAIT))]
    assert consumer.finish(batch) == [RECORDED] * 4
    assert [one.outcome for one in announced(bench, 4)] == [one.outcome for one in batch]
    assert bench.run(bench.admin.status()).depth == 0


def test_finishing_again_after_a_lost_reply_changes_nothing(bench: Bench) -> None:
    bench.submit()
    bench.submit()
    consumer = bench.consumer()
    one, two = (done(delivery) for delivery in consumer.take(2, NO_WAIT))
    assert consumer.finish([one]) == [RECORDED]
    assert consumer.finish([one, two]) == [ALREADY, RECORDED]
    assert [seen.outcome for seen in announced(bench, 2)] == [one.outcome, two.outcome]
    assert bench.run(bench.admin.status()).bytes == 0


def test_a_zombie_cannot_finish_what_another_worker_owns(bench: Bench) -> None:
    inspection = bench.submit()
    zombie, heir = bench.consumer("zombie"), bench.consumer("heir", SHORT)
    late = bench.take_one(zombie)
    [taken] = wait_until(lambda: heir.sweep(5), what="the image at its heir")
    assert zombie.finish([done(late, b'{"by":"zombie"}')]) == [LOST]
    assert bench.run(bench.results.read(inspection)).state is State.QUEUED
    assert heir.finish([done(taken)]) == [RECORDED]
    assert zombie.finish([done(late, b'{"by":"zombie"}')]) == [LOST]
    outcome = bench.run(bench.results.read(inspection)).outcome
    assert outcome is not None
    assert outcome.result == RESULT


def test_an_older_delivery_to_the_same_worker_cannot_finish(bench: Bench) -> None:
    bench.submit()
    consumer = bench.consumer("w1", SHORT)
    older = bench.take_one(consumer)
    [newer] = wait_until(lambda: consumer.sweep(5), what="the image a second time")
    assert (older.count, newer.count) == (1, 2)
    assert consumer.finish([done(older)]) == [LOST]
    assert consumer.finish([done(newer)]) == [RECORDED]


def test_an_image_that_nobody_knows_cannot_be_finished(bench: Bench) -> None:
    bench.submit()
    consumer = bench.consumer()
    delivery = bench.take_one(consumer)
    outcome = failed("nobody", "L1", InspectionFailed("?"))
    assert consumer.finish([Finished(delivery, outcome)]) == [LOST]


def test_what_one_thread_of_a_worker_took_another_one_finishes(bench: Bench) -> None:
    consumer = bench.consumer()
    other = consumer.beside()
    bench.submit()
    [delivery] = other.take(2, timedelta(seconds=5))

    # Whoever just took all there was waits for news, and an old image that comes back is none.
    consumer.hand_back([delivery])
    [again] = other.take(2, timedelta(milliseconds=50))
    assert again.count == delivery.count

    other.hang_up()
    assert consumer.renew([again]) == set(), "hanging up takes nothing from the worker"
    assert consumer.finish([done(again)]) == [RECORDED]
