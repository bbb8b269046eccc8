"""The request body: read as a stream with a cap, hashed as it comes, compared with what was announced.

Where it goes meanwhile: api/blobs.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from api import parameters
from api.blobs import Receiving
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


def announced(request: Request, limit: int) -> int:
    """The bytes that Content-Length announces, 0 when it does not. Raises ImageTooLarge, with none read."""
    length = parameters.content_length(request.headers)
    if length is not None and length > limit:
        raise ImageTooLarge(f"{length:,} bytes are announced; at most {limit:,} are accepted")
    return length or 0


async def read(
    request: Request,
    came: Callable[[int], None],
    received: Receiving,
    *,
    limit: int,
    patience: Patience,
) -> None:
    """The whole body, as announced, into `received`. `came` is told the size of each piece, and may refuse
    it.

    Raises EmptyBody, ImageTooLarge (no more than `limit` bytes are ever held), SlowBody (it stopped, or
    trickles), LengthMismatch (the client went away), DigestMismatch, StoreUnavailable.
    """
    digest = parameters.content_digest(request.headers)
    try:
        await _collect(request, came, received, limit, patience)
    except ClientDisconnect:
        raise LengthMismatch("the connection ended before the body did") from None
    if not received.size:
        raise EmptyBody("the body is empty")
    await received.end()
    if digest is not None and digest.hex() != received.sha256:
        raise DigestMismatch(f"the body's sha-256 is {received.sha256}, not {digest.hex()} as announced")


async def _collect(
    request: Request, came: Callable[[int], None], received: Receiving, limit: int, patience: Patience
) -> None:
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(started + patience.limit_s(0)) as deadline:
            async for chunk in request.stream():
                if received.size + len(chunk) > limit:
                    raise ImageTooLarge(f"the body is longer than the {limit:,} bytes that are accepted")
                came(len(chunk))
                if received.add(chunk):
                    deadline.reschedule(None)  # a slow disk is no fault of the client's
                    await received.pass_on()
                deadline.reschedule(started + received.waited_s + patience.limit_s(received.size))
    except TimeoutError:
        raise SlowBody(
            f"{received.size:,} bytes came within {patience.limit_s(received.size):.3g} s, and not the whole"
        ) from None
