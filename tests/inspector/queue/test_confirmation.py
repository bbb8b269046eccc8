"""What may be acknowledged at D3 under Sentinels, by what the primary and they say. Pure."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from inspector.queue import confirmation
from inspector.queue.confirmation import BySentinels, Copies, Objection, doubt_of
from inspector.queue.sentinels import View

A, B, C = "10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379"

CALM = View(A, 7, failing_over=False, sentinels=3, replicas=frozenset({B, C}), out=frozenset())
WITHOUT_C = replace(CALM, out=frozenset({C}))
FAILING_OVER = replace(WITHOUT_C, failing_over=True)
REPLACED = View(B, 8, failing_over=False, sentinels=3, replicas=frozenset({A, C}), out=frozenset())
"""B has taken A's place."""

BOTH = Copies(frozenset({B, C}), frozenset({B, C}), frozenset())
ONLY_B = Copies(frozenset({B}), frozenset({B}), frozenset())
C_BEHIND = Copies(frozenset({B}), frozenset({B, C}), frozenset())
C_SYNCING = Copies(frozenset({B}), frozenset({B}), frozenset({C}))
ONLY_C = Copies(frozenset({C}), frozenset({C}), frozenset())


@pytest.mark.parametrize(
    ("copies", "views", "doubt"),
    [
        (BOTH, [], "no Sentinel answers"),
        (BOTH, [CALM], "1 of 3 Sentinels call"),
        (BOTH, [CALM, CALM], None),
        (ONLY_B, [CALM, CALM, CALM], f"{C} might be promoted"),
        (C_BEHIND, [CALM, CALM, CALM], f"{C} might be promoted"),
        (C_SYNCING, [CALM, CALM, CALM], None),
        (ONLY_B, [CALM, CALM, WITHOUT_C], f"{C} might be promoted"),
        (ONLY_B, [CALM, WITHOUT_C, WITHOUT_C], None),
        (ONLY_B, [WITHOUT_C, WITHOUT_C], None),
        (ONLY_C, [WITHOUT_C, WITHOUT_C, WITHOUT_C], f"{B} might be promoted"),  # its number is not enough
        (ONLY_B, [WITHOUT_C, WITHOUT_C, FAILING_OVER], "is replacing the primary"),
        (ONLY_C, [REPLACED, REPLACED, REPLACED], f"0 of 3 Sentinels call {A}"),
        (ONLY_C, [CALM, CALM, REPLACED], f"0 of 3 Sentinels call {A}"),  # the newest configuration counts
    ],
)
def test_what_casts_a_doubt_on_what_was_written_to_a(
    copies: Copies, views: Sequence[View], doubt: str | None
) -> None:
    found = doubt_of(A, copies, views)
    assert doubt in found.reason if doubt and found else (found, doubt) == (None, None)


def test_a_round_more_is_worth_it_where_it_can_pass() -> None:
    behind, missing = doubt_of(A, C_BEHIND, [CALM] * 3), doubt_of(A, ONLY_B, [CALM] * 3)
    moved = doubt_of(A, ONLY_C, [REPLACED] * 3)
    found = [(doubt.again, doubt.moved) for doubt in (behind, missing, moved) if doubt]
    assert found == [(True, False), (False, False), (True, True)]


class Scripted:
    """Sentinels that say one thing after the other, the last for ever."""

    def __init__(self, *answers: Sequence[View]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def views(self) -> Sequence[View]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    async def aclose(self) -> None: ...


def _info(offset: int, *replicas: str, state: str = "online") -> bytes:
    lines = [
        f"slave{n}:ip={one.split(':')[0]},port=6379,state={state},offset={at},lag=0"
        for n, (one, at) in enumerate(entry.split("@") for entry in replicas)
    ]
    return "\r\n".join(["role:master", *lines, f"master_repl_offset:{offset}", ""]).encode()


def _judged(by: BySentinels, confirmed: int, *replicas: str) -> Objection | None:
    """Of a write to A that ended at 100."""

    async def judge() -> Objection | None:
        asked = by.begin()
        told = [_info(100, *replicas), confirmed, confirmed, _info(130, *replicas)]
        return await by.objection(A, asked, told)

    return asyncio.run(judge())


@pytest.fixture(autouse=True)
def _no_second_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "CONFIRM_WITHIN_MS", 0)


def test_where_every_server_has_it_sentinels_are_asked_now_and_then_only() -> None:
    sentinels = Scripted([CALM] * 3)
    by = BySentinels(1, sentinels)
    for _ in range(5):
        assert _judged(by, 2, "10.0.0.2@100", "10.0.0.3@130") is None
    assert sentinels.asked == 1


def test_all_that_are_there_have_it_by_number_though_others_wrote_on() -> None:
    assert _judged(BySentinels(1, Scripted([CALM] * 3)), 2, "10.0.0.2@90", "10.0.0.3@95") is None


def test_sentinels_that_leave_do_not_matter_where_every_server_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confirmation, "KNOWN_FOR_S", -math.inf)  # asked each time
    by = BySentinels(1, Scripted([CALM] * 3, []))
    for _ in range(3):
        assert _judged(by, 2, "10.0.0.2@100", "10.0.0.3@130") is None
    missing = _judged(by, 1, "10.0.0.2@100", "10.0.0.3@99")
    assert missing == Objection("no Sentinel answers")


def test_a_woken_primary_and_the_replica_it_kept_are_not_everybody() -> None:
    """Sentinels count the woken one as a replica by now, and the new primary as none."""
    by = BySentinels(1, Scripted([REPLACED] * 3))
    doubt = _judged(by, 1, "10.0.0.3@100")
    assert doubt == Objection(f"0 of 3 Sentinels call {A} the primary", again=True, moved=True)


def test_the_least_number_must_confirm_whoever_is_excused() -> None:
    sentinels = Scripted([WITHOUT_C] * 3)
    few = _judged(BySentinels(2, sentinels), 1, "10.0.0.2@100")
    assert few == Objection("only 1 of 2 replicas confirmed it within 0 ms")
    assert sentinels.asked == 0


def test_a_gateway_that_slept_through_a_failover_and_back_writes_again() -> None:
    """All looks as it did before, but what it wrote left with the primary of between."""
    back = replace(WITHOUT_C, epoch=9)
    by = BySentinels(1, Scripted([WITHOUT_C] * 3, [WITHOUT_C] * 3, [WITHOUT_C] * 3, [back] * 3))
    replaced = Objection("the primary was replaced meanwhile, or it was not known", again=True)
    assert _judged(by, 1, "10.0.0.2@100") == replaced  # nothing was known before it
    assert _judged(by, 1, "10.0.0.2@100") is None
    assert _judged(by, 1, "10.0.0.2@100") == replaced
    assert _judged(by, 1, "10.0.0.2@100") is None
