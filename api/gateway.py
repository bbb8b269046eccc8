"""All request logic: validate, admit, publish, await the outcome. No HTTP status, no Redis.

An image's way through `accept`:

    headers, recipe ─> room? ─> body (cap, digest) ─> sniff, pixels ─> expect ─> submit ─> wait ─> answer
                                (memory or file)                        (hub)   (disk, queue) (hub)

What is refused is refused before `submit`; after it the image is accepted, and no later error may say else.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request

from api import body, envelope, parameters
from api.admission import Admission, Hurry
from api.blobs import Blobs, Receiving, Stream
from api.hub import Hub, Waiter
from api.intake import Intake
from api.keyring import Holder
from api.metrics import Metrics
from api.parameters import ListQuery, PartFilter, PartQuery
from api.promptly import SLOWEST_BYTES_PER_S, promptly
from api.records import Records
from api.room import Room
from api.settings import Settings
from inspector.decision.recipes import RecipeBook
from inspector.errors import (
    ImageGone,
    InspectionNotFound,
    InspectorError,
    NoPreview,
    NotInTime,
    RecordsUnavailable,
    StoreUnavailable,
)
from inspector.imaging import header
from inspector.messages.job import ImageFacts, Job
from inspector.messages.result import Outcome
from inspector.queue.base import Idempotency, Image, Producer, Results, Snapshot, Submission
from inspector.records.search import Found, Place, Wanted

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
        records: Records,
        blobs: Blobs,
        admission: Admission,
    ) -> None:
        self._settings = settings
        self._intake = Intake(settings.max_intake_bytes)
        self._admission = admission
        self._room = Room(producer, admission)
        self._recipes = recipes
        self._producer = producer
        self._results = results
        self._hub = hub
        self._metrics = metrics
        self._records = records
        self._blobs = blobs

    async def accept(self, request: Request, query: PartQuery, holder: Holder) -> Answer:
        """Take one image in. Raises NotAllowed, the BadInput that is wrong with it, IdempotencyConflict,
        Busy, StoreUnavailable or QueueUnavailable; then nothing was accepted, or (the last) the same key
        repeats it safely."""
        received_at = datetime.now(UTC)
        holder.require(query.line)
        key = parameters.idempotency_key(request.headers)
        wait_s = parameters.wait_s(request.headers, self._settings.max_wait_s)
        hurry = Hurry.of(query, received_at)
        with self._blobs.receiving() as received:
            job = await self._take(request, query, received_at, received, hurry)
            idempotency = _idempotency(key, holder, parameters.request_digest(query, job.image.sha256))
            with self._hub.expecting(job.id) as waiter:
                with self._metrics.timed("submit"):
                    submission = await self._submit(job, received, idempotency, hurry)
                received.let_go()  # a wait may last a minute
                if submission.created:
                    self._metrics.received(query.line)
                    self._room.saw(query.line, submission)
                    # With a place in the stream the hub misses nothing that comes behind it, and it was
                    # waited for before the submit.
                    look = wait_s is not None and not self._hub.has_place
                    return await self._outcome(job.id, waiter, wait_s, look=look)
        with self._hub.expecting(submission.id) as waiter:
            return await self._outcome(submission.id, waiter, wait_s, look=True)

    async def look_up(self, inspection_id: str, wait_s: int | None, holder: Holder) -> Answer:
        """What is known of an id, after a wait if it is not finished; from the records once the queue has
        forgotten it, or its result. Raises InspectionNotFound."""
        with self._hub.expecting(inspection_id) as waiter:
            try:
                snapshot = await promptly(self._results.read(inspection_id))
            except InspectionNotFound:
                return await self._recorded(inspection_id, wait_s, holder)
            _require_sight(holder, snapshot.id, snapshot.line)
            if snapshot.outcome is None and wait_s:
                outcome = await waiter.outcome(wait_s)
                if outcome is not None:
                    return _of_outcome(outcome, wait_s)
                snapshot = await promptly(self._results.read(inspection_id))
        if self._records.kept and _has_left(snapshot):
            with suppress(InspectionNotFound, RecordsUnavailable):
                return await self._recorded(inspection_id, wait_s, holder)
        return _of_snapshot(snapshot, wait_s)

    async def image(self, inspection_id: str, holder: Holder) -> tuple[str, bytes | Stream]:
        """(format, as posted). Raises InspectionNotFound, ImageGone, StoreUnavailable."""
        try:
            kind, image = await self._held(inspection_id, holder)
            return kind, await self._blobs.shown(image)
        except (InspectionNotFound, ImageGone) as error:
            place = await self._place(inspection_id, holder, error)
            return place.format, await self._records.image(place)

    async def preview(self, inspection_id: str, holder: Holder) -> tuple[str, bytes | Stream]:
        """(format, content) of what a browser can show: the image itself, or the preview beside its record.
        Raises InspectionNotFound, ImageGone, NoPreview, StoreUnavailable."""
        try:
            kind, held = await self._held(inspection_id, holder)
            if await self._blobs.look(held, header.browsers_show):
                return kind, await self._blobs.shown(held)
        except (InspectionNotFound, ImageGone) as error:
            place = await self._place(inspection_id, holder, error)
        else:
            place = await self._place_of_preview(inspection_id, holder)
        if place.preview is not None:
            return "png", await self._records.picture(place.preview)
        image = await self._records.image(place)
        if not header.browsers_show(image):
            raise NoPreview(f"of inspection {inspection_id!r} there is no preview")
        return place.format, image

    async def thumbnail(self, inspection_id: str, holder: Holder) -> tuple[str, bytes | Stream]:
        """(format, content) of the small picture beside its record; where there is none, as `preview`."""
        if self._records.kept:
            with suppress(InspectionNotFound, ImageGone, RecordsUnavailable, StoreUnavailable):
                known = await self._records.look_up(inspection_id)
                _require_sight(holder, inspection_id, known.line)
                if known.place is not None and known.place.thumbnail is not None:
                    return "jpeg", await self._records.picture(known.place.thumbnail)
        return await self.preview(inspection_id, holder)

    async def attention(self, inspection_id: str, holder: Holder) -> bytes:
        """The map as PNG. Raises InspectionNotFound, ImageGone."""
        try:
            await self._sight_of(inspection_id, holder)
            return await self._results.attention(inspection_id)
        except (InspectionNotFound, ImageGone) as error:
            return await self._records.attention(await self._place(inspection_id, holder, error))

    async def listed(self, query: ListQuery, holder: Holder) -> bytes:
        """A page of inspections, as JSON. The first page of no filter but a line has the recent ones that are
        not recorded yet, too. Raises NoRecords, RecordsUnavailable, QueueUnavailable."""
        if query.plain:
            return await self._latest(query, holder)
        page = await self._records.page(wanted(query, holder), query.limit, query.cursor)
        return envelope.of_list(map(envelope.of_found, page.found), page.next)

    async def _latest(self, query: ListQuery, holder: Holder) -> bytes:
        """The queue's recent ones, newest first; with records, those first that a line looks for, by id."""
        recent = await self._recent(query, holder)
        if not self._records.kept:
            shown = recent[: query.limit]
            return envelope.of_list(map(envelope.of_outcome, shown), None)
        try:
            page = await self._records.page(wanted(query, holder), query.limit, None)
        except RecordsUnavailable as error:
            log.warning("the list has the recent ones alone: %s", error)
            return envelope.of_list(map(envelope.of_outcome, recent[: query.limit]), None)
        known = {found.outcome.id: envelope.of_found(found) for found in page.found}
        last = min(known) if page.next is not None else ""
        known |= {one.id: envelope.of_outcome(one) for one in recent if one.id > last}
        ids = sorted(known, reverse=True)
        more = page.next is not None or len(ids) > query.limit
        ids = ids[: query.limit]
        return envelope.of_list((known[one] for one in ids), ids[-1] if more else None)

    async def _recent(self, query: ListQuery, holder: Holder) -> list[Outcome]:
        """Of some lines only: those among the latest MAX_LATEST of all lines."""
        every = holder.lines is None and query.line is None
        looked_at = query.limit if every else parameters.MAX_LATEST
        outcomes = await promptly(self._results.latest(looked_at))
        return [one for one in outcomes if holder.sees(one.line) and query.line in (None, one.line)]

    async def _recorded(self, inspection_id: str, wait_s: int | None, holder: Holder) -> Answer:
        """Raises InspectionNotFound, RecordsUnavailable."""
        if not self._records.kept:
            raise InspectionNotFound(f"no inspection {inspection_id!r} is known")
        known = await self._records.look_up(inspection_id)
        _require_sight(holder, inspection_id, known.line)
        place = known.place
        found = Found(known.outcome, place is not None, place is not None and place.attention is not None)
        return Answer(inspection_id, terminal=True, content=envelope.of_found(found), waited_s=wait_s)

    async def _held(self, inspection_id: str, holder: Holder) -> tuple[str, Image]:
        """(format, as posted) of what the queue holds. Raises InspectionNotFound, ImageGone."""
        await self._sight_of(inspection_id, holder)
        return await self._results.image(inspection_id)

    async def _place_of_preview(self, inspection_id: str, holder: Holder) -> Place:
        """Of an image that the queue still holds. Raises NoPreview: it is not recorded yet, or not kept."""
        missing = NoPreview(f"of inspection {inspection_id!r} there is no preview, or not yet")
        try:
            return await self._place(inspection_id, holder, missing)
        except (InspectionNotFound, ImageGone):
            raise missing from None

    async def _place(self, inspection_id: str, holder: Holder, missing: InspectorError) -> Place:
        """Where an image is kept that the queue does not hold. Raises `missing` where nothing is kept."""
        if not self._records.kept:
            raise missing
        known = await self._records.look_up(inspection_id)
        _require_sight(holder, inspection_id, known.line)
        if known.place is None:
            raise ImageGone(f"the image of inspection {inspection_id!r} was not kept, or no longer is")
        return known.place

    async def _sight_of(self, inspection_id: str, holder: Holder) -> None:
        # For every holder: this is also where a server that hangs is noticed, before the bytes are asked for.
        snapshot = await promptly(self._results.read(inspection_id))
        _require_sight(holder, snapshot.id, snapshot.line)

    async def _take(
        self,
        request: Request,
        query: PartQuery,
        received_at: datetime,
        received: Receiving,
        hurry: Hurry | None,
    ) -> Job:
        """The job of an image, which is received here, or the reason why not; what is cheap is looked at
        first."""
        settings = self._settings
        recipe = self._recipes.resolve(query.recipe)
        announced = body.announced(request, settings.max_image_bytes)
        await self._room.require(query.line, announced, hurry)
        with self._metrics.timed("read"), self._intake.receiving() as came:
            patience = body.Patience(settings.body_timeout_s, settings.body_least_rate)
            received.expect(announced)
            await body.read(request, came, received, limit=settings.max_image_bytes, patience=patience)
        head = await received.look(header.sniff)
        header.check_pixels(head, settings.max_image_pixels)
        facts = ImageFacts(
            width=head.width,
            height=head.height,
            format=head.format,
            bytes=received.size,
            sha256=received.sha256,
        )
        said = query.model_dump(exclude={"recipe"})
        return Job(id=new_id(), image=facts, recipe=recipe, received_at=received_at, **said)

    async def _submit(
        self, job: Job, received: Receiving, idempotency: Idempotency | None, hurry: Hurry | None
    ) -> Submission:
        """A large image is on the disk first. Where it is not accepted, or nobody knows whether, its file is
        doubtful."""
        image = await received.keep(job.id)
        if isinstance(image, bytes):
            return await self._enqueue(
                job, image, idempotency, hurry, more_s=len(image) / SLOWEST_BYTES_PER_S
            )
        accepted = ""
        try:
            submission = await self._enqueue(job, image, idempotency, hurry)
            accepted = submission.id
            return submission
        finally:
            if accepted != job.id:
                self._blobs.doubt(job.id)

    async def _enqueue(
        self,
        job: Job,
        image: Image,
        idempotency: Idempotency | None,
        hurry: Hurry | None,
        more_s: float = 0.0,
    ) -> Submission:
        """Raises what Producer.submit does, soon."""
        most_ahead = self._admission.most_ahead(hurry)
        try:
            return await promptly(self._producer.submit(job, image, idempotency, most_ahead), more_s=more_s)
        except NotInTime as late:
            assert hurry is not None  # noqa: S101 - else nothing is too many
            raise self._admission.refusal(hurry, late.ahead) from None

    async def _outcome(self, inspection_id: str, waiter: Waiter, wait_s: int | None, *, look: bool) -> Answer:
        """Wait without a race: the waiter stands since before the submit; `look` reads once, then wait, read
        once."""
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


