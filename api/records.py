"""The gateway's end of the records: questions to the database and the store, each in a thread of its own few.

Without a database every question is NoRecords; the gateway then shows what the queue still holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from inspector.errors import ImageGone, NoRecords
from inspector.plant.plant import Plant
from inspector.records import database, export, search
from inspector.records.charts import LineCharts, Plan, charts
from inspector.records.images import ImageStore
from inspector.records.lot import Lot, lot_report
from inspector.records.mean_images import Mean, best, known
from inspector.records.search import Known, Page, Place, Wanted
from inspector.records.spans import Bucket
from inspector.records.statistics import Statistics, statistics

T = TypeVar("T")

THREADS = 4
"""Questions at a time: as many as the database gets connections. The others wait their turn."""


class Records:
    def __init__(self, database_url: str, images_url: str, plant: Plant) -> None:
        """Opens nothing. Raises SettingsError."""
        self._plant = plant
        self._engine = database.reader(database_url) if database_url else None
        self._store = ImageStore(images_url)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="records")

    @property
    def kept(self) -> bool:
        """Whether there is a database at all."""
        return self._engine is not None

    async def page(self, wanted: Wanted, limit: int, after: str | None) -> Page:
        """Raises NoRecords, RecordsUnavailable, as all of these."""
        engine = self._asked()
        if wanted.lines is not None and not wanted.lines:
            return Page([], None)
        return await self._run(lambda: search.page(engine, wanted, limit, after))

    async def look_up(self, inspection_id: str) -> Known:
        """Raises InspectionNotFound."""
        engine = self._asked()
        return await self._run(lambda: search.look_up(engine, inspection_id))

    async def image(self, place: Place) -> bytes:
        """Raises ImageGone, StoreUnavailable."""
        return await self._run(lambda: self._store.get(place.image))

    async def picture(self, path: str) -> bytes:
        """Of Place.preview or Place.thumbnail. Raises ImageGone, StoreUnavailable."""
        return await self._run(lambda: self._store.get(path))

    async def attention(self, place: Place) -> bytes:
        """Raises ImageGone, StoreUnavailable."""
        path = place.attention
        if path is None:
            raise ImageGone("there is no map of that image")
        return await self._run(lambda: self._store.get(path))

    async def mean_image(self, lines: Collection[str] | None, **wanted: Any) -> tuple[Mean, bytes]:
        """Of the images that are wanted (names as in mean_images.Stream). Raises ImageGone,
        StoreUnavailable."""
        self._asked()

        def read() -> tuple[Mean, bytes]:
            mean = best(known(self._store), lines, **wanted)
            if mean is None:
                raise ImageGone("no mean image of that has been made yet")
            return mean, self._store.get(mean.path)

        return await self._run(read)

    async def statistics(
        self, wanted: Wanted, since: datetime, until: datetime, bucket: Bucket | None
    ) -> Statistics:
        """`wanted` has the same span."""
        engine, chosen = self._asked(), _nothing_of_none(wanted)
        return await self._run(lambda: statistics(engine, chosen, since, until, bucket, self._plant))

    async def charts(self, wanted: Wanted, plan: Plan) -> list[LineCharts]:
        """`wanted` has a span. Raises InvalidParameter: too many points."""
        engine, chosen = self._asked(), _nothing_of_none(wanted)
        return await self._run(lambda: charts(engine, chosen, plan, self._plant))

    async def lot(self, wanted: Wanted) -> tuple[Lot, ZoneInfo]:
        """And the zone of the plant's clock. Raises InspectionNotFound."""
        engine, chosen = self._asked(), _nothing_of_none(wanted)
        return await self._run(lambda: lot_report(engine, chosen, self._plant)), self._plant.zone

    async def csv(self, wanted: Wanted) -> AsyncIterator[bytes]:
        """Its first rows are asked for here: what is wrong is told before the answer begins."""
        return await self._stream(export.csv_of(self._asked(), _nothing_of_none(wanted)))

    async def coco(self, wanted: Wanted) -> AsyncIterator[bytes]:
        """As `csv`."""
        return await self._stream(export.coco_of(self._asked(), _nothing_of_none(wanted)))

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._engine is not None:
            self._engine.dispose()

    def _asked(self) -> Engine:
        if self._engine is None:
            raise NoRecords("this gateway keeps no records: it shows the recent results alone")
        return self._engine

    async def _run(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, question)

    async def _stream(self, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        first = [await self._run(lambda: next(pieces, b"")), await self._run(lambda: next(pieces, b""))]

        async def rest() -> AsyncIterator[bytes]:
            for piece in first:
                yield piece
            while piece := await self._run(lambda: next(pieces, b"")):
                yield piece

        return rest()


def _nothing_of_none(wanted: Wanted) -> Wanted:
    """A key that sees none of the lines: no line has an empty name."""
    return wanted if wanted.lines is None or wanted.lines else replace(wanted, lines=("",))
