"""The role `inspect`: puts a worker together and runs it. It alone imports the model's libraries."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from inspector.engines.base import Engine, Sifter, lanes_of, slots_of
from inspector.engines.choose import choose
from inspector.engines.cores import usable_cores
from inspector.engines.pipeline import Pipeline
from inspector.models.bundle import Bundle, resolve
from inspector.plant import plant_toml
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
from workers.signals import on_stop

log = logging.getLogger("workers")

CPU_BATCH, CPU_READERS = 4, 2
"""Of an engine without lanes on a CPU: batching brings little there, and decoding takes a tenth of the time.
"""


def run(flags: Sequence[str], load_pipeline: Callable[[InspectSettings], Pipeline] | None = None) -> bool:
    """Whether it ended well. `load_pipeline` instead of the bundle on the engine that the settings name."""
    settings = load(flags)
    health = Health()
    server = HealthServer(health, settings.metrics_host, settings.metrics_port)
    health.say("loading the model")
    pipeline = (load_pipeline or _pipeline)(settings)
    lanes, slots = lanes_of(pipeline.engine), slots_of(pipeline.engine)
    for engine in (*lanes, *slots[1:]):
        pipeline.warm_up(engine)
    memory.limit(settings.memory_limit_mb)
    worker, compute = _worker(settings, pipeline, lanes, slots, health)
    on_stop(worker.stop)
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
        bundle,
        settings.engine,
        settings.device,
        threads=settings.threads,
        precision=settings.precision,
        batch=settings.batch_size,
    )
    pipeline = Pipeline(bundle, engine, max_pixels=settings.max_image_pixels)
    pipeline.warm_up()
    return pipeline


def _worker(
    settings: InspectSettings,
    pipeline: Pipeline,
    lanes: Sequence[Engine],
    slots: Sequence[Engine],
    health: Health,
) -> tuple[InspectWorker, Compute]:
    hands = Hands(timedelta(seconds=settings.max_lease_s))
    plant = plant_toml.read(settings.settings_file)
    lines, takts = settings.named_lines(plant), settings.takts(plant)
    metrics = Metrics(lines, pipeline.bundle.manifest.classes, takts)
    batch_size, readers = sizes(settings, pipeline.engine)
    compute = Compute(
        pipeline,
        hands,
        lanes,
        slots,
        batch_size=batch_size,
        readers=readers,
        on_batch=metrics.batch,
    )
    consumer = connect.consumer(
        settings.redis_url,
        settings.name,
        settings.budgets,
        settings.min_idle,
        settings.shards,
        settings.blob_store,
    )
    metrics.ask_ready(lambda: health.ready)
    health.show(metrics.registry)
    pace = Pace(batch_size, settings.min_idle, timedelta(seconds=settings.drain_s))
    report = _report(settings.name, pipeline)
    return InspectWorker(consumer, hands, compute, report, metrics, health, pace), compute


def sizes(settings: InspectSettings, engine: Engine) -> tuple[int, int]:
    """(images in a batch, readers): as set, or what the engine can use. A GPU takes what all cores decode."""
    if isinstance(engine, Sifter):
        return settings.batch_size or engine.largest, settings.readers or usable_cores()
    return settings.batch_size or CPU_BATCH, settings.readers or CPU_READERS


def _report(name: str, pipeline: Pipeline) -> WorkerReport:
    return WorkerReport(
        name=name,
        device=pipeline.engine.device,
        engine=pipeline.engine.name,
        model=f"{pipeline.model.name} {pipeline.model.version}",
        model_sha256=pipeline.model.sha256,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
