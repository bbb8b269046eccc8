"""OpenCV's own guard, behind the check of the header: it must stand although nothing else asked first."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.pictures import png_claiming

SCRIPT = """
import sys
import numpy as np
from inspector.imaging.opencv import cv2
try:
    image = cv2.imdecode(np.frombuffer(sys.stdin.buffer.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    print("nothing" if image is None else image.shape)
except cv2.error as error:
    print("refused", "CV_IO_MAX_IMAGE_PIXELS" in str(error))
"""


@pytest.mark.parametrize(
    ("side", "said"), [(8_100, "refused True"), (60_000, "refused True"), (100, "nothing")]
)
def test_a_bomb_is_refused_by_the_decoder_itself(side: int, said: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENCV")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=png_claiming(side, side),
        capture_output=True,
        check=True,
        env=environment,
    )
    assert done.stdout.decode().strip() == said
