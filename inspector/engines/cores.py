"""How many cores this process has, for whoever starts a thread on each."""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Of Linux's control groups, version 2: microseconds of CPU, or max, and of how many."""


def usable_cores(quota: Path = _QUOTA) -> int:
    """Those that this process may run on, or the time of so many: a container often has all of a machine's
    cores and the time of two. A thread for each core would then be stopped in the middle of an image."""
    cores = len(os.sched_getaffinity(0))
    try:
        limit, period = quota.read_text(encoding="ascii").split()
    except (OSError, ValueError):  # no such limit here, or told in another way
        return cores
    return cores if limit == "max" else max(1, min(cores, int(limit) // int(period)))
