"""Whether there is room for an image before its body is read: asked of the queue, or known from what it said
last.

Each image that is stored comes back with how full the queue and its line then are. While that is far from
full, a look before the next one would cost a round trip and tell nothing; submit decides in any case. While
workers have more than they can do, an image that has a deadline is looked at nevertheless (admission.py).
"""

from __future__ import annotations

from time import monotonic

from api.admission import Admission, Hurry
from api.promptly import promptly
from inspector.queue.base import Producer, Submission

ROOMY = 0.5
"""Of the fullest budget: up to here the next images are read without a look."""

FRESH_S = 0.25
"""So long it is believed: cameras fill half a budget in no such time."""

LINES = 1000
"""That are remembered; a client may name as many as it likes."""


class Room:
    def __init__(self, producer: Producer, admission: Admission) -> None:
        self._producer = producer
        self._admission = admission
        self._roomy_until: dict[str, float] = {}

    async def require(self, line: str, image_bytes: int, hurry: Hurry | None) -> None:
        """Raises Busy, LineBusy, NotInTime or QueueUnavailable while nothing has been read yet."""
        if self._admission.most_ahead(hurry) is None:
            hurry = None
        if hurry is None and monotonic() <= self._roomy_until.get(line, 0.0):
            return
        deadline = hurry.deadline if hurry else None
        load = await promptly(self._producer.require_room(line, image_bytes, deadline))
        self._admission.saw_load(line, load)
        if hurry is not None:
            self._admission.require(hurry, load)

    def saw(self, line: str, submission: Submission) -> None:
        """Of a line whose image was just stored."""
        if submission.load is not None:
            self._admission.saw_load(line, submission.load)
        self._roomy_until.pop(line, None)
        if submission.fullness <= ROOMY:
            if len(self._roomy_until) >= LINES:
                del self._roomy_until[next(iter(self._roomy_until))]  # the one heard of longest ago
            self._roomy_until[line] = monotonic() + FRESH_S
