"""SIGTERM and Ctrl-C: the first one asks a worker to end in order, the second one ends it."""

from __future__ import annotations

import signal
from collections.abc import Callable


def on_stop(stop: Callable[[], None]) -> None:
    """`stop` is called from the signal handler: it may set a flag, and no more."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _stop(stop))


def _stop(stop: Callable[[], None]) -> None:
    stop()
    # The second signal ends it at once; what it held is another one's then.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
