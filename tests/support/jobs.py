"""Jobs and outcomes for tests of the queue: small, valid, and told apart by their id."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

from inspector.messages.job import ImageFacts, Job
from inspector.messages.recipe import Recipe
from inspector.messages.result import Outcome, State
from inspector.queue.base import Delivery, Finished, Idempotency

IMAGE = b"\xff\xd8\x00\r\n$5\xff not a picture, and the queue must not mind \x00"
MAP = b"\x89PNG\r\n\x1a\n\x00\xff"
RESULT = b'{"verdict":"OK","text":"\xc3\xa9"}'


def new_id() -> str:
    return uuid.uuid4().hex


def job_for(image: bytes = IMAGE, **changes: Any) -> Job:
    facts = ImageFacts(
        width=4, height=3, format="jpeg", bytes=len(image), sha256=hashlib.sha256(image).hexdigest()
    )
    fields = {"id": new_id(), "image": facts, "recipe": Recipe(id="default", version=1)}
    return Job.model_validate({**fields, "line": "L1", "received_at": datetime.now(UTC), **changes})


def key_for(job: Job, key: str = "part-1") -> Idempotency:
    return Idempotency(key, hashlib.sha256(f"{job.image.sha256} {job.line}".encode()).hexdigest())


def done(delivery: Delivery, result: bytes = RESULT, attention: bytes | None = MAP) -> Finished:
    outcome = Outcome(delivery.job.id, delivery.job.line, State.DONE, accept=True, result=result)
    return Finished(delivery, outcome, attention)
