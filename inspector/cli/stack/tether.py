"""Run a program that dies with the process that started it: `python tether.py PARENT SIGNAL PROGRAM ARG...`

A supervisor that is killed with SIGKILL cannot stop its children, so the kernel does it (Linux,
PR_SET_PDEATHSIG; elsewhere the lock of the data directory at least keeps a second stack off). It is set
here, in the child itself, because code between fork and exec is not safe beside threads. The setting lasts
through exec. Standard library only, and run by path: it must start in milliseconds.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


def main(arguments: list[str]) -> None:
    parent, death_signal, program = int(arguments[0]), int(arguments[1]), arguments[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before the line above
            signal.raise_signal(signal.SIGKILL)
    os.execv(program[0], program)  # noqa: S606  # replaces this process; no shell is involved


if __name__ == "__main__":
    main(sys.argv[1:])
