"""The one-machine stack, end to end: real processes, real HTTP, a small bundle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from inspector.camera.shot import Placement
from inspector.camera.synthetic import SyntheticSource
from inspector.models.bundle import Bundle
from tests.integration.running_stack import RunningStack, gone, no_other_starts
from tests.support.pictures import png
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def board() -> bytes:
    return next(iter(SyntheticSource(Placement()))).take().image


@pytest.fixture(scope="module")
def stack(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One for the tests that leave it running."""
    with RunningStack(tmp_path_factory.mktemp("up"), tiny_bundle.folder) as running:
        yield running


def camera(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inspector.cli", "camera", "--url", url, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


def test_it_says_where_everything_is_and_it_is_there(stack: RunningStack) -> None:
    for place in (f"{stack.url}/", f"{stack.url}/docs", *stack.facts["metrics"].values()):
        assert place in stack.said
        assert httpx.get(place).status_code == 200
    assert stack.facts["redis_url"] in stack.said
    assert str(stack.data) in stack.said


def test_a_camera_gets_a_verdict_for_every_board(stack: RunningStack, tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    done = camera(stack.url, "--synthetic", "--count", "12", "--rate", "0", "--json", str(answers))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 images: OK " in done.stdout
    records = [json.loads(line) for line in answers.read_text().splitlines()]
    assert len({record["id"] for record in records}) == 12
    assert {record["state"] for record in records} == {"done"}
    assert all(record["result"]["simulated"] for record in records)

    def recorded() -> set[str]:
        page = httpx.get(f"{stack.url}/v1/inspections", params={"simulated": "true", "limit": 200}).json()
        return {one["id"] for one in page["inspections"]}

    wait_until(lambda: recorded() >= {record["id"] for record in records}, 30, "a record of each board")


@pytest.mark.parametrize("child", ["gateway", "worker-1", "archiver", "redis"])
def test_a_killed_child_is_started_again_and_nothing_is_lost(
    stack: RunningStack, board: bytes, child: str
) -> None:
    before = stack.post(board, Prefer="wait=30")
    old = stack.pid(child)
    with no_other_starts():  # on the port that it leaves for a moment
        subprocess.run(["kill", "-9", str(old)], check=True)
        wait_until(lambda: f"{child} is ready again" in stack.said, 30, f"{child} again")
    assert stack.pid(child) != old
    assert stack.post(board, Prefer="wait=30")["state"] == "done"
    assert stack.read(before["id"])["state"] == "done"


def test_accepted_images_are_finished_after_a_restart(
    tiny_bundle: Bundle, board: bytes, tmp_path: Path
) -> None:
    with RunningStack(tmp_path, tiny_bundle.folder, "--workers", "0") as idle:
        accepted = [idle.post(one)["id"] for one in (board, board, png(800, 600))]
        assert (idle.data / "blobs" / accepted[2]).exists(), "over the inline limit"
    with RunningStack(tmp_path, tiny_bundle.folder) as working:
        for inspection_id in accepted:
            wait_until(lambda i=inspection_id: working.read(i)["state"] == "done", 30, "its verdict")  # type: ignore[misc]


def test_accepted_images_survive_kill_9_of_it_all(tiny_bundle: Bundle, board: bytes, tmp_path: Path) -> None:
    stack = RunningStack(tmp_path, tiny_bundle.folder, "--workers", "0")
    stack.start()
    accepted = stack.post(board)["id"]
    pids = stack.facts["pids"].values()
    stack.signal(signal.SIGKILL)
    for pid in pids:
        wait_until(lambda pid=pid: gone(pid), what="no orphans")  # type: ignore[misc]
    stack.data.joinpath("stack.json").unlink()
    with RunningStack(tmp_path, tiny_bundle.folder) as working:
        wait_until(lambda: working.read(accepted)["state"] == "done", 30, "its verdict")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_in_order(tiny_bundle: Bundle, tmp_path: Path, number: signal.Signals) -> None:
    stack = RunningStack(tmp_path, tiny_bundle.folder, "--workers", "0")
    stack.start()
    pids = list(stack.facts["pids"].values())
    assert stack.signal(number) == 0
    assert all(gone(pid) for pid in pids)
    assert stack.said.splitlines()[-2:] == ["stopping ...", "stopped"]
    assert not (stack.data / "stack.json").exists()


def test_a_demo_posts_sums_up_and_stops(tiny_bundle: Bundle, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inspector.cli", "up", "--port", "0", "--model", str(tiny_bundle.folder)]
    demo = ["--data-dir", str(tmp_path / "var"), "--demo", "--count", "5", "--rate", "0"]
    with no_other_starts():
        done = subprocess.run([*command, *demo], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(line.startswith("synthetic-0-") for line in done.stdout.splitlines()) == 5
    assert "5 images: OK" in done.stdout
    assert done.stdout.endswith("stopping ...\nstopped\n")
