"""Jobs with real images, for tests of pipeline and workers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.imaging.files import facts_of
from inspector.imaging.overlay import encode_png
from inspector.messages.job import ImageFacts, Job
from inspector.messages.recipe import Recipe
from tests.support.jobs import new_id


def grey(height: int = 128, width: int = 128, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def grey_png(height: int = 128, width: int = 128, seed: int = 0) -> bytes:
    return encode_png(grey(height, width, seed))


def deep_png(pixels: NDArray[np.uint16]) -> bytes:
    """(H, W) of 16 bits."""
    done, data = cv2.imencode(".png", pixels)
    assert done
    return data.tobytes()


def job_of(image: bytes, facts: ImageFacts | None = None, **changes: Any) -> Job:
    """`facts` where the gateway was deceived about the image."""
    fields = {"id": new_id(), "image": facts or facts_of(image), "recipe": Recipe(id="default", version=1)}
    return Job.model_validate({**fields, "line": "L1", "received_at": datetime.now(UTC), **changes})
