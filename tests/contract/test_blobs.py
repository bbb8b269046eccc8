"""Images in the blob store: the queue treats them as its own, and says when nothing needs their files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from inspector.errors import Busy, IdempotencyConflict, ImageGone, InspectionFailed, QueueUnavailable
from inspector.messages.result import Outcome, State
from inspector.queue import memory, redis_disposal
from inspector.queue.base import Budgets, Finished, Held
from tests.contract.conftest import SHORT, Bench, OpenBench
from tests.support.jobs import IMAGE, MAP, RESULT, done, job_for, key_for, new_id
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)
NG = b'{"verdict":"NG"}'
ONE_IMAGE = Budgets(recent_bytes=1, dead_bytes=1)
"""The ring holds the newest alone, and so do the dead letters."""


@pytest.fixture
def promptly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is let go of may be deleted at once."""
    for module in (memory, redis_disposal):
        monkeypatch.setattr(module, "KEEP_DISCARDED", timedelta(0))


def discarded(bench: Bench) -> list[str]:
    return bench.run(bench.disposal.discarded(100))


def finish_one(bench: Bench, *, accept: bool = True) -> None:
    consumer = bench.consumer()
    finished = done(bench.take_one(consumer))
    if not accept:
        outcome = Outcome(finished.outcome.id, "L1", State.DONE, accept=False, result=NG)
        finished = Finished(finished.delivery, outcome, MAP)
    consumer.finish([finished])


def bury(bench: Bench) -> str:
    inspection, consumer = bench.submit_stored(), bench.consumer("crashing", SHORT)
    bench.take_one(consumer)
    wait_until(lambda: consumer.sweep(5) == [] and terminal(bench, inspection), what="the burial")
    return inspection


def terminal(bench: Bench, inspection: str) -> bool:
    return bench.run(bench.results.read(inspection)).state.terminal


def test_nothing_is_discarded_where_nothing_was_stored(bench: Bench) -> None:
    bench.submit()
    finish_one(bench)
    assert discarded(bench) == []
    bench.run(bench.disposal.deleted([]))
    assert bench.run(bench.disposal.forsake([])) == []


def test_a_stored_image_is_inspected_and_shown_as_any_other(bench: Bench) -> None:
    inspection = bench.submit_stored()
    snapshot = bench.run(bench.results.read(inspection))
    assert (snapshot.state, snapshot.has_image) == (State.QUEUED, True)

    consumer = bench.consumer()
    delivery = bench.take_one(consumer)
    assert delivery.read() == IMAGE
    consumer.finish([done(delivery)])

    kind, image = bench.run(bench.results.image(inspection))
    assert not isinstance(image, bytes)
    assert (kind, image.read(), image.path.name) == ("jpeg", IMAGE, inspection)
    assert discarded(bench) == []


def test_the_other_thread_of_a_worker_sees_the_store_too(bench: Bench) -> None:
    stored, consumer = bench.submit_stored(), bench.consumer().beside()
    delivery = bench.take_one(consumer)
    assert (delivery.job.id, delivery.read()) == (stored, IMAGE)
    consumer.hang_up()


@pytest.mark.usefixtures("promptly")
def test_whether_the_queue_has_images_in_a_store(open_bench: OpenBench) -> None:
    bench = open_bench(ONE_IMAGE)
    bench.submit()
    assert not bench.run(bench.disposal.holds())
    finish_one(bench)
    bench.submit_stored()
    finish_one(bench)
    assert bench.run(bench.disposal.holds())
    bench.submit()
    finish_one(bench)
    assert not bench.run(bench.disposal.holds())


def test_it_counts_in_the_budgets_as_if_the_server_had_it(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(max_bytes=3 * len(IMAGE), line_max_bytes=3 * len(IMAGE)))
    for _ in range(2):
        bench.submit_stored()
    assert bench.run(bench.admin.status()).bytes == 2 * len(IMAGE)
    with pytest.raises(Busy):
        bench.submit_stored(IMAGE * 2)
    finish_one(bench)
    status = bench.run(bench.admin.status())
    assert status.bytes == len(IMAGE)
    assert status.recent_bytes >= len(IMAGE) + len(RESULT) + len(MAP)


@pytest.mark.usefixtures("promptly")
def test_its_file_is_discarded_once_it_has_left_the_recent_ones(open_bench: OpenBench) -> None:
    bench = open_bench(ONE_IMAGE)
    first = bench.submit_stored()
    finish_one(bench)
    assert discarded(bench) == []
    bench.submit()
    finish_one(bench)

    assert discarded(bench) == [first]
    assert discarded(bench) == [first], "until it is deleted"
    with pytest.raises(ImageGone):
        bench.run(bench.results.image(first))
    bench.run(bench.disposal.deleted([first]))
    assert discarded(bench) == []


def test_a_file_is_kept_a_moment_longer_for_a_server_that_comes_back_with_older_data(
    open_bench: OpenBench,
) -> None:
    bench = open_bench(ONE_IMAGE)
    ids = []
    for _ in range(2):
        ids.append(bench.submit_stored())
        finish_one(bench)
    assert discarded(bench) == []
    assert bench.run(bench.disposal.forsake(ids)) == [], "nor is it swept before"


