"""Shot: one image on its way to a gateway. Delivery: what became of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from inspector.messages.job import Priority


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the camera stands: sent with each image as query parameters."""

    line: str | None = None
    station: str | None = None
    view: str | None = None
    recipe: str | None = None
    deadline_ms: int | None = None
    simulated: bool = False
    priority: Priority | None = None

    def parameters(self) -> dict[str, str]:
        """Only what was set: the gateway has the defaults."""
        named = {
            "line": self.line,
            "station": self.station,
            "view": self.view,
            "recipe": self.recipe,
            "deadline_ms": None if self.deadline_ms is None else str(self.deadline_ms),
            "simulated": "true" if self.simulated else None,
            "priority": self.priority,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Shot:
    """One image. `key` is its Idempotency-Key: as long as it is the same, it is the same part."""

    name: str
    """As shown and logged: the file's path below its folder, or the synthetic board's name."""
    image: bytes
    parameters: dict[str, str]
    """Query parameters of the request. With `key` and `image` they make the request what it is."""
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    truth: list[dict[str, Any]] | None = None
    """Of a synthetic board: its defects as {"class", "box"}, boxes in pixels, x2 and y2 exclusive."""
    kept: Path | None = None
    """The file in a spool that this shot was read from; let go of once it is delivered."""


@dataclass(frozen=True, slots=True)
class Frame:
    """An image that a source has ready. `take` reads or makes it, off the event loop; raises DataError."""

    name: str
    take: Callable[[], Shot]


class Source(Protocol):
    def __iter__(self) -> Iterator[Frame]: ...

    def __len__(self) -> int:
        """How many there are; 0 when there is no end."""


def now_text() -> str:
    """The time of capture, ISO 8601 in UTC, as `captured_at` wants it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Fate(StrEnum):
    """What became of a shot; only `answered` is a success, and `accepted` where nobody waits for more."""

    ANSWERED = "answered"
    """A terminal state: done, failed or expired."""
    ACCEPTED = "accepted"
    """The gateway has it; its verdict was not waited for."""
    WAITING = "waiting"
    """No fate yet: something holds the delivery up."""
    UNANSWERED = "unanswered"
    """The gateway accepted it and gave no terminal state in time. It is the gateway's: not kept here."""
    REFUSED = "refused"
    """The gateway will never take it as it is (another 4xx)."""
    UNDELIVERED = "undelivered"
    """No answer, or 503, to the end of patience; or the gateway refused the camera's key (401, 403)."""
    UNREADABLE = "unreadable"
    """The source could not give it."""


KEPT = {Fate.REFUSED, Fate.UNDELIVERED}
"""What the spool keeps: the gateway does not have it, and this program may have the only copy."""


@dataclass(frozen=True, slots=True)
class Delivery:
    name: str
    fate: Fate
    detail: str = ""
    """For a person: why it is not `answered`."""
    answer: dict[str, Any] | None = None
    """The gateway's envelope: id, state, accept, result, error."""
    shot: Shot | None = None
    latency_s: float = 0.0
    """From the first attempt to the terminal answer."""
    attempts: int = 0
