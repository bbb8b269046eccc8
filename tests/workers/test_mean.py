"""Mean images, from stored OK images to what the gateway serves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from inspector.records import database, mean_images
from inspector.records.images import ImageStore
from inspector.records.mean_images import STALE, Mean, Stream, best, due, known
from inspector.records.migrate import upgrade
from inspector.records.rows import Kept
from inspector.records.write import write
from tests.support.images import grey_png
from tests.support.records import NOON, SPUR, entry
from tests.support.waiting import wait_until
from workers.mean_child import MeanChild
from workers.mean_role import make

NOW = datetime.now(UTC)
PNG = grey_png(8, 6)


class Stored:
    def __init__(self, folder: Path) -> None:
        self.url = database.sqlite_url(folder / "records.db")
        self.images_url = str(folder / "images")
        self.engine: Engine = database.writer(self.url)
        upgrade(self.engine)
        self.store = ImageStore(self.images_url)
        self._number = 0

    def put(self, number: int, *, sampled: bool = True, image: bytes = PNG, **changes: Any) -> None:
        for _ in range(number):
            self._number += 1
            path = f"L1/{self._number}.png"
            self.store.put(path, image)
            detections = [] if sampled else [SPUR]
            one = entry(detections, NOON + timedelta(seconds=self._number), **changes)
            write(self.engine, [replace(one, kept=Kept(path, bytes=len(image), sampled=sampled))])

    def due(self, now: datetime = NOW) -> list[mean_images.Due]:
        return due(self.engine, known(self.store), now)

    def make(self) -> list[Mean]:
        make(self.store, self.due())
        return known(self.store)


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    stored = Stored(tmp_path)
    yield stored
    stored.engine.dispose()


def test_nothing_is_due_where_nothing_is_stored(stored: Stored) -> None:
    assert stored.due() == []
    assert stored.make() == []


def test_two_good_images_and_many_bad_ones_are_no_mean(stored: Stored) -> None:
    stored.put(2)
    stored.put(9, sampled=False)
    assert stored.due() == []


def test_one_for_each_that_look_alike(stored: Stored) -> None:
    stored.put(3, view="top")
    stored.put(4, view="bottom")
    stored.put(3, simulated=True)
    means = {(mean.stream.view, mean.stream.simulated): mean for mean in stored.make()}
    assert {key: mean.images for key, mean in means.items()} == {
        ("top", False): 3,
        ("bottom", False): 4,
        (None, True): 3,
    }
    assert len({mean.path for mean in means.values()}) == 3
    assert stored.store.get(means["top", False].path).startswith(b"\xff\xd8")


def test_it_is_made_anew_of_twice_as_many_or_when_it_is_old(stored: Stored) -> None:
    stored.put(3)
    (first,) = stored.make()
    assert stored.due() == []
    assert [one.stream for one in stored.due(NOW + STALE * 2)] == [first.stream]
    stored.put(3)
    (again,) = stored.make()
    assert (again.images, again.path) == (6, first.path)


def test_images_that_left_or_cannot_be_read_are_left_out(stored: Stored) -> None:
    stored.put(3)
    stored.put(1, image=b"no image")
    stored.store.delete(["L1/1.png"])
    assert stored.make() == [], "two are left"
    stored.put(1)
    assert [mean.images for mean in stored.make()] == [3]


def test_the_one_of_the_most_images_is_picked_among_what_may_be_seen() -> None:
    def mean(line: str, view: str, images: int) -> Mean:
        stream = Stream(line=line, station=None, view=view, recipe="r", simulated=False)
        return Mean(stream=stream, images=images, made=NOW, path="")

    means = [mean("L1", "top", 5), mean("L1", "bottom", 9), mean("L2", "top", 30)]
    assert best([], None) is None
    assert best(means, None) is means[2]
    assert best(means, ["L1"], simulated=False) is means[1]
    assert best(means, ["L1"], view="top") is means[0]
    assert best(means, ["L3"]) is best(means, None, simulated=True) is None


def test_the_archivers_child_makes_what_is_due(stored: Stored) -> None:
    stored.put(3)
    child = MeanChild(stored.engine, stored.store, stored.url, stored.images_url)
    child.tend()
    wait_until(lambda: known(stored.store) != [], timeout_s=60, what="the child made its picture")
    child.close()
