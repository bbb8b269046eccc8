"""What was read from the queue, judged before a worker sees it: is it a job that can be worked on?"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from inspector.errors import DeadlineExpired, ImageGone, InspectionFailed, InspectorError, PoisonImage
from inspector.messages.job import SCHEMA, Job
from inspector.messages.result import Outcome
from inspector.messages.result import failed as failed_outcome
from inspector.queue.base import Delivery, Image
from inspector.queue.blobs import Blob, BlobStore, require

log = logging.getLogger(__name__)

MAX_DELIVERIES = 3
"""After so many without a result it is poison: one crash may be the worker's, three are the image's."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An entry in this worker's hands, as the stream has it."""

    entry: str
    count: int
    id: str
    line: str

    @property
    def poison(self) -> bool:
        return self.count > MAX_DELIVERIES

    def poisoned(self, job: bytes | None) -> Outcome:
        return self.failed(PoisonImage(f"{MAX_DELIVERIES} workers took it and none finished it"), job)

    def failed(self, error: InspectorError, job: bytes | None) -> Outcome:
        """`job` as it was read; its part is named where it can be."""
        return failed_outcome(self.id, self.line, error, readable_job(job))

    def delivery(self, job: bytes | None, image: Image | None) -> Delivery:
        """Raises InspectionFailed where no worker of this version can ever inspect it."""
        if job is None or image is None:
            lost = "job" if job is None else "image"
            raise InspectionFailed(f"the {lost} is no longer in the queue server")
        return Delivery(self.entry, self.count, parse_job(job), image)


def located(
    inspection_id: str, image: bytes | None, blob: bytes | None, store: BlobStore | None
) -> Image | None:
    """The image, where it is: `image` are its bytes; of one in the store `blob` says how many. None: neither.
    Raises StoreUnavailable: it lies in a store, and there is none here."""
    if image is not None or blob is None:
        return image
    return require(store).blob(inspection_id, int(blob))


def bytes_of(image: Image | None) -> bytes | None:
    """What an archiver keeps of it; None: it has left. Raises StoreUnavailable."""
    if not isinstance(image, Blob):
        return image
    try:
        return image.read()
    except ImageGone as error:
        log.warning("an image cannot be kept: %s", error)
        return None


def overdue(inspection_id: str, line: str, job: bytes | None) -> Outcome:
    """The outcome of an image whose deadline passed while no worker had started it."""
    read = readable_job(job)
    limit = "its deadline" if read is None else f"{read.deadline_ms} ms"
    return failed_outcome(inspection_id, line, DeadlineExpired(f"no worker started it within {limit}"), read)


def readable_job(job: bytes | None) -> Job | None:
    """None for what is not there, or not to be read by this version: its outcome can be told without it."""
    if job is None:
        return None
    try:
        return parse_job(job)
    except InspectionFailed:
        return None


class _Version(BaseModel):
    schema_version: int


def parse_job(text: bytes) -> Job:
    """Raises InspectionFailed: written by a newer gateway, or not a job at all."""
    try:
        # First, by itself: a newer form may break this version's rules, and the reason is its version.
        version = _Version.model_validate_json(text).schema_version
        if version != SCHEMA:
            raise InspectionFailed(
                f"the job has schema {version}, this worker reads {SCHEMA}: update the workers"
            )
        return Job.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InspectionFailed(f"this worker does not know {place} yet: update the workers") from error
        raise InspectionFailed(f"the job cannot be read: {place}: {first['msg']}") from error
