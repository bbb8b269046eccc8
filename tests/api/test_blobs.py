"""Large images through the gateway: a file in the blob store, and none too many."""

from __future__ import annotations

import asyncio
import hashlib
import io
import socket
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from api.app import new_metrics
from api.blobs import PIECE_BYTES, THREADS, Blobs, Stream
from api.metrics import Metrics
from api.settings import Settings
from api.tidying import Tidying
from inspector.errors import SettingsError
from inspector.queue import connect
from inspector.queue.blobs import MARK, Blob, BlobStore
from tests.api.support import Line, gateway_in_memory, gateway_on, problem
from tests.api.test_bad_input import head
from tests.api.test_process import gateway_process
from tests.inspector.queue.test_blobs import disk_for
from tests.support.jobs import new_id
from tests.support.pictures import bmp, jpeg, png, png_claiming, tiff
from tests.support.servers import QueueServer
from tests.support.waiting import wait_until

LIMIT = 2_000
SMALL, LARGE = jpeg(8, 8), jpeg()
assert len(SMALL) <= LIMIT < len(LARGE)
HUGE = bmp(1024, 700)
assert len(HUGE) > 3 * PIECE_BYTES


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture(autouse=True)
def busy_tidying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.tidying.EVERY", timedelta(milliseconds=50))
    monkeypatch.setattr("api.tidying.LOOK_EVERY", timedelta(0))
    monkeypatch.setattr("api.tidying.DOUBT_FOR", timedelta(0))


@pytest.fixture(scope="module")
def shared_blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "blobs"


@pytest.fixture(scope="module")
def shared_line(shared_blobs: Path) -> Iterator[Line]:
    """For what is refused, and leaves nothing behind."""
    with gateway_in_memory(blobs=shared_blobs, inline_limit=LIMIT, max_image_bytes=4 << 20) as line:
        yield line


@pytest.fixture
def line(blobs: Path) -> Iterator[Line]:
    with gateway_in_memory(blobs=blobs, inline_limit=LIMIT, max_image_bytes=4 << 20) as line:
        yield line


def files(blobs: Path) -> list[str]:
    return sorted(file.name for file in blobs.iterdir() if file.name != MARK)


def in_pieces(image: bytes) -> Iterator[bytes]:
    """Chunked: nobody knows how much will come."""
    for start in range(0, len(image), 100_000):
        yield image[start : start + 100_000]


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
@pytest.mark.parametrize("image", [LARGE, HUGE, png(), tiff()], ids=["jpeg", "bmp", "png", "tiff"])
def test_a_large_image_is_inspected_from_its_file_and_shown_from_there(
    line: Line, blobs: Path, image: bytes, announced: bool
) -> None:
    digest = b64encode(hashlib.sha256(image).digest()).decode()
    answer = line.http.post(
        "/v1/inspections",
        content=image if announced else in_pieces(image),
        headers={"Content-Digest": f"sha-256=:{digest}:"},
    )
    assert answer.status_code == 202
    assert files(blobs) == [answer.json()["id"]]

    delivery = line.take()
    assert delivery.read() == image
    assert delivery.job.image.sha256 == hashlib.sha256(image).hexdigest()
    line.finish(delivery)

    shown = line.http.get(answer.json()["links"]["image"])
    assert (shown.status_code, shown.content) == (200, image)
    assert shown.headers["Content-Length"] == str(len(image))


def test_a_small_one_has_none(line: Line, blobs: Path) -> None:
    line.post(SMALL)
    assert line.take().image == SMALL
    assert files(blobs) == []


def test_a_browser_is_shown_what_it_can_show(line: Line) -> None:
    grey, raw = line.post(LARGE).json(), line.post(tiff()).json()
    assert line.http.get(f"/v1/inspections/{grey['id']}/preview").content == LARGE
    assert problem(line.http.get(f"/v1/inspections/{raw['id']}/preview"))["type"] == "/problems/no-preview"


@pytest.mark.parametrize(
    ("image", "headers", "status"),
    [
        (LARGE[:-9], {}, 422),
        (b"no image" * 1000, {}, 415),
        (LARGE, {"Content-Digest": f"sha-256=:{b64encode(bytes(32)).decode()}:"}, 400),
        (png_claiming(100_000, 100_000) + bytes(LIMIT), {}, 413),
        (HUGE + bytes(4 << 20), {}, 413),
    ],
    ids=["cut", "no image", "digest", "pixels", "bytes"],
)
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
def test_what_is_refused_leaves_no_file(
    shared_line: Line,
    shared_blobs: Path,
    image: bytes,
    headers: dict[str, str],
    status: int,
    announced: bool,
) -> None:
    content = image if announced else in_pieces(image)
    answer = shared_line.http.post("/v1/inspections", content=content, headers=headers)
    assert problem(answer)["status"] == status
    wait_until(lambda: files(shared_blobs) == [], what="an empty store")


