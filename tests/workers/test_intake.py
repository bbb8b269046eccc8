"""The thread that waits for images while the network thread records."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta

from inspector.errors import QueueUnavailable
from inspector.queue.base import Consumer, Delivery
from inspector.queue.memory import MemoryConsumer, MemoryQueue
from tests.support.gateway_end import GatewayEnd
from tests.support.images import grey_png
from tests.support.waiting import wait_until
from tests.workers.conftest import LONG, MakeRig
from workers.hands import Hands
from workers.inspect import FULL_WAIT
from workers.intake import Intake

IMAGE = grey_png(32, 32)


class Slow(MemoryConsumer):
    """Its take comes back only when told to, with what waits then; says so when it is under way."""

    def __init__(self, queue: MemoryQueue) -> None:
        plain = queue.consumer("w1", LONG)
        super().__init__(plain._store, "w1", LONG)
        self.under_way, self.go = threading.Event(), threading.Event()

    def take(self, limit: int, wait: timedelta) -> list[Delivery]:
        self.under_way.set()
        assert self.go.wait(20)
        return super().take(limit, wait)


class Broken(MemoryConsumer):
    """Does not answer `times` times."""

    def __init__(self, queue: MemoryQueue, times: int) -> None:
        plain = queue.consumer("w1", LONG)
        super().__init__(plain._store, "w1", LONG)
        self.times = times

    def take(self, limit: int, wait: timedelta) -> list[Delivery]:
        if self.times:
            self.times -= 1
            raise QueueUnavailable("the queue server does not answer")
        return super().take(limit, wait)


def intake_of(consumer: Consumer, hands: Hands, room: int = 8) -> tuple[Intake, list[Delivery]]:
    begun: list[Delivery] = []

    def begin(deliveries: Sequence[Delivery]) -> None:
        begun.extend(deliveries)
        hands.accept(deliveries)

    return Intake(consumer, hands, 2, lambda: room, begin), begun


def test_it_takes_while_there_is_something_to_begin_an_image_with(
    gateway: GatewayEnd, queue: MemoryQueue
) -> None:
    hands = Hands(LONG)
    intake, begun = intake_of(queue.consumer("w1", LONG), hands, room=1)
    intake.start()
    first, second, third = (gateway.submit(IMAGE).id for _ in range(3))

    wait_until(lambda: len(begun) == 2, what="two begun")
    assert {one.job.id for one in begun} == {first, second}
    hands.release([begun[0].entry])
    wait_until(lambda: len(begun) == 3, what="the third, once one of them is recorded")
    assert begun[2].job.id == third

    intake.stop()
    wait_until(lambda: intake.ended, what="its end")


def test_what_comes_behind_the_end_is_not_begun(gateway: GatewayEnd, queue: MemoryQueue) -> None:
    hands, consumer = Hands(LONG), Slow(queue)
    intake, begun = intake_of(consumer, hands)
    intake.start()
    job = gateway.submit(IMAGE).id
    assert consumer.under_way.wait(20)

    intake.stop()
    assert not intake.ended
    consumer.go.set()
    wait_until(lambda: intake.ended, what="its end")

    assert [one.job.id for one in intake.late()] == [job]
    assert not begun
    assert not intake.late()


def test_a_worker_that_stops_hands_back_what_was_on_its_way(
    gateway: GatewayEnd, queue: MemoryQueue, make_rig: MakeRig
) -> None:
    class Main(MemoryConsumer):
        def beside(self) -> MemoryConsumer:
            return slow

    slow = Slow(queue)
    rig = make_rig(Main(slow._store, "w1", LONG)).start()
    assert slow.under_way.wait(20)
    rig.worker.stop()
    wait_until(lambda: rig.health.answer("/readyz")[2] == b"stopping\n", what="the drain")
    job = gateway.submit(IMAGE).id
    slow.go.set()
    assert rig.wait() is True

    [again] = queue.consumer("w2", LONG).take(1, timedelta(seconds=5))
    assert (again.job.id, again.count) == (job, 1), "no delivery is counted for it"


def test_a_worker_that_cannot_take_any_more_ends(queue: MemoryQueue, make_rig: MakeRig) -> None:
    """It would live, say that it is ready, and leave all images to wait."""

    class Breaks(MemoryConsumer):
        def take(self, limit: int, wait: timedelta) -> list[Delivery]:
            raise MemoryError("no room for the images")

    class Main(MemoryConsumer):
        def beside(self) -> MemoryConsumer:
            return Breaks(self._store, "w1", LONG)

    rig = make_rig(Main(queue.store, "w1", LONG)).start()
    assert rig.wait() is False
    assert rig.compute.failure == "no image is taken any more: MemoryError: no room for the images"


def test_a_worker_that_stops_sleeps_until_what_is_on_its_way_has_come(
    queue: MemoryQueue, make_rig: MakeRig
) -> None:
    turns: list[float] = []

    class Main(MemoryConsumer):
        def beside(self) -> MemoryConsumer:
            return slow

        def hand_back(self, deliveries: Sequence[Delivery]) -> None:
            turns.append(time.monotonic())
            super().hand_back(deliveries)

    slow = Slow(queue)
    rig = make_rig(Main(queue.store, "w1", LONG)).start()
    assert slow.under_way.wait(20)
    rig.worker.stop()
    wait_until(lambda: len(turns) >= 2, what="two turns of the drain")
    slow.go.set()
    assert rig.wait() is True
    assert turns[1] - turns[0] >= FULL_WAIT.total_seconds() / 2


def test_a_queue_that_does_not_answer_is_tried_again(gateway: GatewayEnd, queue: MemoryQueue) -> None:
    job = gateway.submit(IMAGE).id
    intake, begun = intake_of(Broken(queue, 2), Hands(LONG))
    intake.start()
    wait_until(lambda: begun, what="the image")
    assert begun[0].job.id == job
    intake.stop()
    wait_until(lambda: intake.ended, what="its end")
