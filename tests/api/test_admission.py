"""An image that cannot be inspected before its deadline is refused at once: what cameras notice of it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest

from api.admission import Admission, Hurry
from api.metrics import Metrics
from api.parameters import PartQuery
from inspector.messages.result import Outcome, State
from inspector.queue.base import Announcement, Load
from tests.api.support import Line, gateway_in_memory, gateway_on, problem, raw_exchange
from tests.support.pictures import jpeg
from tests.support.servers import QueueServer
from tests.support.waiting import wait_until

IMAGE = jpeg()

LINES = ("L1", "L2")

RATE = 20
"""Images a second of the worker here: fewer than one camera can send."""

DEADLINE_MS = 1000

HEAD = (
    f"POST /v1/inspections?line=L1&deadline_ms={DEADLINE_MS} HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Length: 30000\r\n\r\n"
).encode()
"""Its body is never sent."""


@contextmanager
def at_work(line: Line) -> Iterator[None]:
    """While the block lasts, a worker finishes RATE images a second, one after the other."""
    stop = threading.Event()

    def work() -> None:
        began = time.monotonic()
        for number in count(1):
            if stop.wait(max(0.0, began + number / RATE - time.monotonic())):
                return
            for delivery in line.worker.take(1, timedelta(0)):
                line.finish(delivery)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def flood(line: Line) -> httpx.Response:
    """A camera of L1 that waits for no verdict, up to its first refusal: that one."""
    for _ in range(5000):
        answer = line.post(IMAGE, line="L1", deadline_ms=DEADLINE_MS)
        if answer.status_code != 202:
            break
    assert answer.status_code == 503
    return answer


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_what_comes_too_late_is_refused_at_once_and_nothing_else_is(kind: str, tmp_path: Path) -> None:
    with open_gateway(kind, tmp_path) as line:
        with at_work(line):
            refused = flood(line)
        flood(line)  # nothing is finished now, so what comes next is refused too
        again = raw_exchange(line.port, HEAD)
        with at_work(line):
            others = {
                "another line has its turn": line.post(IMAGE, line="L2", deadline_ms=DEADLINE_MS, wait=5),
                "time enough": line.post(IMAGE, line="L1", deadline_ms=60_000),
                "no deadline": line.post(IMAGE, line="L1"),
                "re-inspection": line.post(
                    IMAGE, line="L1", deadline_ms=DEADLINE_MS, priority="reinspection"
                ),
            }

        document = problem(refused)
        assert document["type"] == "/problems/not-in-time"
        assert refused.elapsed < timedelta(milliseconds=DEADLINE_MS / 5)
        assert re.fullmatch(
            r"with \d+ images? before it its verdict would take \d+ ms, at the [\d.]+ a second that the workers "
            r"finish now; its deadline is in \d+ ms, and 80% of that are planned with",
            document["detail"],
        )
        assert document["retry_after_ms"] >= 50
        assert int(refused.headers["Retry-After"]) * 1000 >= document["retry_after_ms"]
        assert b"/problems/not-in-time" in again
        assert {name: one.status_code for name, one in others.items()} == {
            "another line has its turn": 200,
            "time enough": 202,
            "no deadline": 202,
            "re-inspection": 202,
        }
        assert others["another line has its turn"].json()["accept"] is True
        counted = line.metric('inspector_images_not_in_time_total{line="L1"}')
        assert counted == line.metric('inspector_images_refused_total{reason="not-in-time"}') >= 2


def test_after_the_flood_it_is_accepted_again_and_in_time() -> None:
    with gateway_in_memory(lines=LINES, body_timeout_s=0.5) as line, at_work(line):
        flood(line)
        began = time.monotonic()
        wait_until(lambda: in_time(line), what="an image that is accepted and in time")
        assert time.monotonic() - began < 2 + DEADLINE_MS / 1000

        wait_until(line.nothing_accepted, what="an empty queue")
        hopeless = line.post(IMAGE, line="L1", deadline_ms=1)
        assert hopeless.status_code == 202, "nothing comes before it"


def in_time(line: Line) -> bool:
    """Whether an image is accepted now; then it is in time."""
    answer = line.post(IMAGE, line="L1", deadline_ms=DEADLINE_MS, wait=5)
    assert answer.status_code == 503 or answer.json()["accept"] is True
    return answer.status_code == 200


def test_a_queue_that_nobody_works_on_refuses_nobody_and_expires_them() -> None:
    with gateway_in_memory(lines=LINES) as line:
        posted = [line.post(IMAGE, line="L1", deadline_ms=200) for _ in range(40)]
        last = line.post(IMAGE, line="L1", deadline_ms=200, wait=5)
        assert {answer.status_code for answer in posted} == {202}
        assert (last.status_code, last.json()["state"]) == (200, "expired")


@contextmanager
def open_gateway(kind: str, folder: Path) -> Iterator[Line]:
    if kind == "memory":
        with gateway_in_memory(lines=LINES) as line:
            yield line
        return
    with QueueServer(kind, folder) as server, gateway_on(server.url, lines=LINES, body_timeout_s=0.5) as line:
        yield line


# --- the rule itself --------------------------------------------------------------------------------------


def knowing(share: float | None, shards: int = 1) -> Admission:
    """Has seen 50 images of L1 a second for two seconds, while others waited."""
    admission = Admission(Metrics(LINES, []), share, shards)
    for number in range(100):
        at_ms = 1_000_000 + number * 20
        admission.saw_load("L1", Load(at_ms, depth=30, in_flight=8))
        outcome = Outcome(f"id-{number}", "L1", State.DONE, accept=True, result=b"{}")
        admission.saw_outcome(Announcement(f"{at_ms}-0", outcome, at_ms))
    return admission


def hurry(line: str = "L1", ago_ms: int = 0, **query: object) -> Hurry | None:
    part = PartQuery.model_validate({"line": line, **query})
    return Hurry.of(part, datetime.now(UTC) - timedelta(milliseconds=ago_ms))


@pytest.mark.parametrize(
    ("share", "ago_ms", "most"),
    [
        (1.0, 0, 49),
        (0.8, 0, 39),
        (0.8, 500, 19),  # the body took half a second
        (0.8, 2000, 0),
        (None, 0, None),  # switched off
    ],
)
def test_a_second_bears_so_many_images_ahead(share: float | None, ago_ms: int, most: int | None) -> None:
    assert knowing(share).most_ahead(hurry(deadline_ms=1000, ago_ms=ago_ms)) in (most, most and most - 1)


def test_who_has_no_deadline_or_is_a_re_inspection_waits_behind_any_number() -> None:
    assert knowing(0.8).most_ahead(hurry()) is None
    assert knowing(0.8).most_ahead(hurry(deadline_ms=1000, priority="reinspection")) is None


def test_a_shard_has_a_pace_of_its_own() -> None:
    admission = knowing(0.8, shards=2)
    lines = [f"L{number}" for number in range(1, 9)]
    known = [name for name in lines if admission.most_ahead(hurry(name, deadline_ms=1000)) is not None]
    assert "L1" in known
    assert len(known) < len(lines)
