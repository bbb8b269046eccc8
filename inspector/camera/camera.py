"""Camera: takes from a source at a rate, has so many images under way at a time, reports each as it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from inspector.camera import spool
from inspector.camera.client import Gateway
from inspector.camera.shot import KEPT, Delivery, Fate, Frame, Shot, Source
from inspector.camera.tally import Tally
from inspector.errors import DataError


@dataclass(frozen=True, slots=True)
class Pace:
    rate: float = 5.0
    """Images a second; 0 is as quick as `concurrency` allows."""
    concurrency: int = 8
    """Images under way at a time; when all are, the next one waits, however late it is."""
    count: int | None = None
    """Stop after so many; None: the whole source."""

    def due(self, number: int) -> float:
        """Seconds after the start at which image `number` (from 0) is due."""
        return number / self.rate if self.rate > 0 else 0.0


Report = Callable[[Delivery, Path | None], None]
"""Called once for each image as it ends, with the place where it was kept if it was."""


class Camera:
    def __init__(
        self, gateway: Gateway, source: Source, pace: Pace, keep: Path, report: Report, tally: Tally
    ) -> None:
        self._gateway = gateway
        self._source = source
        self._pace = pace
        self._keep = keep
        self._report = report
        self._tally = tally

    async def run(self, stop: asyncio.Event) -> None:
        """To the end of the source, or until `stop`: then nothing new is sent, and what is under way gets the
        answer to its current attempt but no further one. Cancelled, it keeps what is under way and ends.
        """
        free = asyncio.Semaphore(self._pace.concurrency)
        started = time.monotonic()
        async with asyncio.TaskGroup() as under_way:
            hurry = under_way.create_task(self._hurry(stop))
            posting: list[asyncio.Task[None]] = []
            for number, frame in enumerate(self._frames()):
                await _until(started + self._pace.due(number), stop)
                await free.acquire()
                if stop.is_set():
                    break
                posting = [task for task in posting if not task.done()]
                posting.append(under_way.create_task(self._one(frame)))
                posting[-1].add_done_callback(lambda _: free.release())
            if posting:
                await asyncio.wait(posting)
            hurry.cancel()

    async def _hurry(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._gateway.leave()

    def _frames(self) -> Iterator[Frame]:
        return islice(iter(self._source), self._pace.count)

    async def _one(self, frame: Frame) -> None:
        try:
            shot = await asyncio.to_thread(frame.take)
        except DataError as error:
            self._end(Delivery(frame.name, Fate.UNREADABLE, str(error)))
            return
        try:
            delivery = await self._gateway.inspect(shot)
        except asyncio.CancelledError:
            # Nobody waits any longer, so in this thread: the image must be on disk before the loop goes.
            self._settle(Delivery(shot.name, Fate.UNDELIVERED, "interrupted"), shot)
            raise
        self._settle(delivery, shot)

    def _settle(self, delivery: Delivery, shot: Shot) -> None:
        if delivery.fate not in KEPT:
            spool.let_go(shot)
            self._end(delivery)
            return
        try:
            self._end(delivery, spool.keep(self._keep, shot, delivery.detail))
        except OSError as error:
            lost = f"{delivery.detail}; COULD NOT BE KEPT in {self._keep}: {error.strerror}"
            self._end(replace(delivery, detail=lost))

    def _end(self, delivery: Delivery, kept: Path | None = None) -> None:
        self._tally.add(delivery)
        self._report(delivery, kept)


async def _until(moment: float, stop: asyncio.Event) -> None:
    """Sleep until `moment` (monotonic), shorter if `stop` comes first."""
    left = moment - time.monotonic()
    if left > 0:
        try:
            await asyncio.wait_for(stop.wait(), left)
        except TimeoutError:
            return
