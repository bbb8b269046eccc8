"""Results on Redis: the state of one id, the recent ones, and the stream of outcomes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from inspector.errors import ImageGone, InspectionNotFound, QueueUnavailable
from inspector.messages.result import Outcome, State
from inspector.queue.base import Announcement, Durability, Image, Snapshot
from inspector.queue.blobs import BlobStore
from inspector.queue.confirmation import confirmation_at
from inspector.queue.confirmed import ConfirmedLink
from inspector.queue.keys import Keys
from inspector.queue.reading import located, readable_job
from inspector.queue.redis_connection import BLOCK_S, READER_TIMEOUT_S, AsyncLink
from inspector.queue.scripting import MARK, Call, Command, Reply

READ_AT_ONCE = 100
"""Announcements of one read: a reader that fell behind catches up without one huge reply."""

NOW = "$"


class RedisResults:
    """At D3 an outcome is told only once it outlives the primary: else its image is inspected again after a
    failover, and comes to another outcome than was told."""

    def __init__(
        self,
        url: str,
        keys: Keys,
        durability: Durability = Durability.D2,
        replicas: int = 1,
        blobs: BlobStore | None = None,
    ) -> None:
        self._url = url
        self._keys = keys
        self._blobs = blobs
        self._link = AsyncLink(url, keys)
        at_d3 = durability is Durability.D3
        self._confirmation = confirmation_at(self._link.primary, replicas) if at_d3 else None

    async def read(self, inspection_id: str) -> Snapshot:
        keys = self._keys
        commands: list[Command] = [
            _state_command(keys, inspection_id),
            ["MGET", keys.job(inspection_id), keys.result(inspection_id)],
            ["EXISTS", keys.image(inspection_id)],
            ["EXISTS", keys.map(inspection_id)],
            ["HEXISTS", keys.blobs, inspection_id],
        ]
        replies = await self._link.exchange(commands)
        if _known(inspection_id, replies[0])[1].terminal:
            replies = await self._confirmed(self._link, commands)
        fields, texts, has_image, has_attention, has_blob = replies
        line, state = _known(inspection_id, fields)
        return Snapshot(
            id=inspection_id,
            line=line,
            state=state,
            outcome=_outcome(inspection_id, fields, texts[1]) if state.terminal else None,
            job=readable_job(texts[0]),
            has_image=bool(has_image or has_blob),
            has_attention=bool(has_attention),
        )

    async def image(self, inspection_id: str) -> tuple[str, Image]:
        form, content, blob = await self._link.exchange(
            [
                ["HGET", self._keys.state(inspection_id), "format"],
                ["GET", self._keys.image(inspection_id)],
                ["HGET", self._keys.blobs, inspection_id],
            ]
        )
        kind = _found(inspection_id, form).decode()
        image = located(inspection_id, content, blob, self._blobs)
        if image is None:
            raise _gone(inspection_id, "image")
        return kind, image

    async def attention(self, inspection_id: str) -> bytes:
        state, attention = await self._link.exchange(
            [
                ["HGET", self._keys.state(inspection_id), "state"],
                ["GET", self._keys.map(inspection_id)],
            ]
        )
        _found(inspection_id, state)
        return _held(inspection_id, attention, "map")

    async def latest(self, limit: int) -> list[Outcome]:
        if limit < 1:
            return []
        ring = await self._link.ask("LRANGE", self._keys.ring, 0, limit - 1)
        ids = [item.decode().partition(":")[2] for item in ring]
        states = [_state_command(self._keys, one) for one in ids]
        texts: list[Command] = [["GET", self._keys.result(one)] for one in ids]
        replies = await self._link.exchange([*states, *texts]) if ids else []
        known = zip(ids, replies[: len(ids)], replies[len(ids) :], strict=True)
        # An id may be forgotten while a quiet ring still holds its image.
        return [_outcome(one, fields, result) for one, fields, result in known if fields[1] is not None]

    async def follow(self, after: str = NOW) -> AsyncGenerator[Announcement, None]:
        reader = AsyncLink(self._url, self._keys, READER_TIMEOUT_S, connections=1)
        try:
            cursor = await self.newest() if after == NOW else after
            while True:
                for announcement in await self._read_behind(reader, cursor):
                    cursor = announcement.cursor
                    yield announcement
        finally:
            await reader.aclose()

    async def newest(self) -> str:
        """The cursor of now. "$" in every read would lose what comes between two of them."""
        newest = await self._link.ask("XREVRANGE", self._keys.results, "+", "-", "COUNT", 1)
        return newest[0][0].decode() if newest else "0-0"

    async def aclose(self) -> None:
        if self._confirmation is not None:
            await self._confirmation.aclose()
        await self._link.aclose()

    async def _confirmed(self, link: AsyncLink, commands: Sequence[Command]) -> list[Reply]:
        """What they read, once it outlives the primary. Raises QueueUnavailable when that is not sure now."""
        if self._confirmation is None:
            return await link.exchange(commands)
        mark = Call(MARK, [self._keys.totals], [])
        replies, objection = await ConfirmedLink(link, self._confirmation).run(mark, commands)
        if objection is not None:
            raise QueueUnavailable(f"an outcome is not told yet: {objection.reason}")
        return replies[:-1]

    async def _read_behind(self, reader: AsyncLink, cursor: str) -> list[Announcement]:
        limits = ("COUNT", READ_AT_ONCE)
        source = ("STREAMS", self._keys.results, cursor)
        reply = await reader.ask("XREAD", *limits, "BLOCK", int(BLOCK_S * 1000), *source)
        if reply and self._confirmation is not None:
            [reply] = await self._confirmed(reader, [["XREAD", *limits, *source]])
        return [announcement(entry, fields) for entry, fields in reply[0][1]] if reply else []


def _state_command(keys: Keys, inspection_id: str) -> Command:
    return ["HMGET", keys.state(inspection_id), "line", "state", "accept", "error"]


def _found(inspection_id: str, field: Reply) -> bytes:
    if field is None:
        raise InspectionNotFound(f"no inspection {inspection_id!r} is known")
    return bytes(field)


def _held(inspection_id: str, content: Reply, what: str) -> bytes:
    if content is None:
        raise _gone(inspection_id, what)
    return bytes(content)


def _gone(inspection_id: str, what: str) -> ImageGone:
    return ImageGone(f"the {what} of inspection {inspection_id!r} is not held")


def _known(inspection_id: str, fields: Reply) -> tuple[str, State]:
    line, state = fields[0], _found(inspection_id, fields[1])
    return line.decode(), State(state.decode())


def _outcome(inspection_id: str, fields: Reply, result: bytes | None) -> Outcome:
    line, state, accept, error = fields
    return Outcome(
        inspection_id, line.decode(), State(state.decode()), accept == b"1", result or None, error or None
    )


def announcement(entry: Reply, fields: Reply) -> Announcement:
    named = dict(zip(fields[0::2], fields[1::2], strict=True))
    parts = [named[name] for name in (b"line", b"state", b"accept", b"error")]
    outcome = _outcome(named[b"id"].decode(), parts, named[b"result"])
    cursor = entry.decode()
    return Announcement(cursor, outcome, at_ms=int(cursor.partition("-")[0]))
