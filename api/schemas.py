"""What the answers look like, for the documentation: envelope.py splices the bytes, not these.

The tests read every answer back through these models, so that the two cannot drift.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from inspector.messages.result import Failure, Result, State


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Links(Closed):
    """Relative URLs; null for what is not held, or not yet there."""

    self: str
    image: str | None
    attention: str | None


class Inspection(Closed):
    """One image. `result` is there when it is done, `error` when it failed or expired."""

    id: str
    state: State
    accept: bool = Field(description="True only for done + OK + in time: what a reject gate may follow.")
    links: Links
    error: Failure | None
    result: Result | None = Field(
        description="Null, too, once it has left the recent ones, where no records are kept."
    )


class InspectionList(Closed):
    inspections: list[Inspection]
    next: str | None = Field(description="The `cursor` of the next page; null at the end.")


class Problem(BaseModel):
    """RFC 9457: what was wrong, and what to do. `type` is stable and can be opened in a browser."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    advice: str
    parameter: str | None = Field(None, description="The query parameter or header that broke its rule.")
    retry_after_ms: int | None = Field(None, description="On 503: when to come again.")


class RecipeStatus(Closed):
    id: str
    version: int
    model: str
    sha256: str


class WorkerStatus(Closed):
    name: str
    device: str
    engine: str
    model: str
    model_sha256: str
    started_at: str
    last_seen: str
    inspected: int


class QueueStatus(Closed):
    depth: int = Field(description="Images waiting and in flight.")
    in_flight: int
    bytes: int
    known_bytes: int = Field(description="What finished ids cost; counted in the byte budget too.")
    recent_bytes: int
    archive_bytes: int = Field(description="What waits for the archiver; counted in the byte budget too.")
    oldest_age_s: float
    dead_letters: int


class Status(Closed):
    version: str
    queue: QueueStatus
    workers: list[WorkerStatus]
    recipes: list[RecipeStatus]
