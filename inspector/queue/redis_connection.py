"""Connections to Redis or Valkey, sync and async: when they give up, what they retry, how their errors read.

Lazy: nothing connects before the first command, and a connection that broke is made anew by the next one.
The client's own retries are off (its default of ten can XADD twice after one lost reply). Instead, a script
is run once more after a connection broke: each of them may be. Where the primary can move (Sentinel,
cluster), it is looked for again when a connection breaks, when a server says that it is the primary no more,
and every two seconds: one that was replaced while it hung comes back without knowing it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from inspector.errors import QueueUnavailable, SettingsError
from inspector.queue.ending import end
from inspector.queue.keys import Keys
from inspector.queue.primary import Primary, place, primary_of, without_password
from inspector.queue.scripting import Call, Command, Conversation, Reply, plain, run
from inspector.queue.trips import CONNECTIONS, Trips, size_of

CONNECT_TIMEOUT_S = 1.0
"""A server on the same network answers a connect within milliseconds or not at all."""

COMMAND_TIMEOUT_S = 3.0
"""Covers a 32 MiB image and its fsync on a busy disk (65 images/s of 2 MB were seen), and no more: a waiting
camera is better off with an error that it can act on."""

BLOCK_S = 1.0
"""How long one blocking read asks the server to wait. Below the reader's socket timeout, else it may hang."""

READER_TIMEOUT_S = BLOCK_S + 2.0

LARGE_BYTES = 1 << 20
"""Above it an image does not hold up a connection that small ones wait for."""

POOL_SIZE = 32
"""Connections of one gateway for what travels alone (large images, and what waits for replicas): the server
executes one command at a time, so more would only queue there, not here."""


MOVED_AWAY = (ReadOnlyError, AskError, ClusterDownError, MasterDownError)
"""What a server says that is not, or not yet, the primary of the queue. (MOVED is an AskError here.)"""

WITHOUT_REPLICAS = "NOREPLICAS"
"""What one says at D3 that its replicas have left: most likely for another primary."""

LOOK_AGAIN_S = 2.0
"""Between looks for a primary that can move while the known one answers. Sentinels leave one alone for some
ten seconds that hung and came back, and it would show yesterday's states all that time."""

LOOKING_SHARE = 0.1
"""Of the time, at most, when those who are asked answer slowly."""


class Lookout:
    """Where the primary was when it was last looked for, and whether to look again."""

    def __init__(self, primary: Primary) -> None:
        self.primary = primary
        self._next = 0.0

    def find(self) -> str:
        """Its URL. Blocks; raises redis.ConnectionError when nobody knows it."""
        began = time.monotonic()
        try:
            return self.primary.find()
        finally:
            now = time.monotonic()
            self._next = now + max(LOOK_AGAIN_S, (now - began) / LOOKING_SHARE)

    @property
    def due(self) -> bool:
        return self.primary.moves and time.monotonic() >= self._next


class Link:
    """Commands from one thread."""

    def __init__(self, url: str, keys: Keys, timeout_s: float = COMMAND_TIMEOUT_S) -> None:
        self._lookout = Lookout(_primary(url, keys))
        self._timeout_s = timeout_s
        self._connection: Any = None  # not all of the client's is annotated
        self._url = ""

    def ask(self, *command: str | bytes | int) -> Reply:
        return self.exchange([command])[0]

    def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """One round trip. Raises QueueUnavailable; a ServerRefusal is one."""
        with translated():
            return self._drive(plain(commands))

    def run(self, calls: Sequence[Call]) -> list[Reply]:
        """Scripts, in one round trip, once more if the connection broke."""
        with translated():
            try:
                return self._drive(run(calls))
            except redis.ConnectionError:
                return self._drive(run(calls))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None

    def _drive(self, conversation: Conversation) -> list[Reply]:
        commands = next(conversation)
        while True:
            try:
                commands = conversation.send(self._send(commands))
            except StopIteration as end:
                return cast("list[Reply]", end.value)

    def _send(self, commands: Sequence[Command]) -> list[Reply]:
        connection = self._opened()
        try:
            if connection.is_connected and _was_closed(connection):
                connection.disconnect()
            connection.connect()
            connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            return _at_the_primary(self._lookout.primary, [_reply(connection) for _ in commands])
        except (redis.ConnectionError, redis.TimeoutError):
            connection.disconnect()
            if self._lookout.primary.moves:
                self.close()
            raise
        except BaseException:
            connection.disconnect()  # what is on its way back would be taken for other commands' replies
            raise

    def _opened(self) -> Any:
        if self._connection is not None and self._lookout.due:
            self._look_again()
        if self._connection is None:
            self._url, options = self._lookout.find(), _options(self._timeout_s)
            pool = redis.ConnectionPool.from_url(self._url, **options, retry=Retry(NoBackoff(), 0))
            self._connection = pool.make_connection()
        return self._connection

    def _look_again(self) -> None:
        with suppress(redis.ConnectionError):  # nobody knows: what answers is kept
            if self._lookout.find() != self._url:
                self.close()


