"""Commands of many callers on few connections, on real servers."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

import pytest
import uvloop

from inspector.errors import QueueUnavailable
from inspector.queue.keys import Keys
from inspector.queue.redis_connection import LARGE_BYTES, AsyncLink
from inspector.queue.trips import CONNECTIONS
from tests.inspector.queue.conftest import StartServer
from tests.support.servers import QueueServer


def with_link(server: QueueServer, test: Callable[[AsyncLink], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        link = AsyncLink(server.url, Keys(), timeout_s=1.0)
        try:
            await test(link)
        finally:
            await link.aclose()

    asyncio.run(run())


def info(server: QueueServer, section: str, field: str) -> int:
    with server.client() as client:
        return int(client.info(section)[field])


def test_every_caller_gets_its_own_replies_over_few_connections(start_server: StartServer) -> None:
    server = start_server()

    async def test(link: AsyncLink) -> None:
        async def one(number: int) -> None:
            name = f"key-{number}"
            assert await link.exchange([["SET", name, str(number)], ["GET", name]]) == [
                b"OK",
                str(number).encode(),
            ]

        await asyncio.gather(*(one(number) for number in range(300)))
        # Those of the link, and of the client that asks.
        assert info(server, "clients", "connected_clients") <= CONNECTIONS + 1

    with_link(server, test)


def test_many_callers_cost_few_reads_of_the_server(start_server: StartServer) -> None:
    server = start_server()

    async def test(link: AsyncLink) -> None:
        await link.ask("PING")
        with server.client() as client:
            before = client.info("stats").get("total_reads_processed")
            await asyncio.gather(*(link.ask("ECHO", str(number)) for number in range(200)))
            after = client.info("stats").get("total_reads_processed")
        assert after - before < 40  # with one trip each it would be 200

    with_link(server, test)


def test_an_error_is_its_own_callers_alone(start_server: StartServer) -> None:
    server = start_server()

    async def test(link: AsyncLink) -> None:
        results = await asyncio.gather(
            link.ask("SET", "text", "x"),
            link.ask("INCR", "text"),
            link.ask("GET", "text"),
            return_exceptions=True,
        )
        assert (results[0], results[2]) == (b"OK", b"x")
        assert isinstance(results[1], QueueUnavailable)

    with_link(server, test)


def test_images_travel_side_by_side_so_that_they_share_a_write_to_the_disk(start_server: StartServer) -> None:
    server = start_server()

    async def test(link: AsyncLink) -> None:
        await link.ask("PING")
        server.pause()
        images = [asyncio.ensure_future(link.ask("SET", str(n), b"x" * 30_000)) for n in range(CONNECTIONS)]
        await asyncio.sleep(0.05)
        server.resume()
        await asyncio.gather(*images)
        assert info(server, "clients", "connected_clients") == CONNECTIONS + 1

    with_link(server, test)


def test_what_is_large_goes_alone(start_server: StartServer) -> None:
    server = start_server()

    async def test(link: AsyncLink) -> None:
        large = b"x" * (LARGE_BYTES + 1)
        written, small = await asyncio.gather(link.ask("SET", "large", large), link.ask("ECHO", "small"))
        assert (written, small) == (b"OK", b"small")
        assert await link.ask("STRLEN", "large") == len(large)

    with_link(server, test)


def test_whoever_gave_up_before_it_left_is_left_behind(start_server: StartServer) -> None:
    server = start_server()

    async def test(link: AsyncLink) -> None:
        await asyncio.gather(*(link.ask("PING") for _ in range(CONNECTIONS)))
        server.pause()
        away = []
        for _ in range(CONNECTIONS):
            away.append(asyncio.ensure_future(link.ask("PING")))
            await asyncio.sleep(0.02)  # it has left: the next one needs another connection
        image = b"x" * 10_000
        held = sys.getrefcount(image)
        waiting = asyncio.ensure_future(link.ask("SET", "given-up", image))
        await asyncio.sleep(0.01)
        assert sys.getrefcount(image) > held
        waiting.cancel()
        await asyncio.wait([waiting])
        del waiting
        assert sys.getrefcount(image) == held, "it is not held until a trip comes back"
        server.resume()
        await asyncio.gather(*away)
        assert await link.ask("EXISTS", "given-up") == 0

    with_link(server, test)


def test_a_server_that_hangs_is_told_to_all_and_the_next_is_answered(
    start_server: StartServer,
) -> None:
    server = start_server()

    async def test(link: AsyncLink) -> None:
        await link.ask("PING")
        server.pause()
        told = await asyncio.gather(*(link.ask("PING") for _ in range(5)), return_exceptions=True)
        assert all(isinstance(error, QueueUnavailable) for error in told)
        server.resume()
        assert await link.ask("ECHO", "again") == b"again"

    with_link(server, test)


def test_a_server_that_was_restarted_is_found_without_an_error(start_server: StartServer) -> None:
    server = start_server()

    async def test(link: AsyncLink) -> None:
        await asyncio.gather(*(link.ask("PING") for _ in range(CONNECTIONS)))
        server.kill()
        server.start()
        await asyncio.sleep(0.05)  # the news of the closed connections is in
        assert await link.ask("ECHO", "back") == b"back"

    with_link(server, test)


def test_what_cannot_be_sent_is_told_to_who_sent_it(start_server: StartServer) -> None:
    server = start_server()

    async def test(link: AsyncLink) -> None:
        with pytest.raises(UnicodeEncodeError):
            await asyncio.wait_for(link.ask("ECHO", "\ud800"), 5)
        assert await link.ask("ECHO", "next") == b"next"

    with_link(server, test)


@pytest.fixture
def resetting() -> Iterator[tuple[str, threading.Event]]:
    """The URL of a server that answers once on each connection and resets it when told, as a firewall does to
    an idle one."""
    now = threading.Event()

    def serve() -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                connection, _ = listener.accept()
                connection.recv(1 << 16)
                connection.sendall(b"+PONG\r\n")
                now.wait()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0", now
        now.set()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_that_was_reset_between_two_trips_is_told_and_made_anew(
    run: Callable[[Coroutine[Any, Any, None]], None], resetting: tuple[str, threading.Event]
) -> None:
    url, now = resetting

    async def test() -> None:
        link = AsyncLink(url, Keys(), timeout_s=5.0)
        try:
            assert await link.ask("PING") == b"PONG"
            now.set()
            await asyncio.sleep(0.05)  # the news of the reset is in
            with pytest.raises(QueueUnavailable):
                await asyncio.wait_for(link.ask("PING"), 2)
            assert await asyncio.wait_for(link.ask("PING"), 2) == b"PONG"
        finally:
            await link.aclose()

    run(test())
