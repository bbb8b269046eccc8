"""`python -m tests.attack.trickle PORT SOCKETS FIRST MORE` (in hex): hostile connections, until it is killed.

A process of its own: its work must not delay the clock of the camera that is measured.
"""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress

from api import guard

ROUND_S = 1.0
"""In which each connection has its turn; the turns are spread evenly."""


def trickle(port: int, sockets: int, first: bytes, more: bytes) -> None:
    """On each connection: say `first`, then `more` once a round. One that was cut off is made anew."""
    crowd: list[socket.socket | None] = [None] * sockets
    turn = time.monotonic()
    while True:
        for place, one in enumerate(crowd):
            if one is None or not _open(one):
                crowd[place] = _connect(port, first)
            else:
                with suppress(OSError):  # a full buffer, a cut connection: seen in the next round
                    one.send(more)
            turn += ROUND_S / sockets
            time.sleep(max(0.0, turn - time.monotonic()))


def _connect(port: int, first: bytes) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port))
    made.setblocking(False)
    made.send(first)
    return made


def _open(one: socket.socket) -> bool:
    """Reads a little of what came, as it looks."""
    try:
        if one.recv(1024):
            return True
    except BlockingIOError:
        return True
    except OSError:
        pass
    one.close()
    return False


if __name__ == "__main__":
    guard.files_for(2 * int(sys.argv[2]))
    trickle(int(sys.argv[1]), int(sys.argv[2]), *(bytes.fromhex(words) for words in sys.argv[3:5]))
