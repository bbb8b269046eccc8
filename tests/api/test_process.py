"""`python -m api` as it is run: a process of its own, a real server of the queue, signals."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.api.support import Line, gateway_on, problem
from tests.support.pictures import jpeg
from tests.support.servers import DURABLE, KINDS, QueueServer, free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
IMAGE = jpeg()
ADDRESS = re.compile(r"listening on (http://[^\"]+)")


@contextmanager
def gateway_process(log: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """A gateway on free ports; ended, if need be, when the block is left."""
    command = [sys.executable, "-m", "api", "--port", "0", "--metrics-port", "0", *options]
    with log.open("wb") as output, subprocess.Popen(command, cwd=ROOT, stderr=output) as process:
        try:
            [url] = wait_until(lambda: ADDRESS.findall(log.read_text()), 30, "a port")
            with httpx.Client(base_url=url, timeout=20, trust_env=False) as http:
                wait_until(lambda: healthy(http), 30, "an answer")
                yield process, http
        finally:
            process.kill()


def healthy(http: httpx.Client) -> bool:
    try:
        return http.get("/healthz").is_success
    except httpx.TransportError:
        return False


def test_on_sigterm_waiting_clients_get_a_202_and_live_streams_end(tmp_path: Path) -> None:
    with (
        QueueServer("redis", tmp_path / "redis") as server,
        gateway_process(tmp_path / "log", "--redis-url", server.url) as (process, http),
        http.stream("GET", "/v1/events") as live,
    ):
        answers: list[httpx.Response] = []
        headers = {"Prefer": "wait=30"}
        thread = threading.Thread(
            target=lambda: answers.append(http.post("/v1/inspections", content=IMAGE, headers=headers))
        )
        thread.start()
        wait_until(lambda: http.get("/v1/status").json()["queue"]["depth"] == 1, what="an accepted image")

        process.send_signal(signal.SIGTERM)
        thread.join()
        live.read()

        assert answers[0].status_code == 202
        assert answers[0].headers["location"]
        assert process.wait(timeout=20) == 0


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for options in (["--port", port], ["--port", "0", "--metrics-port", port]):
            done = subprocess.run(
                [sys.executable, "-m", "api", *options], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert done.returncode == 2
            assert f"127.0.0.1:{port}" in done.stderr
            assert done.stderr.count("\n") <= 2
            assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_work_is_one_clear_line() -> None:
    environment = {**os.environ, "INSPECTOR_MAX_IMAGE_BYTES": "many"}
    done = subprocess.run(
        [sys.executable, "-m", "api"], cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 2
    assert "INSPECTOR_MAX_IMAGE_BYTES" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_shows_an_example() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "example: python -m api --port 8000" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_queue_that_goes_and_comes_back_needs_no_restart(kind: str, tmp_path: Path) -> None:
    with QueueServer(kind, tmp_path, DURABLE) as server, gateway_on(server.url) as line:
        kept = line.post(IMAGE).json()
        with line.working():
            assert line.post(IMAGE, wait=10).status_code == 200

        server.kill()
        for answer in (line.post(IMAGE), line.http.get("/readyz"), line.http.get(kept["links"]["self"])):
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            assert problem(answer)["type"] == "/problems/queue-unavailable"
        assert line.http.get("/healthz").status_code == 200
        server.start()

        wait_until(lambda: line.http.get("/readyz").is_success, what="readiness again")
        with line.working():
            assert line.post(IMAGE, wait=10).status_code == 200
        assert line.http.get(kept["links"]["self"]).json()["state"] == "done"


def test_an_image_that_waits_while_the_queue_breaks_still_gets_its_answer(tmp_path: Path) -> None:
    with QueueServer("valkey", tmp_path, DURABLE) as server, gateway_on(server.url) as line:
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(line.post(IMAGE, wait=20)))
        thread.start()
        wait_until(lambda: depth(line) == 1, what="an accepted image")
        server.kill()
        server.start()
        line.finish(line.take())
        thread.join()

    assert answers[0].status_code == 200
    assert answers[0].json()["state"] == "done"


def depth(line: Line) -> int:
    return int(line.http.get("/v1/status").json()["queue"]["depth"])


def test_a_queue_that_hangs_is_503_before_the_body_is_read(tmp_path: Path) -> None:
    with QueueServer("redis", tmp_path) as server, gateway_on(server.url) as line:
        server.pause()
        answer = line.post(IMAGE)
        server.resume()
        assert problem(answer)["type"] == "/problems/queue-unavailable"
        wait_until(lambda: line.post(IMAGE).status_code == 202, what="an accepted image")


def test_a_gateway_started_without_a_queue_waits_for_it(tmp_path: Path) -> None:
    server = QueueServer("redis", tmp_path)
    with gateway_on(server.url) as line:
        assert line.http.get("/readyz").status_code == 503
        with server:
            wait_until(lambda: line.http.get("/readyz").is_success, what="readiness")
            with line.working():
                assert line.post(IMAGE, wait=10).status_code == 200


def test_a_recipes_folder_that_is_empty_is_one_clear_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api", "--port", str(free_port()), "--recipes-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "default" in done.stderr
