"""Two runs draw the same, whatever was imported between them."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.repeatable import REPEAT, SEARCH, seed_all


def drawn(profile: str) -> list[int]:
    seen: list[int] = []

    @settings(settings.get_profile(profile), max_examples=100, database=None)
    @given(st.integers())
    def draw(number: int) -> None:
        seen.append(number)

    draw()
    return seen


def test_examples_are_the_same_again() -> None:
    assert drawn(REPEAT) == drawn(REPEAT)


def test_a_number_in_our_code_changes_no_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if settings.get_current_profile_name() == SEARCH:
        pytest.skip("a search is to find such numbers")
    before = drawn(REPEAT)
    file = tmp_path / "newly_written.py"
    file.write_text("ONE, OTHER, THIRD = 1_234_567_891, 1_234_567_892, 1_234_567_893\n")
    module = ModuleType(file.stem)
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, file.stem, module)

    assert drawn(REPEAT) == before


def test_a_search_draws_others() -> None:
    assert drawn(SEARCH) != drawn(REPEAT)


def test_generators_begin_anew() -> None:
    def three() -> list[float]:
        seed_all()
        return [random.random(), float(np.random.random()), random.random()]

    assert three() == three()
