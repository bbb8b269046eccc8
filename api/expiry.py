"""Expires accepted images whose deadline passes while no worker has them: there may be none alive.

A worker expires what it takes too late; this makes sure that a camera is told in time without one. The
deadlines lie in the queue, so it does not matter which gateway took an image in, or whether that still runs.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from api.metrics import Metrics
from inspector.errors import QueueUnavailable
from inspector.queue.base import Producer

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(milliseconds=200)
"""How late a camera may be told; a look at nothing costs the queue some microseconds."""

AT_ONCE = 100
"""Of one look. When there were as many, the next look follows at once."""


async def expire_overdue(producer: Producer, metrics: Metrics) -> None:
    """Forever. Several gateways do it side by side: each image is expired by one of them."""
    while True:
        try:
            expired = await producer.expire_overdue(datetime.now(UTC), AT_ONCE)
        except QueueUnavailable:  # the hub's loop logs it; the next look comes soon
            expired = []
        for outcome in expired:
            metrics.expired(outcome.line)
            log.warning("%s of line %s expired: no worker started it in time", outcome.id, outcome.line)
        if len(expired) < AT_ONCE:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
