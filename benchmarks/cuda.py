"""A GPU: what it could do by its bytes and operations (roofline.py), and what it does.

program     one recorded program, again and again: no copies, nothing on the host
slots       windows that are decoded already -> what is left: copies both ways, all slots
whole       JPEGs -> findings and maps, decoded by reader threads, as a worker does it

Each in turns, several rounds. How busy the device was during `whole` is what nvidia-smi says.
"""

from __future__ import annotations

import queue
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from benchmarks import figures, pictures, roofline
from benchmarks.roofline import Peaks, Work
from benchmarks.service import Say
from inspector.engines.base import Sifter
from inspector.engines.cuda_device import Device
from inspector.engines.cuda_engine import CudaEngine, Model, batch_sizes
from inspector.engines.pipeline import Pipeline
from inspector.engines.torch_sift import Step
from inspector.errors import SettingsError
from inspector.imaging.files import facts_of
from inspector.imaging.preprocess import Prepared
from inspector.messages.job import ImageFacts
from inspector.models.bundle import Bundle

LOOK_MS = 200
"""Between two of nvidia-smi's looks at the device."""

WAIT_S = 0.05
"""For an image, or for room for one, between two looks at the clock."""

Image = tuple[bytes, ImageFacts]


def counted(bundle: Bundle, precisions: Sequence[str], size: tuple[int, int], batch: int) -> dict[str, Work]:
    """By precision. Raises SettingsError for one that torch does not run."""
    for precision in precisions:
        if precision not in {"f32", "bf16"}:
            raise SettingsError(f"--precision {precision}: torch runs f32 and bf16")
    return {precision: roofline.of(bundle, precision, size, batch) for precision in precisions}


def measure(
    bundle: Bundle,
    device: Device,
    precision: str,
    *,
    batch: int,
    readers: int,
    rounds: int,
    seconds: float,
    side: int,
    say: Say,
) -> dict[str, Any]:
    """Rates are images a second."""
    say(f"{precision}: recording programs")
    with tempfile.TemporaryDirectory() as place:
        files = [Path(name).read_bytes() for name in pictures.boards(Path(place), side)]
    images = [(data, facts_of(data)) for data in files]
    model = Model.of(bundle, device, precision=precision, largest=batch)
    engine = CudaEngine(model)
    pipeline = Pipeline(bundle, engine)
    prepared = [pipeline.decode(*images[number % len(images)]) for number in range(batch)]
    size = prepared[0].tiles[0].height, prepared[0].tiles[0].width
    slots = engine.slots()
    for slot in slots:
        slot.prepare(size)
    programs = {count: _program(model, count, size) for count in batch_sizes(batch)}
    rates: dict[str, list[float]] = {}
    busy: list[float] = []
    host_ms: list[float] = []
    for number in range(rounds):
        say(f"{precision}: round {number + 1} of {rounds}")
        for count, run in programs.items():
            rates.setdefault(f"program of {count}", []).append(count * _rate(run, seconds / 4))
        rates.setdefault(f"{len(slots)} slots", []).append(_slots(slots, prepared, size, seconds))
        began = time.process_time()
        with _looked_at(device) as looks:
            done = _whole(pipeline, slots, images, batch, readers, seconds)
        rates.setdefault("JPEG to findings", []).append(done / seconds)
        host_ms.append(1000 * (time.process_time() - began) / max(done, 1))
        busy += [mean(looks)] if looks else []
    return {
        "device": device.name,
        "precision": precision,
        "batch": batch,
        "readers": readers,
        "rates": {name: figures.spread(values) for name, values in rates.items()},
        "host_cpu_ms": figures.spread(host_ms),
        "busy_percent": figures.spread(busy) if busy else None,
    }


def report(works: Mapping[str, Work], peaks: Peaks, measured: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "machine": figures.machine(),
        "peaks": asdict(peaks),
        "counted": {name: asdict(work) for name, work in works.items()},
        "measured": list(measured),
    }


