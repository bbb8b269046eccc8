from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from inspector.cli.stack import embedded
from inspector.errors import SettingsError
from inspector.queue.base import DEFAULT_BUDGETS, Budgets, Durability
from tests.support.servers import free_port


def test_the_binary_is_there_and_runs() -> None:
    assert os.access(embedded.binary(), os.X_OK)


def test_memory_leaves_room_beyond_the_budgets() -> None:
    budgets = Budgets(max_bytes=1 << 30, recent_bytes=256 << 20)
    assert embedded.maxmemory(budgets) > 1.2 * ((1 << 30) + (256 << 20))


def test_the_configuration_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    text = embedded.configuration(1234, tmp_path / 'a "b" c', DEFAULT_BUDGETS, Durability.D2)
    assert "appendonly yes\nappendfsync always\n" in text
    assert "maxmemory-policy noeviction\n" in text
    assert "bind 127.0.0.1\n" in text
    assert f'dir "{tmp_path}/a \\"b\\" c"\n' in text


def test_a_lower_durability_is_asked_for_and_a_higher_one_refused(tmp_path: Path) -> None:
    assert "appendfsync everysec\n" in embedded.configuration(1, tmp_path, DEFAULT_BUDGETS, Durability.D1)
    with pytest.raises(SettingsError, match="--redis-url"):
        embedded.configuration(1, tmp_path, DEFAULT_BUDGETS, Durability.D3)


def test_nobody_there_is_not_ready() -> None:
    assert not asyncio.run(embedded.answers(free_port()))
