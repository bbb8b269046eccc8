"""Producer on Redis: one script, one round trip an image."""

from __future__ import annotations

from inspector.errors import Busy, IdempotencyConflict
from inspector.messages.job import Job
from inspector.messages.result import Outcome
from inspector.queue.base import Budgets, Idempotency, Submission
from inspector.queue.keys import Keys, hashed
from inspector.queue.redis_connection import AsyncLink, ServerRefusal
from inspector.queue.scripting import SUBMIT, Call, Reply, Word
from inspector.queue.settling import expire_call


class RedisProducer:
    def __init__(self, url: str, budgets: Budgets) -> None:
        self._budgets = budgets
        self._keys = Keys()
        self._link = AsyncLink(url)

    async def submit(self, job: Job, image: bytes, idempotency: Idempotency | None = None) -> Submission:
        try:
            [reply] = await self._link.run([self._submit_call(job, image, idempotency)])
        except ServerRefusal as refusal:
            if refusal.kind == "OOM":
                raise Busy("the queue server has reached its maxmemory") from refusal
            raise
        return _submission(reply)

    async def has_room(self, image_bytes: int) -> bool:
        held, depth = await self._link.exchange(
            [["HGET", self._keys.totals, "bytes"], ["XLEN", self._keys.work]]
        )
        within_bytes = int(held or 0) + image_bytes <= self._budgets.max_bytes
        return within_bytes and int(depth) < self._budgets.max_depth

    async def expire(self, outcome: Outcome) -> bool:
        [reply] = await self._link.run([expire_call(self._keys, self._budgets, outcome)])
        return bool(reply == b"RECORDED")

    async def aclose(self) -> None:
        await self._link.aclose()

    def _submit_call(self, job: Job, image: bytes, idempotency: Idempotency | None) -> Call:
        keys = self._keys
        touched = [keys.work, keys.totals, keys.state(job.id), keys.job(job.id), keys.image(job.id)]
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
        return Call(SUBMIT, touched, [*facts, *limits, key_hash])


def _submission(reply: Reply) -> Submission:
    """The script's reply, or the error it stands for."""
    verdict, detail = reply[0].decode(), reply[1].decode()
    if verdict == "BUSY":
        raise Busy(f"the queue is at its limit of {detail}: it holds {int(reply[2])}")
    if verdict == "CONFLICT":
        raise IdempotencyConflict(f"the key belongs to inspection {detail}, which was another request")
    return Submission(detail, created=verdict == "CREATED")