def markdown(measured: Mapping[str, Any], work: Work, peaks: Peaks) -> str:
    bound = roofline.bounds(work, peaks)["memory, every operation by itself"]
    rows = [
        [name, figures.shown(rate, 0), f"{100 * rate['median'] / bound:.0f} %"]
        for name, rate in measured["rates"].items()
    ]
    busy = figures.shown(measured["busy_percent"], 0) or "not known: no nvidia-smi"
    said = (
        f"{measured['device']}, {measured['precision']}, batches of {measured['batch']}, "
        f"{measured['readers']} readers; the device busy {busy} (%) from JPEG to findings; the host's CPU "
        f"{figures.shown(measured['host_cpu_ms'], 3)} ms an image."
    )
    return "\n".join([said, "", figures.table(["", "images/s", "of what memory allows"], rows)])


# --- program ----------------------------------------------------------------------------------------------


def _program(model: Model, batch: int, size: tuple[int, int]) -> Callable[[], None]:
    """Runs it once, and waits for it."""
    device, rules = model.device, model.manifest.input
    dtype = torch.uint8 if rules.bit_depth == 8 else torch.int16
    stream = device.stream()
    with torch.inference_mode():
        step = Step(model.network, model.manifest, device.place)
        levels = torch.zeros((batch, *size, rules.channels), dtype=dtype, device=device.place)
        program = stream.record(lambda: step(levels))

    def run() -> None:
        with torch.inference_mode():
            stream.do(program.run)
            stream.wait()

    return run


def _rate(run: Callable[[], object], seconds: float) -> float:
    """Runs a second."""
    began, times = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        run()
        times += 1
    return times / (time.perf_counter() - began)


# --- slots ------------------------------------------------------------------------------------------------


def _slots(
    slots: Sequence[Sifter], batch: Sequence[Prepared], size: tuple[int, int], seconds: float
) -> float:
    windows = [prepared.window(0) for prepared in batch]
    runs = [partial(slot.sift, windows, size) for slot in slots]
    return len(batch) * sum(_side_by_side([partial(_rate, run, seconds) for run in runs]))


# --- whole ------------------------------------------------------------------------------------------------


class _Line:
    """Readers decode until the time is over, slots run what is ready. Thread-safe."""

    def __init__(self, pipeline: Pipeline, images: Sequence[Image], room: int, seconds: float) -> None:
        self._pipeline = pipeline
        self._images = images
        self._ready: queue.Queue[Prepared] = queue.Queue(room)
        self._end = time.perf_counter() + seconds

    def read(self, first: int, step: int) -> float:
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


def _whole(
    pipeline: Pipeline,
    slots: Sequence[Sifter],
    images: Sequence[Image],
    batch: int,
    readers: int,
    seconds: float,
) -> int:
    """Images that came through."""
    line = _Line(pipeline, images, (len(slots) + 1) * batch, seconds)
    reading = [partial(line.read, first, readers) for first in range(readers)]
    return int(sum(_side_by_side([*reading, *(partial(line.run, slot, batch) for slot in slots)])))


def _side_by_side(works: Sequence[Callable[[], float]]) -> list[float]:
    """Each in a thread. Raises what one of them raises."""
    with ThreadPoolExecutor(len(works)) as threads:
        return [future.result() for future in [threads.submit(work) for work in works]]


@contextmanager
def _looked_at(device: Device) -> Iterator[list[float]]:
    """Afterwards it holds the shares of time, in %, in which a kernel ran. Empty where nobody can tell."""
    looks: list[float] = []
    smi = shutil.which("nvidia-smi")
    if device.place.type != "cuda" or smi is None:
        yield looks
        return
    words = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", f"-lms={LOOK_MS}"]
    with subprocess.Popen(
        [smi, *words, f"--id={device.place.index}"], stdout=subprocess.PIPE, text=True
    ) as watching:
        try:
            yield looks
        finally:
            watching.terminate()
            said, _ = watching.communicate()
            looks += [float(line) for line in said.splitlines() if line.strip().isdigit()]
