"""How many bytes of images this gateway holds while they come in; the queue counts them only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from inspector.errors import Busy


class Intake:
    """Counts what came, not what was announced: who announces much and sends little keeps nobody out."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    @contextmanager
    def receiving(self) -> Iterator[Callable[[int], None]]:
        """For the reading of one body: call what it gives with the size of each piece. That raises Busy when
        all bodies together are over the limit. At the end of the block they count no more."""
        mine = 0

        def came(size: int) -> None:
            nonlocal mine
            if self._held + size > self._limit:
                raise Busy("as many images as the gateway has memory for are being sent to it at this moment")
            self._held += size
            mine += size

        try:
            yield came
        finally:
            self._held -= mine
