"""Who is next: live before re-inspection, lines in turn, and in a line the earliest deadline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from inspector.queue.base import WITHOUT_DEADLINE, Consumer
from tests.contract.conftest import Bench
from tests.support.jobs import done

NO_WAIT = timedelta(0)
NOW = datetime.now(UTC)


def taken(consumer: Consumer, limit: int = 100) -> list[str]:
    return [delivery.job.id for delivery in consumer.take(limit, NO_WAIT)]


def test_a_line_that_floods_does_not_keep_another_waiting(bench: Bench) -> None:
    flood = [bench.submit(line="L1") for _ in range(20)]
    other = [bench.submit(line="L2") for _ in range(2)]
    third = bench.submit(line="L3")
    order = taken(bench.consumer())
    assert order[:5] == [flood[0], other[0], third, flood[1], other[1]]
    assert order[5:] == flood[2:]


def test_turns_go_on_from_one_take_to_the_next(bench: Bench) -> None:
    one = [bench.submit(line="L1") for _ in range(3)]
    two = [bench.submit(line="L2") for _ in range(3)]
    first, second = bench.consumer("w1"), bench.consumer("w2")
    order = [*taken(first, 1), *taken(second, 1), *taken(first, 1), *taken(second, 3)]
    assert order == [one[0], two[0], one[1], two[1], one[2], two[2]]


def test_a_line_that_was_quiet_has_saved_no_turns(bench: Bench) -> None:
    consumer = bench.consumer()
    bench.submit(line="L2")
    consumer.finish([done(bench.take_one(consumer))])
    one = [bench.submit(line="L1") for _ in range(3)]
    two = [bench.submit(line="L2") for _ in range(3)]
    assert taken(consumer, 4) == [one[0], two[0], one[1], two[1]]


def test_the_earliest_deadline_of_a_line_is_first(bench: Bench) -> None:
    now = datetime.now(UTC)

    def submit(deadline_ms: int | None) -> str:
        return bench.submit(deadline_ms=deadline_ms, received_at=now)

    late, none, soon, again = submit(600_000), submit(None), submit(500), submit(500)
    assert taken(bench.consumer()) == [soon, again, none, late]


def test_an_image_without_a_deadline_is_not_passed_over_for_ever(bench: Bench) -> None:
    now = datetime.now(UTC)
    patient = bench.submit(received_at=now)
    hurried = [
        bench.submit(deadline_ms=500, received_at=now + factor * WITHOUT_DEADLINE) for factor in (0.5, 2)
    ]
    assert taken(bench.consumer()) == [hurried[0], patient, hurried[1]]


def test_live_images_come_before_re_inspections(bench: Bench) -> None:
    again = [bench.submit(priority="reinspection", line="L1") for _ in range(2)]
    live = [bench.submit(line=line) for line in ("L1", "L2")]
    consumer = bench.consumer()
    assert taken(consumer, 1) == live[:1]
    assert taken(consumer, 2) == [live[1], again[0]]
    newer = bench.submit(line="L2")
    assert taken(consumer) == [newer, again[1]]


def test_what_was_handed_back_has_its_old_place(bench: Bench) -> None:
    ids = [bench.submit() for _ in range(4)]
    draining = bench.consumer("draining")
    first, second = draining.take(2, NO_WAIT)
    draining.hand_back([second, first])
    assert taken(bench.consumer("next")) == ids


def test_an_expired_image_takes_no_turn(bench: Bench) -> None:
    one = [bench.submit(line="L1", deadline_ms=1, received_at=NOW) for _ in range(2)]
    waiting = bench.submit(line="L1")
    other = bench.submit(line="L2")
    consumer = bench.consumer()
    bench.take_one(consumer)  # so that all of them stand in their places
    expired = bench.run(bench.producer.expire_overdue(NOW + timedelta(hours=1), 10))
    assert [outcome.id for outcome in expired] == one[1:]
    again = bench.submit(line="L1")
    assert taken(consumer) == [other, waiting, again]


def test_a_line_whose_images_all_expired_has_no_turn_twice(bench: Bench) -> None:
    bench.submit(line="L1", deadline_ms=1, received_at=NOW)
    first, second = bench.submit(line="L2"), bench.submit(line="L2")
    consumer = bench.consumer()
    draining = bench.consumer("draining")
    draining.hand_back(draining.take(10, NO_WAIT))
    bench.run(bench.producer.expire_overdue(NOW + timedelta(hours=1), 10))
    one = [bench.submit(line="L1") for _ in range(2)]
    order = taken(consumer)
    assert order == [first, one[0], second, one[1]]
