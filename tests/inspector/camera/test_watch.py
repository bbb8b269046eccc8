"""A watched folder against real gateways: whole files only, in order, once, through outages and kills."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inspector.camera import watch
from inspector.camera.client import Gateway
from inspector.camera.outbox import OUTBOX, REASON, REFUSED, SENT, Bounds, Outbox
from inspector.camera.shot import Delivery, Fate, Placement
from inspector.camera.watch import FAULTS, Watch
from inspector.queue.base import Delivery as QueueDelivery
from tests.api.support import Line, gateway_in_memory
from tests.support.pictures import jpeg
from tests.support.scripted_gateway import Reply, ScriptedGateway
from tests.support.servers import free_port
from tests.support.waiting import wait_until, wait_until_async

IMAGE = jpeg()
UNBOUNDED = Bounds()
ACCEPTED = Reply(202, {"id": "i1", "state": "queued"}, {"Location": "/v1/inspections/i1"})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_EVERY", timedelta(milliseconds=10))
    monkeypatch.setattr(watch, "SETTLED", timedelta(milliseconds=30))
    monkeypatch.setattr(watch, "BROKEN", timedelta(milliseconds=200))
    monkeypatch.setattr("inspector.camera.client._LONGEST_PAUSE_S", 0.1)


def put(folder: Path, number: int, content: bytes = IMAGE) -> None:
    """As a camera that writes beside and renames; captured one second after the one before."""
    path = folder / f"part-{number:03d}.jpg"
    hidden = folder / f".{path.name}"
    hidden.write_bytes(content)
    os.utime(hidden, (1_780_000_000 + number, 1_780_000_000 + number))
    hidden.rename(path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def watching(
    folder: Path, url: str, enough: Callable[[list[Delivery]], bool], bounds: Bounds = UNBOUNDED
) -> list[Delivery]:
    """Watch until the reports are enough; the reports."""
    reports: list[Delivery] = []

    async def run() -> None:
        stop = asyncio.Event()

        async def seen() -> bool:
            return enough(reports)

        with Outbox(folder, bounds).opened() as outbox:
            async with Gateway(url) as gateway:
                one = Watch(
                    folder,
                    Placement(line="L1"),
                    outbox,
                    gateway,
                    lambda delivery, _: reports.append(delivery),
                )
                running = asyncio.create_task(one.run(stop))
                try:
                    await wait_until_async(seen, 30, "enough reports")
                finally:
                    stop.set()
                    await running

    asyncio.run(run())
    return reports


def accepted(count: int) -> Callable[[list[Delivery]], bool]:
    return lambda reports: sum(report.fate is Fate.ACCEPTED for report in reports) >= count


def taken_by(line: Line) -> list[QueueDelivery]:
    """Everything that the gateway accepted, in its order."""
    return line.worker.take(100, timedelta(0))


def test_each_image_is_handed_over_once_and_moved(tmp_path: Path) -> None:
    with gateway_in_memory() as line:
        for number in range(3):
            put(tmp_path, number)
        watching(tmp_path, str(line.http.base_url), accepted(3))
        jobs = [delivery.job for delivery in taken_by(line)]

    assert [job.part_id for job in jobs] == ["part-000", "part-001", "part-002"]
    assert [job.captured_at for job in jobs] == [
        datetime.fromtimestamp(1_780_000_000 + number, UTC) for number in range(3)
    ]
    assert names(tmp_path / SENT) == ["part-000.jpg", "part-001.jpg", "part-002.jpg"]
    assert names(tmp_path) == [OUTBOX, REFUSED, SENT]


def test_a_pulled_cable_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """An hour without a network, in short: images go on coming, the camera is stopped and started, then the
    gateway is back."""
    port = free_port()
    for number in range(10):
        put(tmp_path, number)
    waiting = watching(tmp_path, f"http://127.0.0.1:{port}", lambda reports: len(reports) > 0)
    assert [report.fate for report in waiting] == [Fate.WAITING]
    for number in range(10, 20):
        put(tmp_path, number)
    with gateway_in_memory() as line:
        watching(tmp_path, str(line.http.base_url), accepted(20))
        jobs = [delivery.job for delivery in taken_by(line)]

    assert [job.part_id for job in jobs] == [f"part-{number:03d}" for number in range(20)]
    assert names(tmp_path / OUTBOX) == []


def test_an_acceptance_whose_answer_was_lost_is_one_part(tmp_path: Path) -> None:
    put(tmp_path, 0)
    with ScriptedGateway(Reply(hang_up=True), Reply(503, {}), ACCEPTED) as gateway:
        watching(tmp_path, gateway.url, accepted(1))
    keys = {seen.headers["Idempotency-Key"] for seen in gateway.seen}
    paths = {seen.path for seen in gateway.seen}
    assert (len(gateway.seen), len(keys), len(paths)) == (3, 1, 1)


def test_a_file_that_is_still_written_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "BROKEN", timedelta(minutes=1))
    slow = tmp_path / "slow.jpg"
    slow.write_bytes(IMAGE[:-100])
    put(tmp_path, 1)
    with gateway_in_memory() as line:
        reports: list[Delivery] = []

        def second(so_far: list[Delivery]) -> bool:
            if len(so_far) == 1 and slow.exists() and slow.stat().st_size < len(IMAGE):
                slow.write_bytes(IMAGE)  # whole at last
            reports[:] = so_far
            return len(so_far) == 2

        watching(tmp_path, str(line.http.base_url), second)
        images = [delivery.image for delivery in taken_by(line)]
    assert images == [IMAGE, IMAGE]
    assert [report.fate for report in reports] == [Fate.ACCEPTED] * 2


def test_a_broken_one_goes_to_refused_with_the_reason(tmp_path: Path) -> None:
    put(tmp_path, 0, IMAGE[:-100])
    put(tmp_path, 1)
    with gateway_in_memory() as line:
        reports = watching(tmp_path, str(line.http.base_url), lambda reports: len(reports) >= 2)
    assert {report.fate for report in reports} == {Fate.ACCEPTED, Fate.REFUSED}
    assert names(tmp_path / REFUSED) == ["part-000.jpg", f"part-000.jpg{REASON}"]
    assert "damaged" in (tmp_path / REFUSED / f"part-000.jpg{REASON}").read_text()
    assert names(tmp_path / SENT) == ["part-001.jpg"]


def test_a_refused_key_refuses_no_image(tmp_path: Path) -> None:
    put(tmp_path, 0)
    with ScriptedGateway(Reply(401, {"title": "A valid API key is required"}), ACCEPTED) as gateway:
        reports = watching(tmp_path, gateway.url, accepted(1))
    assert [report.fate for report in reports] == [Fate.WAITING, Fate.ACCEPTED]
    assert "A valid API key is required" in reports[0].detail


def test_one_image_that_breaks_the_gateway_does_not_hold_up_the_others(tmp_path: Path) -> None:
    put(tmp_path, 0)
    put(tmp_path, 1)
    with ScriptedGateway(*[Reply(500, {"title": "internal"})] * FAULTS, ACCEPTED) as gateway:
        watching(tmp_path, gateway.url, accepted(1))
    assert names(tmp_path / SENT) == ["part-001.jpg"]
    assert names(tmp_path / REFUSED) == ["part-000.jpg", f"part-000.jpg{REASON}"]


def test_a_full_outbox_leaves_the_files_where_they_are(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path, number)
    nobody = f"http://127.0.0.1:{free_port()}"
    bounds = Bounds(max_bytes=2 * len(IMAGE))
    reports = watching(
        tmp_path, nobody, lambda reports: any("is full" in report.detail for report in reports), bounds
    )
    assert {report.fate for report in reports} == {Fate.WAITING}
    assert names(tmp_path) == [OUTBOX, "part-002.jpg", REFUSED, SENT]


def test_a_full_outbox_gives_up_the_oldest_where_that_is_wanted(tmp_path: Path) -> None:
    for number in range(4):
        put(tmp_path, number)
    nobody = f"http://127.0.0.1:{free_port()}"
    bounds = Bounds(max_bytes=2 * len(IMAGE), drop_oldest=True)
    reports = watching(
        tmp_path, nobody, lambda reports: sum(report.fate is Fate.REFUSED for report in reports) == 2, bounds
    )
    assert all("full" in report.detail for report in reports if report.fate is Fate.REFUSED)
    assert len([name for name in names(tmp_path / REFUSED) if name.endswith(".jpg")]) == 2


def test_kill_9_at_any_moment_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    count = 40
    command = [sys.executable, "-m", "inspector.cli", "camera", "--watch", str(tmp_path), "--url"]
    with gateway_in_memory() as line:
        command.append(str(line.http.base_url))
        for number in range(count):
            put(tmp_path, number)
        for sent in (7, count):
            camera = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            try:
                wait_until(
                    lambda sent=sent: (tmp_path / SENT).is_dir() and len(names(tmp_path / SENT)) >= sent,  # type: ignore[misc]
                    60,
                    f"{sent} sent images",
                )
            finally:
                camera.send_signal(signal.SIGKILL)
                camera.wait()
        jobs = [delivery.job for delivery in taken_by(line)]

    assert [job.part_id for job in jobs] == [f"part-{number:03d}" for number in range(count)]
    assert len(names(tmp_path / SENT)) == count


def test_stopped_by_a_signal_it_sums_up(tmp_path: Path) -> None:
    put(tmp_path, 0)
    command = [sys.executable, "-m", "inspector.cli", "camera", "--watch", str(tmp_path)]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        camera = subprocess.Popen([*command, "--url", url], stdout=subprocess.PIPE, text=True)
        wait_until(
            lambda: (
                (tmp_path / OUTBOX).is_dir() and any("part-000" in name for name in names(tmp_path / OUTBOX))
            ),
            30,
            "an image in the outbox",
        )
        camera.terminate()
        output, _ = camera.communicate(timeout=30)
    assert camera.returncode == 0
    assert "0 accepted, 0 refused, 1 waiting in outbox" in output