def test_a_client_that_goes_away_leaves_no_file(line: Line, blobs: Path) -> None:
    with socket.create_connection(("127.0.0.1", line.port), timeout=10) as camera:
        camera.sendall(head(len(HUGE)) + HUGE[: 2 * PIECE_BYTES])
        wait_until(lambda: len(files(blobs)) == 1, what="a part")
    wait_until(lambda: files(blobs) == [], what="an empty store")


def test_a_repeated_request_is_one_file(line: Line, blobs: Path) -> None:
    headers = {"Idempotency-Key": "part-1"}
    first, again = (line.post(LARGE, headers=headers).json()["id"] for _ in range(2))
    assert first == again
    assert problem(line.post(HUGE, headers=headers))["type"] == "/problems/idempotency-conflict"
    wait_until(lambda: files(blobs) == [first], what="one file")


def test_a_full_disk_is_a_503_and_is_over_by_itself(line: Line, blobs: Path) -> None:
    with disk_for(PIECE_BYTES):
        refused = line.post(HUGE)
    assert (problem(refused)["type"], refused.status_code) == ("/problems/store-unavailable", 503)
    assert refused.headers["Retry-After"]
    assert line.nothing_accepted()
    wait_until(lambda: files(blobs) == [], what="an empty store")
    assert line.post(HUGE).status_code == 202


def test_a_folder_that_cannot_be_the_store_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(SettingsError, match="INSPECTOR_BLOBS"),
        gateway_in_memory(blobs=tmp_path / "file" / "blobs"),
    ):
        pass


def test_what_the_store_holds_is_a_metric(line: Line) -> None:
    line.post(LARGE)
    wait_until(lambda: line.metric("inspector_blob_files") == 1, 10, "a look at the store")
    assert line.metric("inspector_blob_bytes") == len(LARGE)
    assert line.metric("inspector_blob_disk_free_bytes") > 0


def test_a_queue_that_hangs_leaves_a_file_only_where_it_has_accepted(tmp_path: Path, blobs: Path) -> None:
    """The submit that was told as 503 may be done all the same when the server wakes."""
    with (
        QueueServer("redis", tmp_path / "redis") as server,
        gateway_on(server.url, blobs=blobs, inline_limit=LIMIT) as line,
        socket.create_connection(("127.0.0.1", line.port), timeout=10) as camera,
    ):
        camera.sendall(head(len(LARGE)) + LARGE[:-1])
        wait_until(lambda: line.post(SMALL).status_code == 202, what="a gateway at work")
        server.pause()
        camera.sendall(LARGE[-1:])
        assert camera.recv(65_536).startswith(b"HTTP/1.1 503 ")
        assert len(files(blobs)) == 1
        server.resume()
        wait_until(lambda: line.http.get("/readyz").is_success, what="an answer")
        wait_until(lambda: line.post(SMALL).status_code == 202, what="a gateway at work")
        # One second later the gateway has asked what became of it.
        wait_until(lambda: settled(line, blobs), 10, "a file for what was accepted, and no other")


def settled(line: Line, blobs: Path) -> bool:
    """Whether the files are those of the images that wait, which are taken for it and given back."""
    taken = line.worker.take(100, timedelta(0))
    line.worker.hand_back(taken)
    return files(blobs) == sorted(one.job.id for one in taken if isinstance(one.image, Blob))


def sweep(server: QueueServer, store: BlobStore, metrics: Metrics) -> None:
    """As a gateway does, only sooner."""

    async def sweep_all() -> None:
        disposal = connect.disposal(server.url)
        await Tidying(Blobs(store, LIMIT), disposal, metrics, timedelta(seconds=-1)).sweep()
        await disposal.aclose()

    asyncio.run(sweep_all())


def test_what_was_stored_and_never_submitted_is_swept(tmp_path: Path, blobs: Path) -> None:
    store = BlobStore(blobs)
    with (
        QueueServer("redis", tmp_path / "redis") as server,
        gateway_on(server.url, blobs=blobs, inline_limit=LIMIT) as line,
    ):
        accepted = line.post(LARGE).json()["id"]
        orphan, part = store.begin(), store.begin()
        orphan.write([LARGE])
        orphan.keep(new_id())
        part.write([LARGE])
        assert len(files(blobs)) == 3

        sweep(server, store, line.metrics)

        assert files(blobs) == [accepted]
        assert line.metric("inspector_blobs_swept_total") == 1
        assert line.take().image == store.blob(accepted, len(LARGE))


