"""What the queue in memory holds, and how an image ends there. The seams over it stand in memory.py."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from inspector.errors import InspectionNotFound
from inspector.messages.job import PRIORITIES, Job, Priority
from inspector.messages.result import Outcome
from inspector.queue.base import (
    DEFAULT_BUDGETS,
    KNOWN_ID_BYTES,
    WITHOUT_DEADLINE,
    Budgets,
    DeadLetter,
    Image,
    Load,
    Unarchived,
    WorkerReport,
)
from inspector.queue.blobs import Blob
from inspector.queue.fullness import busy
from inspector.queue.letters import no_letter
from inspector.queue.settling import DEAD_LETTERS_KEPT, Fence

ENTRY_BYTES = 300
"""What an announcement costs beside its texts, until it is archived: as settle.lua has it."""

NOBODY = ""
"""Owner of an entry that waits, or was handed back."""


@dataclass(slots=True)
class Record:
    """All that is known of one id."""

    job: Job | None
    line: str
    image: Image | None
    digest: str
    size: int
    key: str | None
    entry: str = ""
    submitted: float = 0.0
    owner: str = NOBODY
    count: int = 0
    renewed: float = 0.0
    token: Fence | None = None
    outcome: Outcome | None = None
    attention: bytes | None = None
    held: int = 0
    """Bytes in the ring; 0 when it is not there, or a dead letter holds them."""
    finished: float = 0.0


@dataclass(slots=True)
class Waiting:
    """An outcome that waits for the archiver, or is in the hands of one."""

    unarchived: Unarchived
    owner: str = NOBODY
    taken: float = 0.0


@dataclass(slots=True)
class Shelf:
    """What the server holds; guarded by the queue's lock."""

    records: dict[str, Record] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    work: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """entry -> id, oldest first."""
    turns: dict[Priority, deque[str]] = field(default_factory=lambda: {one: deque() for one in PRIORITIES})
    """The lines that have images waiting, each once; the first has the next turn."""
    ring: deque[str] = field(default_factory=deque)
    """Ids, newest first."""
    announced: deque[tuple[int, float, Outcome]] = field(default_factory=deque)
    dead: OrderedDict[str, DeadLetter] = field(default_factory=OrderedDict)
    """By id, oldest first."""
    reports: dict[str, tuple[float, WorkerReport]] = field(default_factory=dict)
    archive: OrderedDict[str, Waiting] | None = None
    """By entry, oldest first; None before there is an archiver."""
    held: dict[str, str] = field(default_factory=dict)
    """id -> the entry that it is held for."""
    discarded: OrderedDict[str, float] = field(default_factory=OrderedDict)
    """Ids whose files in the blob store nothing needs -> since when, the oldest first."""
    forsaken: dict[str, float] = field(default_factory=dict)
    """Ids whose files were given up -> when."""
    mark: str = ""
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

    def known_bytes(self) -> int:
        finished = sum(1 for record in self.shelf.records.values() if record.outcome is not None)
        return (finished - len(self.shelf.dead)) * KNOWN_ID_BYTES

    def archive_bytes(self) -> int:
        return sum(one.unarchived.cost for one in (self.shelf.archive or {}).values())

    def admit(self, line: str, image_bytes: int) -> None:
        """Raises Busy or LineBusy where budget.lua would."""
        self.forget()
        limits, held = self.budgets, [self.shelf.records[one] for one in self.shelf.work.values()]
        own, known = [record for record in held if record.line == line], self.known_bytes()
        archive = self.archive_bytes()
        total = sum(record.size for record in held) + known + archive
        if total + image_bytes > limits.max_bytes:
            raise busy(False, "bytes", total, known, archive)
        if len(held) >= limits.max_depth:
            raise busy(False, "depth", len(held), 0)
        if (line_bytes := sum(record.size for record in own)) + image_bytes > limits.line_max_bytes and held:
            raise busy(True, "bytes", line_bytes, 0)
        if len(own) >= limits.line_max_depth:
            raise busy(True, "depth", len(own), 0)

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
        gone = [key for key, one in shelf.records.items() if one.outcome and one.finished <= limit]
        for old in [key for key in gone if key not in shelf.dead and key not in shelf.held]:
            record = shelf.records.pop(old)
            self._discard(record, old)
            if record.key is not None and shelf.keys.get(record.key) == old:
                del shelf.keys[record.key]
            if old in shelf.ring:
                shelf.ring.remove(old)
        kept = now - self.budgets.results_kept.total_seconds()
        while shelf.announced and shelf.announced[0][1] < kept:
            shelf.announced.popleft()

    def settle(self, record: Record, outcome: Outcome, attention: bytes | None, token: Fence | None) -> None:
        self._record(record, outcome, token)
        record.attention = attention
        hold = self.shelf.archive is not None and not outcome.accept
        self._announce(outcome, _shown_bytes(record) if hold else 0)
        if hold:
            self.shelf.held[outcome.id] = str(self.shelf.announcements)
        else:
            record.held = _shown_bytes(record)
        self._evict()
        self.forget()
        self._wake()

    def bury(self, record: Record, outcome: Outcome, token: Fence) -> None:
        self._record(record, outcome, token)
        self._announce(outcome, 0)
        died_at = datetime.fromtimestamp(record.finished, UTC)
        size = record.size + (len(record.job.as_json()) if record.job is not None else 0)
        self.shelf.dead[outcome.id] = DeadLetter(
            outcome.id, record.line, died_at, token.consumer, token.deliveries, size, outcome.error or b""
        )
        while len(self.shelf.dead) > 1 and self._too_many_dead():
            self.release(next(iter(self.shelf.dead)))
        self._wake()

    def letter(self, inspection_id: str) -> DeadLetter:
        """Raises DeadLetterNotFound."""
        if inspection_id not in self.shelf.dead:
            raise no_letter(inspection_id)
        return self.shelf.dead[inspection_id]

    def release(self, inspection_id: str) -> None:
        """A dead letter leaves, with its image."""
        del self.shelf.dead[self.letter(inspection_id).id]
        record = self.shelf.records[inspection_id]
        self._discard(record, inspection_id)
        record.job = record.image = None
        record.finished = self.clock()

    def enqueue(self, record: Record, inspection_id: str) -> None:
        """At the end of the work, under a new entry."""
        self.shelf.entries += 1
        record.entry = f"{int(self.clock() * 1000)}-{self.shelf.entries}"
        record.submitted = self.clock()
        self.shelf.records[inspection_id] = record
        self.shelf.work[record.entry] = inspection_id
        self.put_ready(record)

    def put_ready(self, record: Record) -> None:
        """It waits, in its place in its line; the line has its turns."""
        row = self.shelf.turns[_priority(record)]
        if record.line not in row:
            row.append(record.line)
        self.changed.notify_all()

    def next_ready(self, limit: int) -> list[Record]:
        """As take.lua: live ones first, lines in turn, each line's most urgent first."""
        ready: list[Record] = []
        for priority, row in self.shelf.turns.items():
            while row and len(ready) < limit:
                line = row.popleft()
                waiting = [one for one in self._waiting(priority, line) if one not in ready]
                ready += waiting[:1]
                if len(waiting) > 1:
                    row.append(line)
        return ready

    def load(self) -> Load:
        held = [self.shelf.records[one] for one in self.shelf.work.values()]
        in_flight = sum(record.owner != NOBODY for record in held)
        return Load(int(self.clock() * 1000), len(held), in_flight)

    def ahead(self, line: str, deadline: datetime, seen_dead_s: float) -> int:
        """As ahead.lua."""
        now, until = self.clock(), deadline.timestamp()
        held = [self.shelf.records[one] for one in self.shelf.work.values()]
        in_hand = sum(one.owner != NOBODY and one.renewed > now - seen_dead_s for one in held)
        waiting = self._due_by_line(now)
        own = sum(rank <= until for rank in waiting.pop(line, ()))
        row = self.shelf.turns[PRIORITIES[0]]
        behind = list(row)[row.index(line) :] if line in row else []
        others = (min(len(ranks), own + (name not in behind)) for name, ranks in waiting.items())
        return in_hand + own + sum(others)

    def _due_by_line(self, now: float) -> dict[str, list[float]]:
        """The ranks of live images that wait and are not late."""
        row = self.shelf.turns[PRIORITIES[0]]
        ranks = {name: [_rank(one) for one in self._waiting(PRIORITIES[0], name)] for name in row}
        return {name: [rank for rank in some if rank > now] for name, some in ranks.items()}

    def attach(self) -> OrderedDict[str, Waiting]:
        """As attach.lua: there is an archiver from now on. What waits for it."""
        if self.shelf.archive is None:
            self.shelf.archive = OrderedDict()
            for announced in self.shelf.announced:
                self._give(*announced, cost=0)
        return self.shelf.archive

    def archived(self, one: Unarchived) -> None:
        """As archived.lua."""
        inspection_id, shelf = one.outcome.id, self.shelf
        if self.attach().pop(one.entry, None) is None or shelf.held.get(inspection_id) != one.entry:
            return
        del shelf.held[inspection_id]
        record = shelf.records[inspection_id]
        if inspection_id in shelf.ring:
            record.held = _shown_bytes(record)
            self._evict()
        else:
            self._unlink(record, inspection_id)

    def listen(self, loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
        with self.changed:
            self._listeners.add((loop, event))

    def unlisten(self, loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
        with self.changed:
            self._listeners.discard((loop, event))

    def _waiting(self, priority: Priority, line: str) -> list[Record]:
        held = [self.shelf.records[one] for one in self.shelf.work.values()]
        free = [
            one for one in held if one.owner == NOBODY and one.line == line and _priority(one) == priority
        ]
        # Stable: within a rank, first come, first served.
        return sorted(free, key=_rank)

    def _record(self, record: Record, outcome: Outcome, token: Fence | None) -> None:
        record.outcome, record.token = outcome, token
        record.finished = self.clock()
        del self.shelf.work[record.entry]
        row = self.shelf.turns[_priority(record)]
        if record.line in row and not self._waiting(_priority(record), record.line):
            row.remove(record.line)
        self.shelf.ring.appendleft(outcome.id)

    def _announce(self, outcome: Outcome, held: int) -> None:
        """`held`: bytes of the image that stay until it is archived."""
        shelf = self.shelf
        shelf.announcements += 1
        shelf.announced.append((shelf.announcements, self.clock(), outcome))
        if shelf.archive is not None:
            cost = held + len(outcome.result or b"") + len(outcome.error or b"") + ENTRY_BYTES
            self._give(*shelf.announced[-1], cost)

    def _give(self, number: int, at_s: float, outcome: Outcome, cost: int) -> None:
        """To the archiver, which there is."""
        at = datetime.fromtimestamp(at_s, UTC)
        one = Unarchived(str(number), outcome, at, number, cost)
        assert self.shelf.archive is not None  # noqa: S101
        self.shelf.archive[one.entry] = Waiting(one)

    def _too_many_dead(self) -> bool:
        dead = self.shelf.dead.values()
        held = sum(letter.size for letter in dead)
        return held > self.budgets.dead_bytes or len(dead) > DEAD_LETTERS_KEPT

    def _evict(self) -> None:
        ring, records = self.shelf.ring, self.shelf.records
        while len(ring) > 1 and sum(records[one].held for one in ring) > self.budgets.recent_bytes:
            oldest = ring.pop()
            if oldest not in self.shelf.dead and oldest not in self.shelf.held:
                self._unlink(records[oldest], oldest)

    def _unlink(self, record: Record, inspection_id: str) -> None:
        self._discard(record, inspection_id)
        record.job = record.image = record.attention = None
        record.held = 0
        if record.outcome is not None:
            record.outcome = replace(record.outcome, result=None)

    def _discard(self, record: Record, inspection_id: str) -> None:
        """As unlink.lua."""
        if isinstance(record.image, Blob):
            self.shelf.discarded[inspection_id] = self.clock()

    def _wake(self) -> None:
        self.changed.notify_all()
        for loop, event in self._listeners:
            loop.call_soon_threadsafe(event.set)


def _shown_bytes(record: Record) -> int:
    """Of a finished one."""
    result = record.outcome.result if record.outcome is not None else None
    job = len(record.job.as_json()) if record.job is not None else 0
    return job + sum(len(part or b"") for part in (record.image, result, record.attention))


def _priority(record: Record) -> Priority:
    return record.job.priority if record.job is not None else PRIORITIES[0]


def _rank(record: Record) -> float:
    """Seconds: its deadline, or what counts as one."""
    if record.job is not None and record.job.deadline is not None:
        return record.job.deadline.timestamp()
    return record.submitted + WITHOUT_DEADLINE.total_seconds()
