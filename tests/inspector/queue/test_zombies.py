"""A primary that hung, was replaced, and woke: what it and the replica that it kept agree on is lost. It is
neither acknowledged nor told. Real servers, paused and woken here, so that the moment is always the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from inspector.errors import InspectionNotFound, QueueUnavailable
from inspector.messages.result import State
from inspector.queue import connect, redis_connection
from inspector.queue.base import DEFAULT_BUDGETS, Durability, FinishStatus, Producer
from tests.inspector.queue.conftest import Ends, OpenEnds
from tests.support.jobs import IMAGE, done, job_for
from tests.support.replicated import SentinelTrio
from tests.support.servers import QueueServer
from tests.support.waiting import wait_until


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[SentinelTrio]:
    with SentinelTrio("redis", tmp_path, {"min-replicas-to-write": "1"}, replicas=2) as trio:
        yield trio


@pytest.fixture
def ends(trio: SentinelTrio, open_ends: OpenEnds) -> Ends:
    return open_ends(trio.url)


@pytest.fixture
def producer(ends: Ends) -> Iterator[Producer]:
    """At D3, where one replica must confirm. It has acknowledged an image of the first primary's."""
    producer = connect.producer(ends.url, DEFAULT_BUDGETS, Durability.D3)
    assert _acknowledged(ends, producer)
    yield producer
    ends.run(producer.aclose())


def _acknowledged(ends: Ends, producer: Producer) -> str:
    """The id; "" when it is refused."""
    job = job_for()
    with suppress(QueueUnavailable):
        return ends.run(producer.submit(job, IMAGE)).id
    return ""


def _confirmed_at(server: QueueServer, ends: Ends) -> str:
    """An image that this server and one replica agree on, as a gateway takes it that asks no Sentinel."""
    deceived = connect.producer(server.url, DEFAULT_BUDGETS, Durability.D3)
    try:
        return _acknowledged(ends, deceived)
    finally:
        ends.run(deceived.aclose())


def _finish_at(server: QueueServer) -> None:
    """All that waits, by a worker that knows this server only."""
    consumer = connect.consumer(server.url, "w1")
    statuses = consumer.finish([done(one) for one in consumer.take(50, timedelta(0))])
    assert set(statuses) == {FinishStatus.RECORDED}
    consumer.close()


def _replaced_and_woken(trio: SentinelTrio) -> tuple[QueueServer, QueueServer]:
    """The first primary, awake with the replica that it kept; and the other replica, promoted meanwhile."""
    zombie, (kept, heir) = trio.primary, trio.replicas
    kept.pause()  # so that it is not the one that is promoted, and hears nothing of it
    zombie.pause()
    wait_until(lambda: set(trio.named()) == {heir.port}, 60, "Sentinels that agree on another primary")
    zombie.resume()
    kept.resume()
    return zombie, heir


@pytest.mark.timeout(120)
def test_what_a_woken_primary_and_its_replica_agree_on_is_not_acknowledged(
    trio: SentinelTrio, ends: Ends, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        redis_connection.AsyncLink, "look_again", _nothing
    )  # it stays with the primary it knows
    zombie, heir = _replaced_and_woken(trio)
    lost = _confirmed_at(zombie, ends)
    assert lost, "the zombie has no replica: this shows nothing"
    with pytest.raises(QueueUnavailable, match="0 of 3 Sentinels call"):
        ends.run(producer.submit(job_for(), IMAGE))
    heirs = connect.results(heir.url)
    with pytest.raises(InspectionNotFound):
        ends.run(heirs.read(lost))
    ends.run(heirs.aclose())


@pytest.mark.timeout(120)
def test_nor_before_any_sentinel_knows_of_the_promotion(
    trio: SentinelTrio, ends: Ends, producer: Producer
) -> None:
    """Between SLAVEOF NO ONE and the Sentinels' next look, all of them still name the old primary."""
    heir = trio.replicas[1]
    with heir.client() as client:
        client.execute_command("REPLICAOF", "NO", "ONE")
    assert _confirmed_at(trio.primary, ends), "no replica is left: this shows nothing"
    with pytest.raises(QueueUnavailable, match=f"127.0.0.1:{heir.port} might be promoted"):
        ends.run(producer.submit(job_for(), IMAGE))
    assert trio.named() == [trio.primary.port] * 3


@pytest.mark.timeout(120)
def test_an_outcome_that_only_a_woken_primary_has_is_not_told(
    trio: SentinelTrio, ends: Ends, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict leaves with the zombie, and the image is inspected again: one outcome is told."""
    _finish_at(trio.primary)
    accepted = _acknowledged(ends, producer)
    results = connect.results(trio.url, 1, Durability.D3)
    told = results.follow("0-0")
    assert ends.run(anext(told)).outcome.id != accepted
    assert ends.run(results.read(accepted)).state is State.QUEUED
    monkeypatch.setattr(redis_connection.AsyncLink, "look_again", _nothing)
    zombie, heir = _replaced_and_woken(trio)
    _finish_at(zombie)
    with pytest.raises(QueueUnavailable, match="not told yet: 0 of 3 Sentinels call"):
        ends.run(results.read(accepted))
    with pytest.raises(QueueUnavailable, match="not told yet: 0 of 3 Sentinels call"):
        ends.run(anext(told))
    ends.run(results.aclose())
    heirs = connect.results(heir.url)
    assert ends.run(heirs.read(accepted)).state is State.QUEUED
    ends.run(heirs.aclose())


@pytest.mark.timeout(120)
def test_an_outcome_is_told_that_every_replica_has(
    trio: SentinelTrio, ends: Ends, producer: Producer
) -> None:
    accepted = _acknowledged(ends, producer)
    _finish_at(trio.primary)
    results = connect.results(trio.url, 1, Durability.D3)
    assert ends.run(results.read(accepted)).state is State.DONE
    told = results.follow("0-0")
    assert {ends.run(anext(told)).outcome.id for _ in range(2)} >= {accepted}
    ends.run(told.aclose())
    ends.run(results.aclose())


@pytest.mark.timeout(120)
def test_a_woken_primary_is_left_for_the_new_one_within_the_same_submit(
    trio: SentinelTrio, ends: Ends, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_connection, "LOOK_AGAIN_S", math.inf)  # nobody looks unless told to
    zombie, _ = _replaced_and_woken(trio)
    with pytest.raises(QueueUnavailable, match="NOREPLICAS"):  # the new one's word: its replica is kept
        ends.run(producer.submit(job_for(), IMAGE))
    assert _confirmed_at(zombie, ends), "the zombie refuses too: this shows nothing"


@pytest.mark.timeout(120)
def test_images_are_acknowledged_while_the_lost_primary_stays_away(
    trio: SentinelTrio, ends: Ends, producer: Producer
) -> None:
    trio.primary.kill()
    assert wait_until(lambda: _acknowledged(ends, producer), 60, "an image that is acknowledged")
    assert trio.current() is not trio.primary


@pytest.mark.timeout(120)
def test_without_sentinels_all_replicas_must_confirm(
    trio: SentinelTrio, ends: Ends, producer: Producer
) -> None:
    trio.kill_sentinels()
    assert _acknowledged(ends, producer)
    trio.replicas[0].pause()
    with pytest.raises(QueueUnavailable, match="no Sentinel answers"):
        ends.run(producer.submit(job_for(), IMAGE))
    trio.replicas[0].resume()
    assert wait_until(lambda: _acknowledged(ends, producer), 10, "an image that is acknowledged")


async def _nothing(link: redis_connection.AsyncLink) -> None:
    pass
