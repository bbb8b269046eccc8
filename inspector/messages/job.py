"""Job: one accepted image on its way to a worker, without its bytes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from inspector.messages.names import Label, Name
from inspector.messages.recipe import Recipe

SCHEMA = 1
"""Raised when an old reader would misread the new form; adding an optional field is no such change."""


Priority = Literal["live", "reinspection"]

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""The first is taken before the second, however long that waits."""


class ImageFacts(BaseModel):
    """What the gateway knows of the image without decoding it."""

    model_config = ConfigDict(frozen=True)

    width: int
    height: int
    format: Literal["jpeg", "png", "bmp", "tiff"]
    bytes: int
    sha256: str
    """Hex digest of the bytes as received; the worker checks it again."""


class Job(BaseModel):
    """Frozen: safe to share between threads and to send again."""

    # extra="ignore": an older worker beside a newer gateway reads what it knows.
    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int = SCHEMA
    id: str
    image: ImageFacts
    recipe: Recipe
    line: Name = "default"
    station: Name | None = None
    view: Name | None = None
    part_id: Label | None = None
    lot_id: Label | None = None
    captured_at: datetime | None = None
    received_at: datetime
    """UTC, by the gateway's clock."""
    deadline_ms: int | None = None
    """Milliseconds after `received_at`."""
    priority: Priority = "live"
    """A part that stands on the line, or a look at an image of before, which can wait."""
    simulated: bool = False

    @property
    def deadline(self) -> datetime | None:
        if self.deadline_ms is None:
            return None
        return self.received_at + timedelta(milliseconds=self.deadline_ms)

    def as_json(self) -> bytes:
        """As it travels. What is None is left out: a rule that a recipe does not use is then no word that an
        older worker lacks."""
        return self.model_dump_json(exclude_none=True).encode()

    def missed(self, now: datetime) -> bool:
        """Whether the deadline has passed at `now` (UTC)."""
        return self.deadline is not None and now > self.deadline
