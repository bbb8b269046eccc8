"""A worker whose engine has lanes: a thread and an image each, the whole device for one that is alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from inspector.engines.base import Engine, FloatArray, RawOutput
from inspector.engines.pipeline import Pipeline
from inspector.errors import InspectionFailed
from inspector.messages.result import State, failed
from inspector.queue.base import Delivery, Finished
from inspector.queue.memory import MemoryQueue
from tests.support.engines import Picky
from tests.support.gateway_end import GatewayEnd
from tests.support.images import grey_png, job_of
from tests.support.waiting import wait_until
from tests.workers.conftest import LONG, Rig
from workers.hands import Hands, Held, Stage

IMAGE = grey_png(32, 32)


class TwoLanes(Picky):
    """A Laned engine: counts what ran on the whole device and what on its lanes."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, refuses=lambda _: False)
        self.shares = [Share(engine), Share(engine)]

    def lanes(self) -> Sequence[Engine]:
        return self.shares


class Share(Picky):
    """Runs one at a time, since all of them stand on one engine here; waits first, if told to."""

    _one = threading.Lock()

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, refuses=lambda _: False)
        self.gate: threading.Barrier | None = None

    def infer(self, batch: FloatArray) -> RawOutput:
        if self.gate is not None:
            self.gate.wait(20)
        with self._one:
            return super().infer(batch)


@pytest.fixture
def engine(pipeline: Pipeline) -> TwoLanes:
    return TwoLanes(pipeline.engine)


@pytest.fixture
def rig(pipeline: Pipeline, queue: MemoryQueue, engine: TwoLanes) -> Iterator[Rig]:
    made = Rig(pipeline, queue.consumer("w1", LONG), max_lease=LONG, min_idle=LONG, engine=engine)
    yield made
    made.worker.stop()


def test_an_image_that_is_alone_has_the_whole_device(gateway: GatewayEnd, rig: Rig, engine: TwoLanes) -> None:
    rig.start()
    for _ in range(3):
        [snapshot] = gateway.wait_for([gateway.submit(IMAGE)])
        assert snapshot.state is State.DONE

    assert engine.batches == [1, 1, 1]
    assert [share.batches for share in engine.shares] == [[], []]


def test_many_images_run_side_by_side_each_in_a_lane(gateway: GatewayEnd, rig: Rig, engine: TwoLanes) -> None:
    # Neither lane gets on without the other: they do run at the same time.
    for share in engine.shares:
        share.gate = threading.Barrier(2) if share is engine.shares[0] else engine.shares[0].gate
    jobs = [gateway.submit(IMAGE) for _ in range(8)]
    rig.start()
    wait_until(lambda: len(gateway.wait_for(jobs[:2])) == 2, 20, "two results")
    for share in engine.shares:
        if share.gate is not None:
            share.gate.abort()
            share.gate = None

    for snapshot in gateway.wait_for(jobs[:2]):
        assert snapshot.state is State.DONE
    assert all(share.batches for share in engine.shares)


def test_an_image_that_the_device_refuses_fails_alone(
    gateway: GatewayEnd, rig: Rig, engine: TwoLanes
) -> None:
    bright = grey_png(32, 64)
    for one in (engine, *engine.shares):
        one.refuses = lambda batch: batch.shape[3] == 64
    jobs = [gateway.submit(image) for image in (IMAGE, bright, IMAGE)]
    rig.start()

    states = [snapshot.state for snapshot in gateway.wait_for(jobs)]
    assert states == [State.DONE, State.FAILED, State.DONE]
    assert rig.compute.failure is None


def test_a_broken_image_fails_and_the_lane_goes_on(gateway: GatewayEnd, rig: Rig) -> None:
    damaged = IMAGE[:60] + bytes([IMAGE[60] ^ 255]) + IMAGE[61:]
    jobs = [gateway.submit(image) for image in (damaged, IMAGE)]
    rig.start()

    states = [snapshot.state for snapshot in gateway.wait_for(jobs)]
    assert states == [State.FAILED, State.DONE]


def test_a_device_that_fails_altogether_makes_the_worker_give_up(
    gateway: GatewayEnd, rig: Rig, engine: TwoLanes
) -> None:
    for one in (engine, *engine.shares):
        one.refuses = lambda _: True
    gateway.submit(IMAGE)
    rig.start()

    assert rig.wait() is False
    assert rig.compute.failure is not None


