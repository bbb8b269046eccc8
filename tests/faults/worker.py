"""`python -m tests.faults.worker RUNS delayed|shipped [flags of python -m workers inspect]`

A worker that adds a line to the file RUNS before each run of its model: how many images are in it. Its engine
is the delayed one, or the shipped model's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inspector.engines.base import Engine
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.engines.postprocess import Inspection
from inspector.imaging.preprocess import Prepared
from inspector.models.bundle import Bundle, resolve
from tests.faults.delayed_engine import DelayedEngine
from workers.__main__ import inspect, main
from workers.settings import InspectSettings

DELAY_S = 0.02
"""Of a batch of up to four: a small GPU's pace."""


class CountedPipeline(Pipeline):
    """Outlives kill -9: what was written before it is in the file."""

    def __init__(self, runs: Path, bundle: Bundle, engine: Engine, **limits: Any) -> None:
        super().__init__(bundle, engine, **limits)
        self.warm_up()
        self._runs = runs.open("a", encoding="ascii", buffering=1)

    def infer(
        self,
        batch: Sequence[Prepared],
        on_run: Callable[[], None] = lambda: None,
        engine: Engine | None = None,
    ) -> list[Inspection]:
        if batch and hasattr(self, "_runs"):  # not the warm-up
            self._runs.write(f"{len(batch)}\n")
        return super().infer(batch, on_run, engine)


def counted(runs: Path, engine: str, settings: InspectSettings) -> Pipeline:
    bundle = Bundle.load(resolve(settings.model))
    limits = {"max_pixels": settings.max_image_pixels}
    if engine == "delayed":
        return CountedPipeline(runs, bundle, DelayedEngine(bundle.manifest, DELAY_S), **limits)
    shipped = choose(bundle, settings.engine, settings.device, threads=settings.threads)
    return CountedPipeline(runs, bundle, shipped, **limits)


if __name__ == "__main__":
    runs, engine, *flags = sys.argv[1:]
    roles = {"inspect": lambda given: inspect(given, lambda settings: counted(Path(runs), engine, settings))}
    sys.exit(main(["inspect", *flags], roles))
