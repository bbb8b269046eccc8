"""The one place that brings OpenCV in: `from inspector.imaging.opencv import cv2`.

Its limits must stand in the environment before the library is loaded, and it must not talk on stderr:
what is wrong with an image is said by our errors, once.
"""

from __future__ import annotations

import os

MAX_PIXELS = 64_000_000
"""64 Mpixel, as the gateway admits. OpenCV's own guard behind the check of the header."""

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

import cv2  # noqa: E402 - after its environment, see above

__all__ = ["MAX_PIXELS", "cv2"]
