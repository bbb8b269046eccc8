"""Another version at the other end: what it adds is passed over or on, what would be misread is refused.

Whole processes of two versions beside each other: `python -m tests.faults --other-version TREE`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inspector.messages.result import Outcome, State
from inspector.queue import connect
from inspector.queue.blobs import MARK, BlobStore
from inspector.queue.keys import GROUP, Keys
from tests.inspector.queue.conftest import Ends, OpenEnds, StartServer, take_one
from tests.support.jobs import RESULT, done, job_for
from tests.support.servers import QueueServer

NO_WAIT = timedelta(0)
KEYS = Keys()


@pytest.fixture
def server(start_server: StartServer) -> QueueServer:
    return start_server()


@pytest.fixture
def ends(server: QueueServer, open_ends: OpenEnds) -> Ends:
    return open_ends(server.url)


def submit_as(
    server: QueueServer, ends: Ends, change: Callable[[dict[str, Any]], object], **fields: Any
) -> str:
    """The id of an image whose job another version wrote."""
    inspection = ends.submit(**fields)
    with server.client() as client:
        text = client.get(KEYS.job(inspection))
        assert isinstance(text, bytes)
        job = json.loads(text)
        change(job)
        client.set(KEYS.job(inspection), json.dumps(job))
    return inspection


def outcome(ends: Ends, inspection: str) -> Outcome:
    said = ends.run(ends.results.read(inspection)).outcome
    assert said is not None
    return said


@pytest.mark.parametrize("place", [(), ("image",)], ids=["job", "image facts"])
def test_what_a_newer_gateway_adds_to_a_job_is_passed_over(
    server: QueueServer, ends: Ends, place: tuple[str, ...]
) -> None:
    def add(job: dict[str, Any]) -> None:
        (job["image"] if place else job)["lamp"] = {"of": "the next version"}

    inspection = submit_as(server, ends, add, part_id="SN-1")
    delivery = take_one(ends.consumer())
    assert (delivery.job.id, delivery.job.part_id) == (inspection, "SN-1")
    job = ends.run(ends.results.read(inspection)).job
    assert job == delivery.job


def test_what_an_older_gateway_leaves_out_of_a_job_has_its_default(server: QueueServer, ends: Ends) -> None:
    submit_as(server, ends, lambda job: job.pop("priority"))
    assert take_one(ends.consumer()).job.priority == "live"


@pytest.mark.parametrize("place", ["recipe", "review", "thresholds"])
def test_a_recipe_with_an_unknown_rule_fails_with_a_reason_and_is_not_judged_by_the_others(
    server: QueueServer, ends: Ends, place: str
) -> None:
    def add(job: dict[str, Any]) -> None:
        recipe = job["recipe"]
        (recipe if place == "recipe" else recipe[place])["least_contrast"] = 0.2

    inspection = submit_as(server, ends, add)
    assert ends.consumer().take(5, NO_WAIT) == []
    said = outcome(ends, inspection)
    assert (said.state, said.accept) == (State.FAILED, False)
    where = "recipe.least_contrast" if place == "recipe" else f"recipe.{place}.least_contrast"
    error = json.loads(said.error or b"")
    assert error["detail"] == f"this worker does not know {where} yet: update the workers"


def test_a_rule_that_is_not_used_does_not_travel(server: QueueServer, ends: Ends) -> None:
    inspection = ends.submit()
    with server.client() as client:
        text = client.get(KEYS.job(inspection))
    assert isinstance(text, bytes)
    job = json.loads(text)
    assert "image" not in job["recipe"]
    assert None not in [*job.values(), *job["recipe"].values()]


def test_a_job_of_an_unknown_schema_is_refused_by_its_number(server: QueueServer, ends: Ends) -> None:
    def rewrite(job: dict[str, Any]) -> None:
        job.update(schema_version=2, image="told in another way", recipe=None)

    newer = submit_as(server, ends, rewrite)
    known = ends.submit()
    assert [one.job.id for one in ends.consumer().take(5, NO_WAIT)] == [known]
    said = outcome(ends, newer)
    assert (said.state, said.accept) == (State.FAILED, False)
    error = json.loads(said.error or b"")
    assert error["detail"] == "the job has schema 2, this worker reads 1: update the workers"


def test_a_newer_workers_result_is_passed_on_as_it_is(ends: Ends) -> None:
    newer = RESULT[:-1] + b',"depth_mm":0.2}'
    inspection = ends.submit()
    consumer = ends.consumer()
    consumer.finish([done(take_one(consumer), newer)])
    assert outcome(ends, inspection).result == newer


def test_an_older_worker_reads_the_stream_itself_beside_newer_ones(server: QueueServer, ends: Ends) -> None:
    """Those of before turns: XREADGROUP instead of take.lua."""
    ids = [ends.submit() for _ in range(3)]
    newer = ends.consumer("newer")
    newer.take(0, NO_WAIT)  # opens the group, and puts all of them where they wait
    ids.append(ends.submit())
    with server.client() as client:
        client.response_callbacks.clear()
        [[_, entries]] = client.execute_command(
            "XREADGROUP", "GROUP", GROUP, "older", "COUNT", 9, "STREAMS", KEYS.work, ">"
        )
        older = [fields[1].decode() for _, fields in entries]
    assert older == ids[3:]
    assert [one.job.id for one in newer.take(9, NO_WAIT)] == ids[:3]


def test_deadlines_that_older_workers_leave_behind_hide_no_overdue_image(
    server: QueueServer, ends: Ends
) -> None:
    """A worker of before the deadlines lay in the queue ends an image and leaves its deadline there."""
    received_at = datetime.now(UTC)
    consumer = ends.consumer()
    left = {}
    for _ in range(5):
        inspection = ends.submit(deadline_ms=1000, received_at=received_at)
        with server.client() as client:
            left[inspection] = client.zscore(KEYS.due, inspection)
        consumer.finish([done(take_one(consumer))])
    with server.client() as client:
        client.zadd(KEYS.due, left)
    late = ends.submit(deadline_ms=2000, received_at=received_at)
    now = received_at + timedelta(hours=1)
    expired = [one.id for _ in range(4) for one in ends.run(ends.producer.expire_overdue(now, 2))]
    assert expired == [late]
    with server.client() as client:
        assert client.zcard(KEYS.due) == 0


def test_the_file_of_an_image_that_an_older_version_let_go_of_is_given_up(
    server: QueueServer, ends: Ends, tmp_path: Path
) -> None:
    """It knows of no blob store: what it takes out of the server is all that it knows."""
    job, incoming = job_for(), BlobStore(tmp_path, durable=False).begin()
    (tmp_path / MARK).touch()
    incoming.write([b"an image"])
    ends.run(ends.producer.submit(job, incoming.keep(job.id)))
    disposal = connect.disposal(server.url)
    assert ends.run(disposal.forsake([job.id])) == []
    with server.client() as client:
        client.unlink(KEYS.job(job.id), KEYS.image(job.id), KEYS.map(job.id), KEYS.result(job.id))
        assert ends.run(disposal.forsake([job.id])) == [job.id]
        assert client.hlen(KEYS.blobs) == 0
    ends.run(disposal.aclose())
