"""The arguments of settle.lua, for the three scripts that end an image: finish, bury, expire."""

from __future__ import annotations

from typing import NamedTuple

from inspector.messages.result import Outcome
from inspector.queue.base import Budgets
from inspector.queue.keys import GROUP, Keys
from inspector.queue.scripting import BURY, EXPIRE, FINISH, Call, Word

DEAD_LETTERS_KEPT = 10_000
"""More than a person looks through; `Budgets.dead_bytes` usually is the limit that counts."""


class Fence(NamedTuple):
    """Whose delivery it is: only while the server's pending list says the same may it end the image."""

    entry: str
    consumer: str
    deliveries: int


def finish_call(
    keys: Keys,
    budgets: Budgets,
    fence: Fence,
    outcome: Outcome,
    attention: bytes | None = None,
) -> Call:
    arguments = _settle_arguments(keys, budgets, outcome, attention)
    return Call(FINISH, keys.settled(outcome.id), [*arguments, *fence])


def bury_call(keys: Keys, budgets: Budgets, fence: Fence, outcome: Outcome) -> Call:
    arguments = _settle_arguments(keys, budgets, outcome, None)
    kept = (DEAD_LETTERS_KEPT, budgets.dead_bytes)
    return Call(BURY, [*keys.settled(outcome.id), keys.dead], [*arguments, *fence, *kept])


def expire_call(keys: Keys, budgets: Budgets, outcome: Outcome, min_idle_ms: int) -> Call:
    arguments = _settle_arguments(keys, budgets, outcome, None)
    return Call(EXPIRE, keys.settled(outcome.id), [*arguments, min_idle_ms])


def _settle_arguments(keys: Keys, budgets: Budgets, outcome: Outcome, attention: bytes | None) -> list[Word]:
    return [
        keys.prefix,
        GROUP,
        outcome.id,
        outcome.line,
        outcome.state.value,
        int(outcome.accept),
        outcome.result or b"",
        outcome.error or b"",
        attention or b"",
        budgets.recent_bytes,
        int(budgets.forget_after.total_seconds() * 1000),
        int(budgets.results_kept.total_seconds() * 1000),
    ]
