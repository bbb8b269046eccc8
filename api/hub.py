"""ONE reader of the result stream for the whole process.

    Results.follow ──> Hub ──> waiters   requests with Prefer: wait, by id; each is told once
                          └──> viewers   live streams; each has a buffer of its own, a full one ends it;
                                         who comes back gets what it missed (catch_up.py)

The reader never waits for a waiter or a viewer. When the queue goes away it keeps trying, and continues
behind the last outcome it saw, so a break loses nothing. A waiter that is told nothing reads the state itself
at its deadline: the hub makes answers fast; it is not what makes them right.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from datetime import timedelta

from api import catch_up, envelope
from api.catch_up import Order, order, reaches
from inspector.errors import Busy, InspectionNotFound, QueueUnavailable
from inspector.messages.result import Outcome
from inspector.queue.base import Announcement, Results

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(milliseconds=50)
LONGEST_PAUSE = timedelta(seconds=1)
"""Between two tries to reach the queue: soon at first, then no busier than needed for a quick return."""

REMEMBERED = 256
"""Outcomes that a viewer who reconnects (Last-Event-ID) gets from memory, some megabytes at most; others are
read from the stream."""


class Waiter:
    """One request's wait for one outcome."""

    def __init__(self) -> None:
        self._told: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()

    def tell(self, outcome: Outcome | None) -> None:
        if not self._told.done():
            self._told.set_result(outcome)

    async def outcome(self, seconds: float) -> Outcome | None:
        """The outcome, or None when the time has passed or the process stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._told
        return None


class Viewer:
    """One live stream: an iterator of server-sent events, as bytes. Ends when it lags too far behind."""

    def __init__(
        self,
        buffer: int,
        keep_alive_s: float,
        sees: Callable[[str], bool],
        missed: AsyncIterator[Announcement] | None = None,
    ) -> None:
        """`sees` tells of a line whether this viewer may see it; `missed` comes before what is offered."""
        self.sees = sees
        self._missed = missed
        self._events: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue(buffer)
        self._keep_alive_s = keep_alive_s
        self._ended = False

    def offer(self, cursor: str, event: bytes) -> bool:
        """False when the buffer is full: the stream then ends behind what it holds."""
        if self._ended or self._events.full():
            self._ended = True
            return False
        self._events.put_nowait((cursor, event))
        return True

    def end(self) -> None:
        self._ended = True
        with suppress(asyncio.QueueFull):  # a full one ends by itself once it is empty
            self._events.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n"  # a browser comes back after a second
        read: Order | None = None
        if self._missed is not None:
            # Broken off by the queue: the browser comes back, and goes on behind what it has got.
            async for announcement in self._missed:
                read = order(announcement.cursor)
                if self.sees(announcement.outcome.line):
                    yield envelope.event(announcement)
        while not (self._ended and self._events.empty()):
            event = b": still here\n\n"
            with suppress(TimeoutError):
                async with asyncio.timeout(self._keep_alive_s):
                    got = await self._events.get()
                    if got is None:
                        return
                    if reaches(read, order(got[0])):
                        continue  # it was among the missed
                    event = got[1]
            yield event


class Hub:
    """Run `run()` as a task. All else is called from the same event loop."""

    def __init__(
        self,
        results: Results,
        *,
        max_viewers: int,
        viewer_buffer: int,
        keep_alive_s: float,
        seen: Callable[[Announcement], None] | None = None,
    ) -> None:
        """`seen` is told of each outcome."""
        self._results = results
        self._seen = seen
        self._max_viewers = max_viewers
        self._viewer_buffer = viewer_buffer
        self._keep_alive_s = keep_alive_s
        self._waiters: dict[str, list[Waiter]] = {}
        self._viewers: set[Viewer] = set()
        self._open: set[Viewer] = set()
        """Those of `_viewers` and the ended ones whose client has not read the rest yet: both hold memory."""
        self._remembered: deque[tuple[str, str, bytes]] = deque(maxlen=REMEMBERED)
        """Cursor, line, event."""
        self._cursor = "$"
        self._stopping = False
        self.dropped = 0
        """Viewers ended because they were too slow."""

    @property
    def waiting(self) -> int:
        return sum(len(waiters) for waiters in self._waiters.values())

    @property
    def has_place(self) -> bool:
        """Whether it has a cursor: from there on it misses nothing, over any break. Until its first outcome
        it has none."""
        return self._cursor != "$"

    @property
    def viewing(self) -> int:
        return len(self._open)

    async def run(self) -> None:
        """Read forever; survives any absence of the queue."""
        pause = FIRST_PAUSE
        while True:
            before = self._cursor
            try:
                await self._follow()
            except QueueUnavailable as error:
                log.warning("results cannot be read, trying again: %s", error)
            pause = FIRST_PAUSE if self._cursor != before else min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause.total_seconds())
            await self._catch_up()

    def stop(self) -> None:
        """The process ends: requests answer with what they know, live streams end."""
        self._stopping = True
        for waiter in [waiter for waiters in self._waiters.values() for waiter in waiters]:
            waiter.tell(None)
        for viewer in self._viewers:
            viewer.end()

    @contextmanager
    def expecting(self, inspection_id: str) -> Iterator[Waiter]:
        """Register before the image is submitted: an outcome cannot come between."""
        waiter = Waiter()
        if self._stopping:
            waiter.tell(None)
        self._waiters.setdefault(inspection_id, []).append(waiter)
        try:
            yield waiter
        finally:
            self._waiters[inspection_id].remove(waiter)
            if not self._waiters[inspection_id]:
                del self._waiters[inspection_id]

    def watch(self, sees: Callable[[str], bool], after: str | None = None) -> Viewer:
        """A new live stream of the lines that `sees` is true for, from now on, or behind the event `after`:
        from memory, else from the stream as far back as the queue keeps it.

        Hand it to `leave` in the end. Raises Busy when there are too many.
        """
        if self.viewing >= self._max_viewers:
            raise Busy(f"{self._max_viewers} live streams are open already", retry_after_s=5)
        behind = self._behind(after, sees)
        missed = None
        if behind is None and after is not None and order(after) is not None:
            missed = catch_up.missed(self._results, after, self._cursor)
        viewer = Viewer(self._viewer_buffer, self._keep_alive_s, sees, missed)
        for cursor, event in behind or ():
            viewer.offer(cursor, event)
        if self._stopping:
            viewer.end()
        self._viewers.add(viewer)
        self._open.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        self._open.discard(viewer)

    async def _follow(self) -> None:
        async with aclosing(self._results.follow(self._cursor)) as announcements:
            async for announcement in announcements:
                self._cursor = announcement.cursor
                self._announce(announcement)

    def _announce(self, announcement: Announcement) -> None:
        if self._seen is not None:
            self._seen(announcement)
        for waiter in self._waiters.get(announcement.outcome.id, ()):
            waiter.tell(announcement.outcome)
        event = envelope.event(announcement)
        line = announcement.outcome.line
        self._remembered.append((announcement.cursor, line, event))
        watching = [viewer for viewer in self._viewers if viewer.sees(line)]
        for viewer in [viewer for viewer in watching if not viewer.offer(announcement.cursor, event)]:
            self._viewers.discard(viewer)
            self.dropped += 1

    def _behind(self, after: str | None, sees: Callable[[str], bool]) -> list[tuple[str, bytes]] | None:
        """None where `after` is not remembered, or more lies behind it than a viewer's buffer takes."""
        cursors = [cursor for cursor, _, _ in self._remembered]
        if after not in cursors:
            return None
        later = list(self._remembered)[cursors.index(after) + 1 :]
        seen = [(cursor, event) for cursor, line, event in later if sees(line)]
        return seen if len(seen) <= self._viewer_buffer else None

    async def _catch_up(self) -> None:
        """After a break with no cursor yet, outcomes may have passed unseen: look for those awaited."""
        if self._cursor != "$":
            return
        for inspection_id in list(self._waiters):
            try:
                snapshot = await self._results.read(inspection_id)
            except InspectionNotFound:  # registered, not submitted yet
                continue
            except QueueUnavailable:
                return
            for waiter in self._waiters.get(inspection_id, ()):
                if snapshot.outcome is not None:
                    waiter.tell(snapshot.outcome)
