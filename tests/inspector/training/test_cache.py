"""The cache holds what was used last, within its bytes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from inspector.training.cache import ByteCache, affordable


def cache(limit: int) -> ByteCache[np.ndarray]:
    return ByteCache(limit, lambda array: array.nbytes)


def test_a_value_is_made_once_while_it_is_held() -> None:
    made: list[str] = []

    def make() -> np.ndarray:
        made.append("x")
        return np.zeros(10, np.uint8)

    held = cache(100)
    assert held.get("x", make) is held.get("x", make)
    assert made == ["x"]


def test_what_was_used_longest_ago_goes_first() -> None:
    held = cache(30)
    for key in ("a", "b", "c"):
        held.get(key, lambda: np.zeros(10, np.uint8))
    first = held.get("a", lambda: np.ones(10, np.uint8))
    held.get("d", lambda: np.zeros(10, np.uint8))
    assert held.bytes == 30
    assert held.get("a", lambda: np.ones(10, np.uint8)) is first
    assert held.get("b", lambda: np.ones(10, np.uint8)).all()  # made anew


def test_one_larger_than_all_the_room_is_given_and_not_held() -> None:
    held = cache(30)
    assert len(held.get("big", lambda: np.zeros(31, np.uint8))) == 31
    assert held.bytes == 0


def test_threads_never_push_it_over_its_limit() -> None:
    held = cache(1000)

    def use(number: int) -> int:
        held.get(number % 37, lambda: np.zeros(100, np.uint8))
        return held.bytes

    with ThreadPoolExecutor(8) as pool:
        assert max(pool.map(use, range(2000))) <= 1100  # a thread may look between adding and dropping
    assert held.bytes == 1000


def test_this_machine_can_afford_some() -> None:
    assert 16 * 1024**2 < affordable() <= 2 * 1024**3
