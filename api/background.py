"""The loops beside the requests, kept alive."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from api.guard import Crowd
from api.hub import Hub
from api.metrics import Metrics
from api.settings import Settings
from inspector.errors import QueueUnavailable
from inspector.queue.base import Admin, Durability, ServerHealth, SettingsHidden
from inspector.queue.ending import end

log = logging.getLogger(__name__)

RESTART_PAUSE = timedelta(seconds=1)
"""Before a loop that broke through a fault of ours runs again."""


DURABILITY_EVERY = timedelta(seconds=60)
"""Between two looks at the server's settings: people change them, and seldom."""


SERVER_EVERY = timedelta(seconds=5)
"""Between two looks at the server's memory, its file and the disk: they fill within minutes, not seconds."""


@asynccontextmanager
async def running(*loops: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Runs each loop as a task while the block lasts."""
    tasks = [asyncio.create_task(_forever(loop)) for loop in loops]
    try:
        yield
    finally:
        await end(tasks)


async def _forever(loop: Callable[[], Awaitable[None]]) -> None:
    """A fault in a loop is logged and the loop starts again: one odd message must not blind the gateway."""
    while True:
        try:
            await loop()
        except Exception:
            log.exception("a background loop broke and starts again")
        await asyncio.sleep(RESTART_PAUSE.total_seconds())


async def refresh_metrics(admin: Admin, hub: Hub, crowd: Crowd, metrics: Metrics, every_s: float) -> None:
    """Look at queue, hub and connections every `every_s` seconds, forever."""
    while True:
        try:
            metrics.saw_queue(await admin.status())
        except QueueUnavailable:  # the hub's loop logs it; here it is a metric
            metrics.saw_queue(None)
        metrics.saw_hub(waiting=hub.waiting, viewing=hub.viewing, dropped=hub.dropped)
        metrics.saw_crowd(connections=len(crowd), cut=crowd.cut)
        await asyncio.sleep(every_s)


async def watch_durability(admin: Admin, metrics: Metrics, durability: Durability) -> None:
    """Say, when it changes, that the server is not set to keep what this gateway promises. Forever."""
    said: str | None = None
    while True:
        try:
            shortfall = await admin.shortfall(durability)
        except SettingsHidden as hidden:
            metrics.durability_is_hidden()
            if said != str(hidden):
                log.warning(
                    "whether the server keeps what %s promises is not checked: %s", durability, hidden
                )
            said = str(hidden)
            await asyncio.sleep(DURABILITY_EVERY.total_seconds())
            continue
        except QueueUnavailable:  # as above; asked again soon, since it may come back with other settings
            await asyncio.sleep(RESTART_PAUSE.total_seconds())
            continue
        metrics.saw_durability(shortfall)
        if shortfall != said and shortfall is not None:
            log.error("an acknowledged image can be lost: %s", shortfall)
        said = shortfall
        await asyncio.sleep(DURABILITY_EVERY.total_seconds())


async def watch_server(
    admin: Admin, metrics: Metrics, settings: Settings, every: timedelta = SERVER_EVERY
) -> None:
    """Look at the server's memory, its append-only file and the disk that it lies on, and count its replicas.
    Forever."""
    said: str | None = None
    disk = settings.queue_disk
    while True:
        try:
            health = await admin.server()
        except QueueUnavailable:  # the hub's loop logs it
            health = None
        metrics.saw_server(health)
        if health is not None:
            complaint = of_replicas(health, settings)
            if complaint not in (None, said):
                log.warning(complaint)
            said = complaint
        if disk is not None:
            metrics.saw_disk(_free(disk))
        await asyncio.sleep(every.total_seconds())


def of_replicas(health: ServerHealth, settings: Settings) -> str | None:
    """What is wrong with their number at D3; None: nothing. Sentinels' replicas must confirm whatever number
    is asked for, so that more of them are no fault."""
    asked, there = settings.replicas, health.replicas
    if settings.durability is not Durability.D3:
        return None
    if there < asked:
        return f"no image is acknowledged: {there} replicas are in step, and INSPECTOR_REPLICAS={asked}"
    if health.most_replicas > asked and "+sentinel:" not in settings.redis_url:
        return (
            f"an acknowledged image can be lost: one of {health.most_replicas} replicas may be promoted "
            f"without it, since INSPECTOR_REPLICAS={asked} need have it"
        )
    return None


def _free(disk: Path) -> tuple[int, int] | None:
    """(free, all) in bytes: free for others than root, as the server is. None: no such folder."""
    try:
        figures = os.statvfs(disk)
    except OSError as error:
        log.warning("the queue's disk, INSPECTOR_QUEUE_DISK=%s, cannot be seen: %s", disk, error.strerror)
        return None
    return figures.f_bavail * figures.f_frsize, figures.f_blocks * figures.f_frsize
