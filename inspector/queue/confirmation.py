"""D3: when what was written may be acknowledged, because whoever takes the primary's place has it.

ByCount       so many replicas have confirmed it (WAIT). Safe if they are all that may be promoted.
BySentinels   every replica has that the Sentinels might promote; those they would not are excused, and then a
              majority of them must still call the server that was written to the primary (ADR 21).

A round is: `begin`, the script and behind it the round's commands on one connection, `objection`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from inspector.queue.primary import BySentinel, Primary
from inspector.queue.replication import FULL_SYNC, replication
from inspector.queue.scripting import Command, Reply
from inspector.queue.sentinels import Sentinels, View, Witnesses

CONFIRM_WITHIN_MS = 500
"""How long D3 waits for replicas: one on the same network confirms within milliseconds, or is away. Shorter
than the gateway waits for a submit (api/promptly.py), so that the reason is told."""

KNOWN_FOR_S = 2.0
"""How long the Sentinels' list of replicas is taken for complete. A new replica can be promoted only after
it has been copied to, and the primary has been missing for down-after-milliseconds: that takes longer."""

EXTRA_WITHIN_MS = 100
"""How long it waits, behind the least number, for the others that are there: a lively one has confirmed by
then, and after a failover one that is still waited for may be the lost primary."""

ASK_AGAIN_S = 0.05
"""Between two questions to the Sentinels, which may excuse a missing replica at any moment."""

_REPLICATION: Command = ["INFO", "replication"]


@dataclass(frozen=True, slots=True)
class Round:
    commands: Sequence[Command]
    """Behind the script, on its connection: WAIT counts for what that connection wrote."""
    replicas: int = 0
    """That are waited for."""
    epoch: int | None = None
    """Of the configuration, as it was known before the write."""
    until: float = 0.0
    """By the monotonic clock: so long may be asked whether somebody is excused."""


@dataclass(frozen=True, slots=True)
class Objection:
    reason: str
    again: bool = False
    """Another round may well pass: more is known now than before this one."""
    moved: bool = False
    """The server is not the primary: it is to be looked for first."""


class Confirmation(Protocol):
    def begin(self) -> Round: ...

    async def objection(self, written_to: str, asked: Round, replies: Sequence[Reply]) -> Objection | None:
        """Why what was written before the round's commands may be lost; None: it may be acknowledged.
        `written_to`: HOST:PORT; `replies`: to the round's commands."""

    async def aclose(self) -> None: ...


def confirmation_at(primary: Primary, replicas: int) -> Confirmation:
    """`replicas`: that must confirm at least."""
    if isinstance(primary, BySentinel):
        return BySentinels(replicas, Sentinels(primary.seeds.places, primary.name))
    return ByCount(replicas)


class ByCount:
    def __init__(self, replicas: int) -> None:
        self._replicas = replicas

    def begin(self) -> Round:
        return Round([_wait(self._replicas, CONFIRM_WITHIN_MS)])

    async def objection(self, written_to: str, asked: Round, replies: Sequence[Reply]) -> Objection | None:
        return _too_few(replies[0], self._replicas)

    async def aclose(self) -> None:
        pass


class BySentinels:
    """Remembers from the Sentinels' last answers whom to wait for, and never that somebody is excused."""

    def __init__(self, replicas: int, sentinels: Witnesses) -> None:
        self._least = replicas
        self._sentinels = sentinels
        self._known: frozenset[str] | None = None
        """All servers that Sentinels named."""
        self._known_until = 0.0
        self._epoch: int | None = None
        self._lively = 0
        """Replicas that are there and not excused."""

    def begin(self) -> Round:
        wanted = max(self._least, self._lively)
        least, others = _wait(self._least, CONFIRM_WITHIN_MS), _wait(wanted, EXTRA_WITHIN_MS)
        until = time.monotonic() + CONFIRM_WITHIN_MS / 1000
        return Round([_REPLICATION, least, others, _REPLICATION], wanted, self._epoch, until)

    async def objection(self, written_to: str, asked: Round, replies: Sequence[Reply]) -> Objection | None:
        before, least, others, after = replies
        if few := _too_few(least, self._least):
            return few
        copies = _copies(before, max(least, others), after)
        if time.monotonic() >= self._known_until:
            self._known_until = time.monotonic() + KNOWN_FOR_S
            self._remember(await self._sentinels.views(), copies)
        if self._known is not None and self._known <= copies.having | {written_to}:
            self._lively = len(copies.having)
            return None  # nobody else can be promoted, whatever Sentinels do
        while doubt := await self._doubt(written_to, copies):
            if doubt.again or doubt.moved or time.monotonic() >= asked.until:
                return doubt
            await asyncio.sleep(ASK_AGAIN_S)
        if self._epoch != asked.epoch:
            return Objection("the primary was replaced meanwhile, or it was not known", again=True)
        return None

    async def aclose(self) -> None:
        await self._sentinels.aclose()

    async def _doubt(self, written_to: str, copies: Copies) -> Objection | None:
        views = await self._sentinels.views()
        self._remember(views, copies)
        return doubt_of(written_to, copies, views)

    def _remember(self, views: Sequence[View], copies: Copies) -> None:
        if views:
            self._known = frozenset().union(*(view.servers for view in views))
            self._epoch = max(view.epoch for view in views)
            self._lively = len(_must_have(self._known, copies, views) & copies.there)


