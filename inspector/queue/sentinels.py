"""What Sentinels say of a primary and its replicas: who it is, and which replica one of them might promote.

Asked on connections that are kept, all at once. Who asks while a question is under way waits for the next
one, and shares it: what is answered was asked after each of them came.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from inspector.queue.ending import end
from inspector.queue.primary import place

ANSWER_WITHIN_S = 0.15
"""A Sentinel on the same network answers within a millisecond. What the gateway leaves of a submit
(api/promptly.py) after replicas had their time is little more."""

AWAY_S = 0.5
"""For so long one that did not answer is not asked again, as long as most others are there."""


@dataclass(frozen=True, slots=True)
class View:
    """Of one Sentinel. Servers are HOST:PORT."""

    primary: str
    epoch: int
    """Of the configuration: each failover makes a greater one."""
    failing_over: bool
    """This Sentinel is replacing that primary, and may have promoted another already."""
    sentinels: int
    """This one, and those it knows."""
    replicas: frozenset[str]
    """All that it knows, also those that are down."""
    out: frozenset[str]
    """Those of them that it will not promote before another one: see `_is_out`."""

    @property
    def servers(self) -> frozenset[str]:
        return self.replicas | {self.primary}


class Witnesses(Protocol):
    async def views(self) -> Sequence[View]:
        """Of those that answer, asked from now on."""

    async def aclose(self) -> None: ...


class Sentinels:
    """`seeds`: HOST:PORT of each; `name`: what they call the primary."""

    def __init__(self, seeds: Sequence[str], name: str) -> None:
        self._each = [_Sentinel(seed, name) for seed in seeds]
        self._running: asyncio.Task[list[View]] | None = None
        self._coming: asyncio.Task[list[View]] | None = None

    async def views(self) -> Sequence[View]:
        if self._coming is None:
            self._coming = asyncio.create_task(self._ask_behind(self._running))
        return await asyncio.shield(self._coming)

    async def aclose(self) -> None:
        await end([task for task in (self._coming, self._running) if task is not None])
        for one in self._each:
            await one.aclose()

    async def _ask_behind(self, running: asyncio.Task[list[View]] | None) -> list[View]:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._coming = self._coming, None  # who comes now is too late for this question
        asked = await asyncio.gather(*(one.view() for one in self._worth_asking()))
        return [one for one in asked if one is not None]

    def _worth_asking(self) -> list[_Sentinel]:
        """Not those that did not answer just now, where the others suffice: each answer would wait."""
        there = [one for one in self._each if not one.away]
        return there if 2 * len(there) > len(self._each) else self._each


class _Sentinel:
    def __init__(self, seed: str, name: str) -> None:
        self._seed, self._name = seed, name
        self._client: redis.asyncio.Redis | None = None
        self._away_until = 0.0

    @property
    def away(self) -> bool:
        return time.monotonic() < self._away_until

    async def view(self) -> View | None:
        """None of one that does not answer, or knows no such primary."""
        if self._client is None:
            self._client = _client(self._seed)
        pipeline: Any = self._client.pipeline(transaction=False)
        for question in ("GET-MASTER-ADDR-BY-NAME", "MASTER", "REPLICAS"):
            pipeline.execute_command(f"SENTINEL {question}", self._name)
        try:
            address, primary, replicas = await pipeline.execute()
        except redis.ResponseError:
            return None
        except (redis.RedisError, OSError):
            self._away_until = time.monotonic() + AWAY_S
            return None
        return view_of(address, primary, replicas) if address else None

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _client(seed: str) -> redis.asyncio.Redis:
    limits: dict[str, Any] = {"socket_timeout": ANSWER_WITHIN_S, "socket_connect_timeout": ANSWER_WITHIN_S}
    client = redis.asyncio.Redis.from_url(
        f"redis://{seed}", protocol=2, retry=Retry(NoBackoff(), 0), driver_info=None, **limits
    )
    client.response_callbacks.clear()
    return client


def view_of(address: Sequence[bytes], primary: Sequence[bytes], replicas: Sequence[Sequence[bytes]]) -> View:
    """Of the replies to SENTINEL GET-MASTER-ADDR-BY-NAME, MASTER and REPLICAS.

    A Sentinel whose failover has come so far that the promoted one answers names that one as the primary
    already; the old one's facts still say that it is failing over, which is no doubt of the new one.
    """
    facts, known = _facts(primary), [_facts(one) for one in replicas]
    named = place(address[0].decode(), int(address[1]))
    return View(
        primary=named,
        epoch=int(facts["config-epoch"]),
        failing_over="failover_in_progress" in _flags(facts) and named == _place(facts),
        sentinels=int(facts["num-other-sentinels"]) + 1,
        replicas=frozenset(_place(one) for one in known),
        out=frozenset(_place(one) for one in known if _is_out(one)),
    )


def _is_out(facts: Mapping[str, str]) -> bool:
    """Down; or never to be promoted; or a primary of before that has not been told yet that it is a replica:
    Sentinels hold its offset for 0 and prefer every other one.

    That it reports the role of a primary does not suffice: so does the one that is just being promoted. But
    that one has been heard as a replica before, and of whom."""
    told_as_replica = facts["master-host"] != "?"
    return (
        "s_down" in _flags(facts)
        or facts["slave-priority"] == "0"
        or (facts["role-reported"] == "master" and not told_as_replica)
    )


def _facts(flat: Sequence[bytes]) -> dict[str, str]:
    words = [word.decode() for word in flat]
    return dict(zip(words[0::2], words[1::2], strict=True))


def _flags(facts: Mapping[str, str]) -> list[str]:
    return facts["flags"].split(",")


def _place(facts: Mapping[str, str]) -> str:
    return place(facts["ip"], int(facts["port"]))