@pytest.mark.usefixtures("promptly")
def test_what_the_archiver_holds_keeps_its_file_until_it_is_archived(open_bench: OpenBench) -> None:
    bench = open_bench(ONE_IMAGE)
    archive = bench.archive()
    archive.take(1, NO_WAIT)
    inspection = bench.submit_stored()
    finish_one(bench, accept=False)
    bench.submit()
    finish_one(bench)

    assert archive.held(inspection) == Held(IMAGE, MAP)
    assert bench.run(bench.admin.status()).archive_bytes > len(IMAGE) + len(MAP)
    assert discarded(bench) == []
    archive.archived(archive.take(5, NO_WAIT))
    assert discarded(bench) == [inspection]


@pytest.mark.usefixtures("promptly")
def test_an_archived_one_keeps_its_place_and_its_file_among_the_recent(bench: Bench) -> None:
    archive = bench.archive()
    archive.take(1, NO_WAIT)
    inspection = bench.submit_stored()
    finish_one(bench, accept=False)
    archive.archived(archive.take(5, NO_WAIT))

    assert archive.held(inspection).image == IMAGE
    assert bench.run(bench.admin.status()).recent_bytes >= len(IMAGE) + len(NG) + len(MAP)
    assert discarded(bench) == []


@pytest.mark.usefixtures("promptly")
def test_a_dead_letter_keeps_its_file_until_it_is_dropped(bench: Bench) -> None:
    inspection = bury(bench)
    assert bench.run(bench.admin.dead_letter(inspection)).size > len(IMAGE)
    assert discarded(bench) == []
    bench.run(bench.admin.drop(inspection))
    assert discarded(bench) == [inspection]


@pytest.mark.usefixtures("promptly")
def test_a_letter_that_is_pushed_out_leaves_its_file(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(dead_bytes=1))
    first, second = bury(bench), bury(bench)
    assert discarded(bench) == [first]
    assert bench.run(bench.admin.dead_letter(second)).id == second


@pytest.mark.usefixtures("promptly")
def test_a_requeued_one_is_inspected_from_its_file(bench: Bench) -> None:
    inspection = bury(bench)
    bench.run(bench.admin.requeue(inspection))
    consumer = bench.consumer()
    delivery = bench.take_one(consumer)
    assert (delivery.job.id, delivery.read()) == (inspection, IMAGE)
    consumer.finish([done(delivery)])
    assert discarded(bench) == []


@pytest.mark.usefixtures("promptly")
def test_an_expired_one_and_one_that_another_worker_takes_over_keep_their_files(bench: Bench) -> None:
    late = bench.submit_stored(deadline_ms=1)
    taken_over = bench.submit_stored()
    now = datetime.now(UTC) + timedelta(seconds=1)
    assert [one.id for one in bench.run(bench.producer.expire_overdue(now, 5))] == [late]
    weak, heir = bench.consumer("weak", SHORT), bench.consumer("heir", SHORT)
    bench.take_one(weak)
    [delivery] = wait_until(lambda: heir.sweep(5), what="an abandoned image")

    assert (delivery.job.id, delivery.read()) == (taken_over, IMAGE)
    assert bench.run(bench.results.read(late)).has_image
    assert discarded(bench) == []


def test_without_its_file_it_cannot_be_read_and_is_no_verdict(bench: Bench) -> None:
    bench.store.delete([bench.submit_stored()])
    delivery = bench.take_one(bench.consumer())
    with pytest.raises(InspectionFailed, match="is not in the blob store"):
        delivery.read()


def test_an_archiver_records_what_has_lost_its_file_without_it(bench: Bench) -> None:
    archive = bench.archive()
    archive.take(1, NO_WAIT)
    inspection = bench.submit_stored()
    finish_one(bench, accept=False)
    bench.store.delete([inspection])
    assert archive.held(inspection) == Held(None, MAP)


def test_what_was_accepted_is_never_given_up(bench: Bench) -> None:
    waiting, unknown = bench.submit_stored(), new_id()
    assert bench.run(bench.disposal.forsake([waiting, unknown])) == [unknown]
    finish_one(bench)
    assert bench.run(bench.disposal.forsake([waiting])) == []
    assert bench.run(bench.results.image(waiting))[0] == "jpeg"


def test_what_was_given_up_is_not_accepted_any_more(bench: Bench) -> None:
    job = job_for()
    blob = bench.store_image(job.id)
    assert bench.run(bench.disposal.forsake([job.id])) == [job.id]
    for _ in range(2):
        with pytest.raises(QueueUnavailable, match="given up"):
            bench.run(bench.producer.submit(job, blob, key_for(job)))
    assert bench.run(bench.admin.status()).depth == 0
    assert bench.run(bench.producer.submit(job_for(), IMAGE, key_for(job))).created, "the key is free"


def test_a_repeated_request_leaves_its_own_file_to_be_given_up(bench: Bench) -> None:
    first, again, other = job_for(), job_for(), job_for(IMAGE + b"!")
    key = key_for(first)
    bench.run(bench.producer.submit(first, bench.store_image(first.id), key))
    said = bench.run(bench.producer.submit(again, bench.store_image(again.id), key))
    with pytest.raises(IdempotencyConflict):
        bench.run(bench.producer.submit(other, bench.store_image(other.id), key_for(other)))

    assert (said.id, said.created) == (first.id, False)
    ids = [first.id, again.id, other.id]
    assert bench.run(bench.disposal.forsake(ids)) == [again.id, other.id]
    assert bench.take_one(bench.consumer()).read() == IMAGE


def test_a_queue_has_one_mark(bench: Bench) -> None:
    assert [bench.run(bench.disposal.mark(proposed)) for proposed in ("first", "second")] == ["first"] * 2
