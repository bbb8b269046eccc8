"""docs/metrics.md, out of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.monitoring.catalogue import ARCHIVER, GATEWAY, WORKER, Buckets, Label, Metric

HEAD = """# Metrics

<!-- Written by `python -m inspector.monitoring` from inspector/monitoring/catalogue.py. Change it there. -->

Every process has a metrics port of its own: `inspector up` prints them, `--metrics-port` sets them. The
gateway counts what came in and was refused, the worker verdicts and findings, the archiver what is on
record, so a sum over all processes never counts an image twice. Counters exist from the start with value 0,
so that `rate()` sees the first event. How they are used: [monitoring](operating.md#monitoring); what to do
when one of them alerts: [runbooks](runbooks.md).
"""

LABELS_HEAD = """## Labels

No id is ever a label, and no request can add a value:
"""

BUCKETS_HEAD = """## Buckets

Those in takts are multiples of `INSPECTOR_TAKT_S`, close where it is decided whether a part is late:
"""

TAIL = """## Useful expressions

Images a second, reject rate, p99 of receipt to verdict, seconds since the last part, expired a second:

```
sum by (line) (rate(inspector_images_received_total[1m]))

sum by (line) (rate(inspector_verdicts_total{verdict="NG"}[15m]))
  / sum by (line) (rate(inspector_verdicts_total[15m]))

histogram_quantile(0.99, sum by (le, line) (rate(inspector_verdict_seconds_bucket{since="receipt"}[5m])))

time() - max by (line) (inspector_last_part_timestamp_seconds > 0)

sum by (line) (rate(inspector_gateway_expired_total[5m]))
  + sum by (line) (rate(inspector_expired_total[5m]))
```

Every gateway reports the same queue, so take `max()` of the `inspector_queue_*` gauges, never `sum()`. While
the queue does not answer, `inspector_queue_up` is 0 and the gauges of queue and workers are NaN; those of the
server and its disk are NaN where they are not told. What is asked for often has a name of its own in
`deploy/prometheus/recording.yml`: dashboards and alerts ask for that.
"""


def render() -> str:
    served = (("The gateway", GATEWAY), ("A worker", WORKER), ("An archiver", ARCHIVER))
    parts = [HEAD]
    for title, metrics in served:
        rows = [_row(metric) for metric in metrics]
        parts += [f"## {title}\n", _table(("metric", "type", "labels", "what it is"), rows)]
    every = [metric for _, metrics in served for metric in metrics]
    parts += [LABELS_HEAD, _table(("label", "of", "values", "why they end"), _label_rows(every))]
    parts += [BUCKETS_HEAD, _table(("histograms", "unit", "upper bounds"), _bucket_rows(every)), TAIL]
    return "\n".join(parts)


def _row(metric: Metric) -> tuple[str, ...]:
    labels = ", ".join(f"`{label.name}`" for label in metric.labels) or "–"
    return f"`{metric.name}`", metric.kind.value, labels, metric.text


def _label_rows(metrics: Sequence[Metric]) -> list[tuple[str, ...]]:
    """One a label, and the metrics that have it where a name means two things."""
    users: dict[Label, list[str]] = {}
    for metric in metrics:
        for label in metric.labels:
            users.setdefault(label, []).append(metric.name)
    return [(f"`{label.name}`", _few(names), label.values, label.end) for label, names in users.items()]


def _bucket_rows(metrics: Sequence[Metric]) -> list[tuple[str, ...]]:
    users: dict[Buckets, list[str]] = {}
    for metric in metrics:
        if metric.buckets is not None:
            users.setdefault(metric.buckets, []).append(metric.name)
    return [
        (_few(names), buckets.unit, ", ".join(f"{bound:g}" for bound in buckets.bounds))
        for buckets, names in users.items()
    ]


def _few(names: Sequence[str]) -> str:
    """All of them, or how many."""
    return ", ".join(f"`{name}`" for name in names) if len(names) <= 3 else f"{len(names)} metrics"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
