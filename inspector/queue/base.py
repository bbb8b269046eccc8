"""The seams of the queue. Two implementations stand behind them, held to one set of contract tests.

A gateway holds a Producer and a Results (async); a worker holds a Consumer (sync, called from its network
thread only); both may hold an Admin. An archiver holds an Archive (sync). A gateway with a blob store holds a
Disposal (async) too. Every method raises QueueUnavailable when the server does not answer.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from inspector.errors import ImageGone, InspectionFailed, QueueUnavailable, StoreUnavailable
from inspector.messages.job import Job
from inspector.messages.result import Outcome, State
from inspector.queue.blobs import Blob

Image = bytes | Blob
"""As posted: the bytes, or where they lie in the blob store."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """What the queue may hold. Over one of them means Busy, never a trimmed or evicted image."""

    max_bytes: int = 1408 << 20
    """Of images accepted and not finished, of what is known of finished ids (KNOWN_ID_BYTES each), and of
    what waits for the archiver, once there is one."""
    max_depth: int = 10_000
    """Images waiting and in flight."""
    line_max_bytes: int = 704 << 20
    """Of one line's images accepted and not finished: by default, half of all."""
    line_max_depth: int = 5_000
    """One line's images waiting and in flight."""
    recent_bytes: int = 256 << 20
    """The ring of finished images, maps and results that page and API still show; oldest out."""
    dead_bytes: int = 128 << 20
    """Dead letters with their images; oldest out."""
    forget_after: timedelta = timedelta(hours=24)
    """How long an id and an idempotency key are known after the image is finished; until then, always."""
    results_kept: timedelta = timedelta(minutes=10)
    """How long the result stream is kept for live readers that reconnect."""

    def shared_by(self, shards: int) -> Budgets:
        """Each shard's own part. A line lies on one shard, so its own limits stay; the shard's come first."""
        return replace(
            self,
            max_bytes=math.ceil(self.max_bytes / shards),
            max_depth=math.ceil(self.max_depth / shards),
            recent_bytes=self.recent_bytes // shards,
            dead_bytes=self.dead_bytes // shards,
        )


DEFAULT_BUDGETS = Budgets()


KNOWN_ID_BYTES = 800
"""What a finished id costs the server until it is forgotten: its state, and its idempotency key."""

MIN_IDLE = timedelta(seconds=10)
"""A job not renewed for this long counts as abandoned. Longer than any one batch's pause in its heartbeat
(min_idle / 4), short enough that a part of a killed worker still gets its verdict soon."""

SEEN_DEAD = 0.4
"""Of min_idle: what was not renewed for so long (each is at a quarter) counts as no work under way for a new
image, long before another worker may take it over."""


WITHOUT_DEADLINE = timedelta(seconds=60)
"""An image without a deadline waits in its line as if it had this one: it is not passed over for ever."""


class Durability(StrEnum):
    """What an acknowledged image outlives. D1 and D2 are the server's own settings; D3 is asked for at each
    submit too. `Admin.shortfall` compares the level with the server."""

    D1 = "D1"
    """appendfsync everysec: a killed process; of a power cut, all but about the last two seconds."""
    D2 = "D2"
    """appendfsync always: a power cut."""
    D3 = "D3"
    """D2, and replicas have confirmed it: the loss of the primary's disk too (confirmation.py)."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's key, and the digest of all that must be alike when it is used again."""

    key: str
    digest: str
    """Hex SHA-256 over the image's digest and the parameters."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much work the shard of a line has."""

    at_ms: int
    """By the queue's clock, that `Announcement.at_ms` is from."""
    depth: int
    """Waiting and in flight."""
    in_flight: int
    ahead: int | None = None
    """Of these, how many come before the image that was asked about; None: none was."""


@dataclass(frozen=True, slots=True)
class Submission:
    """`id` is the earlier one when the idempotency key was known; `created` tells."""

    id: str
    created: bool
    fullness: float = field(default=1.0, compare=False)
    """Of the fullest budget, the queue's or the line's own, with this image: 0-1. 1 where it is not known."""
    load: Load | None = field(default=None, compare=False)
    """The work that was there before it; None where it is not known."""


