from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.support import Line, gateway_in_memory


@pytest.fixture
def line() -> Iterator[Line]:
    """A gateway of its own on an empty queue."""
    with gateway_in_memory(lines=("default", "L1"), max_image_bytes=1 << 20, body_timeout_s=0.5) as line:
        yield line


@pytest.fixture(scope="module")
def shared_line() -> Iterator[Line]:
    """For tests that leave nothing behind: what is refused, what is only read."""
    with gateway_in_memory(lines=("default", "L1"), max_image_bytes=1 << 20, body_timeout_s=0.5) as line:
        yield line
