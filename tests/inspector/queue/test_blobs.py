"""The blob store on a real disk: whole files or none, and an answer for each way to be without one."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from inspector.errors import ImageGone, StoreUnavailable
from inspector.queue.blobs import MARK, Blob, BlobStore, require
from tests.support.jobs import new_id

IMAGE = bytes(range(256)) * 64
AT_ONCE = timedelta(seconds=-1)


@pytest.fixture(params=[True, False], ids=["durable", "D1"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    store = BlobStore(tmp_path / "deep" / "blobs", durable=request.param)
    store.prepare()
    return store


def stored(store: BlobStore, inspection_id: str, image: bytes = IMAGE) -> Blob:
    incoming = store.begin()
    incoming.write([image[:100], image[100:]])
    return incoming.keep(inspection_id)


def files(store: BlobStore) -> set[str]:
    return {file.name for file in store.folder.iterdir()} - {MARK}


@contextmanager
def disk_for(size: int) -> Iterator[None]:
    """While the block lasts, no file of this process grows beyond it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_empty_store(store: BlobStore) -> None:
    store.prepare()
    assert store.usage()[:2] == (0, 0)
    assert store.abandoned(AT_ONCE) == []
    store.delete([])
    store.delete([new_id()])


def test_an_image_has_its_name_only_when_it_is_whole(store: BlobStore) -> None:
    inspection, incoming = new_id(), store.begin()
    assert files(store) == set()
    incoming.write([IMAGE])
    [partial] = files(store)
    assert partial.endswith(".part")
    assert incoming.look(lambda content: content[:3]) == IMAGE[:3]
    blob = incoming.keep(inspection)

    assert files(store) == {inspection}
    assert (blob, len(blob)) == (store.blob(inspection, len(IMAGE)), len(IMAGE))
    assert blob.read() == IMAGE
    assert blob.look(lambda content: (len(content), content[-9:], content[:])) == (
        len(IMAGE),
        IMAGE[-9:],
        IMAGE,
    )
    assert store.usage()[:2] == (1, len(IMAGE))


def test_what_is_discarded_leaves_nothing(store: BlobStore) -> None:
    unwritten, written, kept = (store.begin() for _ in range(3))
    written.write([IMAGE])
    kept.write([IMAGE])
    kept.keep(new_id())
    for incoming in (unwritten, written, kept):
        incoming.discard()
        incoming.discard()
        with pytest.raises(StoreUnavailable, match="given up"):
            incoming.write([IMAGE])
    assert files(store) == set()


def test_an_image_that_is_read_can_be_deleted_meanwhile(store: BlobStore) -> None:
    inspection = new_id()
    with stored(store, inspection).open() as file:
        store.delete([inspection])
        assert file.read() == IMAGE


def test_a_file_that_is_gone_or_cut_is_no_image(store: BlobStore) -> None:
    blob = stored(store, new_id())
    os.truncate(blob.path, 10)
    with pytest.raises(ImageGone, match=r"has 10 of 16,384 bytes"):
        blob.read()
    store.delete([blob.path.name])
    with pytest.raises(ImageGone, match="is not in the blob store"):
        blob.read()


def test_a_share_that_is_not_mounted_is_told_apart_from_an_image_that_is_gone(tmp_path: Path) -> None:
    blob = BlobStore(tmp_path).blob(new_id(), 5)
    with pytest.raises(StoreUnavailable, match="not mounted"):
        blob.read()
    with pytest.raises(StoreUnavailable, match="not mounted"):
        stored(BlobStore(tmp_path), new_id())
    with pytest.raises(StoreUnavailable, match="INSPECTOR_BLOBS is not set"):
        require(None)


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = BlobStore(tmp_path / "file" / "blobs")
    acts = (store.prepare, store.usage, lambda: store.abandoned(AT_ONCE), lambda: store.begin().write([b"x"]))
    for act in acts:
        with pytest.raises(StoreUnavailable):
            act()


def test_a_full_disk_is_told_and_leaves_nothing(store: BlobStore) -> None:
    incoming = store.begin()
    with disk_for(1000), pytest.raises(StoreUnavailable, match="cannot be stored"):
        incoming.write([IMAGE])
    incoming.discard()
    assert files(store) == set()
    stored(store, new_id())


def test_only_what_is_old_and_ours_is_abandoned(store: BlobStore) -> None:
    old, young, other = new_id(), new_id(), "somebody's notes"
    for name in (old, young):
        stored(store, name)
    being_received, left_behind = store.begin(), store.begin()
    for incoming in (being_received, left_behind):
        incoming.write([IMAGE])
        if incoming is being_received:
            part = files(store) - {old, young}
    (store.folder / other).touch()
    for name in files(store) - {young, *part}:
        os.utime(store.folder / name, (0, 0))

    assert store.abandoned(timedelta(hours=1)) == [old]
    assert files(store) == {old, young, other, *part}, "a part that nobody writes to is deleted"
    assert store.abandoned(AT_ONCE) == sorted([old, young])


def test_a_store_is_of_one_queue_as_long_as_it_holds_an_image_of_it(store: BlobStore) -> None:
    assert store.claim("ours")
    assert store.claim("ours")
    assert store.claim("another"), "it holds nothing"
    inspection = new_id()
    stored(store, inspection)
    assert not store.claim("ours")
    assert store.claim("another")
    store.prepare()
    store.delete([inspection])
    assert store.claim("ours")
    assert files(store) == set()
