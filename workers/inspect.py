"""The network thread of an inspecting worker: (intake, hands, compute) -> finish, and take ahead.

One turn of the loop does what is due, most urgent first: record outcomes, heartbeat, take over abandoned
images, report, fetch some ahead where all have work. New images for who has none come by the intake. When the
queue does not answer the loop waits and tries again; outcomes are kept until they are recorded, and the
queue's fencing decides whether they still count.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from inspector.engines.conclude import outcome
from inspector.errors import DeadlineExpired, QueueUnavailable
from inspector.queue.base import Consumer, Delivery, FinishStatus, WorkerReport
from workers.batching import room
from workers.compute import Compute
from workers.hands import Hands, Held, Stage
from workers.health import Health
from workers.intake import Intake
from workers.metrics import Metrics
from workers.pace import STEP_S, Backoff, Every, Pace

log = logging.getLogger(__name__)

IDLE_WAIT = timedelta(milliseconds=500)
"""A turn's length while no outcome comes; also how late SIGTERM may be noticed."""

BUSY_LOOK = timedelta(milliseconds=20)
"""Between looks for images to fetch ahead: short beside a CPU's batch; a GPU's wakes the loop."""

FULL_WAIT = timedelta(milliseconds=200)
"""Between looks at the clock while no more images can be taken."""

SWEEP_EVERY = timedelta(milliseconds=600)
"""So that what another worker handed back, or left when it died, waits a second at most beyond its time."""

REPORT_EVERY = timedelta(seconds=5)
"""A third of the time after which a silent worker is forgotten."""

NOTHING = timedelta(0)