class AsyncLink:
    """Commands from one event loop. What fits travels together (trips.py), on as many `connections`; a large
    image, and what waits for replicas, alone."""

    def __init__(
        self,
        url: str,
        keys: Keys,
        timeout_s: float = COMMAND_TIMEOUT_S,
        connections: int = CONNECTIONS,
    ) -> None:
        self._lookout = Lookout(_primary(url, keys))
        self._timeout_s = timeout_s
        self._connections = connections
        self._client: redis.asyncio.Redis | None = None
        self._trips: Trips | None = None
        self._url = ""
        self._opening = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None

    @property
    def primary(self) -> Primary:
        return self._lookout.primary

    async def ask(self, *command: str | bytes | int) -> Reply:
        return (await self.exchange([command]))[0]

    async def exchange(self, commands: Sequence[Command], absent: str = "") -> list[Reply]:
        """One round trip; `absent` as in scripting.plain. Raises QueueUnavailable."""
        with translated():
            return (await self._drive(plain(commands, absent)))[1]

    async def run(self, calls: Sequence[Call], then: Sequence[Command] = ()) -> list[Reply]:
        """Scripts, in one round trip, once more if the connection broke. `then` as in scripting.run."""
        return (await self.run_at(calls, then))[1]

    async def run_at(
        self, calls: Sequence[Call], then: Sequence[Command] = (), first: Sequence[Command] = ()
    ) -> tuple[str, list[Reply]]:
        """As run, with HOST:PORT of the server that answered; all ran there, on one connection. `first` as in
        scripting.run."""
        with translated():
            try:
                return await self._drive(run(calls, then, first), alone=bool(then or first))
            except redis.ConnectionError:
                return await self._drive(run(calls, then, first), alone=bool(then or first))

    async def look_again(self) -> None:
        """Whether the primary is another one by now; what hangs on the old one is then cut."""
        client, url = self._client, self._url
        with suppress(redis.ConnectionError):  # nobody knows: what answers is kept
            if await asyncio.to_thread(self._lookout.find) != url:
                await self._drop(client)

    async def aclose(self) -> None:
        if self._looking is not None:
            await end([self._looking])
        await self._drop(self._client)

    async def _drive(self, conversation: Conversation, *, alone: bool = False) -> tuple[str, list[Reply]]:
        commands = next(conversation)
        while True:
            client, trips = await self._opened()
            try:
                commands = conversation.send(await self._send(client, trips, commands, alone=alone))
            except StopIteration as end:
                return _place_of(client), cast("list[Reply]", end.value)

    async def _send(
        self, client: redis.asyncio.Redis, trips: Trips, commands: Sequence[Command], *, alone: bool
    ) -> list[Reply]:
        try:
            if alone or size_of(commands) > LARGE_BYTES:
                replies = await _pipelined(client, commands)
            else:
                replies = await trips.exchange(commands)
            return _at_the_primary(self._lookout.primary, replies)
        except (redis.ConnectionError, redis.TimeoutError):
            if self._lookout.primary.moves:
                await self._drop(client)
            raise

    async def _opened(self) -> tuple[redis.asyncio.Redis, Trips]:
        if self._client is not None and self._trips is not None:
            if self._lookout.due and (self._looking is None or self._looking.done()):
                # Beside the commands, which need not wait for it.
                self._looking = asyncio.create_task(self.look_again())
            return self._client, self._trips
        async with self._opening:  # the first one looks, the others wait for what it finds
            if self._client is None or self._trips is None:
                moves = self._lookout.primary.moves
                self._url = await asyncio.to_thread(self._lookout.find) if moves else self._lookout.find()
                self._client = self._open(self._url)
                self._trips = Trips(_pool(self._url, None), self._timeout_s, self._connections)
            return self._client, self._trips

    def _open(self, url: str) -> redis.asyncio.Redis:
        client = redis.asyncio.Redis.from_pool(_pool(url, self._timeout_s))
        client.response_callbacks.clear()
        return client

    async def _drop(self, client: redis.asyncio.Redis | None) -> None:
        """Unless another command has dropped it already."""
        if client is not None and self._client is client:
            trips, self._client, self._trips = self._trips, None, None
            try:
                await client.aclose()
            finally:  # whoever drops it may be out of time
                if trips is not None:
                    await trips.aclose()


