from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from inspector.camera.camera import Camera, Pace
from inspector.camera.client import Gateway, Patience
from inspector.camera.folder import FolderSource
from inspector.camera.shot import Delivery, Fate, Frame, Placement, Shot
from inspector.camera.tally import Tally
from tests.support.scripted_gateway import Reply, ScriptedGateway, done
from tests.support.servers import free_port
from tests.support.waiting import wait_until_async

QUICK = Pace(rate=0, concurrency=4)


class Endless:
    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Frame]:
        number = 0
        while True:
            shot = Shot(f"p{number}", b"image", {})
            yield Frame(shot.name, lambda shot=shot: shot)  # type: ignore[misc]
            number += 1


class Run:
    """One camera's run and what it reported."""

    def __init__(self, url: str, source: FolderSource | Endless, keep: Path, pace: Pace = QUICK) -> None:
        self.url, self.source, self.keep, self.pace = url, source, keep, pace
        self.tally = Tally()
        self.reported: list[tuple[Delivery, Path | None]] = []
        self.stop = asyncio.Event()

    async def go(self, give_up_s: float = 10) -> None:
        patience = Patience(timedelta(seconds=1), timedelta(seconds=give_up_s))
        async with Gateway(self.url, patience, connections=self.pace.concurrency) as gateway:
            report = lambda delivery, kept: self.reported.append((delivery, kept))  # noqa: E731
            await Camera(gateway, self.source, self.pace, self.keep, report, self.tally).run(self.stop)


@pytest.fixture
def boards(tmp_path: Path) -> FolderSource:
    folder = tmp_path / "boards"
    folder.mkdir()
    for number in range(5):
        (folder / f"b{number}.jpg").write_bytes(b"image %d" % number)
    return FolderSource(folder, Placement(line="L1"))


def test_every_image_of_the_source_once(boards: FolderSource, tmp_path: Path) -> None:
    with ScriptedGateway() as gateway:
        run = Run(gateway.url, boards, tmp_path / "keep")
        asyncio.run(run.go())
    assert sorted(seen.body for seen in gateway.seen) == [b"image %d" % number for number in range(5)]
    assert run.tally.complete
    assert len(run.reported) == run.tally.total == 5
    assert not (tmp_path / "keep").exists()


def test_count_ends_an_endless_source(tmp_path: Path) -> None:
    with ScriptedGateway() as gateway:
        run = Run(gateway.url, Endless(), tmp_path, Pace(rate=0, concurrency=2, count=7))
        asyncio.run(run.go())
    assert run.tally.total == len(gateway.seen) == 7


def test_stop_ends_it_with_every_image_answered(tmp_path: Path) -> None:
    async def go(run: Run) -> None:
        going = asyncio.create_task(run.go())
        await wait_until_async(lambda: _true(run.tally.total >= 3), what="three answers")
        run.stop.set()
        await going

    with ScriptedGateway() as gateway:
        run = Run(gateway.url, Endless(), tmp_path)
        asyncio.run(go(run))
    assert run.tally.complete
    assert run.tally.total == len(gateway.seen)


async def _true(value: bool) -> bool:
    return value


def test_what_no_gateway_takes_is_kept_and_goes_out_later(boards: FolderSource, tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    run = Run(f"http://127.0.0.1:{free_port()}", boards, keep)
    asyncio.run(run.go(give_up_s=0.3))
    assert run.tally.fates == {Fate.UNDELIVERED: 5}
    assert all(kept is not None and kept.exists() for _, kept in run.reported)
    keys = {delivery.shot.key for delivery, _ in run.reported if delivery.shot}

    with ScriptedGateway() as gateway:
        asyncio.run(Run(gateway.url, FolderSource(keep, Placement()), keep).go())
    assert {seen.headers["Idempotency-Key"].strip('"') for seen in gateway.seen} == keys
    assert list(keep.iterdir()) == []


def test_a_refused_image_is_kept_too(boards: FolderSource, tmp_path: Path) -> None:
    with ScriptedGateway(Reply(400, {}), Reply()) as gateway:
        run = Run(gateway.url, boards, tmp_path / "keep")
        asyncio.run(run.go())
    assert run.tally.fates == {Fate.REFUSED: 1, Fate.ANSWERED: 4}
    assert len(list((tmp_path / "keep").glob("*.jpg"))) == 1


def test_one_unreadable_file_does_not_stop_the_others(boards: FolderSource, tmp_path: Path) -> None:
    (tmp_path / "boards" / "b2.jpg").unlink()
    with ScriptedGateway() as gateway:
        run = Run(gateway.url, boards, tmp_path / "keep")
        asyncio.run(run.go())
    assert run.tally.fates == {Fate.UNREADABLE: 1, Fate.ANSWERED: 4}


def test_a_spool_that_cannot_be_written_is_said(boards: FolderSource, tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    keep.write_text("a file in place of the folder")
    with ScriptedGateway(Reply(400, {})) as gateway:
        run = Run(gateway.url, boards, keep)
        asyncio.run(run.go())
    assert run.tally.fates == {Fate.REFUSED: 5}
    assert all("COULD NOT BE KEPT" in delivery.detail for delivery, _ in run.reported)


def test_stopped_while_the_gateway_is_busy_it_keeps_what_is_under_way(tmp_path: Path) -> None:
    async def go(run: Run) -> None:
        going = asyncio.create_task(run.go(give_up_s=60))
        await wait_until_async(lambda: _true(len(gateway.seen) >= 4), what="four attempts")
        run.stop.set()
        await going

    with ScriptedGateway(Reply(503, {}, {"Retry-After": "30"})) as gateway:
        run = Run(gateway.url, Endless(), tmp_path / "keep")
        asyncio.run(go(run))
    assert run.tally.fates == {Fate.UNDELIVERED: 4}
    assert len(list((tmp_path / "keep").glob("*-p?"))) == 4


def test_cancelled_it_keeps_what_is_under_way(tmp_path: Path) -> None:
    async def go(run: Run) -> None:
        going = asyncio.create_task(run.go(give_up_s=60))
        await wait_until_async(lambda: _true(len(gateway.seen) >= 4), what="four posts")
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)

    queued = Reply(202, done(state="queued"), {"Location": "/v1/inspections/i1"})
    with ScriptedGateway(queued) as gateway:
        run = Run(gateway.url, Endless(), tmp_path / "keep")
        asyncio.run(go(run))
    assert run.tally.fates == {Fate.UNDELIVERED: 4}
    assert len(list((tmp_path / "keep").glob("*-p?"))) == 4


@pytest.mark.parametrize(("rate", "due"), [(0, 0.0), (5, 0.8), (0.5, 8.0)])
def test_pace(rate: float, due: float) -> None:
    assert Pace(rate=rate).due(4) == pytest.approx(due)
