"""JPEG -> findings and map on one GPU, as a worker does it without its queue: readers decode, slots run.

    python -m benchmarks.cuda_line OPTIONS.json   reads seconds from stdin, a line each; answers each in JSON

A process of its own, since several of them on one GPU are what a fast one wants: all of a process's verdicts
are made under one lock of the interpreter.
"""

from __future__ import annotations

import json
import queue
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from inspector.engines.base import Sifter
from inspector.engines.cuda_device import CudaDevice, Device
from inspector.engines.cuda_engine import CudaEngine, Model
from inspector.engines.pipeline import Pipeline
from inspector.imaging.files import facts_of
from inspector.imaging.preprocess import Prepared
from inspector.messages.job import ImageFacts
from inspector.models.bundle import Bundle, resolve

WAIT_S = 0.05
"""For an image, or for room for one, between two looks at the clock."""

Image = tuple[bytes, ImageFacts]


@dataclass(frozen=True, slots=True)
class Options:
    images: list[str]
    model: str
    device: str
    precision: str
    batch: int
    readers: int


class Line:
    """Ready when made. Its two halves may also be called one after the other, as those of a process are."""

    def __init__(self, bundle: Bundle, device: Device, options: Options) -> None:
        model = Model.of(bundle, device, precision=options.precision, largest=options.batch)
        engine = CudaEngine(model)
        self._pipeline = Pipeline(bundle, engine)
        self._slots = engine.slots()
        self._batch, self._readers = options.batch, options.readers
        files = [Path(name).read_bytes() for name in options.images]
        self._images = [(data, facts_of(data)) for data in files]
        tile = self._pipeline.decode(*self._images[0]).tiles[0]
        for slot in self._slots:
            slot.prepare((tile.height, tile.width))
        self._seconds = 0.0

    def start(self, seconds: float) -> None:
        self._seconds = seconds

    def result(self) -> dict[str, float]:
        """rate: images a second that came through; cpu_ms: of this process, an image."""
        began = time.process_time()
        shift = _Shift(self._pipeline, self._images, (len(self._slots) + 1) * self._batch, self._seconds)
        reading = [partial(shift.read, first, self._readers) for first in range(self._readers)]
        done = sum(side_by_side([*reading, *(partial(shift.run, slot, self._batch) for slot in self._slots)]))
        cpu_ms = 1000 * (time.process_time() - began) / max(done, 1)
        return {"rate": done / self._seconds, "cpu_ms": cpu_ms}


class _Shift:
    """One run of a line. Thread-safe."""

    def __init__(self, pipeline: Pipeline, images: Sequence[Image], room: int, seconds: float) -> None:
        self._pipeline = pipeline
        self._images = images
        self._ready: queue.Queue[Prepared] = queue.Queue(room)
        self._end = time.perf_counter() + seconds

    def read(self, first: int, step: int) -> float:
        """Every so many-th image, until the time is over."""
        number = first
        while not self._over():
            one = self._pipeline.decode(*self._images[number % len(self._images)])
            number += step
            while not self._over():
                with suppress(queue.Full):
                    self._ready.put(one, timeout=WAIT_S)
                    break
        return 0

    def run(self, slot: Sifter, most: int) -> float:
        """Images that it was done with in time."""
        done = 0
        while not self._over():
            if batch := self._batch(most):
                self._pipeline.infer(batch, engine=slot)
                done += 0 if self._over() else len(batch)
        return done

    def _batch(self, most: int) -> list[Prepared]:
        """What is ready; nothing is waited for but the first one."""
        batch: list[Prepared] = []
        with suppress(queue.Empty):
            batch.append(self._ready.get(timeout=WAIT_S))
            while len(batch) < most:
                batch.append(self._ready.get_nowait())
        return batch

    def _over(self) -> bool:
        return time.perf_counter() > self._end


def side_by_side(works: Sequence[Callable[[], float]]) -> list[float]:
    """Each in a thread. Raises what one of them raises."""
    with ThreadPoolExecutor(len(works)) as threads:
        return [future.result() for future in [threads.submit(work) for work in works]]


def main(file: str) -> None:
    options = Options(**json.loads(Path(file).read_text(encoding="utf-8")))
    line = Line(Bundle.load(resolve(options.model)), CudaDevice(options.device), options)
    print(json.dumps({"engine": options.precision}), flush=True)
    for seconds in sys.stdin:
        line.start(float(seconds))
        print(json.dumps(line.result()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
