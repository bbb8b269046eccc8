"""Worker reports as they lie in the queue: the worker's words, and the server's time before them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime

from inspector.queue.base import WorkerReport
from inspector.queue.keys import WORKER_TTL_MS


def report_json(worker: WorkerReport) -> str:
    return json.dumps(asdict(worker))


def living(reports: Iterable[bytes], now_ms: int) -> list[WorkerReport]:
    """Those of `reports` ("<ms> <JSON>") that are not older than the limit, by name."""
    split = [report.split(b" ", 1) for report in reports]
    fresh = [_seen(text, int(ms)) for ms, text in split if now_ms - int(ms) <= WORKER_TTL_MS]
    return sorted(fresh, key=lambda worker: worker.name)


def iso(ms: int) -> str:
    """Milliseconds since 1970 as ISO 8601, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def _seen(text: bytes, ms: int) -> WorkerReport:
    known = WorkerReport.__dataclass_fields__
    # A newer worker may say more than this version knows.
    words = {name: value for name, value in json.loads(text).items() if name in known}
    return replace(WorkerReport(**words), last_seen=iso(ms))
