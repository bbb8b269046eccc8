"""The bare limit: decoding, network and post-processing in a loop, without any server.

    python -m benchmarks.bare OPTIONS.json   reads seconds from stdin, a line each; answers each in JSON

One process with all cores on one image is the limit of a lone image. One process a core, each with one
thread, is the limit under load: they share nothing, not even an interpreter. Each is kept to its core, or
OpenVINO, which pins a lone thread to the first core that it may use, would put them all on that one.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from benchmarks.load import quantiles
from benchmarks.processes import ROOT, python

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class Options:
    images: list[str]
    model: str = "default"
    engine: str = "auto"
    precision: str = "auto"
    threads: int = 0
    core: int | None = None
    """The only one that it may run on."""


class Bare:
    """One looping process, ready when made; it waits between runs. `module` is what it runs: this one, or one
    that talks like it, with options of its own."""

    def __init__(
        self, options: DataclassInstance, folder: Path, name: str, module: str = "benchmarks.bare"
    ) -> None:
        file = folder / f"bare-{name}.json"
        file.write_text(json.dumps(asdict(options)), encoding="utf-8")
        self._process = subprocess.Popen(
            python(module, str(file)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def ready(self) -> str:
        """Waits for it; the engine's name."""
        return str(self._read()["engine"])

    def start(self, seconds: float) -> None:
        assert self._process.stdin is not None  # noqa: S101 - a pipe, see above
        self._process.stdin.write(f"{seconds}\n")

    def result(self) -> dict[str, Any]:
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - as above
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the bare loop ended; what it said is above")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Limits:
    """Both limits of one model on one engine. As a context manager it is ready inside."""

    def __init__(self, options: Options, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._closing = ExitStack()
        self.engine = ""

    def __enter__(self) -> Self:
        name = f"{self._options.engine}-{self._options.precision}"
        self._whole = self._open(self._options, f"{name}-whole")
        self._shares = [
            self._open(replace(self._options, threads=1, core=core), f"{name}-{core}")
            for core in sorted(os.sched_getaffinity(0))
        ]
        self.engine = self._whole.ready()
        for share in self._shares:
            share.ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def alone(self, seconds: float) -> dict[str, float]:
        """rate, p50_ms, p99_ms of one image after the other, on all cores."""
        self._whole.start(seconds)
        return self._whole.result()

    def under_load(self, seconds: float) -> dict[str, float]:
        """The same of a loop on each core, rates added up."""
        for share in self._shares:
            share.start(seconds)
        results = [share.result() for share in self._shares]
        return {
            "rate": sum(result["rate"] for result in results),
            "p50_ms": max(result["p50_ms"] for result in results),
            "p99_ms": max(result["p99_ms"] for result in results),
        }

    def _open(self, options: Options, name: str) -> Bare:
        bare = Bare(options, self._folder, name)
        self._closing.callback(bare.close)
        return bare


def loop(one: Callable[[int], None], seconds: float) -> dict[str, float]:
    times: list[float] = []
    began = now = perf_counter()
    while now - began < seconds:
        one(len(times))
        now, before = perf_counter(), now
        times.append((now - before) * 1000)
    return {"rate": len(times) / (now - began), **quantiles(times)}


def main(file: str) -> None:
    # Here, since the process that asks must not pay for the model's libraries.
    from inspector.engines.choose import choose  # noqa: PLC0415
    from inspector.engines.pipeline import Pipeline  # noqa: PLC0415
    from inspector.imaging.header import sniff  # noqa: PLC0415
    from inspector.messages.job import ImageFacts  # noqa: PLC0415
    from inspector.models.bundle import Bundle, resolve  # noqa: PLC0415

    options = Options(**json.loads(Path(file).read_text(encoding="utf-8")))
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    bundle = Bundle.load(resolve(options.model))
    engine = choose(bundle, options.engine, threads=options.threads, precision=options.precision)
    pipeline = Pipeline(bundle, engine)
    images: Sequence[bytes] = [Path(name).read_bytes() for name in options.images]
    facts = []
    for image in images:
        head = sniff(image)
        digest = hashlib.sha256(image).hexdigest()
        size = {"width": head.width, "height": head.height}
        facts.append(ImageFacts(**size, format=head.format, bytes=len(image), sha256=digest))

    def one(number: int) -> None:
        index = number % len(images)
        pipeline.infer([pipeline.decode(images[index], facts[index])])

    loop(one, 0.5)  # warms up
    print(json.dumps({"engine": engine.name}), flush=True)
    for line in sys.stdin:
        print(json.dumps(loop(one, float(line))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
