"""The ledger against what the server holds. Pure, so that it can be seen to find what it looks for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inspector.messages.result import State
from tests.faults.ledger import Acknowledgement


@dataclass(frozen=True, slots=True)
class Held:
    """What the server knows of one id."""

    state: State
    deliveries: int
    """Of the delivery that ended it; 0 when no worker did."""
    worker: str = ""
    """That ended it; empty when a gateway did."""


@dataclass(frozen=True, slots=True)
class Counts:
    accepted: int
    """Parts that were acknowledged, each once."""
    states: Mapping[State, int]
    lost: Sequence[str]
    """Acknowledged ids without a terminal state, or whose outcome was never announced."""
    doubled: Sequence[str]
    """Ids whose outcome was announced twice, and keys that became two ids."""
    contradicted: Sequence[str]
    """Ids that an answer gave a terminal state, and that are in another one now."""
    delivered_again: int
    """Deliveries beyond the first of images that a worker ended."""
    ended_by: Mapping[str, int]
    """Images of each worker, "" for gateways."""

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.contradicted)


def count(
    acknowledged: Iterable[Acknowledgement], held: Mapping[str, Held], announced: Mapping[str, int]
) -> Counts:
    """`held`: of each acknowledged id that the server knows; `announced`: how often each id's outcome was."""
    ids_of: defaultdict[str, set[str]] = defaultdict(set)
    told: set[tuple[str, State]] = set()
    for one in acknowledged:
        ids_of[one.key].add(one.id)
        if one.state.terminal:
            told.add((one.id, one.state))
    ids = {one for some in ids_of.values() for one in some}
    ended = {one: held[one] for one in ids if one in held and held[one].state.terminal}
    return Counts(
        accepted=len(ids_of),
        states=Counter(one.state for one in ended.values()),
        lost=sorted(one for one in ids if one not in ended or not announced.get(one)),
        doubled=sorted(
            [one for one, times in announced.items() if times > 1]
            + [key for key, some in ids_of.items() if len(some) > 1]
        ),
        contradicted=sorted({one for one, state in told if one in ended and ended[one].state != state}),
        delivered_again=sum(max(0, one.deliveries - 1) for one in ended.values()),
        ended_by=Counter(one.worker for one in ended.values()),
    )
