"""Real worker processes on a real server: started wrongly, stopped, killed."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inspector.messages.result import State
from inspector.models.bundle import WEIGHTS, Bundle
from tests.support.gateway_end import GatewayEnd
from tests.support.images import grey_png
from tests.support.servers import QueueServer
from tests.support.waiting import wait_until
from tests.support.worker_process import WorkerProcess

Start = Callable[..., WorkerProcess]

IMAGES = [grey_png(256, 256, seed=seed) for seed in range(4)]


@pytest.fixture
def start(server: QueueServer, tiny_bundle: Bundle, tmp_path: Path) -> Iterator[Start]:
    """Starts workers on the server with the tiny bundle; they are gone after the test."""
    started: list[WorkerProcess] = []

    def start_one(name: str, *flags: str) -> WorkerProcess:
        usual = ("--redis-url", server.url, "--model", str(tiny_bundle.folder), "--name", name)
        started.append(WorkerProcess(tmp_path / f"{name}.log", *usual, *flags))
        return started[-1]

    yield start_one
    for worker in started:
        worker.kill()


def freeze_at_work(worker: WorkerProcess, gateway: GatewayEnd, depth: int) -> None:
    """Stop the process (SIGSTOP) at a moment when it holds images and has finished some."""

    def frozen() -> bool:
        worker.signal(signal.SIGSTOP)
        status = gateway.status()
        if status.in_flight and status.depth < depth:
            return True
        worker.signal(signal.SIGCONT)
        return False

    wait_until(frozen, 60, "a worker in the middle of a batch")


def test_a_worker_killed_in_the_middle_of_a_batch_loses_nothing(
    on_server: GatewayEnd, start: Start, server: QueueServer
) -> None:
    jobs = [on_server.submit(IMAGES[index % 4]) for index in range(120)]
    first = start("first", "--min-idle-s", "1")
    freeze_at_work(first, on_server, depth=120)
    held = on_server.status().in_flight
    first.kill()

    start("second", "--min-idle-s", "1")
    snapshots = on_server.wait_for(jobs, 90)

    assert held > 0
    assert {snapshot.state for snapshot in snapshots} == {State.DONE}
    assert on_server.status().depth == 0
    with server.client() as client:
        [announced] = [
            client.xlen(key) for key in client.scan_iter("*results*") if client.type(key) == b"stream"
        ]
    assert announced == 120, "one announcement of each image"


def test_sigterm_drains_and_another_worker_goes_on_at_once(on_server: GatewayEnd, start: Start) -> None:
    jobs = [on_server.submit(IMAGES[index % 4]) for index in range(120)]
    first = start("first", "--min-idle-s", "300")
    freeze_at_work(first, on_server, depth=120)
    first.signal(signal.SIGTERM)
    first.signal(signal.SIGCONT)

    assert first.wait() == 0
    assert on_server.status().depth > 0

    # With a min_idle of 300 s, only what was handed back is there this soon.
    start("second", "--min-idle-s", "300")
    assert {snapshot.state for snapshot in on_server.wait_for(jobs, 90)} == {State.DONE}


def test_a_server_that_dies_and_comes_back_needs_no_restart_of_the_worker(
    on_server: GatewayEnd, start: Start, server: QueueServer
) -> None:
    worker = start("w")
    worker.wait_ready()
    server.kill()
    wait_until(lambda: worker.get("/readyz").status_code == 503, 20, "an unready worker")
    assert worker.get("/healthz").status_code == 200
    server.start()

    [snapshot] = on_server.wait_for([on_server.submit(IMAGES[0])])

    assert snapshot.state is State.DONE
    wait_until(lambda: 'verdict="OK"} 1.0' in worker.get("/metrics").text, what="a count on /metrics")


def test_a_bundle_with_a_wrong_digest(start: Start, tiny_bundle: Bundle, tmp_path: Path) -> None:
    copy = tmp_path / "altered"
    shutil.copytree(tiny_bundle.folder, copy)
    with (copy / WEIGHTS).open("ab") as file:
        file.write(b"\0")

    worker = start("w", "--model", str(copy))

    assert worker.wait() == 1
    [line] = worker.said.splitlines()
    assert "weights.safetensors has been altered" in line


def test_a_cuda_device_that_is_not_there(start: Start) -> None:
    worker = start("w", "--device", "cuda:99")

    assert worker.wait() == 1
    [line] = worker.said.splitlines()
    assert line.startswith("error: device 'cuda:99': torch finds")


def test_a_metrics_port_in_use(start: Start, server: QueueServer) -> None:
    worker = start("w", "--metrics-port", str(server.port))

    assert worker.wait() == 1
    assert worker.said.startswith(f"error: --metrics-port {server.port}: cannot listen")
