"""The URLs, one file a group. They read the request's shape and write the answer's; the logic is elsewhere.

inspections.py   /v1/inspections: post, list, look up, image, attention map
statistics.py    /v1/stats: yield, FPY, defects, latency
charts.py        /v1/charts: control charts; /v1/mean-image
events.py        /v1/events: the live stream
status.py        /v1/status: workers, queue, recipes
session.py       /v1/session: sign in, who am I, sign out
health.py        /healthz, /readyz
reference.py     /openapi.json, /docs, /problems/<code>: the documentation, readable offline
"""
