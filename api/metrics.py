"""The gateway's metrics, as Prometheus' client has them: what came in. What came out, workers count.

What they are called and mean stands in inspector/monitoring/catalogue.py. Each application has a registry of
its own, so that two of them in one process (tests) do not mix. No metric has an id as a label, and a line
that no setting names counts under `other`: no client can grow them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from inspector.monitoring import catalogue
from inspector.monitoring.catalogue import OTHER, Metric
from inspector.monitoring.takt import Takts
from inspector.queue.base import DEFAULT_BUDGETS, Budgets, QueueStatus, ServerHealth
from inspector.queue.blobs import Usage

STAGES = ("read", "submit", "wait")
"""read: the body, from the first byte; submit: the queue's reply; wait: to the outcome or the end."""

STATUS = (
    (catalogue.QUEUE_DEPTH, "depth"),
    (catalogue.QUEUE_IN_FLIGHT, "in_flight"),
    (catalogue.QUEUE_BYTES, "bytes"),
    (catalogue.QUEUE_KNOWN, "known_bytes"),
    (catalogue.QUEUE_ARCHIVE, "archive_bytes"),
    (catalogue.QUEUE_RECENT, "recent_bytes"),
    (catalogue.QUEUE_AGE, "oldest_age_s"),
    (catalogue.QUEUE_DEAD, "dead_letters"),
)
SERVER = (
    (catalogue.SERVER_MEMORY, "memory_bytes"),
    (catalogue.SERVER_MEMORY_LIMIT, "memory_limit_bytes"),
    (catalogue.SERVER_AOF_SOUND, "aof_sound"),
    (catalogue.SERVER_AOF, "aof_bytes"),
    (catalogue.SERVER_REPLICAS, "replicas"),
)
"""A gauge, and the field that it shows."""

UNKNOWN = math.nan
"""Of a gauge that cannot be told now: neither the last good news nor a 0 that would read as one."""


class Metrics:
    """Touched from the event loop only; rendered by the thread of the metrics port."""

    def __init__(
        self,
        lines: Iterable[str],
        reasons: Iterable[str],
        takts: Takts | None = None,
        budgets: Budgets = DEFAULT_BUDGETS,
    ) -> None:
        self.registry = CollectorRegistry()
        self._lines = frozenset(lines)
        self._received = self._counter(catalogue.RECEIVED)
        self._refused = self._counter(catalogue.REFUSED)
        self._last_part = self._gauge(catalogue.LAST_PART)
        self._takt = self._gauge(catalogue.TAKT)
        self._expired = self._counter(catalogue.GATEWAY_EXPIRED)
        self._not_in_time = self._counter(catalogue.NOT_IN_TIME)
        self._seconds = Histogram(
            *catalogue.GATEWAY_SECONDS.spec, buckets=catalogue.SECONDS.bounds, registry=self.registry
        )
        self._waiters = self._gauge(catalogue.WAITERS)
        self._viewers = self._gauge(catalogue.VIEWERS)
        self._viewers_dropped = self._gauge(catalogue.VIEWERS_DROPPED)
        self._connections = self._gauge(catalogue.CONNECTIONS)
        self._cut = self._gauge(catalogue.CONNECTIONS_CUT)
        self._keys_sound = self._gauge(catalogue.KEYS_SOUND)
        self._up = self._gauge(catalogue.QUEUE_UP)
        self._durable = self._gauge(catalogue.QUEUE_DURABLE)
        self._status = [(self._gauge(metric), field) for metric, field in STATUS]
        self._workers = self._gauge(catalogue.WORKERS)
        self._server = [(self._gauge(metric), field) for metric, field in SERVER]
        self._disk_free = self._gauge(catalogue.DISK_FREE)
        self._disk = self._gauge(catalogue.DISK)
        self._blobs = [
            self._gauge(metric)
            for metric in (catalogue.BLOB_FILES, catalogue.BLOB_BYTES, catalogue.BLOB_FREE)
        ]
        self._swept = self._counter(catalogue.BLOBS_SWEPT)
        self._gauge(catalogue.QUEUE_DEPTH_LIMIT).set(budgets.max_depth)
        self._gauge(catalogue.QUEUE_BYTES_LIMIT).set(budgets.max_bytes)
        self._label_all(reasons, takts or Takts())
        self.saw_server(None)
        self.saw_disk(None)
        self.saw_blobs(None)
        # They register themselves.
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def received(self, line: str) -> None:
        label = self._line(line)
        self._received.labels(label).inc()
        self._last_part.labels(label).set(time.time())

    def expired(self, line: str) -> None:
        self._expired.labels(self._line(line)).inc()

    def not_in_time(self, line: str) -> None:
        self._not_in_time.labels(self._line(line)).inc()

    def refused(self, reason: str) -> None:
        self._refused.labels(reason).inc()

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Counts only what succeeds: a refusal is quick and would make the latency look better than it is."""
        start = perf_counter()
        yield
        self._seconds.labels(stage).observe(perf_counter() - start)

    def saw_queue(self, status: QueueStatus | None) -> None:
        """None: the queue did not answer."""
        self._up.set(0 if status is None else 1)
        for gauge, field in self._status:
            gauge.set(UNKNOWN if status is None else getattr(status, field))
        self._workers.set(UNKNOWN if status is None else len(status.workers))

    def saw_durability(self, shortfall: str | None) -> None:
        self._durable.set(0 if shortfall else 1)

    def durability_is_hidden(self) -> None:
        self._durable.set(UNKNOWN)

    def saw_server(self, health: ServerHealth | None) -> None:
        """None: it did not answer, or does not tell."""
        for gauge, field in self._server:
            gauge.set(UNKNOWN if health is None else getattr(health, field))

    def saw_disk(self, figures: tuple[int, int] | None) -> None:
        """(free, all) in bytes of the queue's disk; None: not known."""
        free, size = (UNKNOWN, UNKNOWN) if figures is None else figures
        self._disk_free.set(free)
        self._disk.set(size)

    def saw_hub(self, *, waiting: int, viewing: int, dropped: int) -> None:
        self._waiters.set(waiting)
        self._viewers.set(viewing)
        self._viewers_dropped.set(dropped)

    def saw_crowd(self, *, connections: int, cut: int) -> None:
        self._connections.set(connections)
        self._cut.set(cut)

    def saw_keys(self, *, sound: bool) -> None:
        self._keys_sound.set(sound)

    def saw_blobs(self, usage: Usage | None) -> None:
        """None: there is no blob store, or its disk does not answer."""
        for gauge, value in zip(self._blobs, usage or [UNKNOWN] * 3, strict=True):
            gauge.set(value)

    def swept(self, files: int) -> None:
        self._swept.inc(files)

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[int]:
        """Serve /metrics on a port of its own, in a thread; yields the port (0 takes a free one)."""
        server, thread = start_http_server(port, host, self.registry)
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _line(self, line: str) -> str:
        return line if line in self._lines else OTHER

    def _counter(self, metric: Metric) -> Counter:
        return Counter(*metric.spec, registry=self.registry)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(*metric.spec, registry=self.registry)

    def _label_all(self, reasons: Iterable[str], takts: Takts) -> None:
        """A counter that exists from the start lets rate() see its first increment."""
        for line in (*self._lines, OTHER):
            self._received.labels(line)
            self._expired.labels(line)
            self._not_in_time.labels(line)
            self._last_part.labels(line)
            self._takt.labels(line).set(takts.of(line))
        for reason in reasons:
            self._refused.labels(reason)
        for stage in STAGES:
            self._seconds.labels(stage)
