"""A GPU: what it could do by its bytes and operations (roofline.py), and what it does.

program     one recorded program, again and again: no copies, nothing on the host
slots       windows that are decoded already -> what is left: copies both ways, all slots of a process
lines       JPEGs -> findings and maps, in as many processes as are asked for (cuda_line.py)

In turns, several rounds. How busy the device was during `lines` is what nvidia-smi says.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any, Protocol

import torch

from benchmarks import figures, pictures, roofline
from benchmarks.bare import Bare
from benchmarks.cuda_line import Options, side_by_side
from benchmarks.roofline import Peaks, Work
from benchmarks.service import Say
from inspector.engines.cuda_device import CudaDevice, Device
from inspector.engines.cuda_engine import CudaEngine, Model, batch_sizes
from inspector.engines.pipeline import Pipeline
from inspector.engines.torch_sift import Step
from inspector.errors import SettingsError
from inspector.imaging.files import facts_of
from inspector.models.bundle import Bundle, resolve

LOOK_MS = 200
"""Between two of nvidia-smi's looks at the device."""


class Runs(Protocol):
    """A line, here or in a process."""

    def start(self, seconds: float) -> None: ...

    def result(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    model: str
    batch: int
    readers: int
    """Of each process."""
    processes: int
    rounds: int
    seconds: float
    side: int


def counted(bundle: Bundle, precisions: Sequence[str], size: tuple[int, int], batch: int) -> dict[str, Work]:
    """By precision. Raises SettingsError for one that torch does not run."""
    for precision in precisions:
        if precision not in {"f32", "bf16"}:
            raise SettingsError(f"--precision {precision}: torch runs f32 and bf16")
    return {precision: roofline.of(bundle, precision, size, batch) for precision in precisions}


def run(plan: Plan, device: str, precision: str, say: Say) -> dict[str, Any]:
    """On a CUDA device. Raises EngineUnavailable where there is none."""
    opened = CudaDevice(device)
    with tempfile.TemporaryDirectory() as place, ExitStack() as closing:
        images = pictures.boards(Path(place), plan.side)
        options = Options(images, plan.model, device, precision, plan.batch, plan.readers)
        lines = []
        for number in range(plan.processes):
            line = Bare(options, Path(place), f"{precision}-{number}", "benchmarks.cuda_line")
            closing.callback(line.close)
            lines.append(line)
        say(f"{precision}: recording programs")
        for line in lines:
            line.ready()
        return measure(plan, opened, precision, images, lines, say)


def measure(
    plan: Plan, device: Device, precision: str, images: Sequence[str], lines: Sequence[Runs], say: Say
) -> dict[str, Any]:
    """Rates are images a second."""
    bundle = Bundle.load(resolve(plan.model))
    model = Model.of(bundle, device, precision=precision, largest=plan.batch)
    engine = CudaEngine(model)
    pipeline = Pipeline(bundle, engine)
    files = [Path(images[number % len(images)]).read_bytes() for number in range(plan.batch)]
    prepared = [pipeline.decode(data, facts_of(data)) for data in files]
    size = prepared[0].tiles[0].height, prepared[0].tiles[0].width
    slots = engine.slots()
    for slot in slots:
        slot.prepare(size)
    sift = [partial(slot.sift, [one.window(0) for one in prepared], size) for slot in slots]
    programs = {count: _program(model, count, size) for count in batch_sizes(plan.batch)}
    rates: dict[str, list[float]] = {}
    busy: list[float] = []
    cpu_ms: list[float] = []
    for number in range(plan.rounds):
        say(f"{precision}: round {number + 1} of {plan.rounds}")
        for count, program in programs.items():
            rate = count * _rate(program, plan.seconds / 4)
            rates.setdefault(f"program of {count}", []).append(rate)
        turns = side_by_side([partial(_rate, one, plan.seconds) for one in sift])
        rates.setdefault(f"{len(slots)} slots", []).append(plan.batch * sum(turns))
        with _looked_at(device) as looks:
            for line in lines:
                line.start(plan.seconds)
            seen = [line.result() for line in lines]
        rates.setdefault("JPEG to findings", []).append(sum(one["rate"] for one in seen))
        cpu_ms.append(mean(one["cpu_ms"] for one in seen))
        busy += [mean(looks)] if looks else []
    return {
        "device": device.name,
        "precision": precision,
        "plan": asdict(plan),
        "rates": {name: figures.spread(values) for name, values in rates.items()},
        "cpu_ms": figures.spread(cpu_ms),
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
    bound = min(roofline.bounds(work, peaks).values())
    rows = [
        [name, figures.shown(rate, 0), f"{100 * rate['median'] / bound:.0f} %"]
        for name, rate in measured["rates"].items()
    ]
    busy = figures.shown(measured["busy_percent"], 0)
    plan = measured["plan"]
    said = (
        f"{measured['device']}, {measured['precision']}, batches of {plan['batch']}. From JPEG to findings: "
        f"{plan['processes']} processes with {plan['readers']} readers each, "
        f"{figures.shown(measured['cpu_ms'], 3)} ms of the host's CPU an image, the device busy for "
        + (f"{busy} % of the time." if busy else "a time that nobody knows: no nvidia-smi.")
    )
    return "\n".join([said, "", figures.table(["", "images/s", "of the lowest bound"], rows)])


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


@contextmanager
def _looked_at(device: Device) -> Iterator[list[float]]:
    """Afterwards it holds the shares of time, in %, in which a kernel ran. Empty where nobody can tell."""
    looks: list[float] = []
    smi = shutil.which("nvidia-smi")
    if device.place.type != "cuda" or smi is None:
        yield looks
        return
    # By its own name: nvidia-smi counts devices that this process may not see.
    which = f"--id=GPU-{torch.cuda.get_device_properties(device.place).uuid}"
    words = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", f"--loop-ms={LOOK_MS}"]
    with subprocess.Popen([smi, which, *words], stdout=subprocess.PIPE, text=True) as watching:
        try:
            yield looks
        finally:
            watching.terminate()
            said, _ = watching.communicate()
            looks += [float(line) for line in said.splitlines() if line.strip().isdigit()]
