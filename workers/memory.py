"""A limit of this process's own memory: an image that needs more fails; the machine is not taken along.

It is RLIMIT_DATA: what the process has allocated, without mapped files. It holds on a bare machine too, where
no container has a limit, and it refuses one allocation instead of killing the process.
"""

from __future__ import annotations

import re
import resource
from pathlib import Path

from inspector.errors import SettingsError

MIB = 1 << 20

HEADROOM = 64 * MIB
"""The least that must be left beyond the loaded model: one usual image needs some tens of MiB."""


def limit(mib: int) -> None:
    """From now on, allocations beyond `mib` MiB fail; 0 sets no limit. Call it once the model is loaded.

    Raises SettingsError when the model alone leaves no room to work.
    """
    if mib == 0:
        return
    held = allocated()
    if mib * MIB < held + HEADROOM:
        least = (held + HEADROOM) // MIB + 1
        raise SettingsError(
            f"--memory-limit-mb {mib}: the loaded model leaves no room; give it {least} or more"
        )
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (mib * MIB, hard))


def allocated() -> int:
    """Bytes that count towards the limit."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"^VmData:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
