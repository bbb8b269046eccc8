"""`python -m benchmarks.profiled FILE MODULE [its arguments]`: runs a module and says where its CPU time
went.

Every few milliseconds of CPU time, all threads' stacks are looked at; each counts by what its own thread's
clock has spent since the look before. So a thread that waits costs nothing, on a busy machine too, and C code
counts for the Python line that called it. FILE gets one line a stack: outermost function first, then
microseconds.
"""

from __future__ import annotations

import runpy
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

LOOK_S = 0.002
"""Of CPU time between two looks."""


class Profile:
    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        """Microseconds, by stack."""
        self._clocks: dict[int, int] = {}

    def look(self, _signal: int, interrupted: FrameType | None) -> None:
        frames = {**sys._current_frames(), threading.get_ident(): interrupted}
        for thread in threading.enumerate():
            if thread.ident is None or thread.ident not in frames:
                continue
            now = time.clock_gettime_ns(time.pthread_getcpuclockid(thread.ident))
            spent = now - self._clocks.get(thread.ident, now)
            self._clocks[thread.ident] = now
            if spent > 0:
                self.spent[_stack(frames[thread.ident])] += spent // 1000

    def write(self, file: Path) -> None:
        lines = [f"{stack} {microseconds}\n" for stack, microseconds in self.spent.most_common()]
        file.write_text("".join(lines), encoding="utf-8")


def read(file: Path) -> Counter[tuple[str, ...]]:
    """Microseconds, by stack."""
    spent: Counter[tuple[str, ...]] = Counter()
    for line in file.read_text(encoding="utf-8").splitlines():
        stack, _, microseconds = line.rpartition(" ")
        spent[tuple(stack.split(";"))] += int(microseconds)
    return spent


def _stack(frame: FrameType | None) -> str:
    names: list[str] = []
    while frame is not None:
        code = frame.f_code
        names.append(f"{'/'.join(Path(code.co_filename).parts[-2:])}:{code.co_qualname}")
        frame = frame.f_back
    return ";".join(reversed(names))


def main(file: Path, module: str, *words: str) -> None:
    profile = Profile()
    sys.argv = [module, *words]
    signal.signal(signal.SIGPROF, profile.look)
    signal.setitimer(signal.ITIMER_PROF, LOOK_S, LOOK_S)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        profile.write(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
