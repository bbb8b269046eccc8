"""The store of images on a real S3 server (moto's, over HTTP), through s3fs. `make s3` runs it.

In an environment of its own: botocore, under s3fs, wants python-dateutil < 3, and requirements.lock has 4.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from inspector.errors import ImageGone, SettingsError, StoreUnavailable
from inspector.records.images import ImageStore, path_of

CONTENT = bytes(range(256)) * 4000  # a megabyte


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedMotoServer]:
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def url(server: ThreadedMotoServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of an empty bucket; the settings stand in the environment, as an installation has them."""
    host, port = server.get_host_and_port()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    bucket = f"images-{uuid.uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/line/images"


def test_what_is_put_comes_back_byte_for_byte(url: str) -> None:
    store = ImageStore(url)
    path = path_of("L1", 1_772_409_600_000, "0" * 32, "jpeg")
    store.put(path, CONTENT)
    assert store.get(path) == CONTENT
    assert ImageStore(url).get(path) == CONTENT, "another process, which has listed nothing yet"
    store.put(path, b"again")
    assert ImageStore(url).get(path) == b"again"


def test_what_is_not_there_is_gone_and_as_good_as_deleted(url: str) -> None:
    store = ImageStore(url)
    with pytest.raises(ImageGone):
        store.get("L1/none.jpeg")
    store.delete(["L1/none.jpeg"])
    store.put("L1/a.jpeg", b"a")
    store.put("L1/b.jpeg", b"b")
    store.delete(["L1/a.jpeg"])
    with pytest.raises(ImageGone):
        store.get("L1/a.jpeg")
    assert store.get("L1/b.jpeg") == b"b"


def test_a_gateway_sees_what_the_archiver_puts_later(url: str) -> None:
    gateway, archiver = ImageStore(url), ImageStore(url)
    with pytest.raises(ImageGone):
        gateway.get("L1/late.jpeg")
    archiver.put("L1/late.jpeg", b"late")
    assert gateway.get("L1/late.jpeg") == b"late"


def test_there_is_no_disk_to_share(url: str) -> None:
    assert ImageStore(url).disk_bytes() is None
    assert ImageStore(url).folder is None


def test_a_bucket_that_there_is_not(url: str) -> None:
    store = ImageStore("s3://no-such-bucket/images")
    with pytest.raises(StoreUnavailable):
        store.put("L1/a.jpeg", b"a")


def test_a_server_that_is_away(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    S3FileSystem.clear_instance_cache()
    store = ImageStore(url)
    with pytest.raises(StoreUnavailable):
        store.put("L1/a.jpeg", b"a")
    with pytest.raises(StoreUnavailable):
        store.get("L1/a.jpeg")
    with pytest.raises(StoreUnavailable):
        store.delete(["L1/a.jpeg"])


def test_a_key_that_the_server_does_not_know(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    S3FileSystem.clear_instance_cache()
    with pytest.raises(StoreUnavailable):
        ImageStore(url).put("L1/a.jpeg", b"a")


def test_a_url_that_is_none() -> None:
    with pytest.raises(SettingsError):
        ImageStore("nowhere://bucket")
