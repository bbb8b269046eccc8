"""Whether an image can be inspected before its deadline, told at once instead of when it is too late.

The work ahead of an image, as the queue counts it (ahead.lua), divided by the pace of the workers (pace.py),
is when its verdict would come. Where that is beyond its deadline it is refused (NotInTime). One that has
nothing ahead never is, nor any while the pace is not known.

Why no more is done: docs/adr/0028-deadlines.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from api.metrics import Metrics
from api.pace import Pace
from api.parameters import PartQuery
from inspector.errors import NotInTime
from inspector.messages.result import State
from inspector.queue.base import Announcement, Load
from inspector.queue.sharded import shard_of

SOONEST_S = 0.05
"""To come again: sooner, another answer is not to be expected."""


@dataclass(frozen=True, slots=True)
class Hurry:
    """A live image that has a deadline."""

    line: str
    deadline: datetime
    """UTC."""
    deadline_ms: int
    """As it was given: after receipt."""

    @classmethod
    def of(cls, query: PartQuery, received_at: datetime) -> Self | None:
        """None: nobody waits for it by a time."""
        if query.deadline_ms is None or query.priority != "live":
            return None
        deadline = received_at + timedelta(milliseconds=query.deadline_ms)
        return cls(query.line, deadline, query.deadline_ms)

    @property
    def left_s(self) -> float:
        return (self.deadline - datetime.now(UTC)).total_seconds()


class Admission:
    """Touched from the event loop only."""

    def __init__(self, metrics: Metrics, share: float | None, shards: int = 1) -> None:
        """`share` of the time to its deadline that the work ahead of an image may take; None: any."""
        self._metrics = metrics
        self._share = share
        self._paces: Sequence[Pace] = [Pace() for _ in range(shards)]

    def saw_load(self, line: str, load: Load) -> None:
        """Of the line's shard."""
        self._pace(line).told(load)

    def saw_outcome(self, announcement: Announcement) -> None:
        outcome = announcement.outcome
        self._pace(outcome.line).finished(announcement.at_ms, worked=outcome.state is not State.EXPIRED)

    def most_ahead(self, hurry: Hurry | None) -> int | None:
        """How many images may come before it; None: however many there are."""
        pace = None if hurry is None else self._pace(hurry.line).per_second
        if pace is None or hurry is None or self._share is None:
            return None
        return max(0, int(self._share * hurry.left_s * pace) - 1)

    def require(self, hurry: Hurry, load: Load) -> None:
        """Of a look that told what is ahead. Raises NotInTime."""
        most = self.most_ahead(hurry)
        if most is not None and load.ahead is not None and load.ahead > most:
            raise self.refusal(hurry, load.ahead)

    def refusal(self, hurry: Hurry, ahead: int) -> NotInTime:
        """In words, and counted."""
        self._metrics.not_in_time(hurry.line)
        pace = self._pace(hurry.line).per_second
        if pace is None or self._share is None:  # it was known when the image was sent to the queue
            return NotInTime(ahead=ahead)
        needed_s = (ahead + 1) / pace
        fits_in_s = max(SOONEST_S, needed_s - self._share * hurry.deadline_ms / 1000)
        images = "1 image" if ahead == 1 else f"{ahead} images"
        words = (
            f"with {images} before it its verdict would take {needed_s * 1000:.0f} ms, at the {pace:.3g} a second "
            f"that the workers finish now; its deadline is in {max(0.0, hurry.left_s) * 1000:.0f} ms, and "
            f"{self._share:.0%} of that are planned with"
        )
        return NotInTime(words, ahead=ahead, retry_after_s=fits_in_s)

    def _pace(self, line: str) -> Pace:
        return self._paces[shard_of(line, len(self._paces))]
