"""The request body: read as a stream with a cap, hashed as it comes, compared with what was announced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from starlette.requests import ClientDisconnect, Request

from api import parameters
from inspector.errors import DigestMismatch, EmptyBody, ImageTooLarge, LengthMismatch, SlowBody

GRACE_S = 10.0
"""Before the least rate counts: a camera's network may stutter, and a small image has come by then."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a body may take: `timeout_s` as a whole, and `least_rate` bytes a second after GRACE_S."""

    timeout_s: float
    least_rate: int

    def limit_s(self, size: int) -> float:
        """Seconds after its start until which a body may be no longer than `size`."""
        return min(self.timeout_s, GRACE_S + size / self.least_rate)


@dataclass(frozen=True, slots=True)
class Body:
    data: bytes
    sha256: str
    """Hex."""


def announced(request: Request, limit: int) -> int:
    """The bytes that Content-Length announces, 0 when it does not. Raises ImageTooLarge, with none read."""
    length = parameters.content_length(request.headers)
    if length is not None and length > limit:
        raise ImageTooLarge(f"{length:,} bytes are announced; at most {limit:,} are accepted")
    return length or 0


async def read(request: Request, came: Callable[[int], None], *, limit: int, patience: Patience) -> Body:
    """The whole body, as announced. `came` is told the size of each piece, and may refuse it.

    Raises EmptyBody, ImageTooLarge (no more than `limit` bytes are ever held), SlowBody (it stopped, or
    trickles), LengthMismatch (the client went away), DigestMismatch.
    """
    digest = parameters.content_digest(request.headers)
    try:
        body = await _collect(request, came, limit, patience)
    except ClientDisconnect:
        raise LengthMismatch("the connection ended before the body did") from None
    if not body.data:
        raise EmptyBody("the body is empty")
    if digest is not None and digest.hex() != body.sha256:
        raise DigestMismatch(f"the body's sha-256 is {body.sha256}, not {digest.hex()} as announced")
    return body


async def _collect(request: Request, came: Callable[[int], None], limit: int, patience: Patience) -> Body:
    chunks: list[bytes] = []
    size = 0
    hashed = sha256()
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(started + patience.limit_s(0)) as deadline:
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise ImageTooLarge(f"the body is longer than the {limit:,} bytes that are accepted")
                came(len(chunk))
                hashed.update(chunk)
                chunks.append(chunk)
                deadline.reschedule(started + patience.limit_s(size))
    except TimeoutError:
        raise SlowBody(
            f"{size:,} bytes came within {patience.limit_s(size):.3g} s, and not the whole"
        ) from None
    return Body(b"".join(chunks), hashed.hexdigest())
