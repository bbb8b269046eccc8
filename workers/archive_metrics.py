"""An archiver's metrics, as Prometheus' client has them: what is on record.

What they are called and mean stands in inspector/monitoring/catalogue.py. A line that no setting names counts
under `other`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from inspector.messages.result import State, Verdict
from inspector.monitoring import catalogue
from inspector.monitoring.catalogue import OTHER, Metric
from inspector.records.rows import Entry

OUTCOMES = (*(verdict.value for verdict in Verdict), State.FAILED.value, State.EXPIRED.value)


class ArchiveMetrics:
    """Touched by the archiver's thread; rendered by the metrics port's."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.registry = CollectorRegistry()
        self._lines = frozenset(lines)
        self._recorded = self._counter(catalogue.RECORDED)
        self._bare = self._counter(catalogue.RECORDED_BARE)
        self._lag = self._gauge(catalogue.ARCHIVE_LAG)
        self._up = self._gauge(catalogue.ARCHIVE_UP)
        self._kept = self._counter(catalogue.IMAGES_KEPT)
        self._left = self._counter(catalogue.IMAGES_LEFT)
        self._bytes = self._gauge(catalogue.KEPT_BYTES)
        self._room = self._gauge(catalogue.KEPT_ROOM)
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

    def _counter(self, metric: Metric) -> Counter:
        return Counter(*metric.spec, registry=self.registry)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(*metric.spec, registry=self.registry)