def _cells(place: str | None) -> tuple[int, int, int, int] | None:
    if place is None:
        return None
    left, top, right, bottom = map(int, place.split(","))
    return left, top, right, bottom


def wanted(query: PartFilter, holder: Holder) -> Wanted:
    """What the records are asked for: of the lines that the holder sees."""
    return Wanted(
        lines=lines_seen(query.line, holder),
        station=query.station,
        view=query.view,
        part_id=query.part_id,
        lot_id=query.lot_id,
        recipe=query.recipe,
        verdict=query.verdict,
        state=query.state,
        simulated=query.simulated,
        defect_class=query.defect_class,
        place=_cells(query.place),
        min_score=query.min_score,
        max_score=query.max_score,
        since=query.since,
        until=query.until,
    )


def lines_seen(line: str | None, holder: Holder) -> Collection[str] | None:
    """Those that are asked for and the holder sees; None: all."""
    if line is None:
        return holder.lines
    return (line,) if holder.sees(line) else ()


def _has_left(snapshot: Snapshot) -> bool:
    """Whether its result, or its image, is in the queue no more."""
    outcome = snapshot.outcome
    if outcome is None:
        return False
    return not snapshot.has_image or (outcome.result is None and outcome.error is None)


def _require_sight(holder: Holder, inspection_id: str, line: str) -> None:
    """Raises InspectionNotFound: of another line's images one learns not even that they are there."""
    if not holder.sees(line):
        raise InspectionNotFound(f"no inspection {inspection_id!r} is known on the lines of this key")


def _of_outcome(outcome: Outcome, wait_s: int | None) -> Answer:
    return Answer(outcome.id, terminal=True, content=envelope.of_outcome(outcome), waited_s=wait_s)


def _of_snapshot(snapshot: Snapshot, wait_s: int | None) -> Answer:
    return Answer(snapshot.id, snapshot.state.terminal, envelope.of_snapshot(snapshot), wait_s)
