"""Every Prometheus metric of the gateway. It counts what came in; what came out is the workers' to count.

Each application has a registry of its own, so that two of them in one process (tests) do not mix. No metric
has an id as a label, and a line that no setting names counts under `other`: no client can grow them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from inspector.queue.base import QueueStatus

STAGES = ("read", "submit", "wait")
"""read: the body, from the first byte; submit: the queue's reply; wait: to the outcome or the end."""

OTHER = "other"

# Seconds: a small image on a fast network takes 1 ms, a wait up to a minute.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Touched from the event loop only; rendered by the thread of the metrics port."""

    def __init__(self, lines: Iterable[str], reasons: Iterable[str]) -> None:
        self.registry = CollectorRegistry()
        self._lines = frozenset(lines)
        self._received = Counter(
            "inspector_images_received_total",
            "Images accepted into the queue (a repeated request counts once).",
            ["line"],
            registry=self.registry,
        )
        self._refused = Counter(
            "inspector_images_refused_total",
            "Posted images that were not accepted, by the code of the problem document.",
            ["reason"],
            registry=self.registry,
        )
        self._expired = Counter(
            "inspector_gateway_expired_total",
            "Images that the gateway expired: their deadline passed in no worker's hands.",
            ["line"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "inspector_gateway_seconds",
            "Time that an image spends in the gateway, by stage (read, submit, wait).",
            ["stage"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._waiters = self._gauge("inspector_gateway_waiters", "Requests that wait for their outcome.")
        self._viewers = self._gauge("inspector_gateway_viewers", "Live streams that are open.")
        self._viewers_dropped = self._gauge(
            "inspector_gateway_viewers_dropped",
            "Live streams ended since the start because they lagged behind.",
        )
        self._connections = self._gauge("inspector_gateway_connections", "Connections that are open.")
        self._cut = self._gauge(
            "inspector_gateway_connections_cut",
            "Connections ended since the start to make room: they waited longest for a whole request.",
        )
        self._up = self._gauge("inspector_queue_up", "1 when the queue answered last time, else 0.")
        self._durable = self._gauge(
            "inspector_queue_durable",
            "0 when the queue server is not set to the durability that is promised.",
        )
        self._depth = self._gauge("inspector_queue_depth", "Images waiting and in flight.")
        self._in_flight = self._gauge("inspector_queue_in_flight", "Images in the hands of a worker.")
        self._bytes = self._gauge("inspector_queue_bytes", "Bytes of accepted, unfinished images.")
        self._known = self._gauge(
            "inspector_queue_known_bytes", "What is known of finished ids; counted in the byte budget too."
        )
        self._recent = self._gauge("inspector_queue_recent_bytes", "Bytes of finished images still shown.")
        self._age = self._gauge(
            "inspector_queue_oldest_age_seconds", "Age of the oldest unfinished image; 0 without one."
        )
        self._dead = self._gauge(
            "inspector_queue_dead_letters", "Dead letters: see `inspector dead-letters list`."
        )
        self._workers = self._gauge("inspector_workers", "Workers that reported within the last 15 s.")
        self._keys_sound = self._gauge(
            "inspector_gateway_keys_sound",
            "1 while the key file could be read as it is; 0: it is broken, and older keys are in force.",
        )
        self._label_all(reasons)
        # They register themselves.
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def received(self, line: str) -> None:
        self._received.labels(line if line in self._lines else OTHER).inc()

    def expired(self, line: str) -> None:
        self._expired.labels(line if line in self._lines else OTHER).inc()

    def refused(self, reason: str) -> None:
        self._refused.labels(reason).inc()

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Counts only what succeeds: a refusal is quick and would make the latency look better than it is."""
        start = perf_counter()
        yield
        self._seconds.labels(stage).observe(perf_counter() - start)

    def saw_queue(self, status: QueueStatus | None) -> None:
        """None: the queue did not answer. Its gauges are then NaN rather than the last good news."""
        self._up.set(0 if status is None else 1)
        for gauge, name in (
            (self._depth, "depth"),
            (self._in_flight, "in_flight"),
            (self._bytes, "bytes"),
            (self._known, "known_bytes"),
            (self._recent, "recent_bytes"),
            (self._age, "oldest_age_s"),
            (self._dead, "dead_letters"),
        ):
            gauge.set(math.nan if status is None else getattr(status, name))
        self._workers.set(math.nan if status is None else len(status.workers))

    def saw_durability(self, shortfall: str | None) -> None:
        self._durable.set(0 if shortfall else 1)

    def durability_is_hidden(self) -> None:
        self._durable.set(math.nan)

    def saw_hub(self, *, waiting: int, viewing: int, dropped: int) -> None:
        self._waiters.set(waiting)
        self._viewers.set(viewing)
        self._viewers_dropped.set(dropped)

    def saw_crowd(self, *, connections: int, cut: int) -> None:
        self._connections.set(connections)
        self._cut.set(cut)

    def saw_keys(self, *, sound: bool) -> None:
        self._keys_sound.set(sound)

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

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)

    def _label_all(self, reasons: Iterable[str]) -> None:
        """A counter that exists from the start lets rate() see its first increment."""
        for line in (*self._lines, OTHER):
            self._received.labels(line)
            self._expired.labels(line)
        for reason in reasons:
            self._refused.labels(reason)
        for stage in STAGES:
            self._seconds.labels(stage)
