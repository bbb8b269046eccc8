"""One queue over several shards: the same seams; a line always lies on the same shard.

A shard is a whole queue with keys, budgets and turns of its own. On a cluster it is one slot, so that shards
lie on several nodes. An id is looked up in all of them. Workers take from one shard after the other: lines
take turns within their shard, and shards among each other.

A delivery's entry is "<shard>/<entry>" here, since two shards may have the same; a cursor of the results is
one of each shard, "<cursor>,<cursor>,...".
"""

from __future__ import annotations

import asyncio
import heapq
import zlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic
from typing import TypeVar

from inspector.errors import DeadLetterNotFound, InspectionNotFound, QueueUnavailable
from inspector.messages.job import Job
from inspector.messages.result import Outcome
from inspector.queue.base import (
    Announcement,
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
from inspector.queue.ending import end
from inspector.queue.letters import no_letter
from inspector.queue.redis_admin import RedisAdmin
from inspector.queue.redis_archive import RedisArchive
from inspector.queue.redis_consumer import RedisConsumer
from inspector.queue.redis_disposal import RedisDisposal
from inspector.queue.redis_producer import RedisProducer
from inspector.queue.redis_results import NOW, RedisResults

T = TypeVar("T")

Coming = asyncio.Queue[tuple[int, Announcement] | Exception]
"""From the readers of the shards: a shard's index and its next announcement, or what broke."""

NO_WAIT = timedelta(0)

LOOK_AGAIN = timedelta(milliseconds=200)
"""How long an archiver waits at one shard before it looks at all of them."""


def shard_of(line: str, shards: int) -> int:
    return zlib.crc32(line.encode()) % shards


class ShardedProducer:
    def __init__(self, shards: Sequence[RedisProducer]) -> None:
        self._shards = shards

    async def submit(
        self,
        job: Job,
        image: Image,
        idempotency: Idempotency | None = None,
        most_ahead: int | None = None,
    ) -> Submission:
        return await self._of(job.line).submit(job, image, idempotency, most_ahead)

    async def require_room(self, line: str, image_bytes: int, deadline: datetime | None = None) -> Load:
        return await self._of(line).require_room(line, image_bytes, deadline)

    async def expire_overdue(self, now: datetime, limit: int) -> list[Outcome]:
        expired = await asyncio.gather(*(shard.expire_overdue(now, limit) for shard in self._shards))
        return [outcome for some in expired for outcome in some]

    async def aclose(self) -> None:
        for shard in self._shards:
            await shard.aclose()

    def _of(self, line: str) -> RedisProducer:
        return self._shards[shard_of(line, len(self._shards))]


class ShardedConsumer:
    def __init__(self, shards: Sequence[RedisConsumer]) -> None:
        self.name = shards[0].name
        self._shards = shards
        self._first = 0
        self._waiters = ThreadPoolExecutor(len(shards), thread_name_prefix="shard")
        self._waiting: dict[int, Future[None]] = {}

    def take(self, limit: int, wait: timedelta) -> list[Delivery]:
        end = monotonic() + wait.total_seconds()
        taken = self._round(limit, lambda shard, left: shard.take(left, NO_WAIT))
        while not taken and (left_s := end - monotonic()) > 0:
            self._wait_for_news(left_s)
            taken = self._round(limit, lambda shard, left: shard.take(left, NO_WAIT))
        return taken

    def sweep(self, limit: int) -> list[Delivery]:
        return self._round(limit, lambda shard, left: shard.sweep(left))

    def renew(self, deliveries: Sequence[Delivery]) -> set[str]:
        lost: set[str] = set()

        def renew(index: int, some: list[Delivery]) -> None:
            lost.update(f"{index}/{entry}" for entry in self._shards[index].renew(some))

        self._at_each(deliveries, renew)
        return lost

    def finish(self, finished: Sequence[Finished]) -> list[FinishStatus]:
        """When a shard does not answer, all may be finished again: those of the others are ALREADY then."""
        statuses: dict[str, FinishStatus] = {}

        def finish(index: int, some: list[Delivery]) -> None:
            own = {f"{index}/{delivery.entry}": delivery for delivery in some}
            mine = [one for one in finished if one.delivery.entry in own]
            calls = [replace(one, delivery=own[one.delivery.entry]) for one in mine]
            replies = self._shards[index].finish(calls)
            statuses.update(zip((one.delivery.entry for one in mine), replies, strict=True))

        self._at_each([one.delivery for one in finished], finish)
        return [statuses[one.delivery.entry] for one in finished]

    def finish_and_take(
        self, finished: Sequence[Finished], limit: int
    ) -> tuple[list[FinishStatus], list[Delivery]]:
        """A trip to each shard for each: what is finished here may be of another shard than what is taken."""
        return self.finish(finished), self.take(limit, NO_WAIT)

    def hand_back(self, deliveries: Sequence[Delivery]) -> None:
        self._at_each(deliveries, lambda index, some: self._shards[index].hand_back(some))

    def report(self, worker: WorkerReport) -> None:
        """On the first shard: a worker is one worker, of all of them."""
        self._shards[0].report(worker)

    def beside(self) -> ShardedConsumer:
        return ShardedConsumer([shard.beside() for shard in self._shards])

    def hang_up(self) -> None:
        self._waiters.shutdown(wait=True)
        for shard in self._shards:
            shard.hang_up()

    def close(self) -> None:
        self._waiters.shutdown(wait=True)
        for shard in self._shards:
            shard.close()

    def _at_each(self, deliveries: Sequence[Delivery], act: Callable[[int, list[Delivery]], None]) -> None:
        """At every shard that they are of, also when another one does not answer; that is raised behind."""
        failure: QueueUnavailable | None = None
        for index, some in _by_shard(deliveries).items():
            try:
                act(index, some)
            except QueueUnavailable as error:
                failure = error
        if failure is not None:
            raise failure

    def _round(self, limit: int, take: Callable[[RedisConsumer, int], list[Delivery]]) -> list[Delivery]:
        """From one shard after the other, another one first each time. A shard that does not answer is an
        error only when the others gave nothing: what they gave must not be dropped."""
        taken: list[Delivery] = []
        failure: QueueUnavailable | None = None
        order = [(self._first + step) % len(self._shards) for step in range(len(self._shards))]
        self._first = order[1 % len(order)]
        for index in order:
            if len(taken) == limit:
                break
            try:
                some = take(self._shards[index], limit - len(taken))
            except QueueUnavailable as error:
                failure = error
            else:
                taken += [replace(one, entry=f"{index}/{one.entry}") for one in some]
        if failure is not None and not taken:
            raise failure
        return taken

    def _wait_for_news(self, left_s: float) -> None:
        """At any shard; the others go on waiting, each on its own connection, for the next time."""
        for index, shard in enumerate(self._shards):
            if index not in self._waiting:
                self._waiting[index] = self._waiters.submit(shard.wait_for_news, left_s)
        done, _ = wait(self._waiting.values(), left_s, FIRST_COMPLETED)
        for index in [index for index, future in self._waiting.items() if future in done]:
            self._waiting.pop(index).result()


def _by_shard(deliveries: Sequence[Delivery]) -> dict[int, list[Delivery]]:
    """With the entries that their shards know."""
    shards: defaultdict[int, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        index, _, entry = delivery.entry.partition("/")
        shards[int(index)].append(replace(delivery, entry=entry))
    return shards


class ShardedArchive:
    """Takes from one shard after the other; an entry is "<shard>/<entry>", as a delivery's."""

    def __init__(self, shards: Sequence[RedisArchive]) -> None:
        self._shards = shards
        self._first = 0

    def take(self, limit: int, wait: timedelta) -> list[Unarchived]:
        """Waits at one shard, another one each time: a record may be a moment late, a verdict is not."""
        taken = self._round(limit, lambda shard, left: shard.take(left, NO_WAIT))
        if taken or wait <= NO_WAIT:
            return taken
        index = self._first
        return _at_shard(index, self._shards[index].take(limit, min(wait, LOOK_AGAIN)))

    def sweep(self, limit: int) -> list[Unarchived]:
        return self._round(limit, lambda shard, left: shard.sweep(left))

    def jobs(self, inspection_ids: Sequence[str]) -> list[Job | None]:
        each = [shard.jobs(inspection_ids) for shard in self._shards]
        return [next((job for job in jobs if job is not None), None) for jobs in zip(*each, strict=True)]

    def held(self, inspection_id: str) -> Held:
        each = [shard.held(inspection_id) for shard in self._shards]
        return next((held for held in each if held.image is not None), each[0])

    def archived(self, done: Sequence[Unarchived]) -> None:
        """When a shard does not answer, all may be archived again."""
        for index, shard in enumerate(self._shards):
            own = [one for one in done if one.entry.startswith(f"{index}/")]
            if own:
                shard.archived([replace(one, entry=one.entry.partition("/")[2]) for one in own])

    def detach(self) -> Left:
        """Shard by shard: one that has nothing left is done, whatever the others say."""
        each = [shard.detach() for shard in self._shards]
        running = next((left.running for left in each if left.running), "")
        return Left(sum(left.waiting for left in each), running)

    def close(self) -> None:
        for shard in self._shards:
            shard.close()

    def _round(self, limit: int, take: Callable[[RedisArchive, int], list[Unarchived]]) -> list[Unarchived]:
        """A shard that does not answer is an error only when the others gave nothing."""
        taken: list[Unarchived] = []
        failure: QueueUnavailable | None = None
        order = [(self._first + step) % len(self._shards) for step in range(len(self._shards))]
        self._first = order[1 % len(order)]
        for index in order:
            if len(taken) == limit:
                break
            try:
                taken += _at_shard(index, take(self._shards[index], limit - len(taken)))
            except QueueUnavailable as error:
                failure = error
        if failure is not None and not taken:
            raise failure
        return taken


def _at_shard(index: int, taken: Sequence[Unarchived]) -> list[Unarchived]:
    return [replace(one, entry=f"{index}/{one.entry}") for one in taken]


class ShardedResults:
    def __init__(self, shards: Sequence[RedisResults]) -> None:
        self._shards = shards

    async def read(self, inspection_id: str) -> Snapshot:
        return await self._found(lambda shard: shard.read(inspection_id))

    async def image(self, inspection_id: str) -> tuple[str, Image]:
        return await self._found(lambda shard: shard.image(inspection_id))

    async def attention(self, inspection_id: str) -> bytes:
        return await self._found(lambda shard: shard.attention(inspection_id))

    async def latest(self, limit: int) -> list[Outcome]:
        """Each shard's newest first; among shards, by id, which the gateway orders by time."""
        each = await asyncio.gather(*(shard.latest(limit) for shard in self._shards))
        return list(heapq.merge(*each, key=lambda outcome: outcome.id, reverse=True))[: max(0, limit)]

    async def follow(self, after: str = NOW) -> AsyncGenerator[Announcement, None]:
        cursors = await self._cursors(after)
        coming: Coming = asyncio.Queue(maxsize=1)
        readers = [
            asyncio.create_task(_pass_on(index, shard, cursors[index], coming))
            for index, shard in enumerate(self._shards)
        ]
        try:
            while True:
                came = await coming.get()
                if isinstance(came, Exception):
                    raise came
                index, announcement = came
                cursors[index] = announcement.cursor
                yield replace(announcement, cursor=",".join(cursors))
        finally:
            await end(readers)

    async def aclose(self) -> None:
        for shard in self._shards:
            await shard.aclose()

    async def _cursors(self, after: str) -> list[str]:
        if after == NOW:
            return list(await asyncio.gather(*(shard.newest() for shard in self._shards)))
        cursors = after.split(",")
        return cursors if len(cursors) == len(self._shards) else cursors[:1] * len(self._shards)

    async def _found(self, ask: Callable[[RedisResults], Awaitable[T]]) -> T:
        """What the shard says that knows the id."""
        answers = await asyncio.gather(*(ask(shard) for shard in self._shards), return_exceptions=True)
        return _first_that_knows(answers, InspectionNotFound)


async def _pass_on(index: int, shard: RedisResults, cursor: str, coming: Coming) -> None:
    try:
        async with aclosing(shard.follow(cursor)) as announcements:
            async for announcement in announcements:
                await coming.put((index, announcement))
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who follows is told
        await coming.put(error)


def _first_that_knows(answers: Sequence[T | BaseException], unknown: type[Exception]) -> T:
    """Raises what a shard raised that may know it, before `unknown` of those that do not."""
    for answer in answers:
        if not isinstance(answer, BaseException):
            return answer
    raise next(
        (one for one in answers if isinstance(one, BaseException) and not isinstance(one, unknown)),
        next(one for one in answers if isinstance(one, BaseException)),
    )


class ShardedDisposal:
    def __init__(self, shards: Sequence[RedisDisposal]) -> None:
        self._shards = shards

    async def mark(self, proposed: str) -> str:
        return await self._shards[0].mark(proposed)

    async def holds(self) -> bool:
        return any(await asyncio.gather(*(shard.holds() for shard in self._shards)))

    async def discarded(self, limit: int) -> list[str]:
        """The first shard's first: the others' come when those are deleted."""
        each = await asyncio.gather(*(shard.discarded(limit) for shard in self._shards))
        return [one for some in each for one in some][: max(0, limit)]

    async def deleted(self, inspection_ids: Sequence[str]) -> None:
        await asyncio.gather(*(shard.deleted(inspection_ids) for shard in self._shards))

    async def forsake(self, inspection_ids: Sequence[str]) -> list[str]:
        """Those that no shard has accepted: of which one an id would be, nobody knows any more."""
        each = await asyncio.gather(*(shard.forsake(inspection_ids) for shard in self._shards))
        return [one for one in inspection_ids if all(one in given_up for given_up in each)]

    async def aclose(self) -> None:
        for shard in self._shards:
            await shard.aclose()


class ShardedAdmin:
    def __init__(self, shards: Sequence[RedisAdmin]) -> None:
        self._shards = shards

    async def status(self) -> QueueStatus:
        each = await asyncio.gather(*(shard.status() for shard in self._shards))
        return QueueStatus(
            depth=sum(one.depth for one in each),
            in_flight=sum(one.in_flight for one in each),
            bytes=sum(one.bytes for one in each),
            known_bytes=sum(one.known_bytes for one in each),
            recent_bytes=sum(one.recent_bytes for one in each),
            archive_bytes=sum(one.archive_bytes for one in each),
            oldest_age_s=max(one.oldest_age_s for one in each),
            dead_letters=sum(one.dead_letters for one in each),
            workers=each[0].workers,
        )

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        each = await asyncio.gather(*(shard.dead_letters(limit) for shard in self._shards))
        return list(heapq.merge(*each, key=lambda letter: letter.died_at, reverse=True))[: max(0, limit)]

    async def dead_letter(self, inspection_id: str) -> DeadLetter:
        return await self._at(inspection_id, lambda shard: shard.dead_letter(inspection_id))

    async def requeue(self, inspection_id: str) -> None:
        await self._at(inspection_id, lambda shard: shard.requeue(inspection_id))

    async def drop(self, inspection_id: str) -> None:
        await self._at(inspection_id, lambda shard: shard.drop(inspection_id))

    async def shortfall(self, durability: Durability) -> str | None:
        each = await asyncio.gather(*(shard.shortfall(durability) for shard in self._shards))
        return next((one for one in each if one is not None), None)

    async def server(self) -> ServerHealth | None:
        each = await asyncio.gather(*(shard.server() for shard in self._shards))
        told = [one for one in each if one is not None]
        if not told:
            return None
        fullest = max(told, key=lambda one: (one.fullness, one.memory_bytes))
        return replace(
            fullest,
            aof_sound=all(one.aof_sound for one in told),
            aof_bytes=max(one.aof_bytes for one in told),
            replicas=min(one.replicas for one in told),
            most_replicas=max(one.most_replicas for one in told),
        )

    async def ping(self) -> None:
        await asyncio.gather(*(shard.ping() for shard in self._shards))

    async def aclose(self) -> None:
        for shard in self._shards:
            await shard.aclose()

    async def _at(self, inspection_id: str, act: Callable[[RedisAdmin], Awaitable[T]]) -> T:
        """At the one shard whose letter it is."""
        for shard in self._shards:
            try:
                return await act(shard)
            except DeadLetterNotFound:
                continue
        raise no_letter(inspection_id)