class Producer(Protocol):
    async def submit(
        self,
        job: Job,
        image: Image,
        idempotency: Idempotency | None = None,
        most_ahead: int | None = None,
    ) -> Submission:
        """Admit and enqueue in one round trip; returns once it is durable at the server's level.

        `most_ahead`, of a live image with a deadline: so many images may come before it.

        Raises Busy (over a budget; LineBusy: over the line's own; NotInTime: more than `most_ahead` come
        before it; for an id or a key that is known, none of them), IdempotencyConflict (the key's digest
        differs), QueueUnavailable (at D3 also: too few confirmed it in time; it may be accepted; of a file
        that was given up: it was not). Safe to repeat: job.id submitted twice is one job. A file in the blob
        store is the queue's once it is submitted, and the caller's to give up where another id, or an error,
        comes back (Disposal.forsake).
        """

    async def require_room(self, line: str, image_bytes: int, deadline: datetime | None = None) -> Load:
        """A cheap look before a body is read; only submit decides. Raises Busy or LineBusy as it would.
        With a `deadline` (UTC), the load tells how many images would come before a live one of that line."""

    async def expire_overdue(self, now: datetime, limit: int) -> list[Outcome]:
        """Record and announce `expired` for images whose deadline passed before `now` (UTC, by the clock that
        `received_at` is from) and that are in no living worker's hands: waiting, handed back, or not renewed
        for min_idle. Up to `limit`, the longest overdue first; those that it expired."""

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One job in this worker's hands. (entry, count) fences it: an older delivery can no longer finish."""

    entry: str
    count: int
    job: Job
    image: Image

    def read(self) -> bytes:
        """The image, as posted. Raises InspectionFailed: its file in the blob store is not there, not whole,
        or cannot be read."""
        if isinstance(self.image, bytes):
            return self.image
        try:
            return self.image.read()
        except (ImageGone, StoreUnavailable) as error:
            raise InspectionFailed(str(error)) from error


@dataclass(frozen=True, slots=True)
class Finished:
    """A delivery's outcome, with the map as PNG where the model ran."""

    delivery: Delivery
    outcome: Outcome
    attention: bytes | None = None


class FinishStatus(StrEnum):
    RECORDED = "recorded"
    ALREADY = "already"
    """This very delivery was recorded before (a reply was lost); nothing to do."""
    LOST = "lost"
    """Another worker owns the image now; this outcome was discarded."""


class Consumer(Protocol):
    """One worker's view. `name` is unique among living workers."""

    name: str

    def take(self, limit: int, wait: timedelta) -> list[Delivery]:
        """Up to `limit` jobs that wait, with their images; blocks up to `wait` for the first.

        Live ones before re-inspections; within these, lines in turn, an image each; within a line, the
        earliest deadline first (WITHOUT_DEADLINE).
        """

    def sweep(self, limit: int) -> list[Delivery]:
        """Jobs whose worker stopped renewing for min_idle: now this worker's. Those delivered too often are
        buried as poison instead, here. Keeps its cursor between calls."""

    def renew(self, deliveries: Sequence[Delivery]) -> set[str]:
        """Heartbeat, every min_idle / 4. Returns the entries that are no longer this worker's."""

    def finish(self, finished: Sequence[Finished]) -> list[FinishStatus]:
        """Record outcomes in one round trip: result, announcement, acknowledgement; over maxmemory too."""

    def finish_and_take(
        self, finished: Sequence[Finished], limit: int
    ) -> tuple[list[FinishStatus], list[Delivery]]:
        """As finish, then as take without a wait, in one round trip. When it raises, all may be finished
        again; what it may have taken comes to another worker after min_idle, as when a take's reply
        is lost."""

    def hand_back(self, deliveries: Sequence[Delivery]) -> None:
        """On drain: what was taken and not started waits again in its old place, for whoever takes next. No
        delivery is counted."""

    def report(self, worker: WorkerReport) -> None:
        """Say that this worker lives; forgotten 15 s after the last report."""

    def beside(self) -> Consumer:
        """The same worker on connections of its own, for another thread. End it with `hang_up`."""

    def hang_up(self) -> None:
        """Close the connections, and say nothing: the worker lives."""

    def close(self) -> None:
        """Leave: forget this worker; its consumer is deleted only when it holds nothing."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of an id now."""

    id: str
    line: str
    state: State
    outcome: Outcome | None
    """There once the state is terminal. Its result is None when it has left the ring of recent ones."""
    job: Job | None
    """None once it has left the ring: of an older id only line, state, accept and error are kept."""
    has_image: bool
    has_attention: bool


