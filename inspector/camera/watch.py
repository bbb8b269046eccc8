"""Watch: takes files from a folder as they appear, and hands them to the gateway, the oldest first.

    collect   every LOOK_EVERY: files that are whole go into the outbox
    deliver   the oldest of the outbox, until the gateway has it or will never have it; then the next one

One at a time, so that the gateway gets them in the order in which they were taken. It waits for the gateway
to accept an image, not for its verdict. It polls: a folder on a network share tells nobody of its changes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from inspector.camera import client
from inspector.camera.client import Gateway, Later
from inspector.camera.folder import SUFFIXES, part_id
from inspector.camera.outbox import Outbox
from inspector.camera.shot import Delivery, Fate, Placement
from inspector.errors import BadInput, DataError
from inspector.imaging import header

LOOK_EVERY = timedelta(seconds=0.25)

SETTLED = timedelta(seconds=0.5)
"""A file whose size and time have not changed for so long, and which reads as a whole image, is whole."""

BROKEN = timedelta(seconds=10)
"""A file that is no whole image is taken after so long without a change: whoever copies it has given up."""

FAULTS = 5
"""Answers 500 to one image in a row; then it is the image, and the others must go on."""

Report = Callable[[Delivery, Path | None], None]


@dataclass(frozen=True, slots=True)
class _Look:
    """A file as it was seen."""

    size: int
    changed_ns: int
    since: float
    """Monotonic: since when it looks like this."""


class Watch:
    def __init__(
        self, folder: Path, placement: Placement, outbox: Outbox, gateway: Gateway, report: Report
    ) -> None:
        self._folder = folder
        self._placement = placement
        self._outbox = outbox
        self._gateway = gateway
        self._report = report
        self._looks: dict[Path, _Look] = {}
        self._coming = asyncio.Event()
        self._sending: str | None = None
        self.trouble = ""
        """Why nothing goes forward now, for a person; empty while it does."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. What is not delivered by then stays in the outbox for the next run."""
        tasks = [asyncio.create_task(self._collect()), asyncio.create_task(self._deliver())]
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises what broke it
        finally:
            for task in (*tasks, stopping):
                task.cancel()
            await asyncio.gather(*tasks, stopping, return_exceptions=True)

    # --- collect ------------------------------------------------------------------------------------------

    async def _collect(self) -> None:
        while True:
            for path, look in await asyncio.to_thread(self._whole):
                if not self._outbox.has_room(look.size):
                    self._say(
                        f"the outbox is full ({self._outbox.bytes:,} bytes): files wait in {self._folder}"
                    )
                    break
                try:
                    self._take(path, look)
                except FileNotFoundError:
                    continue  # somebody took it away again
                except OSError as error:
                    self._say(f"{path.name} cannot be taken: {error.strerror}")
            self._give_up_overdue()
            await asyncio.sleep(LOOK_EVERY.total_seconds())

    def _whole(self) -> list[tuple[Path, _Look]]:
        """Files that can be taken, the oldest first."""
        now = time.monotonic()
        looks: dict[Path, _Look] = {}
        ready = []
        for path in self._folder.iterdir():
            if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
                continue
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            look = _Look(facts.st_size, facts.st_mtime_ns, now)
            before = self._looks.get(path)
            if before and (before.size, before.changed_ns) == (look.size, look.changed_ns):
                look = before
            looks[path] = look
            if _is_whole(path, timedelta(seconds=now - look.since)):
                ready.append((path, look))
        self._looks = looks
        return sorted(ready, key=lambda pair: (pair[1].changed_ns, pair[0].name))

    def _take(self, path: Path, look: _Look) -> None:
        captured_at = datetime.fromtimestamp(look.changed_ns / 1e9, UTC)
        parameters = {**self._placement.parameters(), "part_id": part_id(path.stem)}
        self._outbox.take(path, parameters, captured_at)
        self._coming.set()

    def _give_up_overdue(self) -> None:
        for name, why in self._outbox.overdue(datetime.now(UTC), self._sending):
            self._refuse(name, Delivery(name, Fate.REFUSED, why))

    # --- deliver ------------------------------------------------------------------------------------------

    async def _deliver(self) -> None:
        attempt = faults = 0
        current: str | None = None
        while True:
            name = self._outbox.oldest()
            if name is None:
                self._coming.clear()
                await self._coming.wait()
                continue
            attempt, faults = (attempt + 1, faults) if name == current else (1, 0)
            current = name
            self._sending = name
            step = await self._attempt(name)
            self._sending = None
            if isinstance(step, Later):
                faults += step.status == HTTPStatus.INTERNAL_SERVER_ERROR
                if faults >= FAULTS:
                    self._refuse(name, Delivery(name, Fate.REFUSED, f"{step.reason} ({faults} times)"))
                    continue
                self._say(f"{step.reason}; {len(self._outbox)} waiting")
                await asyncio.sleep(client.pause_before(step, attempt))
            elif step.fate is Fate.ACCEPTED:
                self.trouble = ""
                self._report(step, self._outbox.sent(name))
            else:
                self._refuse(name, step)

    async def _attempt(self, name: str) -> Delivery | Later:
        try:
            shot = await asyncio.to_thread(self._outbox.recall, name)
        except (DataError, OSError) as error:
            return Delivery(name, Fate.UNREADABLE, str(error))
        return await self._gateway.hand_over(shot)

    def _refuse(self, name: str, delivery: Delivery) -> None:
        self._report(delivery, self._outbox.refused(name, delivery.detail))

    def _say(self, trouble: str) -> None:
        """Once for each kind of trouble: an hour without a network is one line, not ten thousand."""
        if trouble.partition(";")[0] != self.trouble.partition(";")[0]:
            self._report(Delivery("", Fate.WAITING, trouble), None)
        self.trouble = trouble


def _is_whole(path: Path, unchanged: timedelta) -> bool:
    if unchanged < SETTLED:
        return False
    if unchanged >= BROKEN:
        return True
    try:
        header.sniff(path.read_bytes())
    except (BadInput, OSError):
        return False
    return True
