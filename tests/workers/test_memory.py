"""A process with little memory: what needs more fails, and the process goes on."""

from __future__ import annotations

import subprocess
import sys

from tests.workers.test_process import Start, start  # noqa: F401 - a fixture

SCRIPT = """
import cv2, numpy as np
from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of
from inspector.imaging.overlay import encode_png
from workers import memory

row = np.random.default_rng(2).integers(0, 256, (1, 7900), dtype=np.uint8)
small, large = (encode_png(np.tile(row, (height, 1))) for height in (8, 7900))  # large: 62 million pixels
facts = {name: facts_of(image) for name, image in (("small", small), ("large", large))}
memory.limit(memory.allocated() // memory.MIB + 66)
for name, image in (("large", large), ("small", small)):
    try:
        print(name, decode(image, facts[name], 3).shape)
    except Exception as error:
        print(name, "failed", type(error).__module__)
"""


def test_an_image_that_needs_more_fails_and_the_next_one_does_not() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    large, small = done.stdout.splitlines()
    assert large.startswith("large failed")
    assert small == "small (8, 7900, 3)"


def test_a_limit_that_the_model_alone_is_over_is_told(start: Start) -> None:  # noqa: F811
    worker = start("tiny", "--memory-limit-mb", "1")
    assert worker.wait() == 1
    assert "leaves no room; give it" in worker.said
