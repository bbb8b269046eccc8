"""What is measured, said once: the metrics, the page of documentation and the dashboards that come of them.

catalogue.py   every metric: name, unit, labels and why they end, buckets, which process serves it
takt.py        the pace of a line, against which latency is measured
page.py        docs/metrics.md out of the catalogue
grafana.py     how a dashboard of Grafana is written down
dashboards.py  what stands on ours: operations, quality
__main__.py    `python -m inspector.monitoring` writes these files again; --check only compares

The processes make their counters of the catalogue (api/metrics.py, workers/metrics.py): nothing here knows
Prometheus' client. Rules and alerts are written by hand, in deploy/prometheus.
"""
