"""Every Prometheus metric of a worker. It counts what came out; what came in is the gateway's to count.

Counted when recorded in the queue, so that a sum over workers counts no image twice. No ids as labels; a
line that no setting names counts under `other`; classes are those of the model.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from inspector.messages.result import Result, Verdict

OTHER = "other"

STAGES = ("queued", "decode", "inference", "total")
"""As in a result's timings_ms. queued: received to taken; inference: of its batch; total: to finished."""

# Seconds: a decode takes 1 ms, a GPU's batch 5 ms, a CPU's 100 ms, and a full queue makes a minute of it.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Touched by the network thread, `batch` by the compute thread; rendered by the metrics port's."""

    def __init__(self, lines: Iterable[str], classes: Iterable[str]) -> None:
        self.registry = CollectorRegistry()
        self._lines = frozenset(lines)
        self._verdicts = self._counter("verdicts", "Images with a verdict.", "line", "verdict")
        self._findings = self._counter("findings", "Findings that made a part NG.", "line", "class")
        self._failed = self._counter("failed", "Images without a verdict, by error code.", "line", "code")
        self._expired = self._counter("expired", "Images taken after their deadline.", "line")
        self._lost = self._counter("lost", "Outcomes dropped: another worker owned the image by then.")
        self._missed = self._counter("deadline_missed", "Images inspected, but too late.", "line")
        self._seconds = Histogram(
            "inspector_worker_seconds",
            "Time of an image by stage.",
            ["stage"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._batch = Histogram(
            "inspector_batch_size",
            "Images in one run of the model.",
            buckets=BATCH_BUCKETS,
            registry=self.registry,
        )
        self.held = Gauge("inspector_worker_held", "Images in this worker's hands.", registry=self.registry)
        self._label_all(classes)
        # They register themselves.
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def recorded(self, result: Result) -> None:
        line = self._line(result.line)
        self._verdicts.labels(line, result.verdict.value).inc()
        for finding in result.findings:
            if finding.counted:
                self._findings.labels(line, finding.defect_class).inc()
        if result.deadline_missed:
            self._missed.labels(line).inc()
        for stage in STAGES:
            self._seconds.labels(stage).observe(getattr(result.timings_ms, stage) / 1000)

    def expired(self, line: str) -> None:
        self._expired.labels(self._line(line)).inc()

    def failed(self, line: str, code: str) -> None:
        self._failed.labels(self._line(line), code).inc()

    def lost(self) -> None:
        self._lost.inc()

    def batch(self, size: int) -> None:
        self._batch.observe(size)

    def _line(self, line: str) -> str:
        return line if line in self._lines else OTHER

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"inspector_{name}_total", text, labels, registry=self.registry)

    def _label_all(self, classes: Iterable[str]) -> None:
        """Zero from the start: a rate over a counter that appears with its first event misses that event."""
        names = tuple(classes)
        for line in (*self._lines, OTHER):
            for verdict in Verdict:
                self._verdicts.labels(line, verdict.value)
            for name in names:
                self._findings.labels(line, name)
            self._missed.labels(line)
            self._expired.labels(line)
