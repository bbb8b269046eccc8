"""Dead letters, as every implementation of the queue sees them."""

from __future__ import annotations

from inspector.errors import DeadLetterNotFound, InspectionFailed
from inspector.queue.reading import parse_job


def no_letter(inspection_id: str) -> DeadLetterNotFound:
    return DeadLetterNotFound(f"there is no dead letter {inspection_id!r}")


def reopened(job: bytes | None) -> bytes:
    """The job that a requeued letter gives to the workers: as it was, as a re-inspection without a deadline.

    Raises InspectionFailed: no worker of this version could read it.
    """
    if job is None:
        raise InspectionFailed("the job is no longer in the queue server")
    return parse_job(job).model_copy(update={"deadline_ms": None, "priority": "reinspection"}).as_json()
