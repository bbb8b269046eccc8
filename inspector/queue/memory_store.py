"""What the queue in memory holds, and how an image ends there. The seams over it stand in memory.py."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from inspector.errors import InspectionNotFound
from inspector.messages.job import Job
from inspector.messages.result import Outcome
from inspector.queue.base import DEFAULT_BUDGETS, Budgets, WorkerReport
from inspector.queue.settling import Fence

NOBODY = ""
"""Owner of an entry that waits, or was handed back."""


@dataclass(slots=True)
class Record:
    """All that is known of one id."""

    job: Job | None
    line: str
    image: bytes | None
    digest: str
    entry: str
    submitted: float
    size: int
    key: str | None
    owner: str = NOBODY
    count: int = 0
    fresh: bool = True
    """Never delivered: take gives it. Afterwards only sweep does."""
    renewed: float = 0.0
    token: Fence | None = None
    outcome: Outcome | None = None
    attention: bytes | None = None
    held: int = 0
    """Bytes in the ring; 0 when it is not there."""
    finished: float = 0.0


@dataclass(slots=True)
class Shelf:
    """What the server holds; guarded by the queue's lock."""

    records: dict[str, Record] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    work: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """entry -> id, oldest first."""
    ring: deque[str] = field(default_factory=deque)
    """Ids, newest first."""
    announced: deque[tuple[int, float, Outcome]] = field(default_factory=deque)
    dead: list[Outcome] = field(default_factory=list)
    reports: dict[str, tuple[float, WorkerReport]] = field(default_factory=dict)
    entries: int = 0
    announcements: int = 0


class MemoryStore:
    """What a server would be: one lock (`changed`), one clock in seconds, one place where an image ends.

    Its callers hold `changed` while they look or change.
    """

    def __init__(self, budgets: Budgets = DEFAULT_BUDGETS, clock: Callable[[], float] = time.time) -> None:
        self.budgets = budgets
        self.clock = clock
        self.shelf = Shelf()
        self.changed = threading.Condition(threading.RLock())
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def waiting_bytes(self) -> int:
        return sum(self.shelf.records[one].size for one in self.shelf.work.values())

    def record(self, inspection_id: str) -> Record:
        self.forget()
        try:
            return self.shelf.records[inspection_id]
        except KeyError:
            raise InspectionNotFound(f"no inspection {inspection_id!r} is known") from None

    def forget(self) -> None:
        """Drop what was finished too long ago, and announcements that no reader comes back for."""
        now, shelf = self.clock(), self.shelf
        limit = now - self.budgets.forget_after.total_seconds()
        for old in [key for key, one in shelf.records.items() if one.outcome and one.finished <= limit]:
            record = shelf.records.pop(old)
            if record.key is not None and shelf.keys.get(record.key) == old:
                del shelf.keys[record.key]
            if record.held:
                shelf.ring.remove(old)
        kept = now - self.budgets.results_kept.total_seconds()
        while shelf.announced and shelf.announced[0][1] < kept:
            shelf.announced.popleft()

    def settle(self, record: Record, outcome: Outcome, attention: bytes | None, token: Fence | None) -> None:
        record.outcome, record.attention, record.token = outcome, attention, token
        record.finished = self.clock()
        del self.shelf.work[record.entry]
        self.shelf.announcements += 1
        self.shelf.announced.append((self.shelf.announcements, record.finished, outcome))
        record.held = sum(len(part or b"") for part in (record.image, outcome.result, attention))
        record.held += len(record.job.model_dump_json()) if record.job is not None else 0
        self.shelf.ring.appendleft(outcome.id)
        self._evict()
        self.forget()
        self._wake()

    def listen(self, loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
        with self.changed:
            self._listeners.add((loop, event))

    def unlisten(self, loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
        with self.changed:
            self._listeners.discard((loop, event))

    def _evict(self) -> None:
        ring, records = self.shelf.ring, self.shelf.records
        while len(ring) > 1 and sum(records[one].held for one in ring) > self.budgets.recent_bytes:
            record = records[ring.pop()]
            record.job = record.image = record.attention = None
            record.held = 0
            if record.outcome is not None:
                record.outcome = replace(record.outcome, result=None)

    def _wake(self) -> None:
        self.changed.notify_all()
        for loop, event in self._listeners:
            loop.call_soon_threadsafe(event.set)
