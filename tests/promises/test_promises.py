"""The eight promises of the README, each by its number: a gateway over HTTP, a real server, D2.

Their corners are held elsewhere, by the tests that the README names beside each.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from inspector.errors import InspectionFailed
from inspector.queue import connect
from inspector.queue.base import Consumer, Finished, FinishStatus
from inspector.queue.keys import Keys
from tests.api.support import Line, done, gateway_on, problem
from tests.support.pictures import jpeg
from tests.support.servers import DURABLE, KINDS, QueueServer
from tests.support.waiting import wait_until

IMAGE, OTHER_IMAGE = jpeg(), jpeg(width=48)
NO_WAIT = timedelta(0)
MIN_IDLE = timedelta(milliseconds=300)
ONE_SWEEP = timedelta(seconds=1)


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[QueueServer]:
    with QueueServer(request.param, tmp_path / "server", DURABLE) as running:
        yield running


@pytest.fixture
def line(server: QueueServer) -> Iterator[Line]:
    with gateway_on(server.url) as line:
        yield line


def state(line: Line, answer: httpx.Response) -> str:
    """What can be read of the image that an answer named."""
    said = line.http.get(answer.json()["links"]["self"])
    return str(said.json()["state"])


def outcomes(server: QueueServer) -> Counter[str]:
    """How many outcomes were announced of each id."""
    with server.client() as client:
        return Counter(fields[b"id"].decode() for _, fields in client.xrange(Keys().results))


def swept(consumer: Consumer, within: timedelta) -> list[Any]:
    return wait_until(lambda: consumer.sweep(5), within.total_seconds(), "an abandoned image")


def test_promise_1_what_was_acknowledged_outlives_kill_9(server: QueueServer, line: Line) -> None:
    accepted = []
    killer = threading.Timer(0.5, server.kill)
    killer.start()
    while (answer := line.post(IMAGE)).status_code == 202:
        accepted.append(answer)
    killer.join()
    assert accepted
    assert problem(answer)["type"] == "/problems/queue-unavailable"
    server.start()
    wait_until(lambda: line.http.get("/readyz").is_success, what="the queue again")
    assert {state(line, one) for one in accepted} == {"queued"}


def test_promise_2_every_image_reaches_exactly_one_terminal_state(server: QueueServer, line: Line) -> None:
    ok, broken, late = line.post(IMAGE), line.post(IMAGE), line.post(IMAGE, deadline_ms=1)
    wait_until(lambda: state(line, late) == "expired", what="the expiry")
    line.finish(line.take())
    line.fail(line.take(), InspectionFailed("a device"))
    assert [state(line, one) for one in (ok, broken, late)] == ["done", "failed", "expired"]
    assert outcomes(server) == {one.json()["id"]: 1 for one in (ok, broken, late)}


def test_promise_3_inference_may_run_twice_and_counts_once(server: QueueServer, line: Line) -> None:
    answer = line.post(IMAGE)
    first = line.take()
    other = connect.consumer(server.url, "other", min_idle=MIN_IDLE)
    [second] = swept(other, MIN_IDLE + ONE_SWEEP)
    statuses = other.finish([Finished(second, done(second.job))])
    statuses += line.worker.finish([Finished(first, done(first.job))])
    other.close()
    assert statuses == [FinishStatus.RECORDED, FinishStatus.LOST]
    assert outcomes(server) == {answer.json()["id"]: 1}


def test_promise_4_a_key_is_one_inspection_and_never_another_image(line: Line) -> None:
    key = {"Idempotency-Key": "SN-4711"}
    first, again = line.post(IMAGE, headers=key), line.post(IMAGE, headers=key)
    assert first.json()["id"] == again.json()["id"]
    for other in (line.post(OTHER_IMAGE, headers=key), line.post(IMAGE, headers=key, part_id="2")):
        assert problem(other)["type"] == "/problems/idempotency-conflict"
    line.finish(line.take())
    assert line.post(IMAGE, headers=key).json()["state"] == "done"


def test_promise_5_a_poison_image_fails_after_three_deliveries_and_the_waiting_client_is_told(
    server: QueueServer, line: Line
) -> None:
    answers: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(line.post(IMAGE, wait=20)))
    waiting.start()
    line.take()
    crashing = connect.consumer(server.url, "crashing", min_idle=timedelta(milliseconds=20))
    counts = [swept(crashing, ONE_SWEEP)[0].count for _ in range(2)]
    wait_until(lambda: crashing.sweep(5) == [] and not waiting.is_alive(), what="the burial")
    crashing.close()
    assert counts == [2, 3]
    said = answers[0].json()
    assert (answers[0].status_code, said["state"], said["accept"]) == (200, "failed", False)
    assert said["error"]["code"] == "poison-image"
    assert line.http.get("/v1/status").json()["queue"]["dead_letters"] == 1


def test_promise_6_over_a_budget_is_503_and_nothing_accepted_gives_way(server: QueueServer) -> None:
    with gateway_on(server.url, queue_max_depth=3, recent_bytes=0) as line:
        accepted = [line.post(IMAGE) for _ in range(3)]
        for _ in range(5):
            refused = line.post(IMAGE)
            assert problem(refused)["type"] == "/problems/busy"
            assert int(refused.headers["retry-after"]) >= 1
        for one in accepted:
            assert line.http.get(one.json()["links"]["image"]).content == IMAGE


def test_promise_7_a_dead_workers_image_restarts_in_time_and_the_zombie_cannot_write(
    server: QueueServer, line: Line
) -> None:
    answer = line.post(IMAGE)
    zombie = line.take()
    heir = connect.consumer(server.url, "heir", min_idle=MIN_IDLE)
    [taken] = swept(heir, MIN_IDLE + ONE_SWEEP)
    late = Finished(zombie, done(zombie.job))
    assert line.worker.renew([zombie]) == {zombie.entry}
    assert line.worker.finish([late]) == [FinishStatus.LOST]
    assert state(line, answer) == "queued"
    assert heir.finish([Finished(taken, done(taken.job))]) == [FinishStatus.RECORDED]
    assert line.worker.finish([late]) == [FinishStatus.LOST]
    heir.close()


def test_promise_8_a_client_gets_the_outcome_or_the_url_and_leaving_loses_nothing(line: Line) -> None:
    with line.working():
        assert line.post(IMAGE, wait=10).json()["state"] == "done"
    expired = line.post(IMAGE, wait=10, deadline_ms=50)
    assert (expired.status_code, expired.json()["state"]) == (200, "expired")
    with suppress(httpx.ReadTimeout):
        line.http.post("/v1/inspections", content=IMAGE, headers={"Prefer": "wait=30"}, timeout=0.3)
    left = line.take()
    elapsed = line.post(IMAGE, wait=1)
    assert (elapsed.status_code, elapsed.headers["location"]) == (202, elapsed.json()["links"]["self"])
    line.finish(left)
    line.finish(line.take())
    assert line.http.get(f"/v1/inspections/{left.job.id}").json()["state"] == "done"
    assert line.http.get(elapsed.headers["location"]).json()["state"] == "done"
