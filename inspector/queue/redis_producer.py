"""Producer on Redis: one script, one round trip an image."""

from __future__ import annotations

from datetime import datetime, timedelta

from inspector.errors import Busy, IdempotencyConflict, QueueUnavailable
from inspector.messages.job import Job
from inspector.messages.result import Outcome
from inspector.queue.base import Budgets, Durability, Idempotency, Submission
from inspector.queue.keys import GROUP, Keys, hashed
from inspector.queue.reading import overdue
from inspector.queue.redis_connection import AsyncLink, ServerRefusal
from inspector.queue.scripting import OVERDUE, SUBMIT, Call, Command, Reply, Word
from inspector.queue.settling import expire_call

CONFIRM_WITHIN_MS = 1000
"""How long D3 waits for a replica: one on the same network confirms within milliseconds, or is away."""

CONFIRMED: Command = ["WAIT", 1, CONFIRM_WITHIN_MS]
"""Its reply is how many replicas have all that this connection wrote. It cannot stand inside a script."""


class RedisProducer:
    def __init__(self, url: str, budgets: Budgets, durability: Durability, min_idle: timedelta) -> None:
        self._budgets = budgets
        self._min_idle_ms = int(min_idle.total_seconds() * 1000)
        self._then = [CONFIRMED] if durability is Durability.D3 else []
        self._keys = Keys()
        self._link = AsyncLink(url)

    async def submit(self, job: Job, image: bytes, idempotency: Idempotency | None = None) -> Submission:
        try:
            reply, *replicas = await self._link.run([self._submit_call(job, image, idempotency)], self._then)
        except ServerRefusal as refusal:
            if refusal.kind == "OOM":
                raise Busy("the queue server has reached its maxmemory") from refusal
            raise
        submission = _submission(reply)
        if replicas == [0]:
            raise QueueUnavailable(
                f"no replica confirmed inspection {submission.id} within {CONFIRM_WITHIN_MS} ms; "
                "it may be accepted"
            )
        return submission

    async def has_room(self, image_bytes: int) -> bool:
        held, depth = await self._link.exchange(
            [["HGET", self._keys.totals, "bytes"], ["XLEN", self._keys.work]]
        )
        within_bytes = int(held or 0) + image_bytes <= self._budgets.max_bytes
        return within_bytes and int(depth) < self._budgets.max_depth

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
        await self._link.aclose()

    def _submit_call(self, job: Job, image: bytes, idempotency: Idempotency | None) -> Call:
        keys = self._keys
        own = [keys.state(job.id), keys.job(job.id), keys.image(job.id)]
        touched = [keys.work, keys.totals, keys.due, *own]
        key_hash = ""
        if idempotency is not None:
            key_hash = hashed(idempotency.key)
            touched.append(keys.idempotency(key_hash))
        digest = idempotency.digest if idempotency is not None else job.image.sha256
        facts: list[Word] = [
            keys.prefix,
            job.id,
            job.line,
            job.image.format,
            digest,
            job.model_dump_json(),
            image,
        ]
        limits = [self._budgets.max_bytes, self._budgets.max_depth]
        deadline = int(job.deadline.timestamp() * 1000) if job.deadline else ""
        return Call(SUBMIT, touched, [*facts, *limits, key_hash, int(bool(self._then)), deadline])


def _submission(reply: Reply) -> Submission:
    """The script's reply, or the error it stands for."""
    verdict, detail = reply[0].decode(), reply[1].decode()
    if verdict == "BUSY":
        raise Busy(f"the queue is at its limit of {detail}: it holds {int(reply[2])}")
    if verdict == "CONFLICT":
        raise IdempotencyConflict(f"the key belongs to inspection {detail}, which was another request")
    return Submission(detail, created=verdict == "CREATED")
