"""A real Prometheus on a running stack under load: every expression of every panel and rule gives something.

A misspelt label, a division of vectors that never match, a panel that is empty for ever: unit tests of rules
write their own series and see none of them.
"""

from __future__ import annotations

import itertools
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from inspector.camera.shot import Placement
from inspector.camera.synthetic import SyntheticSource
from inspector.models.bundle import Bundle
from inspector.monitoring import dashboards
from tests.integration.running_stack import RunningStack
from tests.support.prometheus import Prometheus, rules
from tests.support.waiting import wait_until

LINES = ("L1", "L2")

SETTLED_S = 30.0
"""Within which all is recorded; two seconds on an idle machine."""

LAST = (
    "line:inspector_late:ratio_rate3d",
    "line:inspector_failures:ratio1h",
    "line:inspector_rejects:ratio1h",
)
"""Recorded out of what was recorded: when they are there, all is."""

GRAFANA = {"$__rate_interval": "1m", "$__range": "5m", "$line": "L1|L2"}
"""What Grafana puts into an expression."""

SELECTOR = re.compile(r"(?:\b(?:inspector|line):[a-z0-9_:]+|\binspector_[a-z0-9_]+|\bup\b)(?:\{[^}]*\})?")
"""A series that an expression reads, with its labels; names of labels and functions are none."""

DAYS = {
    "line:inspector_rejects:centre",
    "line:inspector_rejects:upper",
    "line:inspector_rejects:lower",
}
"""Recorded once there are nine hours of data."""

MAY_BE_EMPTY = {
    # Refusals by reason are shown where there are some.
    "sum by (reason) (rate(inspector_images_refused_total[1m])) > 0",
}
"""Expressions that give nothing on a stack that is well."""


@pytest.fixture(scope="module")
def prometheus(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """After seconds of load on two lines."""
    folder = tmp_path_factory.mktemp("watched")
    # A takt that a busy machine keeps too.
    running_stack = RunningStack(folder, tiny_bundle.folder, "--lines", "L1,L2", INSPECTOR_TAKT_S="30")
    with running_stack as stack, posting(stack):
        places = {name: url.split("/")[2] for name, url in stack.facts["metrics"].items()}
        targets = {"gateway": [places["gateway"]], "worker": [places["worker-1"]]}
        with Prometheus(folder / "prometheus", targets) as running:
            wait_until(
                lambda: all(present(running, f'{name}{{line="{line}"}}') for name in LAST for line in LINES),
                SETTLED_S,
                "what is recorded last",
            )
            yield running


@contextmanager
def posting(stack: RunningStack) -> Iterator[None]:
    """While the block lasts, images come on the lines in turn, each after the verdict of the one before."""
    image = next(iter(SyntheticSource(Placement()))).take().image
    stop = threading.Event()

    def post() -> None:
        for line in itertools.cycle(LINES):
            if stop.wait(0.05):
                return
            url, headers = f"{stack.url}/v1/inspections", {"Prefer": "wait=10"}
            httpx.post(
                url, params={"line": line}, content=image, headers=headers, timeout=30
            ).raise_for_status()

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def present(prometheus: Prometheus, expression: str) -> bool:
    """Whether it gives a number: NaN is what 0 / 0 gives where nothing happened."""
    return any(not math.isnan(float(one["value"][1])) for one in prometheus.query(expression))


def filled_in(expression: str) -> str:
    for name, value in GRAFANA.items():
        expression = expression.replace(name, value)
    return expression


PANELS = {
    f"{board.uid}: {panel.title}: {target.name or target.expr}": filled_in(target.expr)
    for board in dashboards.ALL
    for panel in board.panels
    for target in panel.targets
}
RECORDS = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
ALERTS = {rule["alert"]: rule["expr"] for rule in rules() if "alert" in rule}


def of_days(expression: str) -> bool:
    return any(name in expression for name in DAYS)


def test_every_panel_shows_something(prometheus: Prometheus) -> None:
    needed = {title: one for title, one in PANELS.items() if one not in MAY_BE_EMPTY and not of_days(one)}
    assert len(needed) > 40
    assert [title for title, one in needed.items() if not present(prometheus, one)] == []


def test_every_recording_rule_records(prometheus: Prometheus) -> None:
    needed = set(RECORDS) - DAYS
    assert [name for name in needed if not present(prometheus, name)] == []
    assert prometheus.unsound_rules() == []


def test_every_series_that_an_alert_looks_at_is_there(prometheus: Prometheus) -> None:
    """An alert gives nothing while all is well, and no more where it reads a series that is not there."""
    read = {series for one in (*ALERTS.values(), *RECORDS.values()) for series in SELECTOR.findall(one)}
    assert len(read) > 40
    assert [one for one in read if not of_days(one) and not present(prometheus, one)] == []


def test_the_expressions_that_may_be_empty_are_no_errors_and_are_still_asked(prometheus: Prometheus) -> None:
    assert set(PANELS.values()) >= MAY_BE_EMPTY
    for expression in (*PANELS.values(), *RECORDS.values(), *ALERTS.values()):
        prometheus.query(expression)


def test_nothing_pages_on_a_stack_that_is_well(prometheus: Prometheus) -> None:
    firing = prometheus.query('ALERTS{alertstate="firing", severity="page"}')
    assert [one["metric"]["alertname"] for one in firing] == []
