"""Which images are kept, and which leave: by age, and by the room that they take."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, func, select, true

from inspector.plant.plant import Retention
from inspector.records.database import translated
from inspector.records.images import ImageStore
from inspector.records.rows import Row
from inspector.records.search import first_id_of
from inspector.records.tables import kept
from inspector.records.write import forget_images

AT_ONCE = 200
"""Images that leave in one step: the archiver looks at the queue between two."""


class Keep(NamedTuple):
    """Whether an image is kept, and whether only as a sample."""

    kept: bool
    sampled: bool = False


def rule(policy: Retention, inspection: Row) -> Keep:
    """Of an inspection's row. The same id gives the same answer: a second try keeps the same images."""
    said = inspection["verdict"] or inspection["state"]
    if said in policy.keep:
        return Keep(kept=True)
    if said == "OK" and policy.ok_one_in and _draw(inspection["id"]) % policy.ok_one_in == 0:
        return Keep(kept=True, sampled=True)
    return Keep(kept=False)


def tidy(engine: Engine, store: ImageStore, policy: Retention, now: datetime) -> int:
    """Let go of up to AT_ONCE images that are too old, or for which there is no room; how many left.

    The file goes first, then its row: killed in between, the next one finds the row and no file, and goes on.
    """
    leaving = _too_old(engine, policy, now) or _too_many(engine, store, policy)
    if leaving:
        store.delete(path for one in leaving for path in one.paths)
        forget_images(engine, [one.inspection_id for one in leaving])
    return len(leaving)


def held_bytes(engine: Engine) -> int:
    """Of all images that are kept, with their maps and smaller pictures."""
    with translated(), engine.connect() as connection:
        return int(connection.execute(select(func.coalesce(func.sum(kept.c.bytes), 0))).scalar_one())


def room_for(store: ImageStore, policy: Retention) -> int | None:
    """Bytes that images may take; None: as many as they like."""
    disk = store.disk_bytes()
    limits = [int(policy.disk_share * disk)] if disk is not None else []
    limits += [int(policy.max_gb * 1e9)] if policy.max_gb is not None else []
    return min(limits, default=None)


class Leaving(NamedTuple):
    inspection_id: str
    image: str
    attention: str | None
    preview: str | None
    thumbnail: str | None
    bytes: int

    @property
    def paths(self) -> list[str]:
        every = (self.image, self.attention, self.preview, self.thumbnail)
        return [path for path in every if path is not None]


def _too_old(engine: Engine, policy: Retention, now: datetime) -> Sequence[Leaving]:
    return _oldest(engine, kept.c.inspection_id < first_id_of(now - timedelta(days=policy.days)))


def _too_many(engine: Engine, store: ImageStore, policy: Retention) -> Sequence[Leaving]:
    """Samples first: what an NG image shows is not to be had again."""
    room = room_for(store, policy)
    over = held_bytes(engine) - room if room is not None else 0
    if over <= 0:
        return []
    leaving: list[Leaving] = []
    for one in _oldest(engine, kept.c.sampled.is_(True)) or _oldest(engine, true()):
        if over <= 0:
            break
        leaving.append(one)
        over -= one.bytes
    return leaving


def _oldest(engine: Engine, which: ColumnElement[bool]) -> Sequence[Leaving]:
    paths = (kept.c.image, kept.c.attention, kept.c.preview, kept.c.thumbnail)
    columns = (kept.c.inspection_id, *paths, kept.c.bytes)
    asked = select(*columns).where(which).order_by(kept.c.inspection_id).limit(AT_ONCE)
    with translated(), engine.connect() as connection:
        return [Leaving(*row) for row in connection.execute(asked)]


def _draw(inspection_id: str) -> int:
    """Of its random part: ids of one millisecond differ there alone."""
    return zlib.crc32(inspection_id.encode())
