"""Producer on Redis: one script, one round trip an image; at D3 with its confirmation behind it."""

from __future__ import annotations

from datetime import datetime, timedelta

from inspector.errors import Busy, IdempotencyConflict, NotInTime, QueueUnavailable
from inspector.messages.job import PRIORITIES, Job
from inspector.messages.result import Outcome
from inspector.queue.base import (
    KNOWN_ID_BYTES,
    SEEN_DEAD,
    Budgets,
    Durability,
    Idempotency,
    Image,
    Load,
    Submission,
)
from inspector.queue.blobs import Blob
from inspector.queue.confirmation import Confirmation, confirmation_at
from inspector.queue.confirmed import ConfirmedLink
from inspector.queue.fullness import busy
from inspector.queue.keys import GROUP, Keys, hashed
from inspector.queue.reading import overdue
from inspector.queue.redis_connection import AsyncLink, ServerRefusal
from inspector.queue.scripting import OVERDUE, ROOM, SUBMIT, Call, Reply, Word
from inspector.queue.settling import expire_call


class RedisProducer:
    def __init__(
        self,
        url: str,
        keys: Keys,
        budgets: Budgets,
        durability: Durability,
        min_idle: timedelta,
        replicas: int = 1,
    ) -> None:
        self._budgets = budgets
        self._min_idle_ms = int(min_idle.total_seconds() * 1000)
        self._seen_dead_ms = int(self._min_idle_ms * SEEN_DEAD)
        self._limits = _limits(budgets)
        self._keys = keys
        self._link = AsyncLink(url, keys)
        at_d3 = durability is Durability.D3
        self._confirmation = confirmation_at(self._link.primary, replicas) if at_d3 else None

    async def submit(
        self,
        job: Job,
        image: Image,
        idempotency: Idempotency | None = None,
        most_ahead: int | None = None,
    ) -> Submission:
        call = self._submit_call(job, image, idempotency, most_ahead)
        try:
            if self._confirmation is not None:
                return await self._confirmed(call, self._confirmation)
            [reply] = await self._link.run([call])
        except ServerRefusal as refusal:
            if refusal.kind == "OOM":
                raise Busy("the queue server has reached its maxmemory") from refusal
            raise
        return _submission(reply)

    async def _confirmed(self, call: Call, confirmation: Confirmation) -> Submission:
        """Written again where the first round only showed what has to be waited for: it is one image."""
        [reply], objection = await ConfirmedLink(self._link, confirmation).run(call)
        submission = _submission(reply)
        if objection is not None:
            raise QueueUnavailable(f"{objection.reason}; inspection {submission.id} may be accepted")
        return submission

    async def require_room(self, line: str, image_bytes: int, deadline: datetime | None = None) -> Load:
        due = _milliseconds(deadline)
        arguments = [line, image_bytes, *self._limits, self._keys.prefix, GROUP, due, self._seen_dead_ms]
        [reply] = await self._link.run([Call(ROOM, self._keys.budgeted, arguments)])
        if reply[0] != b"ROOM":
            raise _busy(reply)
        at_ms, depth, in_flight, ahead = reply[1:]
        return Load(at_ms, depth, in_flight, None if deadline is None else ahead)

    async def expire_overdue(self, now: datetime, limit: int) -> list[Outcome]:
        arguments: list[Word] = [
            self._keys.prefix,
            GROUP,
            int(now.timestamp() * 1000),
            self._min_idle_ms,
            limit,
        ]
        [found] = await self._link.run([Call(OVERDUE, [self._keys.work, self._keys.due], arguments)])
        outcomes = [overdue(one.decode(), line.decode(), job) for one, line, job in found]
        calls = [expire_call(self._keys, self._budgets, outcome, self._min_idle_ms) for outcome in outcomes]
        replies = await self._link.run(calls) if calls else []
        return [outcome for outcome, reply in zip(outcomes, replies, strict=True) if reply == b"RECORDED"]

    async def aclose(self) -> None:
        if self._confirmation is not None:
            await self._confirmation.aclose()
        await self._link.aclose()

    def _submit_call(
        self, job: Job, image: Image, idempotency: Idempotency | None, most_ahead: int | None
    ) -> Call:
        keys, hash_ = self._keys, hashed(idempotency.key) if idempotency else ""
        own = [keys.state(job.id), keys.job(job.id), keys.image(job.id)]
        key = [keys.idempotency(hash_)] if hash_ else []
        digest = idempotency.digest if idempotency else job.image.sha256
        facts: list[Word] = [keys.prefix, job.id, job.line, job.image.format, digest]
        due, waits = _milliseconds(job.deadline), int(self._confirmation is not None)
        asked: list[Word] = [hash_, due, waits, *self._limits, PRIORITIES.index(job.priority)]
        inline, blob = (b"", len(image)) if isinstance(image, Blob) else (image, "")
        bears: list[Word] = [GROUP, "" if most_ahead is None else most_ahead, self._seen_dead_ms]
        arguments = [*facts, job.as_json(), inline, *asked, blob, *bears]
        return Call(SUBMIT, [*keys.budgeted, keys.due, *own, *key], arguments)


def _milliseconds(time: datetime | None) -> Word:
    """Since 1970; "" where there is none."""
    return int(time.timestamp() * 1000) if time else ""


def _limits(budgets: Budgets) -> list[Word]:
    """As budget.lua has them."""
    own = [budgets.line_max_bytes, budgets.line_max_depth]
    return [budgets.max_bytes, budgets.max_depth, *own, KNOWN_ID_BYTES]


def _submission(reply: Reply) -> Submission:
    """The script's reply, or the error it stands for."""
    verdict, detail = reply[0].decode(), reply[1].decode()
    if verdict in {"BUSY", "LINE"}:
        raise _busy(reply)
    if verdict == "CONFLICT":
        raise IdempotencyConflict(f"the key belongs to inspection {detail}, which was another request")
    if verdict == "FORSAKEN":
        raise QueueUnavailable(f"inspection {detail} was on its way for too long: its file was given up")
    if verdict == "CREATED":
        return Submission(detail, created=True, fullness=reply[2] / 100, load=Load(*reply[3:6]))
    if verdict == "LATE":
        raise NotInTime(ahead=reply[2])
    return Submission(detail, created=False)


def _busy(reply: Reply) -> Busy:
    """Of {BUSY | LINE, of what, what is held, of it by known ids, of it for the archiver}."""
    return busy(reply[0] == b"LINE", reply[1].decode(), *(int(held) for held in reply[2:5]))
