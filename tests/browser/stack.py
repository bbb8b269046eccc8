"""A real Redis and a real gateway as processes; the worker's part is played here, on the real queue."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import cv2
import httpx
import numpy as np
import redis

from inspector.errors import InspectionFailed
from inspector.messages.job import Job
from inspector.messages.result import (
    AttentionFacts,
    Classification,
    Finding,
    ModelRef,
    Outcome,
    Reason,
    Result,
    State,
    Timings,
    Verdict,
    failed,
)
from inspector.queue import connect
from inspector.queue.base import Finished
from tests.support.pictures import png
from tests.support.servers import QueueServer, free_port
from tests.support.waiting import wait_until

WIDTH, HEIGHT = 400, 300
IMAGE = png(WIDTH, HEIGHT, channels=1)


class Stack:
    """One Redis, one gateway; `post` and `inspect` bring parts through it."""

    def __init__(self, server: QueueServer) -> None:
        self.redis = server
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.headers: dict[str, str] = {}
        """What a camera sends: its key, where there are keys."""
        self.options: tuple[str, ...] = ()
        """Of its gateway."""
        self._gateway: subprocess.Popen[bytes] | None = None

    def refresh(self) -> None:
        """An empty queue; and what an earlier test killed and left so runs again."""
        if not self._redis_answers():
            self.redis.start()
        if self._gateway is None:
            self.start_gateway()
        with self.redis.client() as client:
            client.flushdb()
        wait_until(self._ready, timeout_s=20, what="the gateway is ready")

    def start_gateway(self, *options: str) -> None:
        self.options = options
        command = [sys.executable, "-P", "-m", "api", "--port", str(self.port), "--metrics-port", "0"]
        self._gateway = subprocess.Popen(
            [*command, "--redis-url", self.redis.url, "--log-level", "error", *options],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        wait_until(self._ready, timeout_s=20, what="the gateway is ready")

    def kill_gateway(self) -> None:
        if self._gateway is not None:
            self._gateway.kill()
            self._gateway.wait()
            self._gateway = None

    def post(self, image: bytes = IMAGE, /, **query: str) -> str:
        """One image into the gateway; its id."""
        answers: list[httpx.Response] = []

        def accepted() -> bool:
            # As a camera does: a machine under load may say 503 now and then.
            url = f"{self.url}/v1/inspections"
            answers.append(httpx.post(url, params=query, content=image, headers=self.headers))
            assert answers[-1].status_code in {202, 503}, answers[-1].text
            return answers[-1].status_code == 202

        wait_until(accepted, what="the image is accepted")
        return str(answers[-1].json()["id"])

    def inspect(
        self, verdict: Verdict = Verdict.OK, findings: Sequence[Finding] = (), reasons: Sequence[Reason] = ()
    ) -> None:
        """What a worker does with every image that waits: the given verdict."""
        consumer = connect.consumer(self.redis.url, "browser-test")
        for delivery in consumer.take(64, timedelta(seconds=5)):
            result = _result(delivery.job, verdict, findings, reasons)
            outcome = Outcome(
                delivery.job.id,
                delivery.job.line,
                State.DONE,
                accept=verdict is Verdict.OK,
                result=result.model_dump_json().encode(),
            )
            consumer.finish([Finished(delivery, outcome, _map())])
        consumer.close()

    def fail(self, message: str) -> None:
        """What a worker does with an image that it cannot inspect."""
        consumer = connect.consumer(self.redis.url, "browser-test")
        for delivery in consumer.take(64, timedelta(seconds=5)):
            outcome = failed(delivery.job.id, delivery.job.line, InspectionFailed(message), delivery.job)
            consumer.finish([Finished(delivery, outcome)])
        consumer.close()

    def _redis_answers(self) -> bool:
        with suppress(redis.ConnectionError), self.redis.client() as client:
            return bool(client.ping())
        return False

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running(server: QueueServer) -> Iterator[Stack]:
    stack = Stack(server)
    try:
        stack.start_gateway()
        yield stack
    finally:
        stack.kill_gateway()


def finding(name: str, score: float, box: tuple[float, float, float, float]) -> Finding:
    return Finding(defect_class=name, score=score, box=box, counted=score >= 0.5, threshold=0.5)


def _map() -> bytes:
    grid = np.zeros((HEIGHT // 8, WIDTH // 8), np.uint8)
    grid[6:16, 12:22] = 255
    return cv2.imencode(".png", grid)[1].tobytes()


def _result(job: Job, verdict: Verdict, findings: Sequence[Finding], reasons: Sequence[Reason]) -> Result:
    return Result.of(
        job,
        verdict=verdict,
        reasons=reasons,
        findings=findings,
        classification=Classification(defective=0.5, classes={}),
        attention=AttentionFacts(source="gate", width=WIDTH // 8, height=HEIGHT // 8, min=0.0, max=1.0),
        model=ModelRef(name="pcb", version="1.0.0", sha256="0" * 64),
        timings_ms=Timings(queued=1.0, decode=2.0, inference=30.0, total=40.0),
        finished_at=datetime.now(UTC),
    )
