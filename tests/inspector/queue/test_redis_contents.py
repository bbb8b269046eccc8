"""What lies in the server: who may be forgotten, what cannot be worked on, what is left behind."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import redis

from inspector.errors import SettingsError
from inspector.messages.result import Outcome, State
from inspector.queue import connect
from inspector.queue.base import Budgets
from inspector.queue.keys import Keys
from tests.inspector.queue.conftest import Ends, OpenEnds, StartServer, take_one
from tests.support.jobs import IMAGE, done, job_for, key_for
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)
KEYS = Keys()


def _expiring(client: redis.Redis) -> set[str]:
    names = [name.decode() for name in client.scan_iter("*")]
    return {name for name in names if client.pttl(name) > 0}


def _outcome(ends: Ends, inspection: str) -> Outcome:
    outcome = ends.run(ends.results.read(inspection)).outcome
    assert outcome is not None
    return outcome


def test_every_key_has_the_shards_hash_tag(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    ends = open_ends(server.url)
    job = job_for()
    ends.run(ends.producer.submit(job, IMAGE, key_for(job)))
    consumer = ends.consumer()
    consumer.finish([done(take_one(consumer))])
    with server.client() as client:
        assert all(name.startswith(b"inspector:{0}:") for name in client.scan_iter("*"))


def test_only_what_is_finished_may_be_forgotten(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    ends = open_ends(server.url, Budgets(forget_after=timedelta(hours=1)))
    job = job_for()
    ends.run(ends.producer.submit(job, IMAGE, key_for(job)))
    consumer = ends.consumer()
    delivery = take_one(consumer)
    with server.client() as client:
        assert _expiring(client) == set()
        consumer.finish([done(delivery)])
        expiring = _expiring(client)
        assert KEYS.state(job.id) in expiring
        assert {name.split(":")[2] for name in expiring} == {"state", "idem"}


def test_evicted_inspections_leave_one_small_key(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    ends = open_ends(server.url, Budgets(recent_bytes=1))
    consumer = ends.consumer()
    ids = []
    for _ in range(2):
        ids.append(ends.submit())
        consumer.finish([done(take_one(consumer))])
    with server.client() as client:
        assert list(client.scan_iter(f"*{ids[0]}*")) == [KEYS.state(ids[0]).encode()]
        assert client.execute_command("OBJECT", "ENCODING", KEYS.state(ids[0])) == b"listpack"


@pytest.mark.parametrize("text", [b"", b"not JSON", b'{"schema_version": 1}', b"[]"])
def test_a_job_that_cannot_be_read_fails_with_a_reason(
    start_server: StartServer, open_ends: OpenEnds, text: bytes
) -> None:
    server = start_server()
    ends = open_ends(server.url)
    inspection = ends.submit()
    with server.client() as client:
        client.set(KEYS.job(inspection), text)
    assert ends.consumer().take(5, NO_WAIT) == []
    error = json.loads(_outcome(ends, inspection).error or b"")
    assert error["code"] == "inspection-failed"
    assert "cannot be read" in error["detail"]


@pytest.mark.parametrize("missing", [Keys.image, Keys.job])
def test_an_entry_without_its_image_fails_and_is_not_dropped(
    start_server: StartServer, open_ends: OpenEnds, missing: object
) -> None:
    server = start_server()
    ends = open_ends(server.url)
    inspection = ends.submit()
    with server.client() as client:
        client.delete(KEYS.image(inspection) if missing is Keys.image else KEYS.job(inspection))
    assert ends.consumer().take(5, NO_WAIT) == []
    outcome = _outcome(ends, inspection)
    assert (outcome.state, outcome.line, outcome.accept) == (State.FAILED, "L1", False)
    status = ends.run(ends.admin.status())
    assert (status.depth, status.bytes) == (0, 0)


def test_a_dead_letter_is_held_without_an_end(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    ends = open_ends(server.url)
    inspection = ends.submit()
    consumer = ends.consumer("w1", timedelta(milliseconds=1))
    take_one(consumer)
    for _ in range(2):
        wait_until(lambda: consumer.sweep(5), what="the next delivery")

    def buried() -> int:
        consumer.sweep(5)
        return ends.run(ends.admin.status()).dead_letters

    wait_until(buried, what="the burial")
    with server.client() as client:
        [(entry, letter)] = client.xrange(KEYS.dead)
        assert (letter[b"id"].decode(), letter[b"deliveries"]) == (inspection, b"4")
        assert client.hget(KEYS.state(inspection), "dead") == entry
        assert client.get(KEYS.image(inspection)) == IMAGE
        assert not {KEYS.state(inspection), KEYS.job(inspection)} & _expiring(client)


def test_the_result_stream_is_trimmed_by_age(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    ends = open_ends(server.url, Budgets(results_kept=timedelta(milliseconds=1)))
    consumer = ends.consumer()

    finished = []

    def trimmed() -> bool:
        finished.append(ends.submit())
        consumer.finish([done(take_one(consumer))])
        with server.client() as client:
            return bool(client.xlen(KEYS.results) < len(finished))

    wait_until(trimmed, what="the result stream trimmed")


def test_the_result_stream_is_never_trimmed_before_the_archiver_has_read_it(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server({"stream-node-max-entries": "5"})  # trimming by ~ leaves whole nodes
    budgets = Budgets(results_kept=timedelta(milliseconds=1))
    ends = open_ends(server.url, budgets)
    archive, consumer = connect.archive(server.url, "a1", budgets), ends.consumer()
    archive.take(1, NO_WAIT)
    for _ in range(30):
        ends.submit()
    consumer.finish([done(delivery) for delivery in consumer.take(30, NO_WAIT)])

    def held() -> int:
        with server.client() as client:
            return int(client.xlen(KEYS.results))

    assert held() == 30
    archive.archived(archive.take(10, NO_WAIT)[5:])
    assert held() == 30, "the first five are in an archiver's hands"
    archive.archived(archive.take(20, NO_WAIT))
    assert held() == 30
    other = connect.archive(server.url, "a2", budgets, timedelta(milliseconds=1))
    other.archived(wait_until(lambda: other.sweep(30), what="the first five"))
    assert held() <= 5
    for one in (archive, other):
        one.close()


def test_a_server_that_lost_its_data_is_archived_from_anew(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server()
    ends, archive = open_ends(server.url), connect.archive(server.url, "a1")
    consumer = ends.consumer()
    ends.submit()
    consumer.finish([done(take_one(consumer))])
    lost = archive.take(5, NO_WAIT)
    with server.client() as client:
        client.flushall()

    archive.archived(lost)
    assert archive.take(5, NO_WAIT) == []
    inspection = ends.submit()
    consumer.finish([done(take_one(consumer))])

    [one] = archive.take(5, timedelta(seconds=5))
    assert (len(lost), one.outcome.id) == (1, inspection)
    archive.close()


def test_a_worker_that_leaves_with_nothing_takes_its_consumer_along(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server()
    ends = open_ends(server.url)
    idle, busy = ends.consumer("idle"), ends.consumer("busy")
    for consumer in (busy, idle):
        ends.submit()
        taken = take_one(consumer)
    idle.finish([done(taken)])

    def consumers() -> dict[bytes, int]:
        with server.client() as client:
            return {one["name"]: one["pending"] for one in client.xinfo_consumers(KEYS.work, "inspect")}

    assert consumers() == {b"idle": 0, b"busy": 1, b"feed": 0}
    idle.close()
    busy.close()
    assert consumers() == {b"busy": 1, b"feed": 0}


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://127.0.0.1:1/"])
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    for opening in (connect.producer, connect.results, connect.admin):
        with pytest.raises(SettingsError, match="URL"):
            opening(url)
    with pytest.raises(SettingsError, match="URL"):
        connect.consumer(url, "w1")


def test_lines_that_come_and_go_leave_nothing_behind(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    for number in range(20):
        ends.submit(line=f"random-{number}")
    consumer.finish([done(delivery) for delivery in consumer.take(100, NO_WAIT)])
    with server.client() as client:
        assert not client.exists(KEYS.lines)


def test_what_an_older_worker_did_not_count_is_forgotten_with_the_last_image(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server()
    ends = open_ends(server.url, Budgets(line_max_depth=1))
    with server.client() as client:
        client.hset(KEYS.lines, mapping={"L1:bytes": 10, "L1:depth": 1})
    ends.submit()
    with server.client() as client:
        assert client.hget(KEYS.lines, "L1:depth") == b"1"


def test_an_empty_queue_has_no_lines_left(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    ends = open_ends(server.url)
    consumer = ends.consumer()
    for number in range(20):
        ends.submit(line=f"random-{number}", priority="reinspection" if number % 2 else "live")
    consumer.finish([done(delivery) for delivery in consumer.take(100, NO_WAIT)])
    with server.client() as client:
        assert not list(client.scan_iter("*ready*")) + list(client.scan_iter("*turn*"))


@pytest.mark.parametrize("by_old_worker", [True, False])
def test_an_older_worker_beside_a_newer_one_and_an_older_gateways_entries(
    start_server: StartServer, open_ends: OpenEnds, by_old_worker: bool
) -> None:
    """Both read one group's stream; an older one reads it by itself, and knows two fields of an entry."""
    server = start_server()
    ends = open_ends(server.url)
    ids = [ends.submit() for _ in range(4)]
    consumer = ends.consumer()
    assert [delivery.job.id for delivery in consumer.take(1, NO_WAIT)] == ids[:1]
    ids.append(ends.submit())
    with server.client() as client:
        # The newest entry, written anew as an older gateway would.
        client.xdel(KEYS.work, client.hget(KEYS.state(ids[4]), "entry"))
        entry = client.xadd(KEYS.work, {"id": ids[4], "line": "L1"})
        client.hset(KEYS.state(ids[4]), "entry", entry)
        if by_old_worker:
            [[_, entries]] = client.xreadgroup("inspect", "old", {KEYS.work: ">"}, count=5)
            assert [fields[b"id"].decode() for _, fields in entries] == ids[4:]
            ids.pop()
    assert [delivery.job.id for delivery in consumer.take(9, NO_WAIT)] == ids[1:]
