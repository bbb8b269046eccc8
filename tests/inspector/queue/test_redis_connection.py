"""The connections under stress: cancelled callers, more callers than connections, one shard on a cluster."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from inspector.messages.result import State
from inspector.queue.base import FinishStatus
from inspector.queue.redis_connection import POOL_SIZE
from tests.inspector.queue.conftest import OpenEnds, StartServer, take_one
from tests.support.jobs import IMAGE, done, job_for
from tests.support.servers import free_port
from tests.support.waiting import wait_until, wait_until_async

NO_WAIT = timedelta(0)


def test_a_cancelled_command_leaves_no_reply_behind_for_the_next(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server()
    ends = open_ends(server.url)

    async def cancel_some() -> None:
        reading = [asyncio.ensure_future(ends.results.read("nobody")) for _ in range(5)]
        await asyncio.sleep(0.1)  # sent, and unanswered: the server is paused
        for task in reading:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*reading)

    inspection = ends.submit()
    server.pause()
    ends.run(cancel_some())
    server.resume()
    for _ in range(20):
        assert ends.run(ends.results.read(inspection)).id == inspection
        assert ends.run(ends.results.image(inspection)) == ("jpeg", IMAGE)


def test_a_follower_that_is_cancelled_lets_its_connection_go(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server()
    ends = open_ends(server.url)

    def clients(which: str) -> int:
        with server.client() as client:
            return int(client.info("clients")[which])

    async def waits() -> bool:
        return clients("blocked_clients") == 1

    async def follow_for_a_while() -> None:
        following = asyncio.ensure_future(anext(ends.results.follow()))
        await wait_until_async(waits, what="a follower that waits at the server")
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    def gone() -> bool:
        return clients("blocked_clients") == 0

    ends.run(follow_for_a_while())
    wait_until(gone, what="the first follower gone")
    before = clients("connected_clients")  # one that asks where "now" is stays open
    for _ in range(3):
        ends.run(follow_for_a_while())
        wait_until(gone, what="a follower gone")
    wait_until(lambda: clients("connected_clients") <= before, what="the followers' connections closed")


def test_more_submits_at_once_than_connections_all_arrive(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    ends = open_ends(start_server().url)

    async def submit_many() -> set[str]:
        jobs = [job_for() for _ in range(4 * POOL_SIZE)]
        done_ones = await asyncio.gather(*(ends.producer.submit(job, IMAGE) for job in jobs))
        return {submission.id for submission in done_ones}

    ids = ends.run(submit_many())
    assert {delivery.job.id for delivery in ends.consumer().take(1000, NO_WAIT)} == ids


def test_one_shard_lives_in_one_slot_of_a_cluster(start_server: StartServer, open_ends: OpenEnds) -> None:
    # Its bus would else take the port 10,000 above, which may not exist.
    server = start_server({"cluster-enabled": "yes", "cluster-port": str(free_port())})
    with server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok", what="a cluster")
    ends = open_ends(server.url)
    inspection = ends.submit()
    consumer = ends.consumer()
    assert consumer.finish([done(take_one(consumer))]) == [FinishStatus.RECORDED]
    assert ends.run(ends.results.read(inspection)).state is State.DONE
    assert [one.id for one in ends.run(ends.results.latest(5))] == [inspection]
    assert ends.run(ends.admin.status()).depth == 0
