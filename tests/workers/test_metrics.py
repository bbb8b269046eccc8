from __future__ import annotations

from prometheus_client import generate_latest

from workers.metrics import OTHER, Metrics


def test_ten_thousand_lines_that_no_setting_names_are_one_series() -> None:
    metrics = Metrics(["L1"], ["spur"])
    for number in range(10_000):
        metrics.failed(f"line-{number}", "broken-image")

    text = generate_latest(metrics.registry).decode()
    series = [line for line in text.splitlines() if line.startswith("inspector_failed_total{")]
    assert series == [f'inspector_failed_total{{code="broken-image",line="{OTHER}"}} 10000.0']
