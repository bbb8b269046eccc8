"""The catalogue says what the processes serve, and the page says what the catalogue says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client import Metric as Family

from api.app import new_metrics
from api.settings import Settings
from inspector.monitoring import __main__ as command
from inspector.monitoring import page
from inspector.monitoring.catalogue import ARCHIVER, GATEWAY, MAX_LINES, WORKER, Kind, Metric
from inspector.monitoring.takt import Takts
from workers.archive_metrics import ArchiveMetrics
from workers.metrics import Metrics

SERVED = [
    pytest.param(GATEWAY, new_metrics(Settings()).registry, id="gateway"),
    pytest.param(WORKER, Metrics(["default"], ["spur"]).registry, id="worker"),
    pytest.param(ARCHIVER, ArchiveMetrics(["default"]).registry, id="archiver"),
]


def families(registry: CollectorRegistry) -> dict[str, Family]:
    """Ours, by the name that the catalogue has for them."""
    found = {f"{one.name}_total" if one.type == "counter" else one.name: one for one in registry.collect()}
    return {name: one for name, one in found.items() if name.startswith("inspector_")}


@pytest.mark.parametrize(("metrics", "registry"), SERVED)
def test_each_process_serves_its_part_of_the_catalogue(
    metrics: tuple[Metric, ...], registry: CollectorRegistry
) -> None:
    served = families(registry)
    assert set(served) == {metric.name for metric in metrics}
    for metric in metrics:
        family = served[metric.name]
        assert (family.type, family.documentation) == (metric.kind.value, metric.text)
        labels = {name for one in family.samples for name in one.labels} - {"le"}
        assert labels == {label.name for label in metric.labels}


@pytest.mark.parametrize("metric", [*GATEWAY, *WORKER, *ARCHIVER], ids=lambda metric: metric.name)
def test_a_metric_is_named_as_the_client_library_asks(metric: Metric) -> None:
    assert re.fullmatch(r"inspector(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert (metric.buckets is not None) == (metric.kind is Kind.HISTOGRAM)
    assert metric.text.endswith((".", ")."))
    assert not re.search(r"_(ms|milliseconds|minutes|mb|percent)\b", metric.name), "base units only"


def test_no_name_is_there_twice() -> None:
    names = [metric.name for metric in (*GATEWAY, *WORKER, *ARCHIVER)]
    assert sorted(names) == sorted(set(names))


def test_buckets_are_around_the_takt() -> None:
    bounds = Takts(0.5).buckets((0.5, 1.0, 2.0))
    assert bounds == (0.25, 0.5, 1.0)


def test_more_lines_than_metrics_can_name_are_refused() -> None:
    names = tuple(f"L{number}" for number in range(MAX_LINES + 1))
    assert Settings(lines=names[1:]).lines == names[1:]
    with pytest.raises(ValueError, match=f"at most {MAX_LINES}"):
        Settings(lines=names)


def test_the_page_has_a_row_for_each_and_says_why_labels_end() -> None:
    text = page.render()
    for metric in (*GATEWAY, *WORKER, *ARCHIVER):
        assert text.count(f"| `{metric.name}` | {metric.kind.value} |") == 1
        for label in metric.labels:
            assert label.end in text


def test_what_is_written_from_the_catalogue_is_not_stale() -> None:
    assert command.stale(command.ROOT) == [], "run: python -m inspector.monitoring"


def test_a_stale_file_is_named_and_left_alone_by_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["--check"]) == 1
    assert "docs/metrics.md is stale" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []

    assert command.main([]) == 0
    assert command.main(["--check"]) == 0
    assert (tmp_path / "docs" / "metrics.md").read_text("utf-8") == page.render()
