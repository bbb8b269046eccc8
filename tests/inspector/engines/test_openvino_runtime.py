"""OpenVINO and the process it runs in."""

from __future__ import annotations

import subprocess
import sys

from inspector.engines.openvino_runtime import core
from inspector.models.bundle import SHIPPED

INTERRUPTED = """
import gc, os, signal
from pathlib import Path
from inspector.engines.openvino_engine import OpenVinoEngine, has_bf16
from inspector.models.bundle import Bundle

has_bf16()
for _ in range(2):
    engines = [OpenVinoEngine(Bundle.load(Path({folder!r})), threads=1) for _ in range(2)]
    del engines[0]
    engines.clear()
    gc.collect()
signal.signal(signal.SIGINT, lambda *_: print("told"))
os.kill(os.getpid(), signal.SIGINT)
print("alive")
"""


def test_a_signal_after_engines_have_come_and_gone_is_only_a_signal() -> None:
    script = INTERRUPTED.format(folder=str(SHIPPED))
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout.split()) == (0, ["told", "alive"]), done.stderr


def test_there_is_one_core() -> None:
    assert core() is core()
