"""What the workers can do, read from what is finished while somebody waits; and when nothing can be read."""

from __future__ import annotations

import pytest

from api.pace import BELIEVED_S, ENOUGH_S, Pace
from inspector.queue.base import Load

HANDS = 8


class Workers:
    """A pace that is told of workers, by a clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.pace = Pace(lambda: self.now)

    @property
    def at_ms(self) -> int:
        return round(self.now * 1000)

    def work(self, seconds: float, rate: float, depth: int, *, worked: bool = True) -> None:
        """The queue stays that deep: as many come as are finished."""
        for _ in range(round(seconds * rate)):
            self.now += 1 / rate
            self.pace.told(Load(self.at_ms, depth, min(depth, HANDS)))
            self.pace.finished(self.at_ms, worked=worked)

    def drain(self, count: int, rate: float) -> None:
        """Nothing comes meanwhile."""
        for _ in range(count):
            self.now += 1 / rate
            self.pace.finished(self.at_ms, worked=True)


def test_nothing_is_known_at_first() -> None:
    assert Workers().pace.per_second is None


@pytest.mark.parametrize("rate", [20, 50, 1000])
def test_half_a_second_of_images_that_wait_tells(rate: int) -> None:
    workers = Workers()
    workers.work(0.4, rate, depth=30)
    assert workers.pace.per_second is None
    workers.work(0.6, rate, depth=30)
    assert workers.pace.per_second == pytest.approx(rate, rel=0.12)


def test_workers_who_have_nobody_waiting_show_nothing() -> None:
    workers = Workers()
    workers.work(5, 50, depth=HANDS)
    workers.work(5, 50, depth=1)
    assert workers.pace.per_second is None


def test_images_that_only_expire_are_no_pace() -> None:
    workers = Workers()
    workers.work(3, 200, depth=30, worked=False)
    assert workers.pace.per_second is None


def test_a_backlog_that_nobody_adds_to_tells_too_until_it_is_gone() -> None:
    workers = Workers()
    workers.pace.told(Load(workers.at_ms, 60, HANDS))
    workers.drain(52, 50)
    assert workers.pace.per_second == pytest.approx(50, rel=0.1)
    workers.drain(8, 50)
    workers.drain(20, 5)  # what another gateway took in, and nobody waited behind
    assert workers.pace.per_second is None


def test_it_is_not_believed_for_long() -> None:
    workers = Workers()
    workers.work(2, 50, depth=30)
    workers.now += BELIEVED_S - 0.1
    assert workers.pace.per_second is not None
    workers.now += 0.2
    assert workers.pace.per_second is None


def test_workers_that_are_added_are_seen_within_a_second() -> None:
    workers = Workers()
    workers.work(5, 50, depth=30)
    workers.work(1, 100, depth=30)
    assert workers.pace.per_second == pytest.approx(100, rel=0.05)


def test_workers_that_leave_are_seen_within_three_seconds() -> None:
    workers = Workers()
    workers.work(5, 100, depth=30)
    workers.work(1, 50, depth=30)
    assert workers.pace.per_second == pytest.approx(75, rel=0.1)
    workers.work(2, 50, depth=30)
    assert workers.pace.per_second == pytest.approx(50, rel=0.05)


def test_a_standstill_is_no_pace() -> None:
    """Workers that are gone, or all hold an image of a hundred tiles: what is read begins anew behind it."""
    workers = Workers()
    workers.work(3, 50, depth=30)
    workers.now += 3
    assert workers.pace.per_second is None
    workers.work(0.4, 50, depth=30)
    assert workers.pace.per_second is None
    workers.work(0.6, 50, depth=30)
    assert workers.pace.per_second == pytest.approx(50, rel=0.1)


def test_of_few_images_nothing_is_read() -> None:
    workers = Workers()
    workers.work(20, 3, depth=30)
    assert workers.pace.per_second is None


def test_where_refusals_leave_nobody_waiting_what_is_in_hand_tells_for_a_while() -> None:
    workers = Workers()
    workers.work(2, 50, depth=30)
    workers.work(ENOUGH_S - 1, 50, depth=HANDS // 4)
    assert workers.pace.per_second == pytest.approx(50, rel=0.1)
    workers.work(BELIEVED_S + 2, 50, depth=HANDS // 4)
    assert workers.pace.per_second is None


def test_workers_with_little_to_do_show_nothing() -> None:
    workers = Workers()
    workers.work(2, 50, depth=30)
    workers.work(BELIEVED_S + 0.5, 10, depth=1)
    assert workers.pace.per_second is None


def test_a_reply_that_was_overtaken_changes_nothing() -> None:
    workers = Workers()
    workers.work(2, 50, depth=30)
    workers.pace.told(Load(workers.at_ms - 50, 0, 0))
    workers.work(2, 50, depth=30)
    assert workers.pace.per_second == pytest.approx(50, rel=0.05)


def test_another_gateways_pairs_of_images_are_no_backlog() -> None:
    """Each of ours finds one that another gateway sent at the same moment; between the pairs all are done."""
    workers = Workers()
    for _ in range(100):
        workers.now += 0.1
        workers.pace.told(Load(workers.at_ms, 2, 1))
        workers.now += 0.02
        for _ in range(3):
            workers.pace.finished(workers.at_ms, worked=True)
    assert workers.pace.per_second is None
