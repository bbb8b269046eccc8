"""Hands: what this worker holds, from taken to recorded. The only place where its threads meet.

    READING -> READY -> COMPUTING -> FINISHED -> (recorded, released)
       readers     compute thread       network thread

    READING ----------> COMPUTING -> FINISHED -> (recorded, released)
                 a lane                 network thread

An image leaves early when another worker owns it now (forget), or when this one is stopping (withdraw).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from inspector.imaging.preprocess import Prepared
from inspector.messages.result import Result
from inspector.queue.base import Delivery, Finished
from workers.batching import next_batch


class Stage(Enum):
    READING = auto()
    READY = auto()
    COMPUTING = auto()
    FINISHED = auto()


@dataclass(slots=True, eq=False)
class Held:
    """One delivery in this worker's hands. Changed by Hands only."""

    delivery: Delivery
    lease_ends: float
    """By time.monotonic(): from then on it is no longer renewed."""
    taken_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    stage: Stage = Stage.READING
    prepared: Prepared | None = None
    decode_ms: float = 0.0
    finished: Finished | None = None
    result: Result | None = None
    """Of a finished image that was inspected."""
    error_code: str = ""
    """Of a finished image that was not."""


class Hands:
    """Thread-safe. `max_lease`: how long one image may be renewed without any progress, so that a hung device
    releases it."""

    def __init__(self, max_lease: timedelta) -> None:
        self._max_lease = max_lease
        self._held: dict[str, Held] = {}
        self._open = True
        self._lock = threading.Lock()
        # Each is woken for its own news only: a thread that wakes for nothing takes the interpreter from
        # another.
        self._to_compute = threading.Condition(self._lock)
        self._to_record = threading.Condition(self._lock)
        self._to_take = threading.Condition(self._lock)
        self._few = 0
        self._whole: Held | None = None
        """The one that has all cores: no lane begins another beside it."""

    # --- the network thread -------------------------------------------------------------------------------

    def accept(self, deliveries: Sequence[Delivery]) -> list[Held]:
        lease_ends = time.monotonic() + self._max_lease.total_seconds()
        accepted = [Held(delivery, lease_ends) for delivery in deliveries]
        with self._lock:
            self._held.update({held.delivery.entry: held for held in accepted})
            self._to_compute.notify_all()
        return accepted

    def finished(self) -> list[Held]:
        """Those whose outcome waits to be recorded."""
        with self._lock:
            return self._at(Stage.FINISHED)

    def release(self, entries: Collection[str]) -> None:
        """Forget these: recorded, or another worker's now. What is still computed of them goes nowhere."""
        with self._lock:
            for entry in entries:
                gone = self._held.pop(entry, None)
                self._free_cores(gone)
            if len(self._held) < self._few:
                self._to_take.notify_all()

    def renewable(self) -> list[Delivery]:
        """Those whose lease has not ended."""
        now = time.monotonic()
        with self._lock:
            return [held.delivery for held in self._held.values() if now < held.lease_ends]

    def hung(self) -> bool:
        """Whether the model runs on an image for longer than the lease: it will not come back."""
        now = time.monotonic()
        with self._lock:
            return any(now >= held.lease_ends for held in self._at(Stage.COMPUTING))

    def withdraw(self, *stages: Stage) -> list[Delivery]:
        """Start nothing more; give up the images at these stages and return them."""
        with self._lock:
            self._open = False
            withdrawn = [held.delivery for held in self._at(*stages)]
            for delivery in withdrawn:
                del self._held[delivery.entry]
            self._to_compute.notify_all()
            self._to_record.notify_all()
            self._to_take.notify_all()
        return withdrawn

    def wait(self, timeout: timedelta) -> None:
        """Until an outcome waits to be recorded, nothing more can come, or the time is over."""
        with self._lock:
            self._to_record.wait_for(
                lambda: self._at(Stage.FINISHED) or not (self._open or self._at(Stage.COMPUTING)),
                timeout.total_seconds(),
            )

    def count(self, *stages: Stage) -> int:
        with self._lock:
            return len(self._at(*stages))

    def __len__(self) -> int:
        with self._lock:
            return len(self._held)

    # --- the intake's thread ------------------------------------------------------------------------------

    def wait_for_fewer(self, count: int, timeout: timedelta) -> bool:
        """Whether less than `count` images are in hand, and more may begin; waits for it."""
        with self._lock:
            self._few = count
            return self._to_take.wait_for(
                lambda: self._open and len(self._held) < count, timeout.total_seconds()
            )

    # --- readers and the compute thread -------------------------------------------------------------------

    def ready(self, held: Held, prepared: Prepared, decode_ms: float) -> None:
        with self._lock:
            held.prepared, held.decode_ms, held.stage = prepared, decode_ms, Stage.READY
            self._to_compute.notify_all()

    def progressed(self, running: Sequence[Held], waiting: Stage) -> None:
        """The model has come back from a run of these: it does not hang, so they and all that waits for it,
        at that stage, are held anew. A large image takes many runs, and those behind it wait for all of them.
        What another lane runs is not: that one may hang."""
        lease_ends = time.monotonic() + self._max_lease.total_seconds()
        with self._lock:
            for held in [*running, *self._at(waiting)]:
                held.lease_ends = lease_ends

    def finish(
        self, held: Held, finished: Finished, *, result: Result | None = None, error_code: str = ""
    ) -> None:
        with self._lock:
            held.finished, held.result, held.error_code = finished, result, error_code
            held.prepared, held.stage = None, Stage.FINISHED
            self._free_cores(held)
            self._to_record.notify_all()

    def next_batch(self, size: int) -> list[Held]:
        """Blocks until images are ready; they are COMPUTING from then on. Empty: there will be no more."""
        with self._lock:
            self._to_compute.wait_for(lambda: not self._open or self._at(Stage.READY))
            if not self._open:
                return []
            ready = self._at(Stage.READY)
            models = [held.delivery.job.recipe.model for held in ready]
            inputs = [len(held.prepared.tiles) if held.prepared else 1 for held in ready]
            picked = next_batch(models, inputs, size)
            batch = [ready[index] for index in picked]
            for held in batch:
                held.stage = Stage.COMPUTING
            return batch

    def next_for_lane(self) -> tuple[Held, bool] | None:
        """Blocks until an image waits; it is COMPUTING from then on, which in a lane is decoding too. And
        whether all cores are its own, since nothing else is in hand to be done. None: there will be no more.

        Behind one that has all cores the next one waits: beside it, both would take longer than one after the
        other. Not behind a large image, which takes seconds.
        """
        with self._lock:
            self._to_compute.wait_for(
                lambda: not self._open or (self._whole is None and self._at(Stage.READING))
            )
            if not self._open:
                return None
            others = self._at(Stage.READING, Stage.COMPUTING)
            held = next(one for one in others if one.stage is Stage.READING)
            held.stage = Stage.COMPUTING
            alone = len(others) == 1
            if alone:
                self._whole = held
            return held, alone

    def decoded(self, held: Held, prepared: Prepared, decode_ms: float) -> None:
        """By the lane that has it."""
        with self._lock:
            held.prepared, held.decode_ms = prepared, decode_ms
            if len(prepared.tiles) > 1:
                self._free_cores(held)

    def _free_cores(self, held: Held | None) -> None:
        if held is not None and held is self._whole:
            self._whole = None
            if self._at(Stage.READING):
                self._to_compute.notify_all()

    def _at(self, *stages: Stage) -> list[Held]:
        return [held for held in self._held.values() if held.stage in stages]