def test_a_gateway_killed_at_its_submit_leaves_no_image_without_its_file_and_no_other_file(
    tmp_path: Path, blobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BlobStore(blobs)
    monkeypatch.setenv("INSPECTOR_BLOBS", str(blobs))
    monkeypatch.setenv("INSPECTOR_INLINE_LIMIT", str(LIMIT))
    with QueueServer("redis", tmp_path / "redis") as server:
        with gateway_process(tmp_path / "log", "--redis-url", server.url) as (process, http):
            address = ("127.0.0.1", http.base_url.port or 0)
            with socket.create_connection(address, timeout=10) as camera:
                camera.sendall(head(len(LARGE)) + LARGE[:-1])
                before = http.post("/v1/inspections", content=LARGE).json()["id"]
                server.pause()
                camera.sendall(LARGE[-1:])
                wait_until(lambda: len(whole(blobs)) == 2, what="the file of an image on its way")
                process.kill()
                process.wait()
        server.resume()
        sweep(server, store, new_metrics(Settings()))
        worker = connect.consumer(server.url, "w1", blobs=store)
        taken = worker.take(5, timedelta(seconds=1))
        worker.close()

    assert sorted(one.job.id for one in taken) == files(blobs)
    assert before in files(blobs)
    assert all(one.read() == LARGE for one in taken)


def whole(blobs: Path) -> list[str]:
    return [name for name in files(blobs) if not name.endswith(".part")]


def test_in_a_store_of_another_queue_nothing_is_put_or_deleted(blobs: Path) -> None:
    store = BlobStore(blobs)
    store.prepare()
    store.claim("another")
    theirs = store.begin()
    theirs.write([LARGE])
    theirs.keep(new_id())
    with gateway_in_memory(blobs=blobs, inline_limit=LIMIT) as line:
        assert line.post(LARGE).status_code == 202
        assert line.take().image == LARGE
        assert len(files(blobs)) == 1


def test_a_new_folder_is_no_store_while_the_queue_has_images_in_another(tmp_path: Path, blobs: Path) -> None:
    """As of a share that was not mounted when the gateway started: workers would not find its files."""
    with QueueServer("redis", tmp_path / "redis") as server:
        with gateway_on(server.url, blobs=blobs, inline_limit=LIMIT) as line:
            stored = line.post(LARGE).json()["id"]
        with gateway_on(server.url, blobs=tmp_path / "unmounted", inline_limit=LIMIT) as line:
            line.post(LARGE)
            assert files(tmp_path / "unmounted") == []
            assert [one.image for one in line.worker.take(5, timedelta(0))][1:] == [LARGE]
        with gateway_on(server.url, blobs=blobs, inline_limit=LIMIT) as line:
            again = line.post(LARGE).json()["id"]
    assert files(blobs) == [stored, again]


class OnADiskThatHangs(Blob):
    def open(self) -> BinaryIO:
        return io.BufferedReader(Hanging())


class Hanging(io.RawIOBase):
    reads, goes_on = threading.Event(), threading.Event()

    def readable(self) -> bool:
        return True

    def readinto(self, _: object) -> int:
        self.reads.set()
        self.goes_on.wait(10)
        return 0


def test_a_client_that_leaves_a_disk_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    async def left_within() -> float:
        blobs = Blobs(None, LIMIT)
        shown = await blobs.shown(OnADiskThatHangs(tmp_path / "image", 5))
        assert isinstance(shown, Stream)

        async def read() -> None:
            async for _ in shown.pieces:
                pass

        client = asyncio.create_task(read())
        await asyncio.to_thread(Hanging.reads.wait, 10)
        began = time.monotonic()
        client.cancel()
        await asyncio.wait([client])
        Hanging.goes_on.set()
        blobs.close()
        return time.monotonic() - began

    assert asyncio.run(left_within()) < 5


def test_images_that_a_disk_that_hangs_never_took_are_in_memory_no_more(tmp_path: Path) -> None:
    async def held() -> int:
        store, goes_on = BlobStore(tmp_path), threading.Event()
        store.prepare()
        blobs = Blobs(store, LIMIT)
        blobs.ours = True
        hanging = [blobs.start(goes_on.wait) for _ in range(THREADS)]
        piece = bytes(PIECE_BYTES)
        before = sys.getrefcount(piece)
        with blobs.receiving() as received:
            assert received.add(piece)
            await received.pass_on()
        more = sys.getrefcount(piece) - before
        goes_on.set()
        await asyncio.wait(hanging)
        blobs.close()
        return more

    assert asyncio.run(held()) == 0
