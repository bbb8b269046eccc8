"""A link whose replies come with the word whether what they say outlives the primary (confirmation.py)."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.queue.confirmation import Confirmation, Objection
from inspector.queue.redis_connection import AsyncLink
from inspector.queue.scripting import Call, Command, Reply


class ConfirmedLink:
    def __init__(self, link: AsyncLink, confirmation: Confirmation) -> None:
        self._link, self._confirmation = link, confirmation

    async def run(self, call: Call, first: Sequence[Command] = ()) -> tuple[list[Reply], Objection | None]:
        """Replies to `first`, which reads, and to a script that writes. Both may run twice."""
        replies, objection = await self._round(call, first)
        if objection is not None and objection.moved:
            await self._link.look_again()
        if objection is not None and objection.again:
            return await self._round(call, first)
        return replies, objection

    async def _round(self, call: Call, first: Sequence[Command]) -> tuple[list[Reply], Objection | None]:
        asked = self._confirmation.begin()
        written_to, replies = await self._link.run_at([call], asked.commands, first)
        own, said = replies[: len(first) + 1], replies[len(first) + 1 :]
        return own, await self._confirmation.objection(written_to, asked, said)
