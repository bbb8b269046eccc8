"""The worker as a whole, on the queue in memory: what becomes of an image."""

from __future__ import annotations

import hashlib
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from inspector.engines.base import FloatArray
from inspector.errors import QueueUnavailable
from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of
from inspector.imaging.overlay import encode_png
from inspector.messages.recipe import Recipe, Thresholds
from inspector.messages.result import Failure, Result, State
from inspector.queue.base import Snapshot
from inspector.queue.memory import MemoryQueue
from tests.support.engines import Blobs
from tests.support.gateway_end import GatewayEnd
from tests.support.images import grey_png
from tests.support.pictures import jpeg
from tests.support.waiting import wait_until
from tests.workers.conftest import MakeRig
from workers.hands import Stage

IMAGE = grey_png()
STRICT = Recipe(id="strict", version=3, thresholds=Thresholds(default=0.06))
"""So low that the untrained model finds something."""


def result_of(snapshot: Snapshot) -> Result:
    assert snapshot.outcome is not None
    assert snapshot.outcome.result is not None, snapshot.outcome.error
    return Result.model_validate_json(snapshot.outcome.result)


def error_of(snapshot: Snapshot) -> Failure:
    assert snapshot.outcome is not None
    assert snapshot.outcome.error is not None, snapshot.outcome.result
    assert not snapshot.outcome.accept
    return Failure.model_validate_json(snapshot.outcome.error)


def test_an_image_gets_its_verdict_boxes_and_map(gateway: GatewayEnd, make_rig: MakeRig) -> None:
    job = gateway.submit(IMAGE, part_id="P1", recipe=STRICT)
    rig = make_rig().start()

    [snapshot] = gateway.wait_for([job])

    result = result_of(snapshot)
    assert (snapshot.state, result.verdict) == (State.DONE, "NG")
    assert result.findings[0].counted
    assert result.reasons[0].threshold == 0.06
    assert (result.part_id, result.recipe, result.model.name) == ("P1", STRICT.ref(), "tiny")
    attention = gateway.attention(job)
    size = (result.attention.height, result.attention.width)
    assert decode(attention, facts_of(attention), 1).shape == size
    wait_until(lambda: rig.counted("verdicts_total", line="L1", verdict="NG") == 1, what="a count")
    counted = sum(finding.counted for finding in result.findings)
    total = sum(
        rig.counted("findings_total", **{"line": "L1", "class": name})
        for name in rig.pipeline.bundle.manifest.classes
    )
    assert total == counted


def test_a_good_image_is_accepted(gateway: GatewayEnd, make_rig: MakeRig) -> None:
    jobs = [gateway.submit(IMAGE), gateway.submit(IMAGE, deadline_ms=60_000)]
    make_rig().start()

    for snapshot in gateway.wait_for(jobs):
        assert result_of(snapshot).verdict == "OK"
        assert snapshot.outcome is not None
        assert snapshot.outcome.accept


