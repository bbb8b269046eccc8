"""A worker at images of the blob store: inspected from the file, and never judged without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inspector.messages.job import Job
from inspector.messages.result import State
from inspector.queue import connect
from inspector.queue.blobs import BlobStore
from tests.support.gateway_end import GatewayEnd
from tests.support.images import grey_png, job_of
from tests.support.servers import QueueServer
from tests.workers.conftest import MakeRig
from tests.workers.test_inspect import error_of, result_of

IMAGE = grey_png()


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    store = BlobStore(tmp_path / "blobs", durable=False)
    store.prepare()
    return store


def submit_stored(gateway: GatewayEnd, store: BlobStore) -> Job:
    job, incoming = job_of(IMAGE), store.begin()
    incoming.write([IMAGE])
    gateway.run(gateway.producer.submit(job, incoming.keep(job.id)))
    return job


def test_it_is_inspected_from_its_file(gateway: GatewayEnd, make_rig: MakeRig, store: BlobStore) -> None:
    inline, stored = gateway.submit(IMAGE), submit_stored(gateway, store)
    make_rig().start()
    said = [result_of(snapshot) for snapshot in gateway.wait_for([inline, stored])]
    assert said[0].verdict == said[1].verdict
    assert said[0].classification == said[1].classification


def test_on_a_server_too(
    server: QueueServer, on_server: GatewayEnd, make_rig: MakeRig, store: BlobStore
) -> None:
    stored = submit_stored(on_server, store)
    rig = make_rig(connect.consumer(server.url, "w1", blobs=store)).start()
    [snapshot] = on_server.wait_for([stored])
    assert rig.stop()
    assert result_of(snapshot).verdict == "OK"


def test_without_its_file_or_with_another_it_fails_and_the_next_one_does_not(
    gateway: GatewayEnd, make_rig: MakeRig, store: BlobStore
) -> None:
    gone, cut, changed, whole = (submit_stored(gateway, store) for _ in range(4))
    store.delete([gone.id])
    os.truncate(store.folder / cut.id, 100)
    (store.folder / changed.id).write_bytes(IMAGE[:-20] + bytes(20))
    rig = make_rig().start()

    snapshots = gateway.wait_for([gone, cut, changed, whole])

    assert [snapshot.state for snapshot in snapshots] == [State.FAILED] * 3 + [State.DONE]
    errors = [error_of(snapshot) for snapshot in snapshots[:3]]
    assert [error.code for error in errors] == ["inspection-failed", "inspection-failed", "digest-mismatch"]
    assert "is not in the blob store" in errors[0].detail
    assert "has 100 of" in errors[1].detail
    assert rig.ended is None, "the worker goes on"


def test_a_worker_without_the_store_judges_nothing_of_it(
    server: QueueServer, on_server: GatewayEnd, make_rig: MakeRig, store: BlobStore
) -> None:
    stored, inline = submit_stored(on_server, store), on_server.submit(IMAGE)
    make_rig(connect.consumer(server.url, "w1")).start()
    failed, done = on_server.wait_for([stored, inline])
    assert "INSPECTOR_BLOBS is not set here" in error_of(failed).detail
    assert done.state is State.DONE
