"""`python -m workers inspect [flags]`: puts a worker together, runs it, and says how it ended.

Exit codes: 0 stopped and drained; 1 it could not start (one line says why) or did not end well;
2 wrong flags.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from inspector import logs
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import InspectorError
from inspector.models.bundle import Bundle, resolve
from inspector.queue import connect
from inspector.queue.base import WorkerReport
from workers import memory
from workers.compute import Compute
from workers.hands import Hands
from workers.health import Health, HealthServer
from workers.inspect import InspectWorker
from workers.metrics import Metrics
from workers.pace import Pace
from workers.settings import InspectSettings, load

log = logging.getLogger("workers")

USAGE = "usage: python -m workers inspect [--help] [flags]"


Role = Callable[[Sequence[str]], bool]
"""Runs with these flags; whether it ended well."""


def main(arguments: Sequence[str], roles: Mapping[str, Role] | None = None) -> int:
    roles = roles or ROLES
    logs.configure("info")
    if not arguments or arguments[0] not in roles:
        sys.stderr.write(f"{USAGE}\nroles: {', '.join(roles)}\n")
        return 0 if arguments in (["--help"], ["-h"]) else 2
    try:
        return 0 if roles[arguments[0]](arguments[1:]) else 1
    except InspectorError as error:
        sys.stderr.write(f"error: {error}. {error.advice}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def inspect(flags: Sequence[str], load_pipeline: Callable[[InspectSettings], Pipeline] | None = None) -> bool:
    """Whether it ended well. `load_pipeline` instead of the bundle on the engine that the settings name."""
    settings = load(flags)
    health = Health()
    server = HealthServer(health, settings.metrics_host, settings.metrics_port)
    health.say("loading the model")
    pipeline = (load_pipeline or _pipeline)(settings)
    memory.limit(settings.memory_limit_mb)
    worker, compute = _worker(settings, pipeline, health)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _stop(worker.stop))
    model, where = pipeline.model, pipeline.engine.device
    log.info("worker %s inspects with %s %s on %s", settings.name, model.name, model.version, where)
    log.info("http://%s/metrics, /healthz, /readyz", server.address)
    ended_well = worker.run()
    if compute.failure:
        # A device that hangs or broke can hang the interpreter's own end too.
        logging.shutdown()
        os._exit(1)
    compute.close()
    server.close()
    return ended_well


def _pipeline(settings: InspectSettings) -> Pipeline:
    bundle = Bundle.load(resolve(settings.model))
    engine = choose(
        bundle, settings.engine, settings.device, threads=settings.threads, precision=settings.precision
    )
    pipeline = Pipeline(bundle, engine, max_pixels=settings.max_image_pixels)
    pipeline.warm_up()
    return pipeline


def _worker(settings: InspectSettings, pipeline: Pipeline, health: Health) -> tuple[InspectWorker, Compute]:
    hands = Hands(timedelta(seconds=settings.max_lease_s))
    metrics = Metrics(settings.lines, pipeline.bundle.manifest.classes, settings.takts)
    compute = Compute(
        pipeline, hands, batch_size=settings.batch_size, readers=settings.readers, on_batch=metrics.batch
    )
    consumer = connect.consumer(
        settings.redis_url, settings.name, settings.budgets, settings.min_idle, settings.shards
    )
    metrics.ask_ready(lambda: health.ready)
    health.show(metrics.registry)
    pace = Pace(settings.batch_size, settings.min_idle, timedelta(seconds=settings.drain_s))
    report = _report(settings.name, pipeline)
    return InspectWorker(consumer, hands, compute, report, metrics, health, pace), compute


def _report(name: str, pipeline: Pipeline) -> WorkerReport:
    return WorkerReport(
        name=name,
        device=pipeline.engine.device,
        engine=pipeline.engine.name,
        model=f"{pipeline.model.name} {pipeline.model.version}",
        model_sha256=pipeline.model.sha256,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _stop(stop: Callable[[], None]) -> None:
    stop()
    # The second signal ends it at once; what it held is redelivered.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


ROLES: Mapping[str, Role] = {"inspect": inspect}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
