"""Consumer on Redis: one worker's take, sweep, heartbeat and finish.

Two connections: one waits for news, the other never waits, so that a heartbeat or a finish is not held up by
a blocking read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from inspector.errors import InspectionFailed, StoreUnavailable
from inspector.queue.base import WITHOUT_DEADLINE, Budgets, Delivery, Finished, FinishStatus, WorkerReport
from inspector.queue.blobs import BlobStore
from inspector.queue.keys import FEEDER, GROUP, WORKER_TTL_MS, Keys
from inspector.queue.reading import Taken, located
from inspector.queue.redis_connection import BLOCK_S, READER_TIMEOUT_S, Link, ServerRefusal
from inspector.queue.reports import report_json
from inspector.queue.scripting import (
    HAND_BACK,
    LEAVE,
    OPEN,
    RENEW,
    REPORT,
    SWEEP,
    TAKE,
    Call,
    Command,
    Reply,
    Word,
)
from inspector.queue.settling import Fence, bury_call, finish_call

FORGET_CONSUMER_AFTER_MS = 3_600_000
"""An idle consumer that holds nothing is a worker that was killed: a living one sweeps every second."""

FROM_THE_START = "0-0"

GROUP_IS_GONE = {"NOGROUP"}
"""What is said when the stream or group vanished: FLUSHALL, or a restart without its data."""

WITHOUT_DEADLINE_MS = int(WITHOUT_DEADLINE.total_seconds() * 1000)


class RedisConsumer:
    def __init__(
        self,
        url: str,
        keys: Keys,
        name: str,
        budgets: Budgets,
        min_idle: timedelta,
        blobs: BlobStore | None = None,
    ) -> None:
        self.name = name
        self._url = url
        self._budgets = budgets
        self._min_idle = min_idle
        self._min_idle_ms = max(1, int(min_idle.total_seconds() * 1000))
        self._keys = keys
        self._blobs = blobs
        self._link = Link(url, keys)
        self._reader = Link(url, keys, READER_TIMEOUT_S)
        self._group_is_open = False
        self._finish_first = False
        """An outcome was refused: until one is not, nothing is taken on the same trip. Its reply would be
        lost with the refusal, and the image be idle until it counts as delivered once more."""
        self._cursor = FROM_THE_START
        self._seen = FROM_THE_START
        self._emptied = False
        """The last take gave less than it was asked for."""

    def take(self, limit: int, wait: timedelta) -> list[Delivery]:
        end = time.monotonic() + wait.total_seconds()
        # Where the last one left nothing, news is waited for at once: a trip less for each lone image.
        taken = None if self._emptied and wait else self._take_ready(limit)
        while taken is None and (left := end - time.monotonic()) > 0:
            self.wait_for_news(left)
            taken = self._take_ready(limit)
        return taken or []

    def sweep(self, limit: int) -> list[Delivery]:
        """At most `limit` at a time; ask again at once when it gave as many."""
        found = self._claim_abandoned(limit)
        self._bury([taken for taken in found if taken.poison])
        return self._deliveries([taken for taken in found if not taken.poison])

    def renew(self, deliveries: Sequence[Delivery]) -> set[str]:
        if not deliveries:
            return set()
        [lost] = self._link.run([Call(RENEW, [self._keys.work], [GROUP, self.name, *_pairs(deliveries)])])
        return {entry.decode() for entry in lost}

    def finish(self, finished: Sequence[Finished]) -> list[FinishStatus]:
        calls = [self._finish_call(one) for one in finished]
        return [FinishStatus(reply.decode().lower()) for reply in self._link.run(calls)] if calls else []

    def finish_and_take(
        self, finished: Sequence[Finished], limit: int
    ) -> tuple[list[FinishStatus], list[Delivery]]:
        if self._finish_first:
            statuses = self.finish(finished)
            self._finish_first = False
            return statuses, self._take_ready(limit) or []
        calls = [*map(self._finish_call, finished), self._take_call(limit)]
        try:
            self._open_group()
            *replies, taken = self._link.run(calls)
        except ServerRefusal as refusal:
            if refusal.kind not in GROUP_IS_GONE:
                self._finish_first = True
                raise
            self._group_is_open = False
            return self.finish(finished), []
        statuses = [FinishStatus(reply.decode().lower()) for reply in replies]
        return statuses, self._given(taken) or []

    def hand_back(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            arguments = [self._keys.prefix, GROUP, self.name, WITHOUT_DEADLINE_MS, *_pairs(deliveries)]
            self._link.run([Call(HAND_BACK, [self._keys.work], arguments)])

    def report(self, worker: WorkerReport) -> None:
        arguments: list[Word] = [worker.name, report_json(worker), WORKER_TTL_MS]
        self._link.run([Call(REPORT, [self._keys.workers], arguments)])

    def beside(self) -> RedisConsumer:
        return RedisConsumer(self._url, self._keys, self.name, self._budgets, self._min_idle, self._blobs)

    def hang_up(self) -> None:
        self._reader.close()
        self._link.close()

    def close(self) -> None:
        """Raises QueueUnavailable where the server did not hear it; the connections are closed even so."""
        try:
            self._link.run([Call(LEAVE, [self._keys.work, self._keys.workers], [GROUP, self.name])])
        finally:
            self.hang_up()

    def wait_for_news(self, left_s: float) -> None:
        """Until an entry comes that the last take has not seen, or BLOCK_S have passed, or what is left.

        On a connection of its own: the only method that another thread may call meanwhile."""
        wait_ms = int(min(left_s, BLOCK_S) * 1000)
        if wait_ms > 0:  # BLOCK 0 would wait for ever
            self._reader.ask("XREAD", "COUNT", 1, "BLOCK", wait_ms, "STREAMS", self._keys.work, self._seen)

    def _take_ready(self, limit: int) -> list[Delivery] | None:
        """What waits now; None: nothing did. What cannot be worked on is finished as failed, here."""
        self._emptied = False
        try:
            self._open_group()
            [taken] = self._link.run([self._take_call(limit)])
        except ServerRefusal as refusal:
            if refusal.kind not in GROUP_IS_GONE:
                raise
            self._group_is_open = False
            return None
        self._emptied = len(taken[1]) < limit
        return self._given(taken)

    def _take_call(self, limit: int) -> Call:
        arguments: list[Word] = [self._keys.prefix, GROUP, self.name, limit, WITHOUT_DEADLINE_MS, FEEDER]
        return Call(TAKE, [self._keys.work], arguments)

    def _given(self, taken: Reply) -> list[Delivery] | None:
        newest, given = taken
        self._seen = newest.decode()
        if not given:
            return None
        return self._workable([(_taken(*one[:4]), *one[4:7]) for one in given])

    def _open_group(self) -> None:
        if not self._group_is_open:
            self._link.run([Call(OPEN, [self._keys.work], [GROUP, FORGET_CONSUMER_AFTER_MS])])
            self._group_is_open = True

    def _claim_abandoned(self, limit: int) -> list[Taken]:
        arguments: list[Word] = [GROUP, self.name, self._min_idle_ms, self._cursor, limit]
        try:
            self._open_group()
            [[cursor, found]] = self._link.run([Call(SWEEP, [self._keys.work], arguments)])
        except ServerRefusal as refusal:
            if refusal.kind not in GROUP_IS_GONE:
                raise
            self._group_is_open = False
            return []
        self._cursor = cursor.decode()
        return [_taken(*one) for one in found]

    def _deliveries(self, taken: Sequence[Taken]) -> list[Delivery]:
        """With job and image, in one read."""
        if not taken:
            return []
        names = [key(one.id) for one in taken for key in (self._keys.job, self._keys.image)]
        blobs: Command = ["HMGET", self._keys.blobs, *(one.id for one in taken)]
        held, sizes = self._link.exchange([["MGET", *names], blobs])
        return self._workable(list(zip(taken, held[0::2], held[1::2], sizes, strict=True)))

    def _workable(self, read: Sequence[tuple[Taken, Reply, Reply, Reply]]) -> list[Delivery]:
        """Of (entry, job, image, its bytes in the blob store), each but the entry may be None; what cannot be
        worked on is finished as failed."""
        ready, hopeless = [], []
        for one, job, image, blob in read:
            try:
                ready.append(one.delivery(job, located(one.id, image, blob, self._blobs)))
            except (InspectionFailed, StoreUnavailable) as error:
                outcome = one.failed(InspectionFailed(str(error)), job)
                hopeless.append(finish_call(self._keys, self._budgets, self._fence(one), outcome))
        if hopeless:
            self._link.run(hopeless)
        return ready

    def _bury(self, poison: Sequence[Taken]) -> None:
        if not poison:
            return
        jobs = self._link.ask("MGET", *(self._keys.job(one.id) for one in poison))
        self._link.run(
            [
                bury_call(self._keys, self._budgets, self._fence(one), one.poisoned(job))
                for one, job in zip(poison, jobs, strict=True)
            ]
        )

    def _finish_call(self, finished: Finished) -> Call:
        fence = self._fence(finished.delivery)
        return finish_call(self._keys, self._budgets, fence, finished.outcome, finished.attention)

    def _fence(self, delivery: Delivery | Taken) -> Fence:
        return Fence(delivery.entry, self.name, delivery.count)


def _taken(entry: Reply, count: int, inspection_id: Reply, line: Reply) -> Taken:
    return Taken(entry.decode(), count, inspection_id.decode(), line.decode())


def _pairs(deliveries: Sequence[Delivery]) -> list[Word]:
    return [word for delivery in deliveries for word in (delivery.entry, delivery.count)]
