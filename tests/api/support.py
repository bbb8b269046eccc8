"""A gateway on a real port inside the test's process, and a stand-in for its workers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from prometheus_client import generate_latest

from api.app import create_app, new_metrics
from api.metrics import Metrics
from api.server import Server
from api.settings import Settings
from api.state import Connect, Queue
from inspector.errors import InspectorError, QueueUnavailable
from inspector.messages.job import Job
from inspector.messages.result import (
    AttentionFacts,
    Classification,
    ModelRef,
    Outcome,
    Result,
    State,
    Timings,
    Verdict,
    failed,
)
from inspector.queue import connect
from inspector.queue.base import Consumer, Delivery, Finished
from inspector.queue.memory import MemoryQueue
from tests.support.waiting import wait_until

MAP = b"\x89PNG\r\n\x1a\n the map, as far as the gateway cares"


@dataclass(frozen=True, slots=True)
class Line:
    """A running gateway, a client of it, and one worker of its queue, which does what the test says."""

    http: httpx.Client
    port: int
    metrics: Metrics
    worker: Consumer
    server: Server

    def post(self, image: bytes, *, wait: int | None = None, **query: Any) -> httpx.Response:
        headers = query.pop("headers", {}) | ({} if wait is None else {"Prefer": f"wait={wait}"})
        return self.http.post("/v1/inspections", content=image, params=query, headers=headers)

    def take(self) -> Delivery:
        [delivery] = self.worker.take(1, timedelta(seconds=10))
        return delivery

    def nothing_accepted(self) -> bool:
        return bool(self.http.get("/v1/status").json()["queue"]["depth"] == 0)

    def finish(self, delivery: Delivery, verdict: Verdict = Verdict.OK) -> None:
        self.worker.finish([Finished(delivery, done(delivery.job, verdict), MAP)])

    def fail(self, delivery: Delivery, error: InspectorError) -> None:
        outcome = failed(delivery.job.id, delivery.job.line, error)
        self.worker.finish([Finished(delivery, outcome)])

    @contextmanager
    def working(self) -> Iterator[None]:
        """While the block lasts, every image is OK at once."""
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                for delivery in self.worker.take(8, timedelta(milliseconds=50)):
                    self.finish(delivery)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def metric(self, name: str) -> float:
        """The value of one series, as a scrape sees it."""
        for line in generate_latest(self.metrics.registry).decode().splitlines():
            series, _, value = line.rpartition(" ")
            if series == name:
                return float(value)
        raise KeyError(name)


@contextmanager
def gateway_in_memory(**given: Any) -> Iterator[Line]:
    settings = Settings(**{"status_refresh_s": 0.05, **given})
    queue = MemoryQueue(settings.budgets)

    def open_queue(_: Settings) -> Queue:
        return Queue(queue.producer(), queue.results(), queue.admin(), queue.disposal())

    with running(settings, queue.consumer("w1"), open_queue) as line:
        yield line


@contextmanager
def gateway_on(url: str, worker_url: str | None = None, **given: Any) -> Iterator[Line]:
    settings = Settings(**{"status_refresh_s": 0.05, "redis_url": url, **given})
    worker = connect.consumer(worker_url or url, "w1", settings.budgets, blobs=settings.blob_store)
    with running(settings, worker, None) as line:
        yield line


@contextmanager
def running(settings: Settings, worker: Consumer, open_queue: Connect | None) -> Iterator[Line]:
    metrics = new_metrics(settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = Server(create_app(settings, metrics, open_queue), listener, settings)
        thread = threading.Thread(target=server.serve_until_signal)
        thread.start()
        try:
            wait_until(lambda: server.started, 60, "the gateway")
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as http:
                yield Line(http, port, metrics, worker, server)
        finally:
            server.should_exit = True
            thread.join()
            with suppress(QueueUnavailable):  # some tests end without a server
                worker.close()


def done(job: Job, verdict: Verdict = Verdict.OK) -> Outcome:
    """What a worker says of a job that it inspected."""
    result = Result.of(
        job,
        verdict=verdict,
        reasons=[],
        findings=[],
        classification=Classification(defective=0.01, classes={"spur": 0.01}),
        attention=AttentionFacts(source="test", width=8, height=6, min=0.0, max=1.0),
        model=ModelRef(name="test", version="1", sha256="0" * 64),
        timings_ms=Timings(queued=0, decode=0, inference=0, total=0),
        finished_at=datetime.now(UTC),
    )
    accept = verdict is Verdict.OK and not result.deadline_missed
    return Outcome(job.id, job.line, State.DONE, accept, result=result.model_dump_json().encode())


def raw_exchange(port: int, request: bytes, *, half_close: bool = False) -> bytes:
    """What the gateway answers to exactly these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
            if complete(answer):
                break
    return answer


def complete(answer: bytes) -> bool:
    head, separator, content = answer.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(separator and lengths) and len(content) >= int(lengths[0].partition(b":")[2])


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(answer.content)
    assert document["status"] == answer.status_code
    return document
