"""The queue in memory: the same seams and the same promises, for tests and for one process.

`producer()`, `consumer(name)`, `results()`, `archive(name)`, `disposal()` and `admin()` of one MemoryQueue
see the same images, from any thread. Nothing survives the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from inspector.errors import (
    IdempotencyConflict,
    ImageGone,
    InspectionFailed,
    NotInTime,
    QueueUnavailable,
)
from inspector.messages.job import Job
from inspector.messages.result import Outcome, State
from inspector.queue.base import (
    DEFAULT_BUDGETS,
    FORSAKEN_FOR,
    KEEP_DISCARDED,
    MIN_IDLE,
    SEEN_DEAD,
    Announcement,
    Budgets,
    DeadLetter,
    Delivery,
    Durability,
    Finished,
    FinishStatus,
    Held,
    Idempotency,
    Image,
    Left,
    Load,
    QueueStatus,
    ServerHealth,
    Snapshot,
    Submission,
    Unarchived,
    WorkerReport,
)
from inspector.queue.blobs import Blob
from inspector.queue.keys import WORKER_TTL_MS
from inspector.queue.letters import reopened
from inspector.queue.memory_store import NOBODY, MemoryStore, Record, Waiting
from inspector.queue.reading import Taken, bytes_of, overdue, parse_job
from inspector.queue.reports import iso
from inspector.queue.settling import Fence


class MemoryQueue:
    """`clock` gives seconds; tests may turn it."""

    def __init__(self, budgets: Budgets = DEFAULT_BUDGETS, clock: Callable[[], float] = time.time) -> None:
        self.store = MemoryStore(budgets, clock)

    def producer(self, min_idle: timedelta = MIN_IDLE) -> MemoryProducer:
        return MemoryProducer(self.store, min_idle)

    def consumer(self, name: str, min_idle: timedelta = MIN_IDLE) -> MemoryConsumer:
        return MemoryConsumer(self.store, name, min_idle)

    def results(self) -> MemoryResults:
        return MemoryResults(self.store)

    def archive(self, name: str, min_idle: timedelta = MIN_IDLE) -> MemoryArchive:
        return MemoryArchive(self.store, name, min_idle)

    def admin(self) -> MemoryAdmin:
        return MemoryAdmin(self.store)

    def disposal(self) -> MemoryDisposal:
        return MemoryDisposal(self.store)


class MemoryProducer:
    def __init__(self, store: MemoryStore, min_idle: timedelta) -> None:
        self._store = store
        self._min_idle_s = min_idle.total_seconds()

    async def submit(
        self,
        job: Job,
        image: Image,
        idempotency: Idempotency | None = None,
        most_ahead: int | None = None,
    ) -> Submission:
        digest = idempotency.digest if idempotency else job.image.sha256
        with self._store.changed:
            self._store.forget()
            known = job.id if job.id in self._store.shelf.records else None
            if known is None and idempotency is not None:
                known = self._store.shelf.keys.get(idempotency.key)
            if known is not None:
                return self._known(known, digest)
            if isinstance(image, Blob) and self._is_forsaken(job.id):
                raise QueueUnavailable(f"the file of inspection {job.id} was given up")
            self._store.admit(job.line, len(image))
            load = self._load(job.line, None if most_ahead is None else job.deadline)
            if load.ahead is not None and most_ahead is not None and load.ahead > most_ahead:
                raise NotInTime(ahead=load.ahead)
            self._enqueue(job, image, digest, idempotency.key if idempotency else None)
        return Submission(job.id, created=True, load=load)

    async def require_room(self, line: str, image_bytes: int, deadline: datetime | None = None) -> Load:
        with self._store.changed:
            self._store.admit(line, image_bytes)
            return self._load(line, deadline)

    async def expire_overdue(self, now: datetime, limit: int) -> list[Outcome]:
        with self._store.changed:
            held = [self._store.shelf.records[one] for one in self._store.shelf.work.values()]
            late = [record for record in held if record.job and record.job.missed(now)]
            free = sorted((one for one in late if self._is_free(one)), key=_deadline)[:limit]
            outcomes = [
                overdue(self._store.shelf.work[one.entry], one.line, _as_json(one.job)) for one in free
            ]
            for record, outcome in zip(free, outcomes, strict=True):
                self._store.settle(record, outcome, None, None)
            return outcomes

    async def aclose(self) -> None: ...

    def _is_forsaken(self, inspection_id: str) -> bool:
        at = self._store.shelf.forsaken.get(inspection_id)
        return at is not None and self._store.clock() < at + FORSAKEN_FOR.total_seconds()

    def _load(self, line: str, deadline: datetime | None) -> Load:
        load = self._store.load()
        if deadline is None:
            return load
        return replace(load, ahead=self._store.ahead(line, deadline, SEEN_DEAD * self._min_idle_s))

    def _is_free(self, record: Record) -> bool:
        renewed_until = self._store.clock() - self._min_idle_s
        return record.owner == NOBODY or record.renewed <= renewed_until

    def _known(self, inspection_id: str, digest: str) -> Submission:
        if self._store.shelf.records[inspection_id].digest != digest:
            raise IdempotencyConflict(
                f"the key belongs to inspection {inspection_id}, which was another request"
            )
        return Submission(inspection_id, created=False)

    def _enqueue(self, job: Job, image: Image, digest: str, key: str | None) -> None:
        if key is not None:
            self._store.shelf.keys[key] = job.id
        self._store.enqueue(Record(job, job.line, image, digest, len(image), key), job.id)


class MemoryConsumer:
    def __init__(self, store: MemoryStore, name: str, min_idle: timedelta) -> None:
        self.name = name
        self._store = store
        self._min_idle_s = min_idle.total_seconds()

    def take(self, limit: int, wait: timedelta) -> list[Delivery]:
        with self._store.changed:
            shelf = self._store.shelf
            self._store.changed.wait_for(lambda: any(shelf.turns.values()), timeout=wait.total_seconds())
            return self._deliveries([self._own(record) for record in self._store.next_ready(limit)])

    def sweep(self, limit: int) -> list[Delivery]:
        with self._store.changed:
            found = [self._own(record) for record in self._abandoned()[:limit]]
            for one in found:
                if one.poison:
                    self._bury(one)
            return self._deliveries([one for one in found if not one.poison])

    def renew(self, deliveries: Sequence[Delivery]) -> set[str]:
        with self._store.changed:
            for delivery in deliveries:
                if self._is_mine(delivery):
                    self._store.shelf.records[delivery.job.id].renewed = self._store.clock()
            return {delivery.entry for delivery in deliveries if not self._is_mine(delivery)}

    def finish(self, finished: Sequence[Finished]) -> list[FinishStatus]:
        with self._store.changed:
            return [self._finish(one) for one in finished]

    def finish_and_take(
        self, finished: Sequence[Finished], limit: int
    ) -> tuple[list[FinishStatus], list[Delivery]]:
        return self.finish(finished), self.take(limit, timedelta(0))

    def hand_back(self, deliveries: Sequence[Delivery]) -> None:
        with self._store.changed:
            for delivery in deliveries:
                if self._is_mine(delivery):
                    record = self._store.shelf.records[delivery.job.id]
                    record.owner, record.count = NOBODY, record.count - 1
                    self._store.put_ready(record)

    def report(self, worker: WorkerReport) -> None:
        with self._store.changed:
            self._store.shelf.reports[worker.name] = (self._store.clock(), worker)

    def beside(self) -> MemoryConsumer:
        return MemoryConsumer(self._store, self.name, timedelta(seconds=self._min_idle_s))

    def hang_up(self) -> None: ...

    def close(self) -> None:
        with self._store.changed:
            self._store.shelf.reports.pop(self.name, None)

    def _abandoned(self) -> list[Record]:
        limit = self._store.clock() - self._min_idle_s
        held = [self._store.shelf.records[one] for one in self._store.shelf.work.values()]
        return [record for record in held if record.owner != NOBODY and record.renewed <= limit]

    def _own(self, record: Record) -> Taken:
        record.owner, record.count = self.name, record.count + 1
        record.renewed = self._store.clock()
        return Taken(record.entry, record.count, self._store.shelf.work[record.entry], record.line)

    def _is_mine(self, delivery: Delivery) -> bool:
        record = self._store.shelf.records.get(delivery.job.id)
        if record is None or record.outcome is not None:
            return False
        return (record.entry, record.owner, record.count) == self._fence(delivery)

    def _finish(self, finished: Finished) -> FinishStatus:
        record = self._store.shelf.records.get(finished.outcome.id)
        fence = self._fence(finished.delivery)
        if record is not None and record.outcome is not None and record.token == fence:
            return FinishStatus.ALREADY
        if record is None or not self._is_mine(finished.delivery):
            return FinishStatus.LOST
        self._store.settle(record, finished.outcome, finished.attention, fence)
        return FinishStatus.RECORDED

    def _deliveries(self, taken: Sequence[Taken]) -> list[Delivery]:
        ready = []
        for one in taken:
            record = self._store.shelf.records[one.id]
            job = _as_json(record.job)
            try:
                ready.append(one.delivery(job, record.image))
            except InspectionFailed as error:
                self._store.settle(record, one.failed(error, job), None, self._fence(one))
        return ready

    def _bury(self, one: Taken) -> None:
        record = self._store.shelf.records[one.id]
        self._store.bury(record, one.poisoned(_as_json(record.job)), self._fence(one))

    def _fence(self, delivery: Delivery | Taken) -> Fence:
        return Fence(delivery.entry, self.name, delivery.count)


def _deadline(record: Record) -> datetime:
    """Of an image that has one."""
    assert record.job is not None  # noqa: S101 - an image that is not finished has its job
    assert record.job.deadline is not None  # noqa: S101
    return record.job.deadline


def _as_json(job: Job | None) -> bytes | None:
    return None if job is None else job.as_json()


class MemoryResults:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def read(self, inspection_id: str) -> Snapshot:
        with self._store.changed:
            record = self._store.record(inspection_id)
            return Snapshot(
                id=inspection_id,
                line=record.line,
                state=record.outcome.state if record.outcome else State.QUEUED,
                outcome=record.outcome,
                job=record.job,
                has_image=record.image is not None,
                has_attention=record.attention is not None,
            )

    async def image(self, inspection_id: str) -> tuple[str, Image]:
        with self._store.changed:
            record = self._store.record(inspection_id)
            if record.image is None or record.job is None:
                raise ImageGone(f"the image of inspection {inspection_id!r} is not held")
            return record.job.image.format, record.image

    async def attention(self, inspection_id: str) -> bytes:
        with self._store.changed:
            attention = self._store.record(inspection_id).attention
            if attention is None:
                raise ImageGone(f"the map of inspection {inspection_id!r} is not held")
            return attention

    async def latest(self, limit: int) -> list[Outcome]:
        with self._store.changed:
            self._store.forget()
            outcomes = [self._store.shelf.records[one].outcome for one in self._store.shelf.ring]
            return [outcome for outcome in outcomes if outcome is not None][: max(0, limit)]

    async def follow(self, after: str = "$") -> AsyncGenerator[Announcement, None]:
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        self._store.listen(loop, news)
        try:
            cursor = self._store.shelf.announcements if after == "$" else int(after.partition("-")[0])
            while True:
                news.clear()
                for number, at_s, outcome in self._behind(cursor):
                    cursor = number
                    yield Announcement(str(number), outcome, at_ms=int(at_s * 1000))
                await news.wait()
        finally:
            self._store.unlisten(loop, news)

    async def aclose(self) -> None: ...

    def _behind(self, cursor: int) -> list[tuple[int, float, Outcome]]:
        with self._store.changed:
            return [one for one in self._store.shelf.announced if one[0] > cursor]


class MemoryArchive:
    def __init__(self, store: MemoryStore, name: str, min_idle: timedelta) -> None:
        self.name = name
        self._store = store
        self._min_idle_s = min_idle.total_seconds()

    def take(self, limit: int, wait: timedelta) -> list[Unarchived]:
        with self._store.changed:
            self._store.attach()
            self._store.changed.wait_for(self._free, timeout=wait.total_seconds())
            return self._own(self._free()[:limit])

    def sweep(self, limit: int) -> list[Unarchived]:
        with self._store.changed:
            until = self._store.clock() - self._min_idle_s
            waiting = self._store.attach().values()
            return self._own([one for one in waiting if one.owner != NOBODY and one.taken <= until][:limit])

    def jobs(self, inspection_ids: Sequence[str]) -> list[Job | None]:
        with self._store.changed:
            records = [self._store.shelf.records.get(one) for one in inspection_ids]
            return [record.job if record is not None else None for record in records]

    def held(self, inspection_id: str) -> Held:
        with self._store.changed:
            record = self._store.shelf.records.get(inspection_id)
            if record is None:
                return Held(None, None)
            return Held(bytes_of(record.image), record.attention)

    def archived(self, done: Sequence[Unarchived]) -> None:
        with self._store.changed:
            for one in done:
                self._store.archived(one)

    def detach(self) -> Left:
        """Who else runs in this process is known to whoever asks."""
        with self._store.changed:
            waiting = len(self._store.shelf.archive or {})
            if not waiting:
                self._store.shelf.archive = None
            return Left(waiting)

    def close(self) -> None: ...

    def _free(self) -> list[Waiting]:
        return [one for one in self._store.attach().values() if one.owner == NOBODY]

    def _own(self, waiting: Sequence[Waiting]) -> list[Unarchived]:
        for one in waiting:
            one.owner, one.taken = self.name, self._store.clock()
        return [one.unarchived for one in waiting]


class MemoryDisposal:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def mark(self, proposed: str) -> str:
        with self._store.changed:
            self._store.shelf.mark = self._store.shelf.mark or proposed
            return self._store.shelf.mark

    async def holds(self) -> bool:
        with self._store.changed:
            return any(isinstance(record.image, Blob) for record in self._store.shelf.records.values())

    async def discarded(self, limit: int) -> list[str]:
        with self._store.changed:
            self._store.forget()
            until = self._store.clock() - KEEP_DISCARDED.total_seconds()
            old = [one for one, at in self._store.shelf.discarded.items() if at <= until]
            return old[: max(0, limit)]

    async def deleted(self, inspection_ids: Sequence[str]) -> None:
        with self._store.changed:
            for one in inspection_ids:
                self._store.shelf.discarded.pop(one, None)

    async def forsake(self, inspection_ids: Sequence[str]) -> list[str]:
        with self._store.changed:
            shelf, now = self._store.shelf, self._store.clock()
            given_up = [one for one in inspection_ids if self._has_no_image(one)]
            shelf.forsaken |= dict.fromkeys(given_up, now)
            return given_up

    async def aclose(self) -> None: ...

    def _has_no_image(self, inspection_id: str) -> bool:
        shelf = self._store.shelf
        record = shelf.records.get(inspection_id)
        return inspection_id not in shelf.discarded and (record is None or record.image is None)


class MemoryAdmin:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def status(self) -> QueueStatus:
        with self._store.changed:
            shelf, now = self._store.shelf, self._store.clock()
            waiting = [shelf.records[one] for one in shelf.work.values()]
            return QueueStatus(
                depth=len(waiting),
                in_flight=sum(record.owner != NOBODY for record in waiting),
                bytes=sum(record.size for record in waiting),
                known_bytes=self._store.known_bytes(),
                recent_bytes=sum(shelf.records[one].held for one in shelf.ring),
                archive_bytes=self._store.archive_bytes(),
                oldest_age_s=max(0.0, now - waiting[0].submitted) if waiting else 0.0,
                dead_letters=len(shelf.dead),
                workers=self._living(now),
            )

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        with self._store.changed:
            return list(reversed(self._store.shelf.dead.values()))[: max(0, limit)]

    async def dead_letter(self, inspection_id: str) -> DeadLetter:
        with self._store.changed:
            return self._store.letter(inspection_id)

    async def requeue(self, inspection_id: str) -> None:
        with self._store.changed:
            shelf = self._store.shelf
            del shelf.dead[self._store.letter(inspection_id).id]
            shelf.ring.remove(inspection_id)
            old = shelf.records[inspection_id]
            job = parse_job(reopened(_as_json(old.job)))
            self._store.enqueue(
                Record(job, old.line, old.image, old.digest, old.size, old.key), inspection_id
            )

    async def drop(self, inspection_id: str) -> None:
        with self._store.changed:
            self._store.release(inspection_id)

    async def shortfall(self, durability: Durability) -> str | None:
        return f"{durability} needs a queue server: the queue in memory ends with its process"

    async def server(self) -> ServerHealth | None:
        return None

    async def ping(self) -> None: ...

    async def aclose(self) -> None: ...

    def _living(self, now: float) -> list[WorkerReport]:
        fresh = now - WORKER_TTL_MS / 1000
        reports = [(seen, report) for seen, report in self._store.shelf.reports.values() if seen >= fresh]
        workers = [replace(report, last_seen=iso(int(seen * 1000))) for seen, report in reports]
        return sorted(workers, key=lambda worker: worker.name)
