"""The count finds what it is there for: a run that says "lost 0" could also have said something else."""

from __future__ import annotations

import pytest

from inspector.messages.result import State
from tests.faults.accounting import Held, count
from tests.faults.ledger import Acknowledgement

DONE, TWICE = Held(State.DONE, 1, "w1"), Held(State.DONE, 2, "w2")


def acknowledged(*pairs: str) -> list[Acknowledgement]:
    """Each "key id"."""
    return [Acknowledgement(key, one, at=0.0) for key, one in (pair.split() for pair in pairs)]


def test_nothing_accepted_is_nothing_lost() -> None:
    counts = count([], {}, {})
    assert (counts.accepted, counts.delivered_again, counts.sound) == (0, 0, True)


def test_a_sound_run() -> None:
    held = {"1": DONE, "2": TWICE, "3": Held(State.EXPIRED, 0), "4": Held(State.FAILED, 4)}
    counts = count(
        acknowledged("a 1", "b 2", "b 2", "c 3", "d 4"), held, {"1": 1, "2": 1, "3": 1, "4": 1, "unheard": 1}
    )
    assert counts.sound
    assert (counts.accepted, counts.delivered_again) == (4, 4)
    assert counts.states == {State.DONE: 2, State.EXPIRED: 1, State.FAILED: 1}
    assert counts.ended_by == {"w1": 1, "w2": 1, "": 2}


@pytest.mark.parametrize(
    ("held", "announced"),
    [({}, {"1": 1}), ({}, {}), ({"1": Held(State.QUEUED, 0)}, {"1": 1}), ({"1": DONE}, {})],
    ids=["unknown", "gone", "not finished", "not announced"],
)
def test_what_is_lost_is_named(held: dict[str, Held], announced: dict[str, int]) -> None:
    counts = count(acknowledged("a 1"), held, announced)
    assert (counts.lost, counts.sound) == (["1"], False)


def test_what_is_doubled_is_named() -> None:
    twice = count(acknowledged("a 1"), {"1": DONE}, {"1": 2})
    assert (twice.doubled, twice.sound) == (["1"], False)
    parted = count(acknowledged("a 1", "a 2"), {"1": DONE, "2": DONE}, {"1": 1, "2": 1})
    assert (parted.doubled, parted.sound) == (["a"], False)


def test_an_outcome_that_is_another_than_a_camera_was_told_is_named() -> None:
    told = [Acknowledgement("a", "1", 0.0, "L1", state) for state in (State.QUEUED, State.DONE)]
    assert count(told, {"1": DONE}, {"1": 1}).sound
    changed = count(told, {"1": Held(State.EXPIRED, 0)}, {"1": 1})
    assert (changed.contradicted, changed.sound) == (["1"], False)