@dataclass(frozen=True, slots=True)
class Announcement:
    """An outcome on the result stream; `cursor` continues behind it."""

    cursor: str
    outcome: Outcome
    at_ms: int = 0
    """By the queue's clock."""


class Results(Protocol):
    async def read(self, inspection_id: str) -> Snapshot:
        """Raises InspectionNotFound; at D3 also QueueUnavailable, while a failover may lose the outcome."""

    async def image(self, inspection_id: str) -> tuple[str, Image]:
        """(format, as posted). Raises InspectionNotFound, ImageGone, StoreUnavailable."""

    async def attention(self, inspection_id: str) -> bytes:
        """The map as PNG. Raises InspectionNotFound, ImageGone."""

    async def latest(self, limit: int) -> list[Outcome]:
        """Finished ones, newest first, as long as they are in the ring."""

    def follow(self, after: str = "$") -> AsyncGenerator[Announcement, None]:
        """Announcements as they come, forever. `after` is a cursor, or "$" for only what comes from now on.

        Raises QueueUnavailable when the connection breaks; call again with the last cursor.
        """

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Unarchived:
    """An outcome without a record yet, in one archiver's hands. What the queue holds of it for the archiver
    stays until `Archive.archived`."""

    entry: str
    outcome: Outcome
    at: datetime
    """When it was announced, UTC, by the queue's clock."""
    order: int
    """Of two outcomes of one id (a dead letter that was requeued), the later one has the greater."""
    cost: int
    """Bytes of the budget that it takes until then."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the queue still holds of a finished image; each is None where it has left."""

    image: bytes | None
    attention: bytes | None
    """The map as PNG."""


@dataclass(frozen=True, slots=True)
class Left:
    """What stands in the way of doing without an archiver."""

    waiting: int = 0
    """Outcomes that wait to be archived; of very many, some."""
    running: str = ""
    """Another archiver that was seen at the queue in the last ARCHIVER_SEEN."""


ARCHIVER_SEEN = timedelta(seconds=15)
"""An archiver looks at the queue every half second; one that waits for a database, each second or so."""


class Archive(Protocol):
    """One archiver's view of the outcomes: each is given to one archiver, again and again until archived.

    From the first `take` on, the queue counts what waits for the archiver in its byte budget, trims no
    outcome that was not archived, and holds the image and map of each that was not accepted (NG, REVIEW,
    failed, expired, late). Of an accepted one they are there as long as the ring of recent ones has room.
    """

    def take(self, limit: int, wait: timedelta) -> list[Unarchived]:
        """Up to `limit`, oldest first; blocks up to `wait` for the first."""

    def sweep(self, limit: int) -> list[Unarchived]:
        """Those that another archiver took min_idle ago and did not archive: now this one's."""

    def jobs(self, inspection_ids: Sequence[str]) -> list[Job | None]:
        """None: it has left, or this version cannot read it."""

    def held(self, inspection_id: str) -> Held:
        """An image whose file is gone is None. Raises StoreUnavailable: the blob store does not answer."""

    def archived(self, done: Sequence[Unarchived]) -> None:
        """Their records are durable: what was held for the archiver is let go of, and joins the ring."""

    def detach(self) -> Left:
        """There is no archiver any more, from now on: nothing is held or counted for one. Where something is
        left, nothing changes."""

    def close(self) -> None:
        """Outcomes in this archiver's hands are another one's after min_idle."""


