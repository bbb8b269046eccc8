"""`python -m tests.faults.worker [flags of python -m workers inspect]`: a worker whose engine is delayed."""

from __future__ import annotations

import sys

from inspector.engines.pipeline import Pipeline
from inspector.models.bundle import Bundle, resolve
from tests.faults.delayed_engine import DelayedEngine
from workers.__main__ import inspect, main
from workers.settings import InspectSettings

DELAY_S = 0.02
"""Of a batch of up to four: a small GPU's pace."""


def delayed(settings: InspectSettings) -> Pipeline:
    bundle = Bundle.load(resolve(settings.model))
    return Pipeline(bundle, DelayedEngine(bundle.manifest, DELAY_S), max_pixels=settings.max_image_pixels)


if __name__ == "__main__":
    sys.exit(main(["inspect", *sys.argv[1:]], {"inspect": lambda flags: inspect(flags, delayed)}))
