"""A worker's metrics, as Prometheus' client has them. It counts what came out; what came in is the gateway's.

What they are called and mean stands in inspector/monitoring/catalogue.py. Counted when recorded in the queue,
so that a sum over workers counts no image twice. No ids as labels; a line that no setting names counts under
`other`; classes are those of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from inspector.errors import BrokenImage, InspectionFailed, RecipeError, WrongLevels
from inspector.messages.job import Job
from inspector.messages.result import Result, Verdict
from inspector.monitoring import catalogue
from inspector.monitoring.catalogue import OTHER, Metric
from inspector.monitoring.takt import Takts

STAGES = ("queued", "decode", "inference", "total")
"""As in a result's timings_ms. queued: received to taken; inference: of its batch; total: to finished."""

SINCE = ("receipt", "capture")

FAILURES = (BrokenImage, WrongLevels, RecipeError, InspectionFailed)
"""What an image fails of, as a rule. Their counters are there from the start; another one's comes with it."""


class Metrics:
    """Touched by the network thread, `batch` by the compute thread; rendered by the metrics port's."""

    def __init__(self, lines: Iterable[str], classes: Iterable[str], takts: Takts | None = None) -> None:
        self.registry = CollectorRegistry()
        self._lines = frozenset(lines)
        self._takts = takts or Takts()
        self._verdicts = self._counter(catalogue.VERDICTS)
        self._findings = self._counter(catalogue.FINDINGS)
        self._failed = self._counter(catalogue.FAILED)
        self._expired = self._counter(catalogue.EXPIRED)
        self._lost = self._counter(catalogue.LOST)
        self._missed = self._counter(catalogue.DEADLINE_MISSED)
        self._late = self._counter(catalogue.OVER_TAKT)
        self._verdict_seconds = self._histogram(
            catalogue.VERDICT_SECONDS, self._takts.buckets(catalogue.TAKTS.bounds)
        )
        self._seconds = self._histogram(catalogue.WORKER_SECONDS, catalogue.SECONDS.bounds)
        self._batch = self._histogram(catalogue.BATCH, catalogue.IMAGES.bounds)
        self.held = Gauge(*catalogue.HELD.spec, registry=self.registry)
        self._ready = Gauge(*catalogue.READY.spec, registry=self.registry)
        self._label_all(classes)
        # They register themselves.
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def recorded(self, result: Result, job: Job) -> None:
        """Just now."""
        line = self._line(result.line)
        self._verdicts.labels(line, result.verdict.value).inc()
        for finding in result.findings:
            if finding.counted:
                self._findings.labels(line, finding.defect_class).inc()
        if result.deadline_missed:
            self._missed.labels(line).inc()
        for stage in STAGES:
            self._seconds.labels(stage).observe(getattr(result.timings_ms, stage) / 1000)
        if job.priority == "live":  # nothing on the line waits for another look
            self._time(line, job)

    def expired(self, line: str) -> None:
        self._expired.labels(self._line(line)).inc()

    def failed(self, line: str, code: str) -> None:
        self._failed.labels(self._line(line), code).inc()

    def lost(self) -> None:
        self._lost.inc()

    def batch(self, size: int) -> None:
        self._batch.observe(size)

    def ask_ready(self, ready: Callable[[], bool]) -> None:
        """Asked at every scrape, by the thread of the metrics port."""
        self._ready.set_function(ready)

    def _time(self, line: str, job: Job) -> None:
        now, takt_s = datetime.now(UTC), self._takts.of(job.line)
        for since, start in zip(SINCE, (job.received_at, job.captured_at or job.received_at), strict=True):
            # A camera's clock may run ahead of ours.
            took_s = max(0.0, (now - start).total_seconds())
            self._verdict_seconds.labels(line, since).observe(took_s)
            if took_s > takt_s:
                self._late.labels(line, since).inc()

    def _line(self, line: str) -> str:
        return line if line in self._lines else OTHER

    def _counter(self, metric: Metric) -> Counter:
        return Counter(*metric.spec, registry=self.registry)

    def _histogram(self, metric: Metric, bounds: tuple[float, ...]) -> Histogram:
        return Histogram(*metric.spec, buckets=bounds, registry=self.registry)

    def _label_all(self, classes: Iterable[str]) -> None:
        """Zero from the start: a rate over a counter that appears with its first event misses that event."""
        for stage in STAGES:
            self._seconds.labels(stage)
        names = tuple(classes)
        for line in (*self._lines, OTHER):
            for verdict in Verdict:
                self._verdicts.labels(line, verdict.value)
            for name in names:
                self._findings.labels(line, name)
            for failure in FAILURES:
                self._failed.labels(line, failure.code)
            for since in SINCE:
                self._verdict_seconds.labels(line, since)
                self._late.labels(line, since)
            self._missed.labels(line)
            self._expired.labels(line)
