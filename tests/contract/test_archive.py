"""The archiver's view: every outcome once, held until it is archived, counted in the budget meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inspector.errors import Busy, ImageGone, InspectionFailed
from inspector.messages.result import Outcome, State, failed
from inspector.queue.base import Budgets, Finished, Held, Left
from tests.contract.conftest import LONG, SHORT, Bench, OpenBench
from tests.support.jobs import IMAGE, MAP, RESULT, done
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)
SOON = timedelta(seconds=5)
NG = b'{"verdict":"NG"}'


def inspect(bench: Bench, *, accept: bool = True) -> str:
    """One image all the way: accepted, or NG."""
    inspection, consumer = bench.submit(), bench.consumer()
    finished = done(bench.take_one(consumer), RESULT if accept else NG)
    if not accept:
        outcome = Outcome(inspection, "L1", State.DONE, accept=False, result=NG)
        finished = Finished(finished.delivery, outcome, MAP)
    consumer.finish([finished])
    return inspection


def test_nothing_to_archive(bench: Bench) -> None:
    archive = bench.archive()
    assert archive.take(10, NO_WAIT) == []
    assert archive.sweep(10) == []
    assert archive.jobs([]) == []
    assert archive.held("nobody") == Held(None, None)
    archive.archived([])


def test_each_outcome_comes_once_in_its_order(bench: Bench) -> None:
    first = inspect(bench)  # an archiver that comes later gets what is still there
    archive, other = bench.archive("a1"), bench.archive("a2")
    ids = [first, *(inspect(bench) for _ in range(3))]

    taken = [*archive.take(2, SOON), *other.take(5, SOON)]

    assert [one.outcome.id for one in taken] == ids
    assert taken[0].outcome.result == RESULT
    assert sorted(one.order for one in taken) == [one.order for one in taken]
    assert archive.take(5, NO_WAIT) == []


def test_what_an_archiver_does_not_archive_is_anothers(bench: Bench) -> None:
    inspection = inspect(bench)
    bench.archive("killed").take(5, SOON)
    other = bench.archive("other", SHORT)

    [one] = wait_until(lambda: other.sweep(5), what="the outcome that the other one left")

    assert one.outcome.id == inspection
    other.archived([one])
    assert bench.archive("third", timedelta(milliseconds=1)).sweep(5) == []


def test_without_an_archiver_nothing_is_held(bench: Bench) -> None:
    inspect(bench, accept=False)
    assert bench.run(bench.admin.status()).archive_bytes == 0


def test_what_is_not_accepted_is_held_and_what_is_may_leave(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(recent_bytes=1))
    archive = bench.archive()
    archive.take(1, NO_WAIT)
    ok, ng, last = inspect(bench), inspect(bench, accept=False), inspect(bench)
    held = bench.run(bench.admin.status()).archive_bytes

    assert archive.held(ok) == Held(None, None)
    assert archive.held(ng) == Held(IMAGE, MAP)
    assert bench.run(bench.results.image(ng)) == ("jpeg", IMAGE)
    assert held > len(IMAGE) + len(MAP) + len(NG)

    archive.archived(archive.take(5, SOON))

    assert bench.run(bench.admin.status()).archive_bytes == 0
    assert archive.held(ng) == Held(None, None), "the ring has no place for it"
    with pytest.raises(ImageGone):
        bench.run(bench.results.image(ng))
    assert archive.held(last).image == IMAGE, "the newest of the ring"


def test_what_is_archived_keeps_its_place_among_the_recent(bench: Bench) -> None:
    archive = bench.archive()
    archive.take(1, NO_WAIT)
    ids = [inspect(bench), inspect(bench, accept=False), inspect(bench)]
    before = bench.run(bench.admin.status())
    taken = archive.take(5, SOON)

    archive.archived(taken)
    archive.archived(taken)  # its reply was lost

    after = bench.run(bench.admin.status())
    assert [one.id for one in bench.run(bench.results.latest(5))] == ids[::-1]
    assert bench.run(bench.results.image(ids[1])) == ("jpeg", IMAGE)
    assert (after.archive_bytes, after.bytes) == (0, 0)
    assert after.recent_bytes > before.recent_bytes, "now the ring holds it"


def test_admission_closes_before_the_server_is_full_of_what_was_not_archived(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(max_bytes=20_000, recent_bytes=1))
    archive = bench.archive()
    archive.take(1, NO_WAIT)

    def fill() -> None:
        for _ in range(100):
            inspect(bench, accept=False)

    with pytest.raises(Busy, match="until the archiver has recorded them"):
        fill()
    with pytest.raises(Busy, match="until the archiver has recorded them"):
        bench.run(bench.producer.require_room("L1", len(IMAGE)))
    while taken := archive.take(10, NO_WAIT):
        archive.archived(taken)

    inspect(bench)


def test_a_failed_image_and_its_job_are_held_too(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(recent_bytes=1))
    archive = bench.archive()
    archive.take(1, NO_WAIT)
    inspection, consumer = bench.submit(part_id="SN-1"), bench.consumer()
    delivery = bench.take_one(consumer)
    consumer.finish(
        [Finished(delivery, failed(inspection, "L1", InspectionFailed("a reason"), delivery.job))]
    )
    inspect(bench)

    [one, _] = archive.take(5, SOON)
    [job] = archive.jobs([one.outcome.id])

    assert (one.outcome.state, one.outcome.id) == (State.FAILED, inspection)
    assert job is not None
    assert job.part_id == "SN-1"
    assert archive.held(inspection) == Held(IMAGE, None)


def test_a_dead_letter_that_is_requeued_has_two_outcomes_and_the_second_is_held(bench: Bench) -> None:
    archive = bench.archive("a1", LONG)
    archive.take(1, NO_WAIT)
    inspection, weak = bench.submit(), bench.consumer("weak", SHORT)
    bench.take_one(weak)

    def buried() -> int:
        weak.sweep(5)
        return bench.run(bench.admin.status()).dead_letters

    wait_until(buried, what="a burial")
    bench.run(bench.admin.requeue(inspection))
    consumer = bench.consumer()
    outcome = Outcome(inspection, "L1", State.DONE, accept=False, result=NG)
    consumer.finish([Finished(bench.take_one(consumer), outcome, MAP)])

    first, second = archive.take(5, SOON)
    archive.archived([first])

    assert (first.outcome.state, second.outcome.state) == (State.FAILED, State.DONE)
    assert first.order < second.order
    assert bench.run(bench.admin.status()).archive_bytes == second.cost > len(IMAGE)


# --- without an archiver from then on -----------------------------------------------------------------------


def test_a_queue_that_never_had_an_archiver_is_let_go_of(bench: Bench) -> None:
    assert bench.archive().detach() == Left()
    inspect(bench, accept=False)
    assert bench.run(bench.admin.status()).archive_bytes == 0


def test_what_waits_stands_in_the_way(bench: Bench) -> None:
    archive = bench.archive()
    archive.take(1, NO_WAIT)
    inspection = inspect(bench, accept=False)
    assert archive.detach() == Left(waiting=1)
    taken = archive.take(5, SOON)
    assert archive.detach() == Left(waiting=1), "in hand, and not archived"
    archive.archived(taken)
    assert archive.detach() == Left()
    assert bench.run(bench.results.image(inspection))[1] == IMAGE, "as long as the ring has room"

    inspect(bench, accept=False)
    assert bench.run(bench.admin.status()).archive_bytes == 0


def test_an_archiver_may_come_again(bench: Bench) -> None:
    archive = bench.archive()
    archive.take(1, NO_WAIT)
    assert archive.detach() == Left()
    inspect(bench, accept=False)
    again = bench.archive("again")
    assert [one.outcome.state for one in again.take(5, SOON)] == [State.DONE]
    inspect(bench, accept=False)
    assert bench.run(bench.admin.status()).archive_bytes > 0
