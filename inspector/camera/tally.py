"""Tally: counts, rate and latencies of one camera's run."""

from __future__ import annotations

import time
from collections import Counter, deque

from inspector.camera.shot import Delivery, Fate

_KEPT_LATENCIES = 100_000
"""The latest so many: a camera that runs for weeks keeps a fixed amount of memory (under 4 MB)."""

_RATE_WINDOW_S = 5.0
"""The rate shown while running is that of the last seconds; the summary's is that of the whole run."""


class Tally:
    def __init__(self) -> None:
        self.fates: Counter[Fate] = Counter()
        self.verdicts: Counter[str] = Counter()
        """Of the answered: OK, NG, REVIEW; failed, expired for those without a verdict."""
        self.accepted = 0
        self._latencies: deque[float] = deque(maxlen=_KEPT_LATENCIES)
        self._recent: deque[float] = deque()
        self._started = time.monotonic()
        self._last = self._started

    def add(self, delivery: Delivery) -> None:
        self.fates[delivery.fate] += 1
        self._last = time.monotonic()
        if delivery.answer is None:
            return
        result = delivery.answer.get("result")
        self.verdicts[str(result["verdict"] if result else delivery.answer["state"])] += 1
        self.accepted += delivery.answer.get("accept") is True
        self._latencies.append(delivery.latency_s)
        self._recent.append(self._last)

    @property
    def total(self) -> int:
        return self.fates.total()

    @property
    def complete(self) -> bool:
        """Whether every image reached a terminal answer, and there was one at all."""
        return self.total > 0 and self.fates[Fate.ANSWERED] == self.total

    @property
    def rate(self) -> float:
        """Answers a second over the whole run."""
        return self.fates[Fate.ANSWERED] / max(self._last - self._started, 1e-9)

    @property
    def rate_now(self) -> float:
        """Answers a second over the last few seconds."""
        now = time.monotonic()
        while self._recent and self._recent[0] < now - _RATE_WINDOW_S:
            self._recent.popleft()
        return len(self._recent) / max(min(_RATE_WINDOW_S, now - self._started), 1e-9)

    def latency_s(self, quantile: float) -> float | None:
        """Nearest-rank quantile (0-1) of the latencies in seconds; None when nothing was answered."""
        if not self._latencies:
            return None
        ordered = sorted(self._latencies)
        return ordered[min(int(quantile * len(ordered)), len(ordered) - 1)]
