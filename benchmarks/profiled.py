"""`python -m benchmarks.profiled FILE MODULE [its arguments]`: runs a module and says where its CPU time
went.

Every few milliseconds a thread looks at the stacks of all others; each counts by what its own thread's
clock has spent since the look before. So a thread that waits costs nothing, on a busy machine too, and C code
counts for the Python line that called it. What OpenVINO's threads spend counts for the line that waits for
them. FILE gets one line a stack: outermost function first, then microseconds.
"""

from __future__ import annotations

import runpy
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

LOOK_S = 0.002
"""Between two looks."""

SWITCH_S = 0.00005
"""So soon the interpreter stops a thread for the looking one. By its default of 5 ms a look would nearly
always find the others where they wait."""

NATIVE = "native:threads"
"""The innermost function of what threads spent that are not Python's."""

_CALLS_NATIVE = "openvino_engine.py:_run"


class Profile:
    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        """Microseconds, by stack."""
        self._clocks: dict[int, int] = {}
        self._process_ns = time.process_time_ns()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="profile", daemon=True)

    def start(self) -> None:
        sys.setswitchinterval(SWITCH_S)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_S):
            self._look()

    def _look(self) -> None:
        frames = sys._current_frames()
        python_ns, calls_native = 0, ""
        for thread in threading.enumerate():
            if thread.ident is None or thread.ident not in frames:
                continue
            now = time.clock_gettime_ns(time.pthread_getcpuclockid(thread.ident))
            spent = now - self._clocks.get(thread.ident, now)
            self._clocks[thread.ident] = now
            python_ns += spent
            stack = _stack(frames[thread.ident])
            if _CALLS_NATIVE in stack:
                calls_native = f"{stack};"
            if spent > 0 and thread is not self._thread:
                self.spent[stack] += spent // 1000
        now, before = time.process_time_ns(), self._process_ns
        self._process_ns = now
        self.spent[f"{calls_native}{NATIVE}"] += max(0, now - before - python_ns) // 1000

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
    profile.start()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        profile.end()
        profile.write(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