class Disposal(Protocol):
    """Which files of the blob store may be deleted. Several gateways do it side by side."""

    async def mark(self, proposed: str) -> str:
        """What tells this queue from others, also after restarts: what was proposed first."""

    async def holds(self) -> bool:
        """Whether the queue has an image in its store."""

    async def discarded(self, limit: int) -> list[str]:
        """Ids that the queue let go of KEEP_DISCARDED ago or earlier, the oldest first: nothing needs their
        files. Given again and again until `deleted`."""

    async def deleted(self, inspection_ids: Sequence[str]) -> None: ...

    async def forsake(self, inspection_ids: Sequence[str]) -> list[str]:
        """Of these, those that were not accepted, and will not be from now on: a submit of one that is still
        under way is refused. Their files may be deleted. What the queue let go of is not among them."""

    async def aclose(self) -> None: ...


KEEP_DISCARDED = timedelta(seconds=15)
"""A server that comes back with the data of a moment ago (D1, a promoted replica) may need a file that it had
let go of. It lost two seconds at most, or what a replica may lag behind (min-replicas-max-lag: 10 s)."""

FORSAKEN_FOR = timedelta(hours=1)
"""Longer than any submit is under way."""


@dataclass(frozen=True, slots=True)
class WorkerReport:
    name: str
    device: str
    engine: str
    model: str
    model_sha256: str
    started_at: str
    """ISO 8601, UTC."""
    last_seen: str = ""
    """ISO 8601, UTC; set by the queue's clock on report."""
    inspected: int = 0


@dataclass(frozen=True, slots=True)
class QueueStatus:
    depth: int
    """Waiting and in flight."""
    in_flight: int
    bytes: int
    """Of images accepted and not finished."""
    known_bytes: int
    """What finished ids cost; counted in the byte budget too."""
    recent_bytes: int
    archive_bytes: int
    """What waits for the archiver; counted in the byte budget too. 0 without an archiver."""
    oldest_age_s: float
    """Of the oldest image not finished; 0 when there is none."""
    dead_letters: int
    workers: list[WorkerReport] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """What the queue's server says of itself; of several, the fullest one, and sound only if all are."""

    memory_bytes: int
    memory_limit_bytes: int
    """0: no limit but the machine's."""
    aof_sound: bool
    """Whether the last write and the last rewrite of the append-only file went well."""
    aof_bytes: int
    """0 where there is none."""
    replicas: int = 0
    """In step, at the primary that has fewest."""
    most_replicas: int = 0
    """At the one that has most."""

    @property
    def fullness(self) -> float:
        """Share of the limit that is used; 0 without one."""
        return self.memory_bytes / self.memory_limit_bytes if self.memory_limit_bytes else 0.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A poison image: it failed, and is held with its job and image until a person decides."""

    id: str
    line: str
    died_at: datetime
    """UTC, by the queue's clock."""
    consumer: str
    """The worker that buried it; the log of those before it says why they did not finish it."""
    deliveries: int
    """Including the one that only buried it."""
    size: int
    """Bytes of image and job."""
    error: bytes
    """Failure as JSON: it names the part."""


class SettingsHidden(QueueUnavailable):
    """The server answers, and does not show its settings: a managed one, or a user without that right."""


class Admin(Protocol):
    async def status(self) -> QueueStatus: ...

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Newest first."""

    async def dead_letter(self, inspection_id: str) -> DeadLetter:
        """Raises DeadLetterNotFound."""

    async def requeue(self, inspection_id: str) -> None:
        """Give a dead letter to the workers again. Raises DeadLetterNotFound; InspectionFailed when its job
        cannot be read by this version.

        The same id and idempotency key, which is `queued` again and will reach a second outcome; three new
        deliveries; as a re-inspection without a deadline, since nobody waits for it any more.
        """

    async def drop(self, inspection_id: str) -> None:
        """Let a dead letter go, with its image. Raises DeadLetterNotFound. It stays failed; id and key are
        known for `forget_after` more."""

    async def shortfall(self, durability: Durability) -> str | None:
        """What the server's own settings lack for that level, as one sentence; None: nothing. Raises
        SettingsHidden."""

    async def server(self) -> ServerHealth | None:
        """None: there is no server, or it does not tell this user (a managed one, or a user without INFO)."""

    async def ping(self) -> None:
        """Raises QueueUnavailable within a second when the server does not answer."""

    async def aclose(self) -> None: ...
