"""Commands of many callers on few connections, on real servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from inspector.errors import QueueUnavailable
from inspector.queue.keys import Keys
from inspector.queue.redis_connection import AsyncLink
from inspector.queue.trips import CONNECTIONS, LOAD_BYTES
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


def test_every_caller_gets_its_own_replies_over_two_connections(start_server: StartServer) -> None:
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


def test_what_is_larger_than_a_load_goes_alone(start_server: StartServer) -> None:
    server = start_server()

    async def test(link: AsyncLink) -> None:
        large = b"x" * (LOAD_BYTES + 1)
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
        waiting = asyncio.ensure_future(link.ask("SET", "given-up", "x"))
        await asyncio.sleep(0.01)
        waiting.cancel()
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
