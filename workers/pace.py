"""Time, for the network thread: what is due, and how long to wait for a queue that does not answer."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import timedelta

FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.1, 3.0
"""Seconds between tries of a queue that does not answer; a restarted Redis is found within a few."""

STEP_S = 0.1
"""Of waiting for a queue that does not answer, so that a stop is noticed."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What a worker must know of size and time. `min_idle` as given to its consumer."""

    batch_size: int
    min_idle: timedelta
    drain: timedelta


class Every:
    """Whether an interval has passed since the last time. `jitter` 0.5 spreads it over 50 % to 150 %."""

    def __init__(self, interval: timedelta, jitter: float = 0.0) -> None:
        self._interval = interval.total_seconds()
        self._jitter = jitter
        self._next = 0.0

    def due(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._interval * random.uniform(1 - self._jitter, 1 + self._jitter)
        return True


class Backoff:
    """Doubling waits, spread so that workers do not return all at once."""

    def __init__(self) -> None:
        self._seconds = FIRST_BACKOFF_S

    @property
    def first(self) -> bool:
        return self._seconds == FIRST_BACKOFF_S

    def next_s(self) -> float:
        seconds = self._seconds
        self._seconds = min(MAX_BACKOFF_S, 2 * seconds)
        return seconds * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._seconds = FIRST_BACKOFF_S
