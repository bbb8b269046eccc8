"""A primary is killed, and Sentinels or the cluster put its replica in its place: D3 has lost nothing.

All with the users of deploy/redis, so that they suffice for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from inspector.errors import InspectionNotFound, QueueUnavailable
from inspector.messages.result import State
from inspector.queue import connect, redis_connection
from inspector.queue.base import DEFAULT_BUDGETS, Durability, FinishStatus
from inspector.queue.keys import Keys
from tests.inspector.queue.conftest import OpenEnds
from tests.support import queue_users
from tests.support.jobs import IMAGE, done, job_for
from tests.support.replicated import Cluster, SentinelTrio
from tests.support.servers import QueueServer
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)

Replicated = tuple[Callable[[str], str], QueueServer]
"""The queue's URL as one of its users, and the server that is its primary now."""


@pytest.fixture(params=["sentinel", "cluster"])
def replicated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Replicated]:
    users = queue_users.make(tmp_path / "users")
    if request.param == "sentinel":
        with SentinelTrio("redis", tmp_path, users=users) as trio:
            yield trio.url_of, trio.primary
    else:
        with Cluster("valkey", tmp_path, users=users) as cluster:
            yield cluster.url_of, cluster.holder(Keys().work)


@pytest.mark.timeout(300)
def test_what_d3_acknowledged_outlives_the_primary(replicated: Replicated, open_ends: OpenEnds) -> None:
    url_of, primary = replicated
    ends = open_ends(url_of("gateway"))
    producer = connect.producer(ends.url, DEFAULT_BUDGETS, Durability.D3)
    consumer = connect.consumer(url_of("worker"), "w1", min_idle=timedelta(seconds=1))
    jobs = [job_for() for _ in range(20)]
    for job in jobs:
        assert ends.run(producer.submit(job, IMAGE)).created
    begun = consumer.take(2, NO_WAIT)
    assert consumer.finish([done(begun[0])]) == [FinishStatus.RECORDED]
    with primary.client() as client:
        client.execute_command("WAIT", 1, 5000)
    results = connect.results(ends.url, 1, Durability.D3)
    assert ends.run(results.read(begun[0].job.id)).state is State.DONE
    ends.run(results.aclose())

    primary.kill()
    late = job_for()

    def accepted() -> bool:
        with suppress(QueueUnavailable):
            return bool(ends.run(ends.producer.submit(late, IMAGE)).id)
        return False

    wait_until(accepted, 60, "a new primary that takes an image at D2")
    ended: set[str] = set()

    def all_ended() -> bool:
        with suppress(QueueUnavailable):
            batch = [*consumer.sweep(50), *consumer.take(50, NO_WAIT)]
            consumer.finish([done(delivery) for delivery in batch])
            states = {job.id: ends.run(ends.results.read(job.id)).state for job in (*jobs, late)}
            ended.update(one for one, state in states.items() if state is State.DONE)
        return len(ended) == len(jobs) + 1

    wait_until(all_ended, 60, "every acknowledged image done")
    with pytest.raises(QueueUnavailable, match="no replica"):  # the new primary has none yet
        ends.run(producer.submit(job_for(), IMAGE))
    ends.run(producer.aclose())


@pytest.mark.timeout(300)
def test_a_primary_that_hung_and_woke_replaced_is_left_at_once(tmp_path: Path, open_ends: OpenEnds) -> None:
    """Sentinels let it believe for some ten seconds that it still is one; it answers reads, and writes with
    NOREPLICAS."""
    with SentinelTrio("valkey", tmp_path, {"min-replicas-to-write": "1"}, replicas=2) as trio:
        ends = open_ends(trio.url)
        ends.submit()
        zombie = trio.primary
        zombie.pause()
        wait_until(lambda: trio.current() is not zombie, 60, "another primary")
        zombie.resume()
        woken_at = time.monotonic()
        job = job_for()

        def accepted_and_read() -> bool:
            with suppress(QueueUnavailable, InspectionNotFound):
                ends.run(ends.producer.submit(job, IMAGE))
                return ends.run(ends.results.read(job.id)).state is State.QUEUED
            return False

        wait_until(accepted_and_read, 60, "the new primary")
        took = time.monotonic() - woken_at
        with zombie.client() as client:
            assert client.role()[0] == b"master", "demoted already: this shows nothing"
        assert took < 8


def test_when_no_sentinel_answers_the_primary_that_is_known_serves_on(
    tmp_path: Path, open_ends: OpenEnds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_connection, "LOOK_AGAIN_S", 0.0)  # a look at every command,
    monkeypatch.setattr(redis_connection, "LOOKING_SHARE", math.inf)  # however long it takes
    with SentinelTrio("redis", tmp_path, replicas=0) as trio:
        ends = open_ends(trio.url)
        consumer = ends.consumer()
        first = ends.submit()
        assert [one.job.id for one in consumer.take(1, NO_WAIT)] == [first]
        trio.kill_sentinels()
        later = [ends.submit() for _ in range(3)]
        assert [one.job.id for one in consumer.take(5, NO_WAIT)] == later
        consumer.close()
