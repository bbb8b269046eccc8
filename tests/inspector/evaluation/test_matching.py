"""Which finding is which defect, on cases that can be worked out by eye."""

from __future__ import annotations

import pytest

from inspector.evaluation.matching import confusion, false_alarms, misses, pair
from tests.inspector.evaluation.cases import CLASSES, Box, made

HERE: Box = (0, 0, 20, 20)
THERE: Box = (40, 40, 60, 60)
BESIDE: Box = (0, 4, 20, 24)


def test_nothing_at_all() -> None:
    assert confusion([], CLASSES).counts == ((0, 0, 0), (0, 0, 0), (0, 0, 0))
    assert misses([made()]) == []
    assert false_alarms([made()]) == []


def test_every_kind_of_outcome() -> None:
    case = made(
        [("open", HERE), ("open", THERE), ("short", (60, 0, 80, 20))],
        [("open", 0.9, HERE), ("short", 0.8, THERE), ("open", 0.7, (0, 60, 20, 80)), ("short", 0.3, HERE)],
    )
    # open found; open taken for a short; short missed; a false alarm of open. 0.3 is below the threshold.
    assert confusion([case], CLASSES).counts == ((1, 1, 0), (0, 0, 1), (1, 0, 0))


def test_a_finding_of_the_right_class_goes_before_a_surer_one_of_another() -> None:
    # Far enough from the other to be another place, near enough to the defect to find it.
    case = made([("open", HERE)], [("short", 0.9, HERE), ("open", 0.6, (0, 8, 20, 28))])
    assert pair(case) == [1]
    assert confusion([case], CLASSES).counts == ((1, 0, 0), (0, 0, 0), (0, 1, 0))


def test_a_second_name_for_one_place_is_no_false_alarm_and_hides_no_find() -> None:
    case = made([("open", HERE)], [("short", 0.9, BESIDE), ("open", 0.8, HERE)])
    assert (pair(case), false_alarms([case]), misses([case])) == ([0], [], [])


def test_a_second_finding_on_one_defect_is_a_false_alarm() -> None:
    case = made([("open", HERE)], [("open", 0.9, HERE), ("open", 0.8, BESIDE)])
    assert [alarm.finding for alarm in false_alarms([case])] == [1]


def test_a_finding_takes_the_defect_it_overlaps_most() -> None:
    case = made([("open", BESIDE), ("open", HERE)], [("open", 0.9, HERE), ("open", 0.8, BESIDE)])
    assert pair(case) == [1, 0]


@pytest.mark.parametrize(("height", "found"), [(6.5, False), (6.7, True)])
def test_the_overlap_that_is_asked_for(height: float, found: bool) -> None:
    case = made([("open", HERE)], [("open", 0.9, (0, 0, 20, height))])
    assert (pair(case) == [0]) is found


def test_the_worst_come_first() -> None:
    least = made([("open", THERE)], [("open", 0.2, THERE)], name="least")
    large = made([("open", (0, 0, 40, 40)), ("short", HERE)], name="large")
    assert [(miss.case.name, miss.truth, miss.score) for miss in misses([least, large])] == [
        ("large", 0, 0.0),
        ("large", 1, 0.0),
        ("least", 0, 0.2),
    ]
    sure, surer = made(found=[("open", 0.6, HERE)]), made(found=[("short", 0.9, HERE), ("open", 0.7, THERE)])
    assert [alarm.score for alarm in false_alarms([sure, surer])] == [0.9, 0.7, 0.6]


def test_a_defect_that_another_class_meets_is_not_missed() -> None:
    assert misses([made([("open", HERE)], [("short", 0.9, HERE)])]) == []
