"""Every metric of ours, once: the processes make their counters of these constants, docs/metrics.md is
printed from them, and tests hold rules and dashboards to them.

A new metric is a constant here, a place in GATEWAY, WORKER or ARCHIVER, and the line that counts in the
metrics.py of that process. Units are base units (seconds, bytes, a share of 1) and stand in the name. A label
has an end: its values come from settings, the code or the model, never from a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

OTHER = "other"
"""The label of every line that no setting names."""

MAX_LINES = 200
"""Lines that metrics name. Each has about 100 series at every worker; a plant with more is several queues."""


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Label:
    name: str
    values: str
    end: str
    """Why there cannot be more of them."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Upper bounds of a histogram, in `unit`: "s", "takts" (multiples of INSPECTOR_TAKT_S) or "images"."""

    unit: str
    bounds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    kind: Kind
    text: str
    """The help text of the metric, one sentence."""
    labels: tuple[Label, ...] = ()
    buckets: Buckets | None = None

    @property
    def spec(self) -> tuple[str, str, tuple[str, ...]]:
        """The arguments that a client library makes it of: name, text, names of labels."""
        return self.name, self.text, tuple(label.name for label in self.labels)

    @property
    def series(self) -> tuple[str, ...]:
        """The names that a query can ask for."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.name}{suffix}" for suffix in ("_bucket", "_sum", "_count"))
        return (self.name,)


# --- labels -----------------------------------------------------------------------------------------------

LINE = Label(
    "line",
    f"a line of `INSPECTOR_LINES`, or `{OTHER}`",
    f"settings name them, at most {MAX_LINES}; every other line counts under `{OTHER}`",
)
REASON = Label(
    "reason",
    "code of the problem document of a refusal",
    "the codes are classes in `inspector/errors.py`",
)
CODE = Label("code", "error code of a failed image", "the codes are classes in `inspector/errors.py`")
OUTCOME = Label("outcome", "`OK`, `NG`, `REVIEW`, `failed`, `expired`", "there are five")
VERDICT = Label("verdict", "`OK`, `NG`, `REVIEW`", "there are three")
CLASS = Label("class", "class of the defect", "the classes of the model that the worker loaded")
SINCE = Label(
    "since",
    "`receipt`: the gateway's clock; `capture`: the camera's clock where it says when, else receipt",
    "there are two",
)
GATEWAY_STAGE = Label("stage", "`read`, `submit`, `wait`", "stages of the code")
WORKER_STAGE = Label("stage", "`queued`, `decode`, `inference`, `total`", "stages of the code")

# --- buckets ----------------------------------------------------------------------------------------------

# A small image on a fast network takes 1 ms, a GPU's batch 5 ms, a CPU's 100 ms; a full queue makes a minute.
SECONDS = Buckets(
    "s", (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
)
# Close to 1, where it is decided whether a part is late; beyond, how badly.
TAKTS = Buckets(
    "takts", (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)
)
IMAGES = Buckets("images", (1, 2, 4, 8, 16, 32, 64, 128, 256))


def _counter(name: str, text: str, *labels: Label) -> Metric:
    return Metric(f"inspector_{name}_total", Kind.COUNTER, text, labels)


def _gauge(name: str, text: str, *labels: Label) -> Metric:
    return Metric(f"inspector_{name}", Kind.GAUGE, text, labels)


def _histogram(name: str, text: str, buckets: Buckets, *labels: Label) -> Metric:
    return Metric(f"inspector_{name}", Kind.HISTOGRAM, text, labels, buckets)


# --- the gateway: what came in ----------------------------------------------------------------------------

RECEIVED = _counter(
    "images_received", "Images accepted into the queue (a repeated request counts once).", LINE
)
REFUSED = _counter(
    "images_refused", "Posted images that were not accepted, by the code of the problem document.", REASON
)
LAST_PART = _gauge(
    "last_part_timestamp_seconds",
    "When the last image of a line was accepted, as Unix time; 0: none since this gateway started.",
    LINE,
)
TAKT = _gauge("takt_seconds", "Takt of a line, from the settings: what latency is measured against.", LINE)
GATEWAY_EXPIRED = _counter(
    "gateway_expired", "Images that the gateway expired: their deadline passed in no worker's hands.", LINE
)
NOT_IN_TIME = _counter(
    "images_not_in_time",
    "Images refused since more comes before them than can be done by their deadline; also in images_refused.",
    LINE,
)
GATEWAY_SECONDS = _histogram(
    "gateway_seconds",
    "Time that an image spends in the gateway, by stage (read, submit, wait).",
    SECONDS,
    GATEWAY_STAGE,
)
WAITERS = _gauge("gateway_waiters", "Requests that wait for their outcome.")
VIEWERS = _gauge("gateway_viewers", "Live streams that are open.")
VIEWERS_DROPPED = _gauge(
    "gateway_viewers_dropped", "Live streams ended since the start because they lagged behind."
)
CONNECTIONS = _gauge("gateway_connections", "Connections that are open.")
CONNECTIONS_CUT = _gauge(
    "gateway_connections_cut",
    "Connections ended since the start to make room: they waited longest for a whole request.",
)
KEYS_SOUND = _gauge(
    "gateway_keys_sound",
    "1 while the key file could be read as it is; 0: it is broken, and older keys are in force.",
)

# --- the gateway: the queue, as it sees it ----------------------------------------------------------------

QUEUE_UP = _gauge("queue_up", "1 when the queue answered last time, else 0.")
QUEUE_DURABLE = _gauge(
    "queue_durable",
    "0 when the queue server is not set to the durability that is promised; NaN when it does not show its "
    "settings.",
)
QUEUE_DEPTH = _gauge("queue_depth", "Images waiting and in flight.")
QUEUE_DEPTH_LIMIT = _gauge(
    "queue_depth_limit", "Images waiting and in flight beyond which posts are refused."
)
QUEUE_IN_FLIGHT = _gauge("queue_in_flight", "Images in the hands of a worker.")
QUEUE_BYTES = _gauge("queue_bytes", "Bytes of accepted, unfinished images.")
QUEUE_KNOWN = _gauge("queue_known_bytes", "What is known of finished ids; counted in the byte budget too.")
QUEUE_BYTES_LIMIT = _gauge(
    "queue_bytes_limit", "The byte budget: beyond it posts are refused (INSPECTOR_QUEUE_MAX_BYTES)."
)
QUEUE_ARCHIVE = _gauge(
    "queue_archive_bytes",
    "What waits for the archiver; counted in the byte budget too. 0 without an archiver.",
)
QUEUE_RECENT = _gauge("queue_recent_bytes", "Bytes of finished images still shown.")
QUEUE_AGE = _gauge("queue_oldest_age_seconds", "Age of the oldest unfinished image; 0 without one.")
QUEUE_DEAD = _gauge("queue_dead_letters", "Dead letters: see `inspector dead-letters list`.")
WORKERS = _gauge("workers", "Workers that reported within the last 15 s.")
SERVER_MEMORY = _gauge(
    "queue_server_memory_bytes", "Memory that the fullest queue server uses (used_memory)."
)
SERVER_MEMORY_LIMIT = _gauge(
    "queue_server_memory_limit_bytes", "Its maxmemory; 0 where it has none. Beyond it nothing is accepted."
)
SERVER_AOF_SOUND = _gauge(
    "queue_server_aof_sound",
    "1 when the last write and the last rewrite of the append-only file went well, else 0.",
)
SERVER_AOF = _gauge("queue_server_aof_bytes", "Size of the append-only file; 0 where there is none.")
SERVER_REPLICAS = _gauge(
    "queue_server_replicas",
    "Replicas in step, at the primary that has fewest; at D3 no image is taken below INSPECTOR_REPLICAS.",
)
DISK_FREE = _gauge(
    "queue_disk_free_bytes",
    "Free on the disk of the append-only file, where INSPECTOR_QUEUE_DISK names it.",
)
DISK = _gauge("queue_disk_bytes", "Size of that disk.")

BLOB_FILES = _gauge("blob_files", "Images in the blob store, those that come in too; NaN without one.")
BLOB_BYTES = _gauge("blob_bytes", "Bytes of them.")
BLOB_FREE = _gauge("blob_disk_free_bytes", "Free on the disk of the blob store.")
BLOBS_SWEPT = _counter(
    "blobs_swept",
    "Images that lay in the blob store and had never been accepted: a gateway died before its submit.",
)

# --- a worker: what came out ------------------------------------------------------------------------------

VERDICTS = _counter("verdicts", "Images with a verdict.", LINE, VERDICT)
FINDINGS = _counter("findings", "Findings that made a part NG.", LINE, CLASS)
FAILED = _counter("failed", "Images without a verdict, by error code.", LINE, CODE)
EXPIRED = _counter("expired", "Images taken after their deadline.", LINE)
LOST = _counter("lost", "Outcomes dropped: another worker owned the image by then.")
DEADLINE_MISSED = _counter("deadline_missed", "Images inspected, but too late.", LINE)
VERDICT_SECONDS = _histogram(
    "verdict_seconds",
    "Time of a live image to its recorded verdict, since its capture or its receipt.",
    TAKTS,
    LINE,
    SINCE,
)
OVER_TAKT = _counter("over_takt", "Live images whose verdict came later than their line's takt.", LINE, SINCE)
WORKER_SECONDS = _histogram("worker_seconds", "Time of an image by stage.", SECONDS, WORKER_STAGE)
BATCH = _histogram("batch_size", "Images in one run of the model.", IMAGES)
HELD = _gauge("worker_held", "Images in this worker's hands.")
READY = _gauge("worker_ready", "1 while this worker can inspect (as its /readyz), else 0.")

# --- an archiver: what is on record ------------------------------------------------------------------------

RECORDED = _counter(
    "recorded", "Results that became a record (one that came twice counts once or twice).", LINE, OUTCOME
)
RECORDED_BARE = _counter("recorded_bare", "Results that the database did not take whole; its log says why.")
ARCHIVE_LAG = _gauge(
    "archive_lag_seconds", "Age of the oldest result when it was recorded, in the last batch."
)
ARCHIVE_UP = _gauge("archive_up", "1 while queue, database and store answer, else 0.")
IMAGES_KEPT = _counter("images_kept", "Images copied out.")
IMAGES_LEFT = _counter("images_left", "Kept images that left: too old, or no room.")
KEPT_BYTES = _gauge("images_kept_bytes", "Bytes of all kept images and maps.")
KEPT_ROOM = _gauge("images_room_bytes", "What kept images may take; +Inf: no limit.")

GATEWAY: tuple[Metric, ...] = (
    RECEIVED,
    REFUSED,
    LAST_PART,
    TAKT,
    GATEWAY_EXPIRED,
    NOT_IN_TIME,
    GATEWAY_SECONDS,
    WAITERS,
    VIEWERS,
    VIEWERS_DROPPED,
    CONNECTIONS,
    CONNECTIONS_CUT,
    KEYS_SOUND,
    QUEUE_UP,
    QUEUE_DURABLE,
    QUEUE_DEPTH,
    QUEUE_DEPTH_LIMIT,
    QUEUE_IN_FLIGHT,
    QUEUE_BYTES,
    QUEUE_KNOWN,
    QUEUE_ARCHIVE,
    QUEUE_BYTES_LIMIT,
    QUEUE_RECENT,
    QUEUE_AGE,
    QUEUE_DEAD,
    WORKERS,
    SERVER_MEMORY,
    SERVER_MEMORY_LIMIT,
    SERVER_AOF_SOUND,
    SERVER_AOF,
    SERVER_REPLICAS,
    DISK_FREE,
    DISK,
    BLOB_FILES,
    BLOB_BYTES,
    BLOB_FREE,
    BLOBS_SWEPT,
)
WORKER: tuple[Metric, ...] = (
    VERDICTS,
    FINDINGS,
    FAILED,
    EXPIRED,
    LOST,
    DEADLINE_MISSED,
    VERDICT_SECONDS,
    OVER_TAKT,
    WORKER_SECONDS,
    BATCH,
    HELD,
    READY,
)
ARCHIVER: tuple[Metric, ...] = (
    RECORDED,
    RECORDED_BARE,
    ARCHIVE_LAG,
    ARCHIVE_UP,
    IMAGES_KEPT,
    IMAGES_LEFT,
    KEPT_BYTES,
    KEPT_ROOM,
)