def _was_closed(connection: Any) -> bool:
    """By the server, while nothing was asked: then there is an end to read, or reading it is an error."""
    try:
        return bool(connection.can_read())
    except redis.ConnectionError:
        return True


def _pool(url: str, timeout_s: float | None) -> redis.asyncio.ConnectionPool:
    return redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=POOL_SIZE,
        timeout=CONNECT_TIMEOUT_S,
        **_options(timeout_s),
        retry=AsyncRetry(NoBackoff(), 0),
    )


def _reply(connection: Any) -> Reply:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


async def _pipelined(client: redis.asyncio.Redis, commands: Sequence[Command]) -> list[Reply]:
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    replies: list[Reply] = await pipeline.execute(raise_on_error=False)
    return replies


class ServerRefusal(QueueUnavailable):
    """The server answered, with an error. `kind` is its first word: OOM, NOGROUP, LOADING, READONLY, ..."""

    def __init__(self, message: str) -> None:
        super().__init__(f"the queue server refused a command: {message}")
        self.kind = message.partition(" ")[0]


WORDLESS = {redis.OutOfMemoryError: "OOM", NoPermissionError: "NOPERM"}
"""Errors whose first word the client cuts off."""


@contextmanager
def translated() -> Iterator[None]:
    """Redis's errors, as ours."""
    try:
        yield
    except tuple(WORDLESS) as error:
        raise ServerRefusal(f"{WORDLESS[type(error)]} {error}") from error
    except redis.AuthenticationError as error:
        said = str(error).rstrip(".")
        raise QueueUnavailable(f"the queue server refused the user or password: {said}") from error
    except (redis.ConnectionError, redis.TimeoutError, TimeoutError, OSError) as error:
        raise QueueUnavailable(f"the queue server does not answer: {str(error) or 'time is up'}") from error
    except RedisError as error:
        raise ServerRefusal(str(error)) from error


def _primary(url: str, keys: Keys) -> Primary:
    """Of that shard. Raises SettingsError."""
    try:
        return primary_of(url, keys.work)
    except ValueError as error:
        raise SettingsError(
            f"{without_password(url)!r} is not the URL of a Redis or Valkey server: {error}"
        ) from error


def _place_of(client: redis.asyncio.Redis) -> str:
    """HOST:PORT; of a Unix socket, its path."""
    to = client.connection_pool.connection_kwargs
    return str(to["path"]) if "path" in to else place(str(to["host"]), int(to["port"]))


def _at_the_primary(primary: Primary, replies: list[Reply]) -> list[Reply]:
    """Raises redis.ConnectionError where the primary may be elsewhere by now: to be looked for again."""
    away = [reply for reply in replies if _is_away(reply)] if primary.moves else []
    if away:
        raise redis.ConnectionError(f"the primary has moved, or is not whole: {away[0]}")
    return replies


def _is_away(reply: Reply) -> bool:
    return isinstance(reply, MOVED_AWAY) or (
        isinstance(reply, ResponseError) and str(reply).startswith(WITHOUT_REPLICAS)
    )


def _options(timeout_s: float | None) -> dict[str, Any]:
    return {
        "protocol": 2,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "driver_info": None,  # else two more commands at every connect
    }
