"""Every Prometheus metric of an archiver. A line that no setting names counts under `other`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from inspector.messages.result import State, Verdict
from inspector.records.rows import Entry
from workers.metrics import OTHER

OUTCOMES = (*(verdict.value for verdict in Verdict), State.FAILED.value, State.EXPIRED.value)


class ArchiveMetrics:
    """Touched by the archiver's thread; rendered by the metrics port's."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.registry = CollectorRegistry()
        self._lines = frozenset(lines)
        self._recorded = Counter(
            "inspector_recorded_total",
            "Results that became a record (one that came twice counts once or twice).",
            ["line", "outcome"],
            registry=self.registry,
        )
        self._kept = Counter("inspector_images_kept_total", "Images copied out.", registry=self.registry)
        self._left = Counter(
            "inspector_images_left_total",
            "Kept images that left: too old, or no room.",
            registry=self.registry,
        )
        self._bare = Counter(
            "inspector_recorded_bare_total",
            "Results that the database did not take whole; its log says why.",
            registry=self.registry,
        )
        self._lag = Gauge(
            "inspector_archive_lag_seconds",
            "Age of the oldest result when it was recorded, in the last batch.",
            registry=self.registry,
        )
        self._up = Gauge(
            "inspector_archive_up",
            "1 while queue, database and store answer, else 0.",
            registry=self.registry,
        )
        self._bytes = Gauge("inspector_images_kept_bytes", "Of all images and maps.", registry=self.registry)
        self._room = Gauge(
            "inspector_images_room_bytes", "What images may take; +Inf: no limit.", registry=self.registry
        )
        for line in (*self._lines, OTHER):
            for outcome in OUTCOMES:
                self._recorded.labels(line, outcome)
        # They register themselves.
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def recorded(self, entries: Sequence[Entry], written: int, lag: timedelta) -> None:
        self._lag.set(max(0.0, lag.total_seconds()))
        if not written:
            return
        for entry in entries:
            row = entry.inspection
            line = row["line"] if row["line"] in self._lines else OTHER
            self._recorded.labels(line, row["verdict"] or row["state"]).inc()
            self._kept.inc(entry.kept is not None)

    def bare(self) -> None:
        self._bare.inc()

    def tidied(self, left: int, held: int, room: int | None) -> None:
        self._left.inc(left)
        self._bytes.set(held)
        self._room.set(math.inf if room is None else room)

    def up(self, answers: bool) -> None:
        self._up.set(answers)
