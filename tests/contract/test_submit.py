"""What a gateway is promised when it submits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from inspector.errors import Busy, IdempotencyConflict, InspectionNotFound, LineBusy
from inspector.messages.result import State
from inspector.queue.base import KNOWN_ID_BYTES, Budgets
from tests.contract.conftest import Bench, OpenBench
from tests.support.jobs import IMAGE, done, job_for, key_for
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)


def test_an_empty_queue_gives_nothing(bench: Bench) -> None:
    assert bench.consumer().take(5, NO_WAIT) == []
    assert bench.consumer().take(5, timedelta(milliseconds=20)) == []


def test_a_submitted_image_reaches_a_worker_byte_for_byte(bench: Bench) -> None:
    job = job_for(part_id="Teil-\u00e9 7")
    submission = bench.run(bench.producer.submit(job, IMAGE))
    assert (submission.id, submission.created) == (job.id, True)
    delivery = bench.take_one(bench.consumer())
    assert (delivery.job, delivery.image, delivery.count) == (job, IMAGE, 1)


def test_a_submitted_image_is_queued_and_readable_at_once(bench: Bench) -> None:
    job = job_for()
    bench.run(bench.producer.submit(job, IMAGE))
    snapshot = bench.run(bench.results.read(job.id))
    assert (snapshot.id, snapshot.line, snapshot.state, snapshot.outcome) == (
        job.id,
        "L1",
        State.QUEUED,
        None,
    )
    assert (snapshot.job, snapshot.has_image, snapshot.has_attention) == (job, True, False)
    assert bench.run(bench.results.image(job.id)) == ("jpeg", IMAGE)


def test_images_come_in_the_order_they_were_submitted(bench: Bench) -> None:
    ids = [bench.submit() for _ in range(5)]
    consumer = bench.consumer()
    first = consumer.take(3, NO_WAIT)
    assert [delivery.job.id for delivery in first + consumer.take(3, NO_WAIT)] == ids


def test_an_id_submitted_twice_is_one_job(bench: Bench) -> None:
    job = job_for()
    answers = [bench.run(bench.producer.submit(job, IMAGE)) for _ in range(2)]
    assert [(answer.id, answer.created) for answer in answers] == [(job.id, True), (job.id, False)]
    assert len(bench.consumer().take(5, NO_WAIT)) == 1


def test_the_same_key_and_request_is_the_same_job(bench: Bench) -> None:
    first, second = job_for(), job_for()
    bench.run(bench.producer.submit(first, IMAGE, key_for(first)))
    again = bench.run(bench.producer.submit(second, IMAGE, key_for(second)))
    assert (again.id, again.created) == (first.id, False)
    assert len(bench.consumer().take(5, NO_WAIT)) == 1
    with pytest.raises(InspectionNotFound):
        bench.run(bench.results.read(second.id))


def test_a_key_still_names_its_job_when_that_is_finished(bench: Bench) -> None:
    first, second = job_for(), job_for()
    bench.run(bench.producer.submit(first, IMAGE, key_for(first)))
    consumer = bench.consumer()
    consumer.finish([done(bench.take_one(consumer))])
    again = bench.run(bench.producer.submit(second, IMAGE, key_for(second)))
    assert (again.id, again.created) == (first.id, False)


def test_a_key_used_again_for_another_request_conflicts_and_stores_nothing(bench: Bench) -> None:
    first, other = job_for(), job_for(line="L2")
    bench.run(bench.producer.submit(first, IMAGE, key_for(first)))
    with pytest.raises(IdempotencyConflict, match=first.id):
        bench.run(bench.producer.submit(other, IMAGE, key_for(other)))
    assert bench.run(bench.admin.status()).depth == 1


def test_other_keys_are_other_jobs(bench: Bench) -> None:
    for key in ("a", "b", "", "a:b\n\u2603"):
        job = job_for()
        assert bench.run(bench.producer.submit(job, IMAGE, key_for(job, key))).created
    assert bench.run(bench.admin.status()).depth == 4


@pytest.mark.parametrize("budgets", [Budgets(max_depth=2), Budgets(max_bytes=2 * len(IMAGE))])
def test_over_a_budget_is_busy_and_stores_nothing(open_bench: OpenBench, budgets: Budgets) -> None:
    bench = open_bench(budgets)
    bench.run(bench.producer.require_room("L1", len(IMAGE)))
    for _ in range(2):
        bench.submit()
    refused = job_for()
    for question in (
        bench.producer.require_room("L1", len(IMAGE)),
        bench.producer.submit(refused, IMAGE, key_for(refused)),
    ):
        with pytest.raises(Busy) as busy:
            bench.run(question)
        assert busy.type is Busy
        assert busy.value.retry_after_s >= 1
    with pytest.raises(InspectionNotFound):
        bench.run(bench.results.read(refused.id))
    status = bench.run(bench.admin.status())
    assert (status.depth, status.bytes) == (2, 2 * len(IMAGE))


def test_a_job_that_is_known_is_answered_even_when_the_queue_is_full(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(max_depth=1))
    job, again = job_for(), job_for()
    bench.run(bench.producer.submit(job, IMAGE, key_for(job)))
    assert bench.run(bench.producer.submit(again, IMAGE, key_for(again))).id == job.id


def test_a_finished_image_makes_room(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(max_depth=1))
    bench.submit()
    consumer = bench.consumer()
    consumer.finish([done(bench.take_one(consumer))])
    refused = job_for()
    assert bench.run(bench.producer.submit(refused, IMAGE)).created


OWN_LIMITS = [Budgets(line_max_depth=2), Budgets(line_max_bytes=2 * len(IMAGE))]


@pytest.mark.parametrize("budgets", OWN_LIMITS)
def test_a_line_over_its_own_budget_is_refused_and_the_others_go_on(
    open_bench: OpenBench, budgets: Budgets
) -> None:
    bench = open_bench(budgets)
    for _ in range(2):
        bench.run(bench.producer.require_room("L1", len(IMAGE)))
        bench.submit(line="L1")
    refused = job_for(line="L1")
    for question in (
        bench.producer.require_room("L1", len(IMAGE)),
        bench.producer.submit(refused, IMAGE, key_for(refused)),
    ):
        with pytest.raises(LineBusy) as busy:
            bench.run(question)
        assert busy.value.retry_after_s >= 1
    with pytest.raises(InspectionNotFound):
        bench.run(bench.results.read(refused.id))
    bench.run(bench.producer.require_room("L2", len(IMAGE)))
    bench.submit(line="L2")
    assert bench.run(bench.admin.status()).depth == 3


@pytest.mark.parametrize("budgets", OWN_LIMITS)
def test_whatever_ends_a_lines_image_makes_room_for_its_next(open_bench: OpenBench, budgets: Budgets) -> None:
    bench = open_bench(budgets)
    received = datetime.now(UTC)
    bench.submit(line="L2")
    for _ in range(2):
        bench.submit(line="L1")
        bench.submit(line="L1", deadline_ms=1, received_at=received)
        assert len(bench.run(bench.producer.expire_overdue(received + timedelta(hours=1), 5))) == 1
        consumer = bench.consumer()
        consumer.finish([done(delivery) for delivery in consumer.take(5, NO_WAIT)])
        bench.submit(line="L2")
    for _ in range(2):
        bench.submit(line="L1")
    with pytest.raises(LineBusy):
        bench.submit(line="L1")


def test_remembered_ids_count_in_the_byte_budget(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(max_bytes=2 * KNOWN_ID_BYTES + len(IMAGE)))
    consumer = bench.consumer()
    for _ in range(2):
        bench.submit()
        consumer.finish([done(bench.take_one(consumer))])
    status = bench.run(bench.admin.status())
    assert (status.bytes, status.known_bytes) == (0, 2 * KNOWN_ID_BYTES)
    bench.submit()
    with pytest.raises(Busy, match="forget_after_h"):
        bench.submit()


def test_an_id_that_is_forgotten_makes_room(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(max_bytes=KNOWN_ID_BYTES, forget_after=timedelta(milliseconds=240)))
    bench.submit()
    consumer = bench.consumer()
    consumer.finish([done(bench.take_one(consumer))])
    with pytest.raises(Busy):
        bench.submit()

    def accepted() -> bool:
        try:
            bench.submit()
        except Busy:
            return False
        return True

    wait_until(accepted, what="room")
    assert bench.run(bench.admin.status()).known_bytes == 0
