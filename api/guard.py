"""What one client may hold of the server: the HTTP protocol of uvicorn, with deadlines and limits of its own.

uvicorn waits for ever for a request's head, takes one of any size, keeps any number of connections, and waits
for ever for a client to read its answer. A camera's connection is in one of these states, and each one ends:

    waiting for a head      head_s from the first byte (or the connect) to the empty line; the Crowd's limits
    head complete           the body: api/body.py has its deadline and least rate, and its size
    answered early          LINGER for the rest of a body that nobody reads any more
    being answered          STALL without one byte taken off our hands
    idle                    uvicorn's keep-alive time

Cut off first is who has waited longest for a whole head: a real request needs milliseconds for it, so neither
a crowd of tricklers nor one address with too many connections keeps real requests out.
"""

from __future__ import annotations

import asyncio
import json
import resource
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, NoReturn

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api import problems

HEAD_LINES = 100
"""Headers of one request; browsers and proxies send some thirty."""

HEAD_BYTES = 32 << 10
"""Of request line and headers together; a query of this API with every parameter has under 2 kB."""

PIPELINED = 16
"""Requests that may wait behind the one that is answered, on one connection. No usual client sends any."""

CHUNK_OVERHEAD = 16
"""Bytes of framing that a chunked body may have for each byte of content, beyond HEAD_BYTES: one byte a chunk
has five. More is chunk extensions or trailers, which nothing here reads."""

LINGER = timedelta(seconds=5)
"""For what still comes of a request that has its answer."""

STALL = timedelta(seconds=30)
"""For a client that reads nothing of its answer, not even one byte."""

SPARE_FILES = 128
"""File descriptors besides connections: Redis, logs, the metrics port."""


_HEAD_TOO_LARGE = (
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"request line and headers are more than {HEAD_BYTES:,} bytes or {HEAD_LINES} lines",
)


@dataclass(frozen=True, slots=True)
class Limits:
    head_s: float
    connections: int
    """All of them together."""
    waiting_per_address: int
    """Of one address, without a whole request head."""


class Crowd:
    """All connections, and which of them wait for a request's head, the longest first."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._open: set[Guarded] = set()
        self._waiting: OrderedDict[Guarded, None] = OrderedDict()
        self._by_address: defaultdict[str, OrderedDict[Guarded, None]] = defaultdict(OrderedDict)
        self.cut = 0
        """Connections ended to make room."""

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, one: Guarded) -> bool:
        """False when every place is taken by a request under way."""
        if len(self._open) >= self.limits.connections and not self._cut_first(self._waiting):
            return False
        self._open.add(one)
        self.waits(one)
        return True

    def waits(self, one: Guarded) -> None:
        """It has no whole request head now; may cut off another one of its address."""
        if one not in self._open:
            return
        neighbours = self._by_address[one.address]
        neighbours[one] = self._waiting[one] = None
        if len(neighbours) > self.limits.waiting_per_address:
            self._cut_first(neighbours)

    def works(self, one: Guarded) -> None:
        """Its request's head is complete."""
        self._waiting.pop(one, None)
        neighbours = self._by_address.get(one.address)
        if neighbours is not None:
            neighbours.pop(one, None)
            if not neighbours:
                del self._by_address[one.address]

    def leave(self, one: Guarded) -> None:
        self.works(one)
        self._open.discard(one)

    def _cut_first(self, among: OrderedDict[Guarded, None]) -> bool:
        first = next(iter(among), None)
        if first is None:
            return False
        self.cut += 1
        self.leave(first)
        first.cut()
        return True


