"""The thread that waits for images: on a consumer of its own, so that the network thread is free to record.

While the worker has something to begin them with, new images come the moment they are there; nobody looks for
them in turns, which would wake the cores that compute, and find most of them late. Once all have work, what
is fetched ahead comes with the outcomes, on the network thread's trips.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from inspector.errors import QueueUnavailable
from inspector.queue.base import Consumer, Delivery
from workers.hands import Hands
from workers.pace import STEP_S, Backoff

log = logging.getLogger(__name__)

WAIT = timedelta(milliseconds=500)
"""How long a take blocks; also how late an end may be noticed, and an image that came back without news."""


class Intake:
    """`consumer` is the worker's own, beside the network thread's; closed here. `at_once` is how many images
    the worker can begin without waiting, `room` how many it may take, `begin` gets what came."""

    def __init__(
        self,
        consumer: Consumer,
        hands: Hands,
        at_once: int,
        room: Callable[[], int],
        begin: Callable[[Sequence[Delivery]], None],
    ) -> None:
        self._consumer = consumer
        self._hands = hands
        self._at_once = at_once
        self._room = room
        self._begin = begin
        self.failure: str | None = None
        """Why it takes nothing any more, though nobody stopped it."""
        self._stopping = False
        self._late: list[Delivery] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Nothing begins from here on."""
        with self._lock:
            self._stopping = True

    @property
    def ended(self) -> bool:
        """After `stop`: a take that was under way has come back."""
        return not self._thread.is_alive()

    def wait_for_end(self, timeout: timedelta) -> None:
        """After `stop`."""
        self._thread.join(timeout.total_seconds())

    def late(self) -> list[Delivery]:
        """What came after `stop`: to be handed back."""
        with self._lock:
            late, self._late = self._late, []
        return late

    def _run(self) -> None:
        try:
            self._take_until_stopped()
        except BaseException as error:
            log.exception("the thread that takes images broke")
            self.failure = f"no image is taken any more: {type(error).__name__}: {error}"
        self._consumer.hang_up()

    def _take_until_stopped(self) -> None:
        backoff = Backoff()
        while not self._stopping:
            try:
                self._turn()
                backoff.reset()
            except QueueUnavailable as error:
                if backoff.first:
                    log.warning("%s; no image is taken until it answers", error)
                self._rest(backoff.next_s())

    def _turn(self) -> None:
        if self._hands.wait_for_fewer(self._at_once, WAIT) and (room := self._room()):
            self._came(self._consumer.take(room, WAIT))

    def _came(self, deliveries: Sequence[Delivery]) -> None:
        with self._lock:
            if self._stopping:
                self._late.extend(deliveries)
            elif deliveries:
                self._begin(deliveries)

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, STEP_S))
