"""How many images a second the workers finish when they have their hands full; None where nothing tells.

    what looks and submits say ───> told      does anybody wait for a worker?
    outcomes, as they come ───────> finished  how many in each tenth of a second of such a spell

Only a busy spell says what workers can do: at other times they do what comes. A spell begins when images wait
for a worker, and ends when none does, or when nothing is finished for a while: workers that stand still, or
all hold an image that takes seconds, show no pace. While none is known nobody is refused, so that every doubt
lets an image in.

All times are the queue's clock's, but for how long a pace is believed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

from inspector.queue.base import Load

SLOT_MS = 100
SHORT = 5
"""Slots: with half a second a pace is known, and is soon known to have risen."""

LONG = 20
"""Slots: the pace is that of the last two seconds, or of the last SHORT where that is higher."""

FEWEST = 8
"""Outcomes that a pace is read from."""

STANDSTILL = 5
"""Slots without an outcome that end a spell."""

BELIEVED_S = 2.0
"""So long after it was read: then workers may have come or gone."""

ENOUGH_IN_HAND = 0.25
"""Of what workers hold when their hands are full: on a CPU still an image a core."""

ENOUGH_S = 10.0
"""So long after images waited that is enough: where deadlines are short, refusals leave nobody waiting, and
the workers as busy as before."""


class Pace:
    """Of one shard. Touched from the event loop only."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """`clock` gives seconds; tests may turn it."""
        self._clock = clock
        self._told = Load(0, 0, 0)
        self._depth = 0
        """As told, less what was finished since."""
        self._counts: deque[int] | None = None
        """Outcomes of each slot of the spell, the one that runs last; None: no spell."""
        self._slot = 0
        """That runs: its number since 1970."""
        self._slack_slot = 0
        """The last one in which nobody waited."""
        self._hands = 0
        """Images in flight when they were full."""
        self._hands_until = 0.0
        self._per_second = 0.0
        self._believed_until = 0.0

    @property
    def per_second(self) -> float | None:
        return self._per_second if self._clock() < self._believed_until else None

    def told(self, load: Load) -> None:
        """Of how much work there was, before the image that asked."""
        if load.at_ms < self._told.at_ms:
            return  # overtaken on its way
        self._told, self._depth = load, load.depth
        self._look(load.at_ms)
        if self._counts is None and self._busy():
            self._begin(load.at_ms)

    def finished(self, at_ms: int, *, worked: bool) -> None:
        """An outcome; `worked`: a worker did something for it, it did not just expire."""
        if at_ms > self._told.at_ms:
            self._depth -= 1
        if self._counts is None:
            return
        if worked:
            self._count(at_ms // SLOT_MS)
        self._look(at_ms)

    def _waits(self) -> bool:
        return self._depth > self._told.in_flight

    def _busy(self) -> bool:
        enough = self._depth >= ENOUGH_IN_HAND * self._hands
        return self._waits() or (enough and self._clock() < self._hands_until)

    def _look(self, at_ms: int) -> None:
        if not self._waits():
            self._slack_slot = at_ms // SLOT_MS
        if not self._busy():
            self._counts = None

    def _begin(self, at_ms: int) -> None:
        """With the next slot, since it counts from its beginning."""
        self._slot = at_ms // SLOT_MS + 1
        self._counts = deque([0], maxlen=LONG + 1)

    def _count(self, slot: int) -> None:
        assert self._counts is not None  # noqa: S101 - asked before
        if slot < self._slot:
            return  # from before the spell, or read behind its time
        if slot - self._slot > STANDSTILL:
            self._begin(slot * SLOT_MS)
            return
        if slot > self._slot:
            self._counts.extend([0] * (slot - self._slot))
            self._slot = slot
            self._read([*self._counts][:-1])
        self._counts[-1] += 1

    def _read(self, complete: list[int]) -> None:
        if len(complete) < SHORT or sum(complete) < FEWEST:
            return
        means = (sum(part) / len(part) for part in (complete, complete[-SHORT:]))
        self._per_second = max(means) * 1000 / SLOT_MS
        self._believed_until = self._clock() + BELIEVED_S
        if self._slot - self._slack_slot > SHORT:
            self._hands = self._told.in_flight
            self._hands_until = self._clock() + ENOUGH_S
