from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from inspector.cli.stack import ports
from inspector.errors import SettingsError


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_is_told_with_the_way_out(taken: int) -> None:
    with pytest.raises(SettingsError, match=rf"port {taken} is in use .*--port"):
        ports.demand("127.0.0.1", taken, "--port")


def test_a_host_that_is_not_here_is_told() -> None:
    with pytest.raises(SettingsError, match=r"cannot listen on 192\.0\.2\.1"):
        ports.demand("192.0.2.1", 8000, "--port")


def test_zero_takes_a_free_one() -> None:
    assert ports.demand("127.0.0.1", 0, "--port") > 0


def test_a_preferred_port_gives_way(taken: int) -> None:
    assert ports.prefer(taken, set()) != taken


def test_no_port_is_given_twice() -> None:
    given: set[int] = set()
    free = ports.prefer(0, given)
    assert ports.prefer(free, given) != free
    assert len(given) == 2


def test_nor_is_one_that_the_system_names_again() -> None:
    given = {port for port in range(1 << 16) if port % 21}
    assert ports.prefer(9100, given) % 21 == 0