def test_a_large_image_that_takes_longer_than_a_lease_is_no_hang(
    gateway: GatewayEnd, make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.engines.pipeline.RUN_PIXELS", 128 * 128)
    job = gateway.submit(encode_png(np.pad(np.full((3, 3), 255, np.uint8), ((400, 197), (100, 197)))))
    rig = make_rig(max_lease=timedelta(milliseconds=400))
    rig.engine.engine = Blobs()
    began = time.monotonic()
    # Every run is slow, none is near the lease; all 36 of them are well beyond it.
    rig.engine.refuses = lambda _: threading.Event().wait(0.03)
    rig.start()

    [snapshot] = gateway.wait_for([job])

    assert time.monotonic() - began > 1.0
    result = result_of(snapshot)
    assert (result.attention.height, result.attention.width) == (75, 38)
    assert [finding.box for finding in result.findings] == [(100, 400, 103, 403)]


def test_many_images_of_many_sizes(gateway: GatewayEnd, make_rig: MakeRig) -> None:
    sizes = [(32 + 8 * index, 200 - 5 * index) for index in range(25)]
    jobs = [gateway.submit(grey_png(*size)) for size in sizes]
    rig = make_rig().start()

    snapshots = gateway.wait_for(jobs)

    assert [(result_of(s).image.height, result_of(s).image.width) for s in snapshots] == sizes
    assert max(rig.engine.batches) <= 4
    wait_until(lambda: rig.counted("verdicts_total", line="L1", verdict="OK") == 25, what="25 counts")
    assert rig.counted("batch_size_sum") == 25


@pytest.mark.parametrize("cut", [10, 700])
def test_a_truncated_jpeg_fails_and_never_gets_a_verdict(
    gateway: GatewayEnd, make_rig: MakeRig, cut: int
) -> None:
    whole = jpeg(64, 48)
    image = whole[:-cut]
    digest = hashlib.sha256(image).hexdigest()
    job = gateway.submit(image, facts_of(whole).model_copy(update={"sha256": digest}))
    good = gateway.submit(IMAGE)
    make_rig().start()

    broken, fine = gateway.wait_for([job, good])

    assert (broken.state, error_of(broken).code) == (State.FAILED, "broken-image")
    assert fine.state is State.DONE


def test_other_bytes_than_were_received_fail(gateway: GatewayEnd, make_rig: MakeRig) -> None:
    job = gateway.submit(IMAGE, facts_of(grey_png(seed=9)))
    make_rig().start()

    [snapshot] = gateway.wait_for([job])

    assert error_of(snapshot).code == "digest-mismatch"


def test_a_recipe_for_another_model_fails_and_says_which(gateway: GatewayEnd, make_rig: MakeRig) -> None:
    job = gateway.submit(IMAGE, recipe=Recipe(id="r", version=1, model="glass"))
    own = gateway.submit(IMAGE, recipe=Recipe(id="r", version=1, model="tiny"))
    make_rig().start()

    other, fine = gateway.wait_for([job, own])

    assert error_of(other).detail == "recipe 'r' is for model 'glass', not 'tiny'"
    assert fine.state is State.DONE


def test_a_missed_deadline_expires_and_is_not_computed(gateway: GatewayEnd, make_rig: MakeRig) -> None:
    job = gateway.submit(IMAGE, deadline_ms=0)
    rig = make_rig().start()

    [snapshot] = gateway.wait_for([job])

    assert (snapshot.state, error_of(snapshot).code) == (State.EXPIRED, "deadline-expired")
    assert rig.engine.batches == []
    wait_until(lambda: rig.counted("expired_total", line="L1") == 1, what="a count")


def test_one_that_finishes_late_is_done_and_not_accepted(gateway: GatewayEnd, make_rig: MakeRig) -> None:
    job = gateway.submit(IMAGE, deadline_ms=3_000)
    rig = make_rig()

    def slow(_: FloatArray) -> bool:
        wait_until(lambda: job.missed(datetime.now(UTC)), what="the deadline")
        return False

    rig.engine.refuses = slow
    rig.start()

    [snapshot] = gateway.wait_for([job])

    assert result_of(snapshot).verdict == "OK"
    assert result_of(snapshot).deadline_missed
    assert snapshot.outcome is not None
    assert not snapshot.outcome.accept


def test_one_bad_image_does_not_fail_its_neighbours(gateway: GatewayEnd, make_rig: MakeRig) -> None:
    bad = gateway.submit(grey_png(64, 64))
    good = [gateway.submit(IMAGE) for _ in range(5)]
    rig = make_rig()
    rig.engine.refuses = lambda batch: batch.shape[2:] == (64, 64)
    rig.start()

    first, *others = gateway.wait_for([bad, *good])

    assert error_of(first).code == "inspection-failed"
    assert [snapshot.state for snapshot in others] == [State.DONE] * 5
    assert rig.ended is None


def test_a_device_that_broke_fails_no_part_but_ends_the_worker(
    gateway: GatewayEnd, make_rig: MakeRig, queue: MemoryQueue
) -> None:
    jobs = [gateway.submit(IMAGE) for _ in range(10)]
    broken = make_rig()
    broken.engine.refuses = lambda _: True

    assert broken.start().wait() is False
    assert [gateway.read(job).state for job in jobs] == [State.QUEUED] * 10

    make_rig(queue.consumer("w2")).start()
    assert {snapshot.state for snapshot in gateway.wait_for(jobs)} == {State.DONE}


def test_a_model_that_fails_every_real_image_stops_before_it_failed_them_all(
    gateway: GatewayEnd, make_rig: MakeRig
) -> None:
    jobs = [gateway.submit(IMAGE) for _ in range(10)]
    rig = make_rig()
    rig.engine.refuses = lambda batch: bool(batch.any())  # only the empty image of the probe passes

    assert rig.start().wait() is False

    states = [gateway.read(job).state for job in jobs]
    assert states.count(State.FAILED) == 2
    assert states.count(State.QUEUED) == 8
    assert rig.health.answer("/readyz")[0] == 503


def test_a_device_that_hangs_ends_the_worker_and_releases_its_images(
    gateway: GatewayEnd, make_rig: MakeRig, queue: MemoryQueue
) -> None:
    released = threading.Event()
    jobs = [gateway.submit(IMAGE) for _ in range(6)]
    hanging = make_rig(max_lease=timedelta(milliseconds=200))
    hanging.engine.refuses = lambda _: released.wait() and False

    assert hanging.start().wait() is False

    make_rig(queue.consumer("w2", timedelta(milliseconds=50)), min_idle=timedelta(milliseconds=50)).start()
    assert {snapshot.state for snapshot in gateway.wait_for(jobs)} == {State.DONE}
    released.set()


def test_stop_finishes_what_is_computed_and_hands_the_rest_back(
    gateway: GatewayEnd, make_rig: MakeRig, queue: MemoryQueue
) -> None:
    go = threading.Event()
    jobs = [gateway.submit(IMAGE) for _ in range(20)]
    rig = make_rig()
    rig.engine.refuses = lambda _: not go.wait(20)
    rig.start()
    wait_until(lambda: len(rig.hands) == 8, what="two batches in hand")
    computing = wait_until(lambda: rig.hands.count(Stage.COMPUTING), what="a batch under way")

    rig.worker.stop()
    wait_until(lambda: len(rig.hands) == computing, what="the rest handed back")
    go.set()

    assert rig.wait() is True
    states = [gateway.read(job).state for job in jobs]
    assert states.count(State.DONE) == computing
    assert rig.health.answer("/readyz") == (503, "text/plain; charset=utf-8", b"stopping\n")

    make_rig(queue.consumer("w2")).start()  # of a min_idle of 30 s: only what was handed back comes sooner
    gateway.wait_for(jobs)


def test_a_zombie_does_not_overwrite_and_is_counted_as_lost(
    gateway: GatewayEnd, make_rig: MakeRig, queue: MemoryQueue
) -> None:
    go = threading.Event()
    job = gateway.submit(IMAGE)
    slow = make_rig()  # its heartbeat comes every 7.5 s: for the other one it is dead
    slow.engine.refuses = lambda _: not go.wait(20)
    slow.start()
    wait_until(lambda: slow.hands.count(Stage.COMPUTING) == 1, what="the model at work")

    other = make_rig(queue.consumer("w2", timedelta(milliseconds=50)), min_idle=timedelta(milliseconds=50))
    other.start()
    [first] = gateway.wait_for([job])
    go.set()

    wait_until(lambda: slow.counted("lost_total") == 1, what="the count of the lost one")
    assert gateway.read(job).outcome == first.outcome
    assert slow.counted("verdicts_total", line="L1", verdict="OK") == 0


def test_a_line_that_no_setting_names_counts_under_other(gateway: GatewayEnd, make_rig: MakeRig) -> None:
    gateway.submit(IMAGE, line="L77")
    rig = make_rig().start()

    wait_until(lambda: rig.counted("verdicts_total", line="other", verdict="OK") == 1, what="a count")


def test_an_idle_worker_is_ready_and_reports_itself(gateway: GatewayEnd, make_rig: MakeRig) -> None:
    rig = make_rig().start()

    wait_until(lambda: rig.health.answer("/readyz")[0] == 200, what="a ready worker")
    [worker] = gateway.status().workers
    assert (worker.name, worker.engine, worker.model) == ("w1", "picky", "tiny 1")
    assert rig.stop() is True
    assert gateway.status().workers == []


class Unreliable:
    """A consumer whose server is away while `away`."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self.away = False

    def __getattr__(self, name: str) -> Any:
        if self.away:
            raise QueueUnavailable("it is away")
        return getattr(self._consumer, name)


def test_results_of_a_time_without_queue_are_kept_until_it_is_back(
    gateway: GatewayEnd, make_rig: MakeRig, queue: MemoryQueue
) -> None:
    consumer = Unreliable(queue.consumer("w1"))
    jobs = [gateway.submit(IMAGE) for _ in range(4)]
    rig = make_rig(consumer)

    def goes_away(_: FloatArray) -> bool:
        consumer.away = True
        return False

    rig.engine.refuses = goes_away
    rig.start()
    wait_until(lambda: rig.health.answer("/readyz")[2] == b"it is away\n", what="an unready worker")
    rig.engine.refuses = lambda _: False
    consumer.away = False

    assert {snapshot.state for snapshot in gateway.wait_for(jobs)} == {State.DONE}
    assert np.sum(rig.engine.batches) == 4, "computed again"
    wait_until(lambda: rig.health.answer("/readyz")[0] == 200, what="a ready worker")


def test_a_result_that_the_queue_took_only_after_the_deadline_is_not_accepted(
    gateway: GatewayEnd, make_rig: MakeRig, queue: MemoryQueue
) -> None:
    consumer = Unreliable(queue.consumer("w1"))
    job = gateway.submit(IMAGE, deadline_ms=2_000)
    rig = make_rig(consumer)

    def goes_away(_: FloatArray) -> bool:
        consumer.away = True
        return False

    rig.engine.refuses = goes_away
    rig.start()
    wait_until(lambda: rig.hands.count(Stage.FINISHED) == 1, what="a result")
    wait_until(lambda: job.missed(datetime.now(UTC)), what="the deadline")
    consumer.away = False

    [snapshot] = gateway.wait_for([job])

    result = result_of(snapshot)
    assert (result.verdict, result.deadline_missed) == ("OK", True)
    assert snapshot.outcome is not None
    assert not snapshot.outcome.accept
    wait_until(lambda: rig.counted("deadline_missed_total", line="L1") == 1, what="a count")
