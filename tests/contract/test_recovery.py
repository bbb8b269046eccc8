"""Workers die, pause and leave; images do not."""

from __future__ import annotations

import json
import time
from datetime import timedelta

from inspector.messages.result import State
from inspector.queue.base import Delivery, FinishStatus
from tests.contract.conftest import LONG, SHORT, Bench
from tests.contract.test_finish import announced
from tests.support.jobs import IMAGE, done
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)


def test_the_images_of_a_dead_worker_restart_at_another(bench: Bench) -> None:
    ids = {bench.submit() for _ in range(5)}
    dead, heir = bench.consumer("dead"), bench.consumer("heir", SHORT)
    assert len(dead.take(5, NO_WAIT)) == 5
    swept: list[Delivery] = []

    def all_swept() -> bool:
        swept.extend(heir.sweep(2))
        return {delivery.job.id for delivery in swept} == ids

    wait_until(all_swept, what="all images at the heir, two a sweep")
    assert all(delivery.image == IMAGE for delivery in swept)


def test_a_sweep_leaves_alone_what_waits_or_is_renewed(bench: Bench) -> None:
    bench.submit()
    other = bench.consumer("other", LONG)
    assert other.sweep(5) == []
    bench.take_one(bench.consumer("w1"))
    assert other.sweep(5) == []


def test_a_heartbeat_keeps_an_image(bench: Bench) -> None:
    bench.submit()
    slow, other = bench.consumer("slow"), bench.consumer("other", timedelta(milliseconds=300))
    delivery = bench.take_one(slow)
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        assert slow.renew([delivery]) == set()
        assert other.sweep(5) == []
    assert slow.finish([done(delivery)]) == [FinishStatus.RECORDED]


def test_a_heartbeat_tells_what_is_lost_and_does_not_steal_it_back(bench: Bench) -> None:
    bench.submit()
    bench.submit()
    paused, heir = bench.consumer("paused"), bench.consumer("heir", SHORT)
    lost = bench.take_one(paused)
    [taken] = wait_until(lambda: heir.sweep(1), what="the image at its heir")
    kept = bench.take_one(paused)
    assert paused.renew([]) == set()
    assert paused.renew([lost, kept]) == {lost.entry}
    assert heir.finish([done(taken)]) == [FinishStatus.RECORDED]
    assert paused.renew([lost, kept]) == {lost.entry}
    assert paused.finish([done(kept)]) == [FinishStatus.RECORDED]


def test_a_poison_image_is_buried_after_three_deliveries_and_announced(bench: Bench) -> None:
    inspection = bench.submit(part_id="SN-7")
    consumer = bench.consumer("w1", SHORT)
    counts = [bench.take_one(consumer).count]
    for _ in range(2):
        [delivery] = wait_until(lambda: consumer.sweep(5), what="the next delivery")
        counts.append(delivery.count)
    assert counts == [1, 2, 3]

    def buried() -> bool:
        assert consumer.sweep(5) == []
        return bench.run(bench.results.read(inspection)).state.terminal

    wait_until(buried, what="the burial")
    [seen] = announced(bench, 1)
    assert (seen.outcome.id, seen.outcome.state, seen.outcome.accept) == (inspection, State.FAILED, False)
    assert seen.outcome.error is not None
    error = json.loads(seen.outcome.error)
    assert (error["code"], error["part"]["part_id"]) == ("poison-image", "SN-7")
    assert consumer.finish([done(delivery)]) == [FinishStatus.LOST]
    status = bench.run(bench.admin.status())
    assert (status.depth, status.bytes, status.dead_letters) == (0, 0, 1)


def test_what_was_handed_back_is_the_next_takers_at_once(bench: Bench) -> None:
    ids = [bench.submit() for _ in range(3)]
    leaving, heir = bench.consumer("leaving"), bench.consumer("heir", LONG)
    started, *unstarted = leaving.take(3, NO_WAIT)
    leaving.hand_back([])
    leaving.hand_back(unstarted)
    assert heir.sweep(5) == []
    assert [delivery.job.id for delivery in heir.take(5, NO_WAIT)] == ids[1:]
    assert leaving.finish([done(started), done(unstarted[0])]) == [FinishStatus.RECORDED, FinishStatus.LOST]


def test_handing_back_is_no_delivery(bench: Bench) -> None:
    bench.submit()
    first = bench.consumer("w0")
    delivery = bench.take_one(first)
    first.hand_back([delivery])
    for n in range(1, 6):
        worker = bench.consumer(f"w{n}")
        delivery = bench.take_one(worker)
        assert delivery.count == 1
        worker.hand_back([delivery])


def test_deliveries_before_a_hand_back_count(bench: Bench) -> None:
    bench.submit()
    bench.take_one(bench.consumer("dead"))
    draining = bench.consumer("draining", SHORT)
    [second] = wait_until(lambda: draining.sweep(5), what="the second delivery")
    draining.hand_back([second])
    assert bench.take_one(bench.consumer("next")).count == second.count == 2


def test_only_the_owner_can_hand_back(bench: Bench) -> None:
    bench.submit()
    zombie, heir, third = bench.consumer("zombie"), bench.consumer("heir", SHORT), bench.consumer("third")
    late = bench.take_one(zombie)
    [taken] = wait_until(lambda: heir.sweep(5), what="the image at its heir")
    zombie.hand_back([late])
    assert third.take(5, NO_WAIT) == []
    assert heir.finish([done(taken)]) == [FinishStatus.RECORDED]


def test_a_worker_that_leaves_with_an_image_in_its_hands_does_not_lose_it(bench: Bench) -> None:
    inspection = bench.submit()
    leaving, heir = bench.consumer("leaving"), bench.consumer("heir", SHORT)
    bench.take_one(leaving)
    leaving.close()
    [taken] = wait_until(lambda: heir.sweep(5), what="the image at its heir")
    assert taken.job.id == inspection
