"""Which images are kept, and which leave: by age, and by room; on both databases, in a real folder."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from inspector.errors import ImageGone, SettingsError, StoreUnavailable
from inspector.plant.plant import Retention
from inspector.records.images import ImageStore, path_of
from inspector.records.retention import held_bytes, room_for, rule, tidy
from inspector.records.rows import Entry, Kept
from inspector.records.search import look_up
from inspector.records.write import write
from tests.inspector.records.conftest import Database
from tests.support.records import DOUBT, NOON, SPUR, entry, failure

POLICY = Retention(ok_one_in=1, days=30, disk_share=1)


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(str(tmp_path / "images"))


def keep(database: Database, store: ImageStore, one: Entry, size: int = 100, sampled: bool = False) -> str:
    path = f"L1/{one.id}.jpeg"
    store.put(path, b"x" * size)
    write(database.writer, [replace(one, kept=Kept(path, bytes=size, sampled=sampled))])
    return one.id


def is_kept(database: Database, inspection_id: str) -> bool:
    return look_up(database.reader, inspection_id).place is not None


@pytest.mark.parametrize(
    ("one", "kept"),
    [
        (entry([SPUR]), True),
        (entry([DOUBT]), True),
        (entry(error=failure()), True),
        (entry(), False),
    ],
)
def test_what_the_policy_keeps(one: Entry, kept: bool) -> None:
    assert rule(Retention(ok_one_in=0), one.inspection).kept is kept
    assert rule(Retention(keep=(), ok_one_in=0), one.inspection).kept is False


def test_a_sample_is_the_same_one_every_time() -> None:
    rows = [entry().inspection for _ in range(400)]
    first = [rule(Retention(ok_one_in=10), row) for row in rows]
    assert first == [rule(Retention(ok_one_in=10), row) for row in rows]
    assert 15 < sum(one.kept for one in first) < 80
    assert all(one.sampled for one in first if one.kept)


def test_nothing_kept_nothing_to_tidy(database: Database, store: ImageStore) -> None:
    assert tidy(database.writer, store, POLICY, NOON) == 0
    assert held_bytes(database.writer) == 0


def test_what_is_too_old_leaves_and_its_record_stays(database: Database, store: ImageStore) -> None:
    old = keep(database, store, entry([SPUR], NOON - timedelta(days=31)))
    young = keep(database, store, entry([SPUR], NOON - timedelta(days=29)))
    assert tidy(database.writer, store, POLICY, NOON) == 1
    assert (is_kept(database, old), is_kept(database, young)) == (False, True)
    with pytest.raises(ImageGone):
        store.get(f"L1/{old}.jpeg")
    assert tidy(database.writer, store, POLICY, NOON) == 0


def test_without_room_samples_leave_first_and_then_the_oldest(database: Database, store: ImageStore) -> None:
    def at(hour: int) -> datetime:
        return NOON + timedelta(hours=hour)

    ng = [keep(database, store, entry([SPUR], at(n))) for n in range(3)]
    ok = [keep(database, store, entry(moment=at(n)), sampled=True) for n in range(3, 6)]
    small = Retention(max_gb=250e-9, days=1e4)

    while tidy(database.writer, store, small, at(9)):
        pass

    assert [is_kept(database, one) for one in (*ng, *ok)] == [False, True, True, False, False, False]
    assert held_bytes(database.writer) == 200


def test_a_map_and_smaller_pictures_leave_with_their_image(database: Database, store: ImageStore) -> None:
    old = entry([SPUR], NOON - timedelta(days=31))
    paths = ["L1/a.tiff", "L1/a.map.png", "L1/a.preview.png", "L1/a.thumbnail.jpg"]
    for path in paths:
        store.put(path, b"x")
    write(database.writer, [replace(old, kept=Kept(*paths, bytes=3, sampled=False))])
    place = look_up(database.reader, old.id).place
    assert place is not None
    assert (place.image, place.attention, place.preview, place.thumbnail) == tuple(paths)
    assert tidy(database.writer, store, POLICY, NOON) == 1
    for path in paths:
        with pytest.raises(ImageGone):
            store.get(path)


def test_a_file_that_is_gone_already_is_no_trouble(database: Database, store: ImageStore) -> None:
    old = keep(database, store, entry([SPUR], NOON - timedelta(days=31)))
    store.delete([f"L1/{old}.jpeg"])  # as if it was killed before it forgot the row
    assert tidy(database.writer, store, POLICY, NOON) == 1
    assert not is_kept(database, old)


def test_room_is_a_share_of_the_disk_or_a_number(store: ImageStore) -> None:
    disk = store.disk_bytes()
    assert disk is not None
    assert room_for(store, Retention(disk_share=0.5)) == disk // 2
    assert room_for(store, Retention(max_gb=1e-6)) == 1000
    elsewhere = ImageStore("memory://images")
    assert (room_for(elsewhere, Retention()), room_for(elsewhere, Retention(max_gb=1))) == (None, 10**9)


# --- the store ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["{folder}", "file://{folder}", "memory://{folder}"])
def test_what_is_put_can_be_got_and_deleted(tmp_path: Path, url: str) -> None:
    store = ImageStore(url.format(folder=tmp_path / "images"))
    path = path_of("L1", 1772452800000, "ab" * 16, "jpeg")
    assert path == f"L1/2026/03/02/12/{'ab' * 16}.jpeg"
    store.put(path, b"one")
    store.put(path, b"two")
    assert store.get(path) == b"two"
    store.delete([path, path])
    with pytest.raises(ImageGone):
        store.get(path)


def test_no_half_written_file_is_left(tmp_path: Path, store: ImageStore) -> None:
    store.put("L1/a.jpeg", b"whole")
    assert [file.name for file in (tmp_path / "images").rglob("*") if file.is_file()] == ["a.jpeg"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="cannot be kept"):
        ImageStore(str(tmp_path / "file")).put("L1/a.jpeg", b"x")


def test_a_kind_of_place_that_is_not_known() -> None:
    with pytest.raises(SettingsError, match="cannot be kept at"):
        ImageStore("nowhere://x")
