"""Whether there is room for an image before its body is read: asked of the queue, or known from what it said
last.

Each image that is stored comes back with how full the queue and its line then are. While that is far from
full, a look before the next one would cost a round trip and tell nothing; submit decides in any case.
"""

from __future__ import annotations

from time import monotonic

from api.promptly import promptly
from inspector.queue.base import Producer

ROOMY = 0.5
"""Of the fullest budget: up to here the next images are read without a look."""

FRESH_S = 0.25
"""So long it is believed: cameras fill half a budget in no such time."""

LINES = 1000
"""That are remembered; a client may name as many as it likes."""


class Room:
    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._roomy_until: dict[str, float] = {}

    async def require(self, line: str, image_bytes: int) -> None:
        """Raises Busy, LineBusy or QueueUnavailable while nothing has been read yet."""
        if monotonic() > self._roomy_until.get(line, 0.0):
            await promptly(self._producer.require_room(line, image_bytes))

    def saw(self, line: str, fullness: float) -> None:
        """Of a line whose image was just stored."""
        self._roomy_until.pop(line, None)
        if fullness <= ROOMY:
            if len(self._roomy_until) >= LINES:
                del self._roomy_until[next(iter(self._roomy_until))]  # the one heard of longest ago
            self._roomy_until[line] = monotonic() + FRESH_S