@dataclass(frozen=True, slots=True)
class Copies:
    """Who has what was written, as the primary says."""

    having: frozenset[str]
    there: frozenset[str]
    """Replicas at this primary that have it or will have it next, as far as the primary knows."""
    syncing: frozenset[str]
    """Replicas that are being given everything anew: they report no offset, and every other is preferred."""


def doubt_of(written_to: str, copies: Copies, views: Sequence[View]) -> Objection | None:
    """Why a failover may lose what `copies` have, by what Sentinels said after these had it; None: it cannot.
    Pure."""
    if not views:
        return Objection("no Sentinel answers")
    if any(view.failing_over for view in views):
        return Objection("a Sentinel is replacing the primary")
    newest = max(view.epoch for view in views)
    agreeing = [view for view in views if view.epoch == newest and view.primary == written_to]
    known = max(view.sentinels for view in views)
    if not _most(len(agreeing), known):
        others = {view.primary for view in views if view.epoch == newest} - {written_to}
        reason = f"{len(agreeing)} of {known} Sentinels call {written_to} the primary"
        return Objection(reason, again=bool(others), moved=bool(others))
    servers = frozenset().union(*(view.servers for view in agreeing))
    if missing := _must_have(servers, copies, agreeing) - copies.having:
        reason = f"{', '.join(sorted(missing))} might be promoted and did not confirm it"
        return Objection(reason, again=missing <= copies.there)
    return None


def _must_have(servers: frozenset[str], copies: Copies, views: Sequence[View]) -> frozenset[str]:
    """Those of them that no majority of the Sentinels excuses, that are not being synchronized, and that none
    calls the primary."""
    known = max(view.sentinels for view in views)
    excused = {one for one in servers if _most(sum(one in view.out for view in views), known)}
    return servers - excused - copies.syncing - {view.primary for view in views}


def _copies(before: bytes, confirmed: int, after: bytes) -> Copies:
    """Of INFO replication behind the write, of WAIT, and of INFO replication behind that.

    A replica has it that is as far as the primary was behind the write; and every one does where WAIT counted
    as many as are there, though others wrote on meanwhile."""
    written = replication(before).offset
    told = replication(after).replicas
    there = _online(before) & _online(after)
    ahead = frozenset(one.place for one in told if one.offset >= written) & _online(after)
    return Copies(
        having=there | ahead if confirmed >= len(_online(before) | _online(after)) else ahead,
        there=_online(after),
        syncing=frozenset(one.place for one in told if one.state in FULL_SYNC),
    )


def _online(info: bytes) -> frozenset[str]:
    return frozenset(one.place for one in replication(info).replicas if one.state not in FULL_SYNC)


def _most(some: int, of: int) -> bool:
    return 2 * some > of


def _wait(replicas: int, within_ms: int) -> Command:
    """Its reply is how many replicas have all that this connection wrote. It cannot stand inside a script."""
    return ["WAIT", replicas, within_ms]


def _too_few(confirmed: int, wanted: int) -> Objection | None:
    if confirmed >= wanted:
        return None
    few = f"only {confirmed} of {wanted} replicas" if confirmed else "no replica"
    return Objection(f"{few} confirmed it within {CONFIRM_WITHIN_MS} ms")