class Guarded(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        crowd: Crowd,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.address = ""
        self._crowd = crowd
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._in_head = True
        self._body_came = True
        """Of the request that the parser is at, or was at last."""
        self._messages = 0
        self._heads = 0
        """Whole ones, of all requests so far."""
        self._lines = 0
        self._head = 0
        """Bytes of the request line and the headers that are complete."""
        self._raw = 0
        """Bytes of a head that is not complete."""
        self._content = 0
        self._framing = 0
        """Bytes of a body that are no content of it."""
        self._refusal = (HTTPStatus.BAD_REQUEST, "the bytes are no HTTP request")

    # --- the connection -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        if self._crowd.enter(self):
            self._end_in(self._crowd.limits.head_s, self._head_is_late)
        else:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "as many connections as can be are open")

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.leave(self)
        self._end_never()
        self._stop_watching_the_reader()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return  # cut off; what was on its way changes nothing
        if self._in_head and self._deadline is None:  # the first bytes of another request
            self._end_in(self._crowd.limits.head_s, self._head_is_late)
        in_head, messages, heads, content = self._in_head, self._messages, self._heads, self._content
        super().data_received(data)
        # A request may come whole in one piece, its body with it: then there was a head and it is over.
        if self._in_head and in_head and heads == self._heads:
            self._raw += len(data)
            if self._raw > HEAD_BYTES:
                self._refuse(*_HEAD_TOO_LARGE)
        elif not self._in_head and messages == self._messages and not in_head:
            self._framing += len(data) - (self._content - content)
            if self._framing > HEAD_BYTES + CHUNK_OVERHEAD * self._content:
                self._refuse(HTTPStatus.BAD_REQUEST, "the chunks of the body hold next to nothing")

    def cut(self) -> None:
        """To make room for others."""
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "others came, and this connection waited longest")

    # --- the parser's callbacks; raising in one of them makes uvicorn call send_400_response --------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._messages += 1
        self._lines = self._head = self._raw = self._content = self._framing = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of the head, and of trailers behind a chunked body."""
        self._lines += 1
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > HEAD_BYTES or self._lines > HEAD_LINES:
            self._give_up(*_HEAD_TOO_LARGE)

    def _give_up(self, status: HTTPStatus, detail: str) -> NoReturn:
        self._refusal = (status, detail)
        raise ValueError(detail)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= PIPELINED:
            self._give_up(HTTPStatus.BAD_REQUEST, f"more than {PIPELINED} requests came without waiting")
        self._in_head = self._body_came = False
        self._heads += 1
        self._raw = 0
        self._end_never()
        self._crowd.works(self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._content += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        answered = self.cycle is not None and self.cycle.response_complete
        super().on_message_complete()
        self._body_came = self._in_head = True
        if answered:  # uvicorn's own keep-alive timer went with the bytes that came behind the answer
            self._next_request()

    def on_response_complete(self) -> None:
        more = bool(self.pipeline)
        super().on_response_complete()
        if more or self.transport.is_closing():
            return
        if self._body_came:
            self._crowd.waits(self)
        else:
            self._end_in(LINGER.total_seconds(), self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        self._refuse(*self._refusal)

    # --- the answer ---------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall is None:
            self._watch_the_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_watching_the_reader()

    def _watch_the_reader(self, held: int) -> None:
        self._stall = self.loop.call_later(STALL.total_seconds(), self._look_at_the_reader, held)

    def _look_at_the_reader(self, held: int) -> None:
        now = self.transport.get_write_buffer_size()
        if now >= held:
            self.transport.abort()
        else:
            self._watch_the_reader(now)

    def _stop_watching_the_reader(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    # --- deadlines ----------------------------------------------------------------------------------------

    def _next_request(self) -> None:
        self._crowd.waits(self)
        self._end_in(self._crowd.limits.head_s, self._head_is_late)

    def _head_is_late(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT,
            f"no whole request head came within {self._crowd.limits.head_s:g} s",
        )

    def _end_in(self, seconds: float, end: Callable[[], None]) -> None:
        self._end_never()
        self._deadline = self.loop.call_later(seconds, end)

    def _end_never(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer and close."""
        late = status is HTTPStatus.REQUEST_TIMEOUT
        if not self.transport.is_closing() and self._may_answer(late=late):
            self.transport.write(_answer(status, detail))
        self.transport.close()

    def _may_answer(self, *, late: bool) -> bool:
        """Not into an answer that has begun. Being late answers neither silence nor an earlier request."""
        under_way = self.cycle is not None and not self.cycle.response_complete
        if late:
            return self._raw > 0 and not under_way
        return not (under_way and self.cycle.response_started)


def _answer(status: HTTPStatus, detail: str) -> bytes:
    """A problem document before there is an application to give one."""
    other = problems.OTHER_HTTP
    document = {
        "type": other.uri,
        "title": other.title,
        "status": status.value,
        "detail": detail,
        "instance": "",
        "advice": other.advice,
    }
    content = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {problems.MEDIA_TYPE}\r\n"
        f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + content


def files_for(connections: int) -> int:
    """How many connections there can be, `connections` at most: the limit of open files is raised for them as
    far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(connections, soft - SPARE_FILES)
