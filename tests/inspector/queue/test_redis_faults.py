"""Real servers that die, stall, fill up, forget, or whose answer gets lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from inspector.errors import Busy, InspectionNotFound, QueueUnavailable
from inspector.messages.result import State
from inspector.queue.base import Budgets, Delivery, FinishStatus, WorkerReport
from inspector.queue.keys import GROUP, Keys
from tests.inspector.queue.conftest import OpenEnds, StartServer, take_one
from tests.support.jobs import IMAGE, RESULT, done, job_for, key_for
from tests.support.proxy import LossyProxy
from tests.support.servers import DURABLE, QueueServer
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)
SHORT = timedelta(milliseconds=40)


def test_nothing_needs_the_server_before_the_first_command(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server()
    server.kill()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    with pytest.raises(QueueUnavailable):
        ends.submit()
    with pytest.raises(QueueUnavailable):
        ends.run(ends.admin.ping())
    with pytest.raises(QueueUnavailable):
        consumer.take(1, NO_WAIT)
    server.start()
    inspection = ends.submit()
    assert take_one(consumer).job.id == inspection


def test_a_server_that_was_restarted_without_its_memory_is_no_error(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    """No scripts (NOSCRIPT), no group (NOGROUP), no connections."""
    server = start_server()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    ends.submit()
    consumer.finish([done(take_one(consumer))])
    server.kill()
    server.start()
    inspection = ends.submit()
    with suppress(QueueUnavailable):  # the reader's broken connection is told once
        consumer.take(1, NO_WAIT)
    delivery = wait_until(lambda: consumer.take(1, NO_WAIT), what="the image")[0]
    assert consumer.finish([done(delivery)]) == [FinishStatus.RECORDED]
    assert ends.run(ends.results.read(inspection)).state is State.DONE


def test_scripts_that_were_forgotten_are_loaded_again(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    for _ in range(3):
        ends.submit()
    batch = [done(delivery) for delivery in consumer.take(3, NO_WAIT)]
    with server.client() as client:
        client.script_flush()
    assert consumer.finish(batch) == [FinishStatus.RECORDED] * 3


def test_all_that_was_acknowledged_outlives_kill_9(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server(DURABLE)
    ends = open_ends(server.url)
    acknowledged: list[str] = []
    killer = threading.Timer(0.3, server.kill)
    killer.start()
    with suppress(QueueUnavailable):
        while True:
            acknowledged.append(ends.submit())
    killer.join()
    server.start()
    consumer = ends.consumer()
    taken: list[Delivery] = []
    while batch := consumer.take(100, NO_WAIT):
        taken += batch
        consumer.finish([done(delivery) for delivery in batch])
    assert acknowledged
    assert set(acknowledged) <= {delivery.job.id for delivery in taken}
    assert all(delivery.image == IMAGE for delivery in taken)


def test_a_result_that_was_acknowledged_outlives_kill_9(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server(DURABLE)
    ends = open_ends(server.url)
    consumer = ends.consumer("w1", SHORT)
    ids = [ends.submit(), ends.submit()]
    finished, started = consumer.take(2, NO_WAIT)
    assert consumer.finish([done(finished)]) == [FinishStatus.RECORDED]
    server.kill()
    server.start()
    assert consumer.finish([done(finished)]) == [FinishStatus.ALREADY]
    outcome = ends.run(ends.results.read(ids[0])).outcome
    assert outcome is not None
    assert outcome.result == RESULT
    [again] = wait_until(lambda: consumer.sweep(5), what="the image that was under way")
    assert (again.job.id, again.count) == (started.job.id, 2)


def test_a_paused_server_is_unavailable_and_then_is_back(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    ends.submit()
    server.pause()
    with pytest.raises(QueueUnavailable):
        ends.run(ends.admin.ping())
    with pytest.raises(QueueUnavailable):
        ends.submit()
    server.resume()
    ends.run(ends.admin.ping())
    assert take_one(consumer).image == IMAGE


def test_a_full_server_refuses_images_and_still_finishes(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server({"maxmemory": "12mb", "maxmemory-policy": "noeviction"})
    ends = open_ends(server.url, Budgets(recent_bytes=1 << 20))
    image = b"x" * 300_000
    accepted: list[str] = []
    with suppress(Busy):
        while True:
            accepted.append(ends.submit(image))
    refused = job_for(image)
    with pytest.raises(Busy):
        ends.run(ends.producer.submit(refused, image, key_for(refused)))
    with pytest.raises(InspectionNotFound):
        ends.run(ends.results.read(refused.id))
    with server.client() as client:  # what is left of it, so that everything else meets a server that is over
        client.config_set("maxmemory", "2mb")
        client.script_flush()

    late = ends.consumer("late")
    taken = late.take(5, NO_WAIT)
    assert len(taken) == 5
    late.report(WorkerReport("late", "cpu", "openvino", "m", "0", ""))
    assert late.renew(taken) == set()
    late.hand_back(taken[3:])
    swept = ends.consumer("heir").take(2, NO_WAIT)
    assert [delivery.job.id for delivery in swept] == accepted[3:5]
    assert late.finish([done(delivery) for delivery in taken[:3]]) == [FinishStatus.RECORDED] * 3
    late.close()

    with server.client() as client:
        client.config_set("maxmemory", "12mb")
    heir = ends.consumer("heir")
    assert heir.finish([done(delivery) for delivery in swept]) == [FinishStatus.RECORDED] * 2
    while batch := heir.take(5, NO_WAIT):
        heir.finish([done(delivery) for delivery in batch])
    for inspection in accepted:
        assert ends.run(ends.results.read(inspection)).state is State.DONE
    assert ends.run(ends.producer.submit(refused, image)).created


def test_a_submit_whose_reply_was_lost_is_one_job(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    with LossyProxy(server.port) as proxy:
        ends = open_ends(proxy.url)
        ends.submit()
        proxy.lose_next_reply()
        job = job_for()
        assert ends.run(ends.producer.submit(job, IMAGE)).id == job.id
        assert proxy.lost == 1
        assert ends.run(ends.admin.status()).depth == 2


def test_a_finish_whose_reply_was_lost_is_recorded_once(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server()
    with LossyProxy(server.port) as proxy:
        ends = open_ends(server.url)
        consumer = open_ends(proxy.url).consumer()
        ends.submit()
        assert consumer.finish([done(take_one(consumer))]) == [FinishStatus.RECORDED]
        inspection = ends.submit()
        finished = done(take_one(consumer))
        proxy.lose_next_reply()
        assert consumer.finish([finished]) == [FinishStatus.ALREADY]
        assert proxy.lost == 1
        assert ends.run(ends.results.latest(5))[0].id == inspection
        with server.client() as client:
            assert client.xlen(Keys().results) == 2


def test_a_reader_that_waits_survives_flushall(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    assert consumer.take(1, NO_WAIT) == []
    taken: list[Delivery] = []
    waiting = threading.Thread(target=lambda: taken.extend(consumer.take(1, timedelta(seconds=10))))
    waiting.start()
    wait_until(lambda: _blocked(server) == 1, what="the reader waiting")
    with server.client() as client:
        client.flushall()
    inspection = ends.submit()
    waiting.join(timeout=10)
    assert [delivery.job.id for delivery in taken] == [inspection]


def test_following_breaks_with_the_server_and_goes_on_from_its_cursor(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server(DURABLE)
    ends = open_ends(server.url)
    consumer = ends.consumer()

    def inspect() -> str:
        inspection = ends.submit()
        [delivery] = wait_until(lambda: consumer.take(1, timedelta(seconds=1)), what="the image")
        consumer.finish([done(delivery)])
        return inspection

    async def killed_while_following() -> str:
        stream = ends.results.follow("0")
        cursor = (await anext(stream)).cursor
        server.kill()
        with pytest.raises(QueueUnavailable):
            await anext(stream)
        return cursor

    async def next_behind(cursor: str) -> str:
        return (await anext(ends.results.follow(cursor))).outcome.id

    inspect()
    cursor = ends.run(killed_while_following())
    server.start()
    with suppress(QueueUnavailable):  # the reader's broken connection is told once
        consumer.take(1, NO_WAIT)
    second = inspect()
    assert ends.run(next_behind(cursor)) == second


def test_a_waiting_take_ends_when_its_time_is_up(start_server: StartServer, open_ends: OpenEnds) -> None:
    consumer = open_ends(start_server().url).consumer()
    begun = time.monotonic()
    assert consumer.take(1, timedelta(milliseconds=1200)) == []
    assert time.monotonic() - begun >= 1.2


def _blocked(server: QueueServer) -> int:
    with server.client() as client:
        return int(client.info("clients")["blocked_clients"])


def test_an_outcome_after_flushall_is_lost_and_work_goes_on(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    ends.submit()
    delivery = take_one(consumer)
    with server.client() as client:
        client.flushall()

    assert consumer.finish_and_take([done(delivery)], 4) == ([FinishStatus.LOST], [])

    inspection = ends.submit()
    assert take_one(consumer).job.id == inspection


def test_while_outcomes_are_refused_no_more_images_are_taken_with_them(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    for _ in range(6):
        ends.submit()
    finished = done(take_one(consumer))
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-hmget")  # as a role set up wrongly
        for _ in range(4):
            with pytest.raises(QueueUnavailable):
                consumer.finish_and_take([finished], 1)
        client.execute_command("ACL", "SETUSER", "default", "+hmget")
    assert ends.run(ends.admin.status()).in_flight == 2, "one was taken with the first refusal, no more"

    statuses, taken = consumer.finish_and_take([finished], 1)
    assert (statuses, len(taken)) == ([FinishStatus.RECORDED], 1)


@pytest.mark.parametrize("ends_it", ["finish", "expire"])
def test_a_delivery_that_cannot_be_asked_for_is_not_taken_for_none(
    start_server: StartServer, open_ends: OpenEnds, ends_it: str
) -> None:
    """A user without XPENDING: an outcome must not be dropped as another's, nor a part expire in hand."""
    server = start_server()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    inspection = ends.submit(deadline_ms=1)
    delivery = take_one(consumer)

    def end() -> object:
        if ends_it == "finish":
            return consumer.finish([done(delivery)])
        return ends.run(ends.producer.expire_overdue(delivery.job.received_at + timedelta(minutes=1), 10))

    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-xpending")
        with pytest.raises(QueueUnavailable, match="refused a command"):
            end()
        client.execute_command("ACL", "SETUSER", "default", "+xpending")
    assert ends.run(ends.results.read(inspection)).state is State.QUEUED
    assert consumer.finish([done(delivery)]) == [FinishStatus.RECORDED]


