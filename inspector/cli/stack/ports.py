"""Which TCP port is free on this machine."""

from __future__ import annotations

import errno
import socket

from inspector.errors import SettingsError


def demand(host: str, port: int, option: str) -> int:
    """The port that a person named, or a free one for 0. Raises SettingsError when it cannot be had."""
    try:
        return _bind(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} is in use by another program: "
                f"stop that one, or choose another with {option} (make: PORT=...)"
            ) from error
        raise SettingsError(
            f"cannot listen on {host}:{port} ({error.strerror}): see --host and {option}"
        ) from error


def prefer(port: int, taken: set[int]) -> int:
    """A loopback port nobody named: `port` if it is free, else any; remembered in `taken`."""
    try:
        chosen = _bind("127.0.0.1", port)
    except OSError:  # whatever is wrong with that one, another will do
        chosen = _bind("127.0.0.1", 0)
    while chosen in taken:  # nobody listens there yet, so that the system may name it again
        chosen = _bind("127.0.0.1", 0)
    taken.add(chosen)
    return chosen


def _bind(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a port in TIME_WAIT from the last run is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])
