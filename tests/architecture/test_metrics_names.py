"""Whatever under deploy/ names a metric names one that the code has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry

import api.metrics
import workers.archive_metrics
import workers.metrics

ROOT = Path(__file__).parents[2]
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def series(registry: CollectorRegistry) -> Iterator[str]:
    for family in registry.collect():
        for suffix in SUFFIXES.get(family.type, ("",)):
            yield family.name + suffix


def existing() -> set[str]:
    gateway = api.metrics.Metrics(lines=["L1"], reasons=["busy"])
    worker = workers.metrics.Metrics(lines=["L1"], classes=["spur"])
    archiver = workers.archive_metrics.ArchiveMetrics(lines=["L1"])
    return {*series(gateway.registry), *series(worker.registry), *series(archiver.registry)}


def named() -> dict[str, str]:
    """Metric -> the file under deploy/ that names it."""
    files = [path for path in (ROOT / "deploy").rglob("*") if path.suffix in {".yml", ".yaml", ".json"}]
    return {
        name: str(path.relative_to(ROOT))
        for path in files
        # A recorded name, as line:inspector_late:rate5m, is held by tests/deploy/test_rules.py.
        for name in re.findall(r"(?<![:\w])inspector_[a-z0-9_]+", path.read_text(encoding="utf-8"))
    }


def test_rules_and_dashboards_name_only_metrics_that_exist() -> None:
    names, known = named(), existing()

    assert len(names) >= 5, "deploy/ was not read"
    assert {name: place for name, place in names.items() if name not in known} == {}


def test_no_metric_is_counted_by_gateway_and_worker_both() -> None:
    gateway = set(series(api.metrics.Metrics(lines=["L1"], reasons=[]).registry))
    worker = set(series(workers.metrics.Metrics(lines=["L1"], classes=[]).registry))

    assert {name for name in gateway & worker if name.startswith("inspector_")} == set()
