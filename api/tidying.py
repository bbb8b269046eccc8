"""Deletes the files of the blob store that nothing needs. Several gateways do it side by side.

    discarded   the queue has let go of the image
    doubtful    this gateway stored it, and it was not accepted, or nobody knows whether
    abandoned   it lies there for long: a gateway may have died before its submit

Of the last two the queue is asked first (Disposal.forsake), and keeps those that it has accepted.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any

from api.blobs import Blobs
from api.metrics import Metrics
from api.promptly import promptly
from inspector.errors import QueueUnavailable, StoreUnavailable
from inspector.queue.base import KEEP_DISCARDED, Disposal

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=1)

AT_ONCE = 100
"""Of one step."""

LOOK_EVERY = timedelta(seconds=5)
"""Between two looks at what the store holds, for the metrics."""

DOUBT_FOR = KEEP_DISCARDED
"""Before the queue is asked: a server that was replaced a moment ago, and does not know it yet, knows nothing
of what its heir has accepted."""

SWEEP_EVERY = timedelta(minutes=10)

ABANDONED_AFTER = timedelta(hours=1)
"""Long after the last submit of a gateway that died; such files are few."""


class Tidying:
    def __init__(
        self, blobs: Blobs, disposal: Disposal, metrics: Metrics, abandoned_after: timedelta = ABANDONED_AFTER
    ) -> None:
        self._blobs = blobs
        self._disposal = disposal
        self._metrics = metrics
        self._abandoned_after = abandoned_after
        self._next_look = self._next_sweep = 0.0
        self._complaints: dict[str, str] = {}
        self._proposed = secrets.token_hex(16)

    async def run(self) -> None:
        """Forever."""
        while True:
            for step in (self._claim, self.delete_doubtful, self.delete_discarded, self._look, self._sweep):
                await self._try(step)
            await asyncio.sleep(EVERY.total_seconds())

    async def begin(self) -> None:
        """Once, before images come."""
        await self._try(self._claim)

    async def delete_doubtful(self) -> None:
        until = monotonic() - DOUBT_FOR.total_seconds()
        doubtful = [one for one, since in self._blobs.doubtful.items() if since <= until]
        await self._forsake(doubtful)
        for one in doubtful:
            del self._blobs.doubtful[one]

    async def delete_discarded(self) -> None:
        """The files first: killed in between, the next one finds them gone, and goes on."""
        while self._blobs.ours and (ids := await self._disposal.discarded(AT_ONCE)):
            await self._delete(ids)
            await self._disposal.deleted(ids)

    async def sweep(self) -> None:
        abandoned = await self._blobs.run(partial(self._blobs.store.abandoned, self._abandoned_after))
        swept = await self._forsake(abandoned)
        self._metrics.swept(swept)
        if swept:
            log.warning("%d images lay in the blob store that the queue had never accepted", swept)

    async def _forsake(self, ids: Sequence[str]) -> int:
        """How many of these are deleted: the queue does not know them."""
        deleted = 0
        for start in range(0, len(ids), AT_ONCE):
            given_up = await self._disposal.forsake(ids[start : start + AT_ONCE])
            await self._delete(given_up)
            deleted += len(given_up)
        return deleted

    async def _delete(self, ids: Sequence[str]) -> None:
        await self._blobs.run(partial(self._blobs.store.delete, ids))

    async def _claim(self) -> None:
        """Of another queue's images this one would say that nothing needs them."""
        if not self._blobs.ours:
            mark = await promptly(self._disposal.mark(self._proposed))
            holds, store = await promptly(self._disposal.holds()), self._blobs.store
            self._blobs.ours = await self._blobs.run(partial(store.claim, mark, holds=holds))
            if not self._blobs.ours:
                what = "does not hold this queue's images" if holds else "holds images of another queue"
                raise StoreUnavailable(
                    f"{store.folder} {what}: all go to the server until it is mounted, or empty, or "
                    "INSPECTOR_BLOBS names another folder"
                )

    async def _look(self) -> None:
        if monotonic() >= self._next_look:
            self._next_look = monotonic() + LOOK_EVERY.total_seconds()
            try:
                self._metrics.saw_blobs(await self._blobs.run(self._blobs.store.usage))
            except StoreUnavailable:
                self._metrics.saw_blobs(None)
                raise

    async def _sweep(self) -> None:
        if self._blobs.ours and monotonic() >= self._next_sweep:
            await self.sweep()
            self._next_sweep = monotonic() + SWEEP_EVERY.total_seconds()

    async def _try(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """What cannot be done now is done later: a file too many harms nobody for a while."""
        name = step.__name__
        try:
            await step()
        except QueueUnavailable:  # the hub's loop logs it
            pass
        except StoreUnavailable as error:
            if str(error) != self._complaints.get(name):
                log.warning("the blob store: %s", error)
            self._complaints[name] = str(error)
        else:
            self._complaints.pop(name, None)
