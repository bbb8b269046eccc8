"""Mean images: one of each line, station, view and recipe, of its newest stored OK images.

_mean/index.json    which there are; written last, so that it names only what is there
_mean/NUMBER.jpeg   the pictures (inspector/imaging/mean.py makes them, in a process of its own)

A name cannot begin with _, so no line's folder is this one. The gateway reads both, and decodes neither.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import Engine, func, select

from inspector.errors import ImageGone
from inspector.records.database import asking
from inspector.records.images import ImageStore
from inspector.records.tables import inspections, kept

FEWEST, MOST = 3, 64
"""Images of a mean: with fewer a speck on one of them shows, with more nothing changes."""

STREAMS = 32
"""Of which there are pictures, the busiest ones."""

LOOKED_AT = 4000
"""The newest stored OK images, of all lines together, that means are made of."""

STALE = timedelta(hours=6)
"""A fixture moves, a lamp ages: then it is made anew."""

FOLDER = "_mean"
INDEX = f"{FOLDER}/index.json"


class Stream(BaseModel):
    """Images that look alike."""

    model_config = ConfigDict(frozen=True)

    line: str
    station: str | None
    view: str | None
    recipe: str | None
    simulated: bool


class Mean(BaseModel):
    model_config = ConfigDict(frozen=True)

    stream: Stream
    images: int
    """That it is the mean of."""
    made: datetime
    path: str


class Due(BaseModel):
    """A picture to be made."""

    stream: Stream
    newest: Sequence[str]
    """Paths in the store, at most MOST."""


_INDEX = TypeAdapter(list[Mean])


def known(store: ImageStore) -> list[Mean]:
    """Raises StoreUnavailable."""
    try:
        return _INDEX.validate_json(store.get(INDEX))
    except ImageGone:
        return []


def write_index(store: ImageStore, means: Sequence[Mean]) -> None:
    store.put(INDEX, _INDEX.dump_json(list(means), indent=1))


def due(engine: Engine, means: Sequence[Mean], now: datetime) -> list[Due]:
    """What is missing, or was made of far fewer images, or long ago. Raises RecordsUnavailable."""
    made = {mean.stream: mean for mean in means}
    found: dict[Stream, list[str]] = {}
    with asking(engine) as connection:
        for *facts, path in connection.execute(_newest()):
            found.setdefault(_stream(facts), []).append(path)
    busiest = sorted(found, key=lambda stream: len(found[stream]), reverse=True)[:STREAMS]
    return [
        Due(stream=stream, newest=found[stream][:MOST])
        for stream in busiest
        if _is_due(made.get(stream), min(MOST, len(found[stream])), now)
    ]


def best(means: Sequence[Mean], lines: Collection[str] | None, **wanted: Any) -> Mean | None:
    """Of those that are asked for the one of the most images. `lines`: None is all; the rest as in Stream,
    None asks nothing."""
    fitting = [
        mean
        for mean in means
        if (lines is None or mean.stream.line in lines)
        and all(getattr(mean.stream, name) == value for name, value in wanted.items() if value is not None)
    ]
    return max(fitting, key=lambda mean: (mean.images, mean.made), default=None)


def _newest() -> Any:
    newest = (
        select(kept.c.inspection_id, kept.c.image)
        .where(kept.c.sampled)
        .order_by(kept.c.inspection_id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    told = (inspections.c.line, inspections.c.station, inspections.c.view, inspections.c.recipe_id)
    return (
        select(*told, inspections.c.simulated, newest.c.image)
        .join_from(newest, inspections, inspections.c.id == newest.c.inspection_id)
        .where(func.coalesce(inspections.c.verdict, "") == "OK")
        .order_by(newest.c.inspection_id.desc())
    )


def _stream(facts: Sequence[Any]) -> Stream:
    line, station, view, recipe, simulated = facts
    return Stream(line=line, station=station, view=view, recipe=recipe, simulated=bool(simulated))


def _is_due(mean: Mean | None, images: int, now: datetime) -> bool:
    if images < FEWEST:
        return False
    return mean is None or images >= 2 * mean.images or now - mean.made > STALE
