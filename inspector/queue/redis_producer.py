"""Producer on Redis: one script, one round trip an image."""

from __future__ import annotations

from datetime import datetime, timedelta

from inspector.errors import Busy, IdempotencyConflict, QueueUnavailable
from inspector.messages.job import PRIORITIES, Job
from inspector.messages.result import Outcome
from inspector.queue.base import KNOWN_ID_BYTES, Budgets, Durability, Idempotency, Submission
from inspector.queue.fullness import busy
from inspector.queue.keys import GROUP, Keys, hashed
from inspector.queue.reading import overdue
from inspector.queue.redis_connection import AsyncLink, ServerRefusal
from inspector.queue.scripting import OVERDUE, ROOM, SUBMIT, Call, Command, Reply, Word
from inspector.queue.settling import expire_call

CONFIRM_WITHIN_MS = 500
"""How long D3 waits for replicas: one on the same network confirms within milliseconds, or is away. Shorter
than the gateway waits for a submit (api/promptly.py), so that the reason is told."""


def confirmed_by(replicas: int) -> Command:
    """Its reply is how many replicas have all that this connection wrote. It cannot stand inside a script."""
    return ["WAIT", replicas, CONFIRM_WITHIN_MS]


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
        self._limits = _limits(budgets)
        self._replicas = replicas
        self._then = [confirmed_by(replicas)] if durability is Durability.D3 else []
        self._keys = keys
        self._link = AsyncLink(url, keys)

    async def submit(self, job: Job, image: bytes, idempotency: Idempotency | None = None) -> Submission:
        try:
            reply, *replicas = await self._link.run([self._submit_call(job, image, idempotency)], self._then)
        except ServerRefusal as refusal:
            if refusal.kind == "OOM":
                raise Busy("the queue server has reached its maxmemory") from refusal
            raise
        submission = _submission(reply)
        if replicas and replicas[0] < self._replicas:
            few = f"only {replicas[0]} of {self._replicas} replicas" if replicas[0] else "no replica"
            raise QueueUnavailable(
                f"{few} confirmed inspection {submission.id} within {CONFIRM_WITHIN_MS} ms; "
                "it may be accepted"
            )
        return submission

    async def require_room(self, line: str, image_bytes: int) -> None:
        arguments = [line, image_bytes, *self._limits]
        [reply] = await self._link.run([Call(ROOM, self._keys.budgeted, arguments)])
        if reply is not None:
            raise _busy(reply)

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
        keys, hash_ = self._keys, hashed(idempotency.key) if idempotency else ""
        own = [keys.state(job.id), keys.job(job.id), keys.image(job.id)]
        key = [keys.idempotency(hash_)] if hash_ else []
        digest = idempotency.digest if idempotency else job.image.sha256
        facts: list[Word] = [keys.prefix, job.id, job.line, job.image.format, digest]
        deadline = int(job.deadline.timestamp() * 1000) if job.deadline else ""
        asked: list[Word] = [hash_, deadline, int(bool(self._then)), *self._limits]
        asked.append(PRIORITIES.index(job.priority))
        arguments = [*facts, job.as_json(), image, *asked]
        return Call(SUBMIT, [*keys.budgeted, keys.due, *own, *key], arguments)


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
    if verdict == "CREATED":
        return Submission(detail, created=True, fullness=reply[2] / 100)
    return Submission(detail, created=False)


def _busy(reply: Reply) -> Busy:
    """Of {BUSY | LINE, of what, what is held, of it by known ids, of it for the archiver}."""
    return busy(reply[0] == b"LINE", reply[1].decode(), *(int(held) for held in reply[2:5]))
