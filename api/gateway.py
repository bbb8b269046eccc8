"""All request logic: validate, admit, publish, await the outcome. No HTTP status, no Redis.

An image's way through `accept`:

    headers, recipe ─> room? ─> body (cap, digest) ─> sniff, pixels ─> expect ─> submit ─> wait ─> answer
                                                                        (hub)    (queue)   (hub)

What is refused is refused before `submit`; after it the image is accepted, and no later error may say else.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request

from api import body, envelope, parameters
from api.hub import Hub, Waiter
from api.intake import Intake
from api.keyring import Holder
from api.metrics import Metrics
from api.parameters import PartQuery
from api.promptly import SLOWEST_BYTES_PER_S, promptly
from api.settings import Settings
from inspector.decision.recipes import RecipeBook
from inspector.errors import InspectionNotFound, InspectorError
from inspector.imaging import header
from inspector.messages.job import ImageFacts, Job
from inspector.messages.result import Outcome
from inspector.queue.base import Idempotency, Producer, Results, Snapshot

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of an inspection at the end of the wait."""

    id: str
    terminal: bool
    content: bytes
    """The envelope, JSON."""
    waited_s: int | None
    """The wait that was granted, None without one asked for."""


def new_id() -> str:
    """32 hex digits, ordered by time to the millisecond, then random: a UUID of version 7 without dashes."""
    milliseconds = int(datetime.now(UTC).timestamp() * 1000)
    random = secrets.randbits(74)
    return f"{milliseconds:012x}7{random >> 62:03x}{(0b10 << 62) | (random & (1 << 62) - 1):016x}"


