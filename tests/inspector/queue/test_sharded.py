"""One queue over several shards: on one server, and on the nodes of a cluster."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import (
    Busy,
    DeadLetterNotFound,
    IdempotencyConflict,
    InspectionNotFound,
    NotInTime,
    QueueUnavailable,
)
from inspector.messages.result import State
from inspector.queue import connect
from inspector.queue.base import Budgets, Consumer, Delivery, Durability, FinishStatus, WorkerReport
from inspector.queue.keys import GROUP, Keys
from inspector.queue.redis_consumer import RedisConsumer
from inspector.queue.redis_producer import RedisProducer
from inspector.queue.sharded import ShardedConsumer, shard_of
from tests.support.jobs import IMAGE, MAP, done, job_for, key_for
from tests.support.replicated import Cluster
from tests.support.servers import QueueServer
from tests.support.waiting import wait_until

SHARDS = 3
NO_WAIT = timedelta(0)
LINES = [next(f"L{n}" for n in range(99) if shard_of(f"L{n}", SHARDS) == shard) for shard in range(SHARDS)]
"""One on each shard."""


class Ends:
    """A gateway's and workers' ends of a sharded queue."""

    def __init__(self, url: str, budgets: Budgets) -> None:
        self.url, self.budgets = url, budgets
        self._runner = asyncio.Runner()
        self.producer = connect.producer(url, budgets, shards=SHARDS)
        self.results = connect.results(url, SHARDS)
        self.admin = connect.admin(url, budgets, SHARDS)
        self.consumers: list[Consumer] = []

    def run(self, coroutine: Any) -> Any:
        return self._runner.run(coroutine)

    def consumer(self, name: str = "w1", min_idle: timedelta = timedelta(seconds=30)) -> Consumer:
        self.consumers.append(connect.consumer(self.url, name, self.budgets, min_idle, SHARDS))
        return self.consumers[-1]

    def submit(self, line: str, **changes: Any) -> str:
        job = job_for(line=line, **changes)
        return str(self.run(self.producer.submit(job, IMAGE)).id)

    def close(self) -> None:
        for consumer in self.consumers:
            consumer.close()
        for end in (self.producer, self.results, self.admin):
            self.run(end.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueServer]:
    with QueueServer("valkey", tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def open_ends(server: QueueServer) -> Iterator[Any]:
    opened: list[Ends] = []

    def open_at(budgets: Budgets) -> Ends:
        with server.client() as client:
            client.flushall()
        opened.append(Ends(server.url, budgets))
        return opened[-1]

    yield open_at
    for ends in opened:
        ends.close()


@pytest.fixture
def ends(open_ends: Any) -> Ends:
    opened: Ends = open_ends(Budgets())
    return opened


def test_a_line_always_lies_on_its_shard(ends: Ends, server: QueueServer) -> None:
    for line in LINES * 2:
        ends.submit(line)
    with server.client() as client:
        for shard in range(SHARDS):
            entries = client.xrange(Keys(str(shard)).work)
            assert {fields[b"line"].decode() for _, fields in entries} == {LINES[shard]}


def test_images_of_all_shards_come_and_end(ends: Ends) -> None:
    ids = {ends.submit(line) for line in LINES * 3}
    consumer = ends.consumer()
    assert len(consumer.take(4, NO_WAIT)) == 4
    rest = consumer.take(100, NO_WAIT)
    assert len(rest) == 5
    assert len({delivery.entry for delivery in rest}) == 5
    assert consumer.renew(rest) == set()
    assert consumer.finish([done(delivery) for delivery in rest]) == [FinishStatus.RECORDED] * 5
    assert consumer.finish([done(delivery) for delivery in rest]) == [FinishStatus.ALREADY] * 5
    assert {delivery.job.id for delivery in rest} < ids
    inspection = rest[0].job.id
    assert ends.run(ends.results.read(inspection)).state is State.DONE
    assert ends.run(ends.results.image(inspection)) == ("jpeg", IMAGE)
    assert ends.run(ends.results.attention(inspection)) == MAP
    with pytest.raises(InspectionNotFound):
        ends.run(ends.results.read("nobody"))
    status = ends.run(ends.admin.status())
    assert (status.depth, status.in_flight, status.bytes) == (4, 4, 4 * len(IMAGE))
    assert {one.id for one in ends.run(ends.results.latest(9))} == {delivery.job.id for delivery in rest}


def test_no_shard_is_served_before_the_others_for_ever(ends: Ends) -> None:
    for line in LINES * 5:
        ends.submit(line)
    consumer = ends.consumer()
    assert {consumer.take(1, NO_WAIT)[0].job.line for _ in range(SHARDS)} == set(LINES)


@pytest.mark.parametrize("line", LINES)
def test_a_waiting_worker_wakes_for_any_shard(ends: Ends, line: str) -> None:
    consumer = ends.consumer()
    later = threading.Timer(0.2, lambda: asyncio.run(_submit_elsewhere(ends.url, line)))
    later.start()
    assert [delivery.job.line for delivery in consumer.take(5, timedelta(seconds=10))] == [line]
    later.join()


async def _submit_elsewhere(url: str, line: str) -> None:
    producer = connect.producer(url, shards=SHARDS)
    await producer.submit(job_for(line=line), IMAGE)
    await producer.aclose()


def test_a_dead_workers_images_of_all_shards_move_on(ends: Ends) -> None:
    ids = {ends.submit(line) for line in LINES}
    late = ends.consumer("dead").take(5, NO_WAIT)
    heir = ends.consumer("heir", timedelta(milliseconds=40))
    swept: dict[str, Delivery] = {}
    """The newest delivery of each: on a slow machine the heir may come to own one twice."""

    def all_swept() -> bool:
        swept.update({delivery.job.id: delivery for delivery in heir.sweep(2)})
        return set(swept) == ids

    wait_until(all_swept, what="all of them")
    dead = ends.consumers[0]
    assert dead.renew(late) == {delivery.entry for delivery in late}
    assert dead.finish([done(delivery) for delivery in late]) == [FinishStatus.LOST] * SHARDS
    heir.hand_back(list(swept.values()))
    assert {delivery.job.id for delivery in ends.consumer("next").take(5, NO_WAIT)} == ids


def test_the_streams_of_all_shards_are_one_and_go_on_from_a_cursor(ends: Ends) -> None:
    async def read(after: str, count: int) -> list[Any]:
        seen: list[Any] = []
        async with aclosing(ends.results.follow(after)) as stream:
            async for announcement in stream:
                seen.append(announcement)
                if len(seen) == count:
                    break
        return seen

    ids = {ends.submit(line) for line in LINES * 2}
    consumer = ends.consumer()
    consumer.finish([done(delivery) for delivery in consumer.take(9, NO_WAIT)])
    first = ends.run(read("0", 4))
    rest = ends.run(read(first[-1].cursor, 2))
    assert {one.outcome.id for one in (*first, *rest)} == ids


def test_what_comes_before_an_image_is_of_its_shard(ends: Ends) -> None:
    due = datetime.now(UTC) + timedelta(minutes=1)
    for line in LINES * 3:
        ends.submit(line, deadline_ms=10_000)
    loads = [ends.run(ends.producer.require_room(line, 1, due)) for line in LINES]
    assert [(load.depth, load.ahead) for load in loads] == [(3, 3)] * len(LINES)
    job = job_for(line=LINES[0], deadline_ms=60_000)
    with pytest.raises(NotInTime):
        ends.run(ends.producer.submit(job, IMAGE, most_ahead=2))


def test_deadlines_budgets_and_keys_are_a_shards_own(open_ends: Any) -> None:
    ends: Ends = open_ends(Budgets(max_depth=SHARDS))
    now = datetime.now(UTC)
    late = {ends.submit(line, deadline_ms=1, received_at=now) for line in LINES}
    for line in LINES:
        with pytest.raises(Busy):
            ends.run(ends.producer.require_room(line, 1))
    expired = ends.run(ends.producer.expire_overdue(now + timedelta(hours=1), 5))
    assert {outcome.id for outcome in expired} == late
    job, other = job_for(line=LINES[0]), job_for(b"another", line=LINES[0])
    assert ends.run(ends.producer.submit(job, IMAGE, key_for(job))).created
    with pytest.raises(IdempotencyConflict):
        ends.run(ends.producer.submit(other, b"another", key_for(other)))


def test_dead_letters_of_all_shards(ends: Ends) -> None:
    ids = [ends.submit(line) for line in LINES]
    consumer = ends.consumer("crashing", timedelta(milliseconds=10))
    consumer.take(5, NO_WAIT)
    wait_until(
        lambda: consumer.sweep(5) == [] and len(ends.run(ends.admin.dead_letters(9))) == SHARDS,
        what="burials",
    )
    assert {letter.id for letter in ends.run(ends.admin.dead_letters(9))} == set(ids)
    assert ends.run(ends.admin.dead_letter(ids[2])).line == LINES[2]
    ends.run(ends.admin.requeue(ids[1]))
    ends.run(ends.admin.drop(ids[2]))
    with pytest.raises(DeadLetterNotFound):
        ends.run(ends.admin.drop(ids[2]))
    assert [delivery.job.id for delivery in consumer.take(5, NO_WAIT)] == ids[1:2]


def test_a_worker_is_one_worker_of_all_shards(ends: Ends) -> None:
    ends.run(ends.admin.ping())
    consumer = ends.consumer()
    consumer.report(WorkerReport("w1", "cpu", "openvino", "m", "0", "2026-01-01T00:00:00+00:00"))
    assert [worker.name for worker in ends.run(ends.admin.status()).workers] == ["w1"]


def test_a_shard_that_is_down_holds_up_no_other(tmp_path: Path) -> None:
    """Heartbeat and outcome of the others' images, whatever the order."""
    with QueueServer("valkey", tmp_path / "0") as gone, QueueServer("redis", tmp_path / "1") as other:
        keys = [Keys("0"), Keys("1")]
        shards = [
            RedisConsumer(server.url, own, "w1", Budgets(), timedelta(seconds=30))
            for server, own in zip((gone, other), keys, strict=True)
        ]
        for server, own in zip((gone, other), keys, strict=True):
            producer = RedisProducer(server.url, own, Budgets(), Durability.D2, timedelta(seconds=30))
            asyncio.run(_submit_once(producer))
        consumer = ShardedConsumer(shards)
        taken = sorted(consumer.take(5, NO_WAIT), key=lambda delivery: delivery.entry)
        assert [delivery.entry[0] for delivery in taken] == ["0", "1"]
        gone.kill()
        with other.client() as client:
            client.xclaim(keys[1].work, GROUP, "w1", 0, [taken[1].entry[2:]], idle=20_000, justid=True)
            with pytest.raises(QueueUnavailable):
                consumer.renew(taken)
            [pending] = client.xpending_range(keys[1].work, GROUP, "-", "+", 9)
            assert pending["time_since_delivered"] < 20_000
            with pytest.raises(QueueUnavailable):
                consumer.finish([done(delivery) for delivery in taken])
            assert client.hget(keys[1].state(taken[1].job.id), "state") == b"done"
        gone.start()
        assert consumer.finish([done(taken[1])]) == [FinishStatus.ALREADY]
        consumer.close()


async def _submit_once(producer: RedisProducer) -> None:
    await producer.submit(job_for(), IMAGE)
    await producer.aclose()


@pytest.mark.timeout(300)
def test_shards_lie_on_the_nodes_of_a_cluster(tmp_path: Path) -> None:
    with Cluster("redis", tmp_path) as cluster:
        assert len({cluster.holder(Keys(str(shard)).work).port for shard in range(SHARDS)}) > 1
        ends = Ends(cluster.url, Budgets())
        ids = {ends.submit(line) for line in LINES * 2}
        consumer = ends.consumer()
        taken = consumer.take(9, NO_WAIT)
        assert {delivery.job.id for delivery in taken} == ids
        assert consumer.finish([done(delivery) for delivery in taken]) == [FinishStatus.RECORDED] * 6
        assert {ends.run(ends.results.read(one)).state for one in ids} == {State.DONE}
        ends.close()