@pytest.mark.parametrize("asks", ["renew", "hand_back", "close"])
def test_what_is_in_hand_is_not_let_go_of_where_it_cannot_be_asked_for(
    start_server: StartServer, open_ends: OpenEnds, asks: str
) -> None:
    server = start_server()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    ends.submit()
    delivery = take_one(consumer)
    acts: dict[str, Callable[[], object]] = {
        "renew": lambda: consumer.renew([delivery]),
        "hand_back": lambda: consumer.hand_back([delivery]),
        "close": consumer.close,
    }

    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-xpending")
        with pytest.raises(QueueUnavailable, match="refused a command"):
            acts[asks]()
        client.execute_command("ACL", "SETUSER", "default", "+xpending")
    assert consumer.renew([delivery]) == set()
    assert consumer.finish([done(delivery)]) == [FinishStatus.RECORDED]


def test_where_the_group_is_gone_nothing_is_in_hand(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    ends.submit(deadline_ms=1)
    delivery = take_one(consumer)
    with server.client() as client:
        client.xgroup_destroy(Keys().work, GROUP)

    assert consumer.renew([delivery]) == {delivery.entry}
    consumer.hand_back([delivery])
    consumer.close()
    late = delivery.job.received_at + timedelta(minutes=1)
    assert [one.id for one in ends.run(ends.producer.expire_overdue(late, 10))] == [delivery.job.id]
