"""The role `archive`: puts an archiver together and runs it. Neither model, numpy nor OpenCV."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from inspector.plant import plant_toml
from inspector.queue import connect
from inspector.records import database
from inspector.records.images import ImageStore
from inspector.records.migrate import upgrade
from workers.archive import Archiver, Records
from workers.archive_metrics import ArchiveMetrics
from workers.archive_settings import load
from workers.health import Health, HealthServer
from workers.mean_child import MeanChild
from workers.signals import on_stop

log = logging.getLogger("workers")


def run(flags: Sequence[str]) -> bool:
    """Whether it ended well."""
    settings = load(flags)
    plant = plant_toml.read(settings.settings_file)
    engine = database.writer(settings.database_url)
    records = Records(engine, ImageStore(settings.images_url), plant.retention)
    health, metrics = Health(), ArchiveMetrics(settings.named_lines(plant))
    health.show(metrics.registry)
    server = HealthServer(health, settings.metrics_host, settings.metrics_port)
    health.say("the database has not answered yet")
    archive = connect.archive(
        settings.redis_url,
        settings.name,
        settings.budgets,
        settings.min_idle,
        settings.shards,
        settings.blob_store,
    )
    means = MeanChild(engine, records.store, settings.database_url, settings.images_url)
    archiver = Archiver(
        archive,
        records,
        metrics,
        health,
        settings.archive_batch,
        prepare=lambda: _upgrade(settings.database_url),
        beside=means.tend,
    )
    on_stop(archiver.stop)
    log.info("archiver %s writes to %s", settings.name, engine.url.render_as_string(hide_password=True))
    log.info("http://%s/metrics, /healthz, /readyz", server.address)
    ended_well = archiver.run()
    means.close()
    engine.dispose()
    server.close()
    return ended_well


def _upgrade(database_url: str) -> None:
    patient = database.writer(database_url, patient=True)
    try:
        upgrade(patient)
    finally:
        patient.dispose()
