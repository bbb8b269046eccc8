"""`inspector dead-letters` on a real server, as a person runs it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inspector.cli.app import app
from inspector.queue import connect
from inspector.queue.keys import Keys
from tests.support.gateway_end import GatewayEnd
from tests.support.images import grey_png
from tests.support.servers import QueueServer
from tests.support.waiting import wait_until

run = CliRunner()
IMAGE = grey_png(16, 16, seed=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueServer]:
    with QueueServer("valkey", tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def buried(server: QueueServer) -> Iterator[list[str]]:
    """The ids of two dead letters, oldest first; there are no others."""
    with server.client() as client:
        client.flushall()
    gateway = GatewayEnd.on(server.url)
    consumer = connect.consumer(server.url, "crashing", min_idle=timedelta(milliseconds=1))
    ids = []
    for part in ("SN-1", "SN-[red]2"):
        job = gateway.submit(IMAGE, part_id=part)
        consumer.take(1, timedelta(seconds=1))
        wait_until(lambda job=job: consumer.sweep(5) == [] and gateway.read(job).state.terminal)  # type: ignore[misc]
        ids.append(job.id)
    yield ids
    consumer.close()
    gateway.close()


def said(server: QueueServer, *words: str) -> str:
    shown = run.invoke(app, ["dead-letters", *words, "--redis-url", server.url])
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_none_are_said_to_be_none(server: QueueServer, buried: list[str]) -> None:
    said(server, "drop", "--all")
    assert said(server, "list") == "there are no dead letters\n"
    assert said(server, "requeue", "--all") == ""


def test_the_list_names_each_newest_first(server: QueueServer, buried: list[str]) -> None:
    rows = said(server, "list").splitlines()[1:]
    assert [row.split()[0] for row in rows] == buried[::-1]
    assert "SN-[red]2" in rows[0]
    objects = [json.loads(line) for line in said(server, "list", "--json", "--limit", "1").splitlines()]
    assert [(one["id"], one["error"]["code"]) for one in objects] == [(buried[1], "poison-image")]


def test_one_is_shown_with_its_image(server: QueueServer, buried: list[str], tmp_path: Path) -> None:
    file = tmp_path / "part.png"
    shown = said(server, "show", buried[0], "--image", str(file))
    assert json.loads(shown.rpartition("}")[0] + "}")["error"]["part"]["part_id"] == "SN-1"
    assert file.read_bytes() == IMAGE


def test_one_of_the_blob_store_is_shown_from_there(
    server: QueueServer, buried: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.client() as client:  # as if it had come over the inline limit
        client.delete(Keys().image(buried[0]))
        client.hset(Keys().blobs, buried[0], len(IMAGE))
    words = ("show", buried[0], "--image", str(tmp_path / "part.png"))
    refused = run.invoke(app, ["dead-letters", *words, "--redis-url", server.url])
    assert "INSPECTOR_BLOBS is not set here" in refused.output

    monkeypatch.setenv("INSPECTOR_BLOBS", str(tmp_path))
    (tmp_path / buried[0]).write_bytes(IMAGE)
    said(server, *words)
    assert (tmp_path / "part.png").read_bytes() == IMAGE


def test_requeue_and_drop_say_what_they_did(server: QueueServer, buried: list[str]) -> None:
    assert said(server, "requeue", buried[0]) == f"{buried[0]}: waits again\n"
    assert said(server, "drop", "--all") == f"{buried[1]}: dropped\n"
    admin = connect.admin(server.url)

    async def depth() -> int:
        try:
            return (await admin.status()).depth
        finally:
            await admin.aclose()

    assert asyncio.run(depth()) == 1


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["show", "nobody"], "there is no dead letter 'nobody'"),
        (["drop"], "name the ids, or --all"),
        (["drop", "x", "--all"], "name the ids, or --all"),
        (["requeue", "nobody"], "there is no dead letter 'nobody'"),
    ],
)
def test_what_cannot_be_is_one_line(server: QueueServer, words: list[str], part: str) -> None:
    shown = run.invoke(app, ["dead-letters", *words, "--redis-url", server.url])
    assert shown.exit_code == 1
    assert part in shown.stderr
    assert shown.stderr.count("\n") == 1


def test_without_a_url_the_running_stack_is_asked(
    server: QueueServer, buried: list[str], tmp_path: Path
) -> None:
    nothing = run.invoke(app, ["dead-letters", "list", "--data-dir", str(tmp_path)])
    assert nothing.exit_code == 1
    assert "--redis-url" in nothing.stderr
    (tmp_path / "stack.json").write_text(json.dumps({"redis_url": server.url}))
    shown = run.invoke(app, ["dead-letters", "list", "--data-dir", str(tmp_path)])
    assert buried[0] in shown.output


def test_a_wrong_variable_is_one_line(server: QueueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_SHARDS", "none")
    shown = run.invoke(app, ["dead-letters", "list", "--redis-url", server.url])
    assert shown.exit_code == 1
    assert "INSPECTOR_SHARDS" in shown.stderr
    assert shown.stderr.count("\n") == 1
