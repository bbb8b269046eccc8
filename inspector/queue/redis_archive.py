"""Archive on Redis: a consumer group on the result stream, and what is held for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from inspector.messages.job import Job
from inspector.queue.base import ARCHIVER_SEEN, Budgets, Held, Left, Unarchived
from inspector.queue.blobs import BlobStore
from inspector.queue.keys import ARCHIVE_GROUP, Keys
from inspector.queue.reading import bytes_of, located, readable_job
from inspector.queue.redis_connection import BLOCK_S, READER_TIMEOUT_S, Link, ServerRefusal
from inspector.queue.redis_consumer import FORGET_CONSUMER_AFTER_MS, FROM_THE_START, GROUP_IS_GONE
from inspector.queue.redis_results import announcement
from inspector.queue.scripting import ARCHIVED, ATTACH, DETACH, LEAVE, OPEN, TRIM, Call, Command, Reply, Word

SEQUENCES = 1_000_000
"""More outcomes than a server announces within a millisecond."""


class RedisArchive:
    def __init__(
        self,
        url: str,
        keys: Keys,
        name: str,
        budgets: Budgets,
        min_idle: timedelta,
        blobs: BlobStore | None = None,
    ) -> None:
        self.name = name
        self._budgets = budgets
        self._min_idle_ms = max(1, int(min_idle.total_seconds() * 1000))
        self._keys = keys
        self._blobs = blobs
        self._link = Link(url, keys)
        self._reader = Link(url, keys, READER_TIMEOUT_S)
        self._is_open = False
        self._cursor = FROM_THE_START

    def take(self, limit: int, wait: timedelta) -> list[Unarchived]:
        block = min(wait.total_seconds(), BLOCK_S)
        waiting = ("BLOCK", int(block * 1000)) if int(block * 1000) else ()  # BLOCK 0 would wait for ever
        who = ("GROUP", ARCHIVE_GROUP, self.name, "COUNT", limit)
        reply = self._of_group(self._reader, "XREADGROUP", *who, *waiting, "STREAMS", self._keys.results, ">")
        return [_unarchived(*entry) for entry in reply[0][1]] if reply else []

    def sweep(self, limit: int) -> list[Unarchived]:
        """Keeps its cursor, as the workers' does."""
        asked = (
            self._keys.results,
            ARCHIVE_GROUP,
            self.name,
            self._min_idle_ms,
            self._cursor,
            "COUNT",
            limit,
        )
        reply = self._of_group(self._link, "XAUTOCLAIM", *asked)
        if not reply:
            return []
        self._cursor = reply[0].decode()
        return [_unarchived(*entry) for entry in reply[1]]

    def jobs(self, inspection_ids: Sequence[str]) -> list[Job | None]:
        if not inspection_ids:
            return []
        held = self._link.ask("MGET", *(self._keys.job(one) for one in inspection_ids))
        return [readable_job(text) for text in held]

    def held(self, inspection_id: str) -> Held:
        keys = self._keys
        texts: Command = ["MGET", keys.image(inspection_id), keys.map(inspection_id)]
        (content, attention), blob = self._link.exchange([texts, ["HGET", keys.blobs, inspection_id]])
        return Held(bytes_of(located(inspection_id, content, blob, self._blobs)), attention)

    def archived(self, done: Sequence[Unarchived]) -> None:
        kept_ms = int(self._budgets.results_kept.total_seconds() * 1000)
        trim = Call(TRIM, [self._keys.results], [ARCHIVE_GROUP, kept_ms])
        try:
            self._link.run([*(self._archived_call(one) for one in done), trim])
        except ServerRefusal as refusal:
            # The group went with the server's data, and all that it held: nothing is left to be let go of.
            if refusal.kind not in GROUP_IS_GONE:
                raise
            self._is_open = False

    def detach(self) -> Left:
        seen_ms = int(ARCHIVER_SEEN.total_seconds() * 1000)
        keys = [self._keys.results, self._keys.totals]
        [(waiting, running)] = self._link.run([Call(DETACH, keys, [ARCHIVE_GROUP, self.name, seen_ms])])
        self._is_open = False
        return Left(waiting, running.decode())

    def close(self) -> None:
        """Raises QueueUnavailable where the server did not hear it; the connections are closed even so."""
        try:
            keys = [self._keys.results, self._keys.workers]
            self._link.run([Call(LEAVE, keys, [ARCHIVE_GROUP, self.name])])
        finally:
            self._reader.close()
            self._link.close()

    def _archived_call(self, one: Unarchived) -> Call:
        keys, inspection_id = self._keys, one.outcome.id
        touched = [keys.results, keys.ring, keys.totals, keys.held, *keys.shown(inspection_id)]
        facts: list[Word] = [inspection_id, one.entry, one.cost, self._budgets.recent_bytes]
        return Call(ARCHIVED, touched, [keys.prefix, ARCHIVE_GROUP, *facts])

    def _of_group(self, link: Link, *command: str | int) -> Reply:
        """None where the group is gone (FLUSHALL, a restart without its data): it is made anew next time."""
        try:
            self._open()
            return link.ask(*command)
        except ServerRefusal as refusal:
            if refusal.kind not in GROUP_IS_GONE:
                raise
            self._is_open = False
            return None

    def _open(self) -> None:
        if not self._is_open:
            group: list[Word] = [ARCHIVE_GROUP, FORGET_CONSUMER_AFTER_MS]
            self._link.run([Call(ATTACH, [self._keys.totals], []), Call(OPEN, [self._keys.results], group)])
            self._is_open = True


def _unarchived(entry: Reply, fields: Reply) -> Unarchived:
    ms, _, sequence = entry.decode().partition("-")
    named = dict(zip(fields[0::2], fields[1::2], strict=True))
    # An outcome of before there was an archiver, or of an older worker, has no cost.
    cost = int(named.get(b"cost", 0))
    order = int(ms) * SEQUENCES + min(int(sequence), SEQUENCES - 1)
    at = datetime.fromtimestamp(int(ms) / 1000, UTC)
    return Unarchived(entry.decode(), announcement(entry, fields).outcome, at, order, cost)
