"""The first of several waits decides, and nothing of the others goes on behind its back."""

from __future__ import annotations

import asyncio

import pytest

from inspector.cli.stack.first import first


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)  # an end that takes a moment is awaited
        ended.append("cancelled")


async def at_once() -> None:
    return None


async def fails() -> None:
    raise ValueError("it died")


def test_the_others_are_cancelled_and_have_ended() -> None:
    ended: list[str] = []
    asyncio.run(first(forever(ended), at_once()))
    assert ended == ["cancelled"]


def test_what_the_first_raised_is_raised() -> None:
    ended: list[str] = []
    with pytest.raises(ValueError, match="it died"):
        asyncio.run(first(forever(ended), fails()))
    assert ended == ["cancelled"]