class InspectWorker:
    """`run` returns when stopped and drained (True), or when the model gave up or the queue did not let it
    drain (False). Owns the consumer."""

    def __init__(
        self,
        consumer: Consumer,
        hands: Hands,
        compute: Compute,
        report: WorkerReport,
        metrics: Metrics,
        health: Health,
        pace: Pace,
    ) -> None:
        self._consumer = consumer
        self._hands = hands
        self._compute = compute
        self._worker = report
        self._metrics = metrics
        self._health = health
        self._pace = pace
        self._stopping = False
        self._handing_back: list[Delivery] = []
        self._inspected = 0
        self._backoff = Backoff()
        self._heartbeat = Every(pace.min_idle / 4)
        self._sweep = Every(SWEEP_EVERY, jitter=0.5)
        self._report = Every(REPORT_EVERY)
        self._intake = Intake(consumer.beside(), hands, compute.at_once, self._room, self._begin)

    def stop(self) -> None:
        """From a signal handler: only a flag, since a lock could be held by the very code it interrupts."""
        self._stopping = True

    def run(self) -> bool:
        self._compute.start()
        self._intake.start()
        while not self._stopping and self._working():
            try:
                self._turn()
            except QueueUnavailable as error:
                self._wait_for_queue(error)
        return self._drain()

    def _working(self) -> bool:
        if self._compute.failure is None and self._hands.hung():
            self._compute.failure = "a run of the model takes longer than the lease: the device hangs"
        if self._compute.failure is None:
            self._compute.failure = self._intake.failure
        return self._compute.failure is None

    # --- one turn -----------------------------------------------------------------------------------------

    def _turn(self) -> None:
        # Where there is something to begin an image with, the intake waits for it at the queue.
        busy = len(self._hands) >= self._compute.at_once
        asked = self._record(take=busy)
        self._beat()
        free = self._room()
        if free and self._sweep.due():
            self._begin(self._consumer.sweep(free))
            free = self._room()
        if self._report.due():
            self._say_alive()
        busy = len(self._hands) >= self._compute.at_once
        if free and busy and not asked:
            self._begin(self._consumer.take(free, NOTHING))
        self._answered()
        self._hands.wait(self._patience(free, busy))

    def _room(self) -> int:
        batch = max(self._pace.batch_size, self._compute.lanes)
        return room(batch, len(self._hands), self._compute.batches)

    def _patience(self, free: int, busy: bool) -> timedelta:
        if free and busy:
            return BUSY_LOOK
        return min(FULL_WAIT if busy else IDLE_WAIT, self._pace.min_idle / 4)

    def _record(self, *, take: bool = False) -> bool:
        """All outcomes that are there; with `take`, new images come back on the same round trip. Whether
        there was one."""
        held = self._hands.finished()
        if not held:
            return False
        for each in held:
            self._mark_late(each)
        finished = [each.finished for each in held if each.finished]
        taken: list[Delivery] = []
        if take:
            statuses, taken = self._consumer.finish_and_take(finished, self._room() + len(held))
        else:
            statuses = self._consumer.finish(finished)
        self._hands.release([each.delivery.entry for each in held])
        self._begin(taken)
        for each, status in zip(held, statuses, strict=True):
            self._count(each, status)
        return True

    def _mark_late(self, held: Held) -> None:
        """One that waited for the queue until its deadline had passed is not in time, so not accepted."""
        result, now = held.result, datetime.now(UTC)
        if result is None or held.finished is None or result.deadline_missed:
            return
        job = held.delivery.job
        if job.missed(now):
            late = result.model_copy(update={"finished_at": now, "deadline_missed": True})
            finished = replace(held.finished, outcome=outcome(job.id, late))
            self._hands.finish(held, finished, result=late)

    def _count(self, held: Held, status: FinishStatus) -> None:
        job = held.delivery.job
        if status is FinishStatus.LOST:
            self._metrics.lost()
            log.warning("image %s: another worker has it now; this outcome is dropped", job.id)
            return
        self._inspected += 1
        if held.result is not None:
            self._metrics.recorded(held.result, job)
        elif held.error_code == DeadlineExpired.code:
            self._metrics.expired(job.line)
        else:
            self._metrics.failed(job.line, held.error_code)

    def _beat(self) -> None:
        mine = self._hands.renewable()
        if mine and self._heartbeat.due():
            self._hands.release(self._consumer.renew(mine))
        self._metrics.held.set(len(self._hands))

    def _begin(self, deliveries: Sequence[Delivery]) -> None:
        self._compute.read(self._hands.accept(deliveries))

    def _say_alive(self) -> None:
        self._consumer.report(replace(self._worker, inspected=self._inspected))

    # --- when the queue does not answer -------------------------------------------------------------------

    def _wait_for_queue(self, error: QueueUnavailable) -> None:
        if self._backoff.first:
            log.warning("%s; trying again until it does", error)
        self._health.say(str(error))
        end = time.monotonic() + self._backoff.next_s()
        # In steps, so that a stop is noticed: a signal handler only sets a flag.
        while not self._stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, STEP_S))

    def _answered(self) -> None:
        if not self._backoff.first:
            log.info("the queue answers again")
        self._backoff.reset()
        self._health.say(None)

    # --- the end ------------------------------------------------------------------------------------------

    def _drain(self) -> bool:
        """Hand back what has not begun, finish and record the rest, leave. False: not all of it was done."""
        failure = self._compute.failure
        if failure:
            log.error("giving up: %s", failure)
        self._health.say(failure or "stopping")
        self._intake.stop()
        self._handing_back = self._give_up_unfinished(failed=failure is not None)
        deadline = time.monotonic() + self._pace.drain.total_seconds()
        while not self._left():
            if time.monotonic() > deadline:
                log.error("the queue does not take the last images back; another worker will take them over")
                return False
        return failure is None

    def _give_up_unfinished(self, *, failed: bool) -> list[Delivery]:
        """What another worker can have at once. A hung batch is not among it: its lease runs out, and three
        hangs make it poison, which giving it back would undo."""
        hung = self._hands.hung()
        back = self._hands.withdraw(Stage.READING, Stage.READY)
        started = self._hands.withdraw(Stage.COMPUTING) if failed else []
        log.info("stopping: %d handed back, %d under way", len(back), len(self._hands))
        return back if hung else [*back, *started]

    def _left(self) -> bool:
        """One turn of the drain; whether nothing is left to do."""
        try:
            ended = self._intake.ended  # asked first: what came until then is late by now
            self._handing_back += self._intake.late()
            self._consumer.hand_back(self._handing_back)
            self._handing_back = []
            self._record()
            self._beat()
            if len(self._hands):
                self._hands.wait(FULL_WAIT)
                return False
            if not ended:
                self._intake.wait_for_end(FULL_WAIT)
                return False
            self._consumer.close()
        except QueueUnavailable as error:
            log.warning("%s", error)
            time.sleep(STEP_S)
            return False
        return True
