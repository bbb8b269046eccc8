"""An image without a box need not be a good one: its class may be all that is known of it.

So whether it is good is asked of `Sample.good` and `Case.good`, and no other file decides it by its boxes.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WITHOUT_BOXES = re.compile(
    r"not len\(\w+\.(truth_)?boxes\)"
    r"|bool\(len\(\w+\.(truth_)?boxes\)\)"
    r"|if len\(\w+\.(truth_)?boxes\) else"
    r"|len\(\w+\.(truth_)?boxes\) == 0"
)
ALLOWED = {
    "inspector/data/dataset.py",
    "inspector/evaluation/predictions.py",
    # Pictures in the making: without boxes there is nothing to heal or to crop around.
    "inspector/data/augment.py",
}


@pytest.mark.parametrize(
    "line",
    [
        "boards += [case for case in posted if not len(case.truth_boxes)]",
        'kind = "defective" if len(sample.boxes) else "good"',
        "return len(sample.boxes) == 0",
        "bool(len(c.truth_boxes)) is has",
    ],
)
def test_the_rule_knows_the_ways_to_ask(line: str) -> None:
    assert WITHOUT_BOXES.search(line)


def test_nobody_takes_an_image_without_boxes_for_a_good_one() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "inspector").rglob("*.py"))
        if path.relative_to(ROOT).as_posix() not in ALLOWED
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if WITHOUT_BOXES.search(line)
    ]
    assert found == []
