from __future__ import annotations

import pytest

from inspector.camera.shot import Delivery, Fate
from inspector.camera.tally import Tally
from tests.support.scripted_gateway import done


def tally(*deliveries: Delivery) -> Tally:
    made = Tally()
    for delivery in deliveries:
        made.add(delivery)
    return made


def answered(verdict: str = "OK", *, state: str = "done", latency_s: float = 0.1) -> Delivery:
    return Delivery("p", Fate.ANSWERED, answer=done(verdict, state=state), latency_s=latency_s)


def test_nothing_is_not_complete() -> None:
    assert not Tally().complete
    assert Tally().latency_s(0.5) is None


def test_verdicts_and_states_are_counted_apart() -> None:
    counted = tally(answered(), answered("NG"), answered("REVIEW"), answered(state="expired"))
    assert counted.verdicts == {"OK": 1, "NG": 1, "REVIEW": 1, "expired": 1}
    assert counted.accepted == 1
    assert counted.complete


@pytest.mark.parametrize("fate", [fate for fate in Fate if fate is not Fate.ANSWERED])
def test_anything_but_an_answer_makes_it_incomplete(fate: Fate) -> None:
    counted = tally(answered(), Delivery("q", fate))
    assert not counted.complete
    assert counted.total == 2


def test_quantiles_are_of_latencies_that_were_seen() -> None:
    counted = tally(*(answered(latency_s=ms / 1000) for ms in range(1, 101)))
    assert counted.latency_s(0.5) == 0.051
    assert counted.latency_s(0.99) == 0.1