def test_a_lane_that_hangs_is_noticed_though_the_other_one_works(
    pipeline: Pipeline, queue: MemoryQueue, gateway: GatewayEnd, engine: TwoLanes
) -> None:
    let_go = threading.Event()
    bright = grey_png(32, 64)
    for one in (engine, *engine.shares):
        one.refuses = lambda batch: batch.shape[3] == 64 and let_go.wait(20)
    lease = timedelta(seconds=0.5)
    rig = Rig(pipeline, queue.consumer("w1", LONG), max_lease=lease, min_idle=LONG, engine=engine)
    for image in (bright, IMAGE):  # two, so that each begins in a lane
        gateway.submit(image)
    end = time.monotonic() + 10
    rig.start()
    while rig.ended is None and time.monotonic() < end:
        job = gateway.submit(IMAGE)
        wait_until(lambda job=job: rig.compute.failure or gateway.read(job).state.terminal, 20)  # type: ignore[misc]
    let_go.set()

    assert rig.wait() is False
    assert "hangs" in (rig.compute.failure or "")


def test_what_waits_for_a_lane_is_held_while_lanes_get_on() -> None:
    hands = Hands(timedelta(minutes=1))
    held = hands.accept([Delivery(entry, 1, job_of(IMAGE), IMAGE) for entry in ("1", "2", "3")])
    first, second = hands.next_for_lane(), hands.next_for_lane()
    assert first is not None
    assert second is not None
    for one in held:
        one.lease_ends = 0.0

    hands.progressed([first[0]], Stage.READING)

    assert [delivery.entry for delivery in hands.renewable()] == ["1", "3"]
    assert hands.hung(), "the second one's lane"


def test_stopped_it_hands_back_what_no_lane_has_begun() -> None:
    hands = Hands(timedelta(minutes=1))
    hands.accept([Delivery(entry, 1, job_of(IMAGE), IMAGE) for entry in ("1", "2", "3")])

    taken = hands.next_for_lane()
    assert taken is not None
    assert (taken[0].delivery.entry, taken[1]) == ("1", False)
    assert [delivery.entry for delivery in hands.withdraw(Stage.READING, Stage.READY)] == ["2", "3"]
    assert hands.next_for_lane() is None


class Taking:
    """A lane's thread that asks for one image."""

    def __init__(self, hands: Hands) -> None:
        self.taken: tuple[Held, bool] | None = None
        self._thread = threading.Thread(target=self._run, args=[hands], daemon=True)
        self._thread.start()

    def waits(self) -> bool:
        self._thread.join(0.05)
        return self._thread.is_alive()

    def got(self) -> tuple[Held, bool]:
        self._thread.join(10)
        assert self.taken is not None
        return self.taken

    def _run(self, hands: Hands) -> None:
        self.taken = hands.next_for_lane()


def hands_with(*entries: str) -> Hands:
    hands = Hands(timedelta(minutes=1))
    hands.accept([Delivery(entry, 1, job_of(IMAGE), IMAGE) for entry in entries])
    return hands


def more(hands: Hands, *entries: str) -> None:
    hands.accept([Delivery(entry, 1, job_of(IMAGE), IMAGE) for entry in entries])


def finished(held: Held) -> Finished:
    return Finished(held.delivery, failed(held.delivery.job.id, "L1", InspectionFailed("made up")))


def test_behind_one_that_has_all_cores_the_next_one_waits_and_has_them_too() -> None:
    hands = hands_with("1")
    first, alone = Taking(hands).got()
    assert alone

    more(hands, "2")
    second = Taking(hands)
    assert second.waits()
    hands.finish(first, finished(first))
    assert second.got()[1]


def test_of_two_that_waited_each_begins_in_a_lane() -> None:
    hands = hands_with("1")
    first, _ = Taking(hands).got()
    more(hands, "2", "3")
    lanes = [Taking(hands), Taking(hands)]
    hands.finish(first, finished(first))

    assert {lane.got()[0].delivery.entry for lane in lanes} == {"2", "3"}
    assert not any(lane.got()[1] for lane in lanes)


def test_nobody_waits_behind_a_large_image(pipeline: Pipeline) -> None:
    hands = hands_with("1")
    first, _ = Taking(hands).got()
    large = grey_png(1500, 1500)
    prepared = pipeline.decode(large, job_of(large).image)
    assert len(prepared.tiles) > 1
    hands.decoded(first, prepared, 1.0)

    more(hands, "2")
    assert not Taking(hands).got()[1], "the first one still has the other cores"


def test_nobody_waits_behind_an_image_that_another_worker_took_over() -> None:
    hands = hands_with("1")
    Taking(hands).got()
    more(hands, "2")
    second = Taking(hands)
    hands.release(["1"])
    assert second.got()[1]