class Gateway:
    def __init__(
        self,
        settings: Settings,
        recipes: RecipeBook,
        producer: Producer,
        results: Results,
        hub: Hub,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._intake = Intake(settings.max_intake_bytes)
        self._recipes = recipes
        self._producer = producer
        self._results = results
        self._hub = hub
        self._metrics = metrics

    async def accept(self, request: Request, query: PartQuery, holder: Holder) -> Answer:
        """Take one image in. Raises NotAllowed, the BadInput that is wrong with it, IdempotencyConflict, Busy
        or QueueUnavailable; then nothing was accepted, or (the last) the same key repeats it safely."""
        received_at = datetime.now(UTC)
        holder.require(query.line)
        key = parameters.idempotency_key(request.headers)
        wait_s = parameters.wait_s(request.headers, self._settings.max_wait_s)
        job, image = await self._take(request, query, received_at)
        idempotency = _idempotency(key, holder, parameters.request_digest(query, job.image.sha256))
        with self._hub.expecting(job.id) as waiter:
            with self._metrics.timed("submit"):
                submission = await promptly(
                    self._producer.submit(job, image, idempotency), more_s=len(image) / SLOWEST_BYTES_PER_S
                )
            del image  # a wait may last a minute
            if submission.created:
                self._metrics.received(query.line)
                return await self._outcome(job.id, waiter, wait_s, look=wait_s is not None)
        with self._hub.expecting(submission.id) as waiter:
            return await self._outcome(submission.id, waiter, wait_s, look=True)

    async def look_up(self, inspection_id: str, wait_s: int | None, holder: Holder) -> Answer:
        """What is known of an id, after a wait if it is not finished. Raises InspectionNotFound."""
        with self._hub.expecting(inspection_id) as waiter:
            snapshot = await promptly(self._results.read(inspection_id))
            _require_sight(holder, snapshot)
            if snapshot.outcome is None and wait_s:
                outcome = await waiter.outcome(wait_s)
                if outcome is not None:
                    return _of_outcome(outcome, wait_s)
                snapshot = await promptly(self._results.read(inspection_id))
        return _of_snapshot(snapshot, wait_s)

    async def image(self, inspection_id: str, holder: Holder) -> tuple[str, bytes]:
        """(format, bytes as posted). Raises InspectionNotFound, ImageGone."""
        await self._sight_of(inspection_id, holder)
        return await self._results.image(inspection_id)

    async def attention(self, inspection_id: str, holder: Holder) -> bytes:
        """The map as PNG. Raises InspectionNotFound, ImageGone."""
        await self._sight_of(inspection_id, holder)
        return await self._results.attention(inspection_id)

    async def latest(self, limit: int, holder: Holder) -> list[Outcome]:
        """Newest first. Of some lines only: those among the latest MAX_LATEST of all lines."""
        looked_at = limit if holder.lines is None else parameters.MAX_LATEST
        outcomes = await promptly(self._results.latest(looked_at))
        return [outcome for outcome in outcomes if holder.sees(outcome.line)][:limit]

    async def _sight_of(self, inspection_id: str, holder: Holder) -> None:
        # For every holder: this is also where a server that hangs is noticed, before the bytes are asked for.
        _require_sight(holder, await promptly(self._results.read(inspection_id)))

    async def _take(self, request: Request, query: PartQuery, received_at: datetime) -> tuple[Job, bytes]:
        """The job and its image, or the reason why not; what is cheap is looked at first."""
        settings = self._settings
        recipe = self._recipes.resolve(query.recipe)
        announced = body.announced(request, settings.max_image_bytes)
        await self._require_room(query.line, announced)
        with self._metrics.timed("read"), self._intake.receiving() as came:
            patience = body.Patience(settings.body_timeout_s, settings.body_least_rate)
            received = await body.read(request, came, limit=settings.max_image_bytes, patience=patience)
        head = header.sniff(received.data)
        header.check_pixels(head, settings.max_image_pixels)
        facts = ImageFacts(
            width=head.width,
            height=head.height,
            format=head.format,
            bytes=len(received.data),
            sha256=received.sha256,
        )
        said = query.model_dump(exclude={"recipe"})
        return Job(id=new_id(), image=facts, recipe=recipe, received_at=received_at, **said), received.data

    async def _require_room(self, line: str, image_bytes: int) -> None:
        """Raises Busy or QueueUnavailable while nothing has been read yet; submit decides."""
        await promptly(self._producer.require_room(line, image_bytes))

    async def _outcome(self, inspection_id: str, waiter: Waiter, wait_s: int | None, *, look: bool) -> Answer:
        """Wait without a race: the waiter stands since before the submit; read once, wait, read once."""
        known: Outcome | Snapshot | None = None
        with self._metrics.timed("wait") if wait_s else nullcontext():
            if look:
                known = await self._finished(inspection_id)
            if known is None and wait_s:
                known = await waiter.outcome(wait_s) or await self._finished(inspection_id)
        if isinstance(known, Outcome):
            return _of_outcome(known, wait_s)
        if isinstance(known, Snapshot):
            return _of_snapshot(known, wait_s)
        return Answer(
            inspection_id, terminal=False, content=envelope.of_accepted(inspection_id), waited_s=wait_s
        )

    async def _finished(self, inspection_id: str) -> Snapshot | None:
        """The state, if it can be read and is terminal. The image is accepted: an error now must not tell the
        camera otherwise, it just learns the outcome later."""
        try:
            snapshot = await promptly(self._results.read(inspection_id))
        except InspectorError as error:
            log.warning("%s is accepted; its state cannot be read now: %s", inspection_id, error)
            return None
        return snapshot if snapshot.outcome is not None else None


def _idempotency(key: str | None, holder: Holder, digest: str) -> Idempotency | None:
    """A client's key as its owner's: the same word of two owners is two keys."""
    if key is None:
        return None
    return Idempotency(f"{holder.owner}\n{key}" if holder.owner else key, digest)


def _require_sight(holder: Holder, snapshot: Snapshot) -> None:
    """Raises InspectionNotFound: of another line's images one learns not even that they are there."""
    if not holder.sees(snapshot.line):
        raise InspectionNotFound(f"no inspection {snapshot.id!r} is known on the lines of this key")


def _of_outcome(outcome: Outcome, wait_s: int | None) -> Answer:
    return Answer(outcome.id, terminal=True, content=envelope.of_outcome(outcome), waited_s=wait_s)


def _of_snapshot(snapshot: Snapshot, wait_s: int | None) -> Answer:
    return Answer(snapshot.id, snapshot.state.terminal, envelope.of_snapshot(snapshot), wait_s)
