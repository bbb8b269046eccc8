"""What the queue's server says of its memory and its file: real servers, full and broken."""

from __future__ import annotations

from contextlib import suppress

import redis

from inspector.queue.base import ServerHealth
from tests.inspector.queue.conftest import Ends, OpenEnds, StartServer
from tests.support.waiting import wait_until


def health_of(ends: Ends) -> ServerHealth:
    health: ServerHealth | None = ends.run(ends.admin.server())
    assert health is not None
    return health


def test_a_share_of_no_limit_is_none() -> None:
    assert ServerHealth(5, 0, aof_sound=True, aof_bytes=0).fullness == 0.0
    assert ServerHealth(5, 10, aof_sound=True, aof_bytes=0).fullness == 0.5


def test_an_append_only_file_that_cannot_grow_is_not_sound(
    start_server: StartServer, open_ends: OpenEnds
) -> None:
    server = start_server({"appendonly": "yes", "appendfsync": "everysec", "maxmemory": "64mb"})
    ends = open_ends(server.url)
    before = health_of(ends)
    assert (before.memory_limit_bytes, before.aof_sound) == (64 << 20, True)
    assert 0 < before.fullness < 1

    server.fill_disk()
    with server.client() as client, suppress(redis.ResponseError):
        client.set("more", b"x" * 100_000)
    wait_until(lambda: not health_of(ends).aof_sound, what="a file that is not sound")

    server.free_disk()
    wait_until(lambda: health_of(ends).aof_sound, what="a file that is sound again")


def test_a_server_that_hides_its_figures_is_no_error(start_server: StartServer, open_ends: OpenEnds) -> None:
    server = start_server()
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-info")
    ends = open_ends(server.url)
    assert ends.run(ends.admin.server()) is None
