"""The archiver: take outcomes -> copy out the images that are kept -> write the records -> let the queue go.

    queue (held) ── take ──▶ images: durable ──▶ rows: committed ──▶ archived: the queue lets go

Killed at any point, all is done again for what was not let go of: an image has one path, a record one id, so
nothing is lost and nothing is double. When the database, the disk or the queue does not answer, the batch in
hand waits here, and what comes meanwhile waits in the queue, which counts it and refuses images before it is
full. A verdict never waits for any of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from inspector.errors import InspectorError, QueueUnavailable, RecordsUnavailable, StoreUnavailable
from inspector.messages.job import Job
from inspector.plant.plant import Retention
from inspector.queue.base import Archive, Unarchived
from inspector.records import retention
from inspector.records.images import ImageStore, path_of
from inspector.records.rows import Entry, Kept, Row, entry_of
from inspector.records.write import write
from workers.archive_metrics import ArchiveMetrics
from workers.health import Health
from workers.pace import Backoff, Every
from workers.previews import NONE, Previews

log = logging.getLogger(__name__)

IDLE_WAIT = timedelta(milliseconds=500)
"""How long a take blocks when nothing waits; also how late SIGTERM may be noticed."""

SWEEP_EVERY = timedelta(seconds=1)
"""Between two looks for what another archiver left."""

TIDY_EVERY = timedelta(seconds=30)
"""Between two looks for images that are too old or too many."""

DRAIN_S = 10.0
"""Of recording what waits, when it is stopped; the rest is recorded at the next start."""

PREVIEWS_WITHIN = timedelta(minutes=1)
"""Behind by more, it makes no smaller pictures: one takes as long as the records of many images."""

STEP_S = 0.1
"""Of waiting for what does not answer."""

AWAY = (QueueUnavailable, RecordsUnavailable, StoreUnavailable)
"""What comes back by itself, or is brought back by a person; until then everything waits."""


@dataclass(frozen=True, slots=True)
class Records:
    """Where an archiver writes to."""

    engine: Engine
    store: ImageStore
    policy: Retention


class Archiver:
    """`run` returns when stopped. Owns the archive's end of the queue."""

    def __init__(
        self,
        archive: Archive,
        records: Records,
        metrics: ArchiveMetrics,
        health: Health,
        batch: int,
        prepare: Callable[[], None] = lambda: None,
        beside: Callable[[], None] = lambda: None,
    ) -> None:
        """`prepare` is run once before anything is taken, again and again until it does not raise; `beside`
        in every turn after that: it must neither wait nor raise."""
        self._archive = archive
        self._records = records
        self._metrics = metrics
        self._health = health
        self._batch = batch
        self._prepare: Callable[[], None] | None = prepare
        self._beside = beside
        self._hand: list[Unarchived] = []
        self._stopping = False
        self._backoff = Backoff()
        self._sweep = Every(SWEEP_EVERY, jitter=0.5)
        self._tidy = Every(TIDY_EVERY, jitter=0.2)
        self._previews = Previews()

    def stop(self) -> None:
        """From a signal handler: only a flag."""
        self._stopping = True

    def run(self) -> bool:
        """Whether it ended well. What it holds when it is stopped comes again, to whoever archives then."""
        while not self._stopping:
            try:
                self._turn()
            except AWAY as error:
                self._wait(error)
            else:
                self._answered()
        try:
            self._drain()
            self._archive.close()
        except QueueUnavailable as error:
            log.warning("%s; what waits is recorded at the next start", error)
        return True

    def _drain(self) -> None:
        """What the workers finished last: with those before it on their machine stopped, all of it. Raises
        QueueUnavailable; a database or store that is away now leaves it to the next run."""
        end = time.monotonic() + DRAIN_S
        try:
            while self._prepare is None and time.monotonic() < end:
                batch = self._hand or self._archive.take(self._batch, timedelta(0))
                if not batch:
                    break
                self._record(batch)
                self._hand = []
        except (RecordsUnavailable, StoreUnavailable) as error:
            log.warning("%s; what waits is recorded at the next start", error)

    def _turn(self) -> None:
        if self._prepare is not None:
            self._prepare()
            self._prepare = None
        if not self._hand and self._sweep.due():
            self._hand = self._archive.sweep(self._batch)
        if not self._hand:
            self._hand = self._archive.take(self._batch, IDLE_WAIT)
        if self._hand:
            self._record(self._hand)
            self._hand = []
        # Not only when nothing waits: on a line that never pauses images must leave as well.
        if self._tidy.due():
            self._let_images_go()
        self._beside()

    def _record(self, batch: Sequence[Unarchived]) -> None:
        jobs = self._jobs(batch)
        entries = [
            self._with_image(entry_of(one.outcome, one.order, one.at, job), one.at) for one, job in jobs
        ]
        written = self._write(entries)
        self._archive.archived(batch)
        self._metrics.recorded(entries, written, datetime.now(UTC) - batch[0].at)

    def _jobs(self, batch: Sequence[Unarchived]) -> list[tuple[Unarchived, Job | None]]:
        """A result says all of its job; of an image without one the job itself is asked."""
        ids = [one.outcome.id for one in batch if one.outcome.result is None]
        found = dict(zip(ids, self._archive.jobs(ids), strict=True))
        return [(one, found.get(one.outcome.id)) for one in batch]

    def _with_image(self, entry: Entry, at: datetime) -> Entry:
        """With its image, map and smaller pictures in the store, if the policy keeps them and the queue still
        has the image. `at` is when its outcome was announced."""
        row = entry.inspection
        keep = retention.rule(self._records.policy, row)
        held = self._archive.held(entry.id) if keep.kept else None
        if held is None or held.image is None:
            return entry
        drawn = self._previews.of(held.image) if datetime.now(UTC) - at < PREVIEWS_WITHIN else NONE
        paths = {"image": self._put(row, row["image_format"] or "bin", held.image)}
        if held.attention is not None:
            paths["attention"] = self._put(row, "map.png", held.attention)
        if drawn.preview is not None:
            paths["preview"] = self._put(row, "preview.png", drawn.preview)
        if drawn.thumbnail is not None:
            paths["thumbnail"] = self._put(row, "thumbnail.jpg", drawn.thumbnail)
        size = sum(map(len, filter(None, (held.image, held.attention, *drawn))))
        return replace(entry, kept=Kept(**paths, bytes=size, sampled=keep.sampled))

    def _put(self, row: Row, ending: str, content: bytes) -> str:
        """Its path in the store."""
        path = path_of(row["line"], row["received_ms"], row["id"], ending)
        self._records.store.put(path, content)
        return path

    def _write(self, entries: Sequence[Entry]) -> int:
        try:
            return write(self._records.engine, entries)
        except (SQLAlchemyError, ValueError, OverflowError) as error:
            log.warning("a batch of %d was refused by the database, now one by one: %s", len(entries), error)
            return sum(self._write_one(entry) for entry in entries)

    def _write_one(self, entry: Entry) -> int:
        """One that the database does not take is recorded by its id, line and state alone, with its document:
        it must not hold up those behind it, and must not be lost."""
        try:
            return write(self._records.engine, [entry])
        except (SQLAlchemyError, ValueError, OverflowError):
            log.exception("inspection %s is recorded without what can be filtered by", entry.id)
            self._metrics.bare()
            return write(self._records.engine, [entry.bare()])

    def _let_images_go(self) -> None:
        records, left = self._records, 0
        while not self._stopping:
            gone = retention.tidy(records.engine, records.store, records.policy, datetime.now(UTC))
            left += gone
            if gone < retention.AT_ONCE:
                break
        if left:
            log.info("%d kept images left: too old, or no room", left)
        self._metrics.tidied(
            left, retention.held_bytes(records.engine), retention.room_for(records.store, records.policy)
        )

    # --- what does not answer -----------------------------------------------------------------------------

    def _wait(self, error: InspectorError) -> None:
        if self._backoff.first:
            log.warning("%s; %d results wait here, the rest in the queue", error, len(self._hand))
        self._health.say(str(error))
        self._metrics.up(False)
        end = time.monotonic() + self._backoff.next_s()
        while not self._stopping and time.monotonic() < end:
            time.sleep(STEP_S)

    def _answered(self) -> None:
        if not self._backoff.first:
            log.info("all answers again")
        self._backoff.reset()
        self._health.say(None)
        self._metrics.up(True)
