"""Commands of many callers on few connections: what comes while they are away goes together on the next trip.

A command leaves at once while a connection is free. Beyond that, one write carries what a dozen small
requests want, and one read brings the replies. An image goes alone: in one turn of its loop the server takes
a piece of each connection, and makes durable together what came whole by it. Images on connections of their
own share that; images behind each other on one connection cost it for each. Order holds within one caller's
commands, as in a pipeline of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import redis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ResponseError

from inspector.queue.ending import end
from inspector.queue.scripting import Command, Reply

CONNECTIONS = 16
"""So many images share one write to the disk, which takes 30 ms on a busy one."""

LOAD_BYTES = 16 << 10
"""Of one trip: what the server reads of a connection in one turn."""


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """One caller's commands."""

    commands: Sequence[Command]
    size: int
    replies: asyncio.Future[list[Reply]]


def size_of(commands: Sequence[Command]) -> int:
    """Bytes, roughly: numbers do not matter."""
    return sum(len(word) for command in commands for word in command if not isinstance(word, int))


class Trips:
    """From one event loop."""

    def __init__(self, pool: ConnectionPool, timeout_s: float, connections: int = CONNECTIONS) -> None:
        """`pool` makes the connections; they have no time limit of their own: a trip has one."""
        self._timeout_s = timeout_s
        self._waiting: deque[Parcel] = deque()
        make = cast(Callable[[], AbstractConnection], pool.make_connection)  # not annotated
        self._free = [make() for _ in range(connections)]
        self._all = tuple(self._free)
        self._away: set[asyncio.Task[None]] = set()

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """An error of the server stands in its place. Raises redis.ConnectionError, redis.TimeoutError; then
        they may have been done."""
        parcel = Parcel(commands, size_of(commands), asyncio.get_running_loop().create_future())
        self._waiting.append(parcel)
        if self._free:
            task = asyncio.create_task(self._travel(self._free.pop()))
            self._away.add(task)
            task.add_done_callback(self._away.discard)
        try:
            return await parcel.replies
        except asyncio.CancelledError:
            with suppress(ValueError):  # it has left
                self._waiting.remove(parcel)  # its image is held no longer
            raise

    async def aclose(self) -> None:
        _fail(self._waiting, redis.ConnectionError("the connection was closed"))
        self._waiting.clear()
        await end(list(self._away))
        for connection in self._all:
            await connection.disconnect(nowait=True)

    async def _travel(self, connection: AbstractConnection) -> None:
        """While anything waits."""
        try:
            while parcels := self._load():
                await self._trip(connection, parcels)
        finally:
            self._free.append(connection)

    def _load(self) -> list[Parcel]:
        """What goes next; whoever gave up waiting before it left is left behind."""
        parcels: list[Parcel] = []
        size = 0
        while self._waiting and (not parcels or size + self._waiting[0].size <= LOAD_BYTES):
            parcel = self._waiting.popleft()
            if not parcel.replies.done():
                parcels.append(parcel)
                size += parcel.size
        return parcels

    async def _trip(self, connection: AbstractConnection, parcels: Sequence[Parcel]) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await _connect(connection)
                packed: list[bytes] = []
                for parcel in parcels:
                    for command in parcel.commands:
                        packed += connection.pack_command(*command)
                await connection.send_packed_command(packed, check_health=False)
                for parcel in parcels:
                    replies = [await _reply(connection) for _ in parcel.commands]
                    if not parcel.replies.done():
                        parcel.replies.set_result(replies)
        except TimeoutError:
            await _broken(connection, parcels, redis.TimeoutError("time is up"))
        except (redis.RedisError, OSError) as error:
            await _broken(connection, parcels, error)
        except RuntimeError as error:  # uvloop's word for a connection that was reset between two trips
            await _broken(connection, parcels, redis.ConnectionError(str(error)))
        except asyncio.CancelledError:
            await _broken(connection, parcels, redis.ConnectionError("the connection was closed"))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, who waits for replies is told
            await _broken(connection, parcels, error)


async def _connect(connection: Any) -> None:
    """One that the server has closed meanwhile is made anew."""
    if connection.is_connected and await connection.can_read():
        await connection.disconnect(nowait=True)
    if not connection.is_connected:
        await connection.connect()


async def _reply(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


async def _broken(connection: AbstractConnection, parcels: Sequence[Parcel], error: Exception) -> None:
    """What is on its way back would be taken for the next trip's replies."""
    _fail(parcels, error)
    await connection.disconnect(nowait=True)


def _fail(parcels: Sequence[Parcel] | deque[Parcel], error: Exception) -> None:
    for parcel in parcels:
        if not parcel.replies.done():
            parcel.replies.set_exception(error)
