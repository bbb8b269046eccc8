"""`python -m workers detach`, as somebody runs it who wants no records any more."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import timedelta

import pytest

from inspector.errors import SettingsError
from inspector.queue import connect
from inspector.queue.base import Finished
from inspector.queue.memory import MemoryQueue
from tests.support.gateway_end import GatewayEnd
from tests.support.jobs import IMAGE, done
from tests.support.records import job_at
from tests.support.servers import QueueServer
from workers.detach_role import detach

NO_WAIT = timedelta(0)


def finished_by(queue: MemoryQueue) -> None:
    gateway, worker = GatewayEnd(queue.producer(), queue.results(), queue.admin()), queue.consumer("w1")
    gateway.run(gateway.producer.submit(job_at(), IMAGE))
    finished: Finished = done(worker.take(1, NO_WAIT)[0])
    worker.finish([finished])
    gateway.close()


def test_results_that_wait_are_kept_unless_they_are_given_up() -> None:
    queue = MemoryQueue()
    archive = queue.archive("a1", timedelta(0))
    assert detach(archive, discard=False) == 0
    archive.take(1, NO_WAIT)
    finished_by(queue)
    finished_by(queue)
    archive.take(1, NO_WAIT)  # one in the hands of an archiver that was killed
    with pytest.raises(SettingsError, match="2 results wait to be recorded"):
        detach(archive, discard=False)
    assert detach(archive, discard=True) == 2
    assert detach(archive, discard=False) == 0


def run(server: QueueServer, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workers", "detach", "--redis-url", server.url, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_command(server: QueueServer) -> None:
    with server.client() as client:
        client.flushall()
    archive = connect.archive(server.url, "a1")
    archive.take(1, NO_WAIT)
    refused = run(server)
    assert refused.returncode == 1
    assert "the archiver a1 runs on this queue: stop it first" in refused.stderr
    archive.close()
    ended = run(server, "--shards", "1")
    assert ended.returncode == 0, ended.stderr
    assert "has no archiver any more" in ended.stderr
    admin = connect.admin(server.url)

    async def archive_bytes() -> int:
        try:
            return (await admin.status()).archive_bytes
        finally:
            await admin.aclose()

    assert asyncio.run(archive_bytes()) == 0
