"""D3: acknowledged means that a replica has it. A real primary and a real replica."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from inspector.errors import QueueUnavailable
from inspector.messages.job import Job
from inspector.queue import connect
from inspector.queue.base import DEFAULT_BUDGETS, Durability, SettingsHidden, Submission
from tests.inspector.queue.conftest import Ends, OpenEnds, StartServer
from tests.support.jobs import IMAGE, job_for, key_for
from tests.support.servers import DURABLE, QueueServer
from tests.support.waiting import wait_until


@pytest.fixture
def primary(start_server: StartServer) -> QueueServer:
    return start_server({"repl-diskless-sync-delay": "0"})


@pytest.fixture
def replica(primary: QueueServer, tmp_path: Path) -> Iterator[QueueServer]:
    with QueueServer(primary.kind, tmp_path / "replica") as server:
        with server.client() as client:
            client.replicaof("127.0.0.1", primary.port)
            wait_until(lambda: client.info("replication")["master_link_status"] == "up", what="a link")
        # The link is up before the primary sends what is written: Redis 7.0 waits for a first report of the
        # replica, which comes once a second.
        with primary.client() as client:
            wait_until(lambda: _replicated(client), what="a replica that confirms")
        yield server


def _replicated(client: redis.Redis) -> bool:
    client.set("written", "")
    client.delete("written")
    return client.wait(1, 100) == 1


def _submit(ends: Ends, job: Job, key: str) -> Submission:
    """At D3, by a gateway that has written nothing before."""
    producer = connect.producer(ends.url, DEFAULT_BUDGETS, Durability.D3)
    try:
        return ends.run(producer.submit(job, IMAGE, key_for(job, key)))
    finally:
        ends.run(producer.aclose())


def test_what_d3_acknowledged_is_at_the_replica(
    primary: QueueServer, replica: QueueServer, open_ends: OpenEnds
) -> None:
    ends = open_ends(primary.url)
    jobs = [job_for() for _ in range(20)]
    for job in jobs:
        assert _submit(ends, job, job.id).created
    primary.kill()
    with replica.client() as client:
        client.execute_command("REPLICAOF", "NO", "ONE")
    heir = open_ends(replica.url)
    for job in jobs:
        assert heir.run(heir.results.read(job.id)).job == job


def test_replicas_are_counted(primary: QueueServer, replica: QueueServer, open_ends: OpenEnds) -> None:
    health = open_ends(primary.url)
    server = health.run(health.admin.server())
    assert server is not None
    assert (server.replicas, server.most_replicas) == (1, 1)


def test_no_replica_is_no_acknowledgement_and_the_retry_is_the_same_image(
    primary: QueueServer, replica: QueueServer, open_ends: OpenEnds
) -> None:
    ends = open_ends(primary.url)
    replica.pause()
    job, again, third = job_for(), job_for(), job_for()
    with pytest.raises(QueueUnavailable, match="no replica"):
        _submit(ends, job, "part-1")
    # Another connection, which knows the image and wrote nothing itself: it must not take that for confirmed.
    with pytest.raises(QueueUnavailable, match="no replica"):
        _submit(ends, again, "part-1")
    replica.resume()
    submission = _submit(ends, third, "part-1")
    assert (submission.id, submission.created) == (job.id, False)
    assert ends.run(ends.admin.status()).depth == 1


def test_all_replicas_that_may_take_over_must_confirm(
    primary: QueueServer, replica: QueueServer, open_ends: OpenEnds
) -> None:
    """Two are asked for, one is there, as at a primary that wakes after it was replaced: it has kept one of
    its replicas for a moment, and what these two agree on is lost."""
    ends = open_ends(primary.url)
    producer = connect.producer(ends.url, DEFAULT_BUDGETS, Durability.D3, replicas=2)
    job = job_for()
    try:
        with pytest.raises(QueueUnavailable, match="only 1 of 2 replicas confirmed"):
            ends.run(producer.submit(job, IMAGE, key_for(job, "part-1")))
    finally:
        ends.run(producer.aclose())


def test_a_forgotten_script_is_confirmed_too(
    primary: QueueServer, replica: QueueServer, open_ends: OpenEnds
) -> None:
    ends = open_ends(primary.url)
    replica.pause()
    with primary.client() as client:
        client.script_flush()
    with pytest.raises(QueueUnavailable, match="no replica"):
        _submit(ends, job_for(), "part-1")


@pytest.mark.parametrize(
    ("config", "durability", "lacking"),
    [
        ({}, Durability.D1, "D1 needs appendonly yes of the queue server"),
        (DURABLE, Durability.D1, None),
        (DURABLE, Durability.D2, None),
        ({"appendonly": "yes"}, Durability.D1, None),
        ({"appendonly": "yes"}, Durability.D2, "D2 needs appendfsync always of the queue server"),
        (DURABLE, Durability.D3, "D3 needs min-replicas-to-write 1 of the queue server"),
        ({**DURABLE, "min-replicas-to-write": "2"}, Durability.D3, None),
    ],
)
def test_the_servers_settings_are_compared_with_the_level(
    start_server: StartServer,
    open_ends: OpenEnds,
    config: dict[str, str],
    durability: Durability,
    lacking: str | None,
) -> None:
    ends = open_ends(start_server(config).url)
    assert ends.run(ends.admin.shortfall(durability)) == lacking


def test_a_server_that_hides_its_settings_is_not_accused(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server()
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-config")
    ends = open_ends(server.url)
    with pytest.raises(SettingsHidden, match=r"needs \+config\|get"):
        ends.run(ends.admin.shortfall(Durability.D2))
