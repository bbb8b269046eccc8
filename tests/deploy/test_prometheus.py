"""A real Prometheus on a running stack under load: every expression of every panel and rule gives something.

A misspelt label, a division of vectors that never match, a panel that is empty for ever: unit tests of rules
write their own series and see none of them.
"""

from __future__ import annotations

import itertools
import math
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from inspector.models.bundle import Bundle
from inspector.monitoring import dashboards
from tests.integration.running_stack import RunningStack
from tests.support.images import grey_png
from tests.support.prometheus import Prometheus, rules
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
"""The stack and Prometheus are started first, which takes a busy machine long."""

LINES = ("L1", "L2")

SETTLED_S = 60.0
"""Within which all is recorded; some seconds on an idle machine."""

ASKED_AGAIN_S = 15.0

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
        names = {"gateway": "gateway", "worker": "worker-1", "archiver": "archiver"}
        targets = {job: [places[name]] for job, name in names.items()}
        with Prometheus(folder / "prometheus", targets) as running:
            wait_until(lambda: settled(running), SETTLED_S, f"all that is recorded, see {folder}")
            yield running


def settled(prometheus: Prometheus) -> bool:
    return all(present(prometheus, f'{name}{{line="{line}"}}') for name in LAST for line in LINES)


@contextmanager
def posting(stack: RunningStack) -> Iterator[None]:
    """While the block lasts, images come on the lines in turn, each after the verdict of the one before."""
    image = grey_png()  # one tile of the tiny network
    stop = threading.Event()

    def post() -> None:
        for line in itertools.cycle(LINES):
            if stop.wait(0.05):
                return
            url, headers = f"{stack.url}/v1/inspections", {"Prefer": "wait=10"}
            # What a busy machine refuses is part of the load.
            httpx.post(url, params={"line": line}, content=image, headers=headers, timeout=60)

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


def empty(prometheus: Prometheus, expressions: Iterable[str]) -> list[str]:
    """Those that give no number, asked again for a while: a busy queue may not answer for a moment."""
    missing = set(expressions)

    def all_present() -> bool:
        missing.difference_update([one for one in missing if present(prometheus, one)])
        return not missing

    with suppress(AssertionError):
        wait_until(all_present, ASKED_AGAIN_S)
    return sorted(missing)


def test_every_panel_shows_something(prometheus: Prometheus) -> None:
    needed = {one for one in PANELS.values() if one not in MAY_BE_EMPTY and not of_days(one)}
    assert len(needed) > 40
    assert empty(prometheus, needed) == []


def test_panels_that_may_be_empty_are_no_errors(prometheus: Prometheus) -> None:
    rest = {one for one in PANELS.values() if one in MAY_BE_EMPTY or of_days(one)}
    assert rest >= MAY_BE_EMPTY
    for expression in rest:
        prometheus.query(expression)


def test_every_rule_is_evaluated_and_every_recording_rule_records(prometheus: Prometheus) -> None:
    assert prometheus.unsound_rules() == []
    assert empty(prometheus, set(RECORDS) - DAYS) == []


def test_every_series_that_a_rule_looks_at_is_there(prometheus: Prometheus) -> None:
    """An alert gives nothing while all is well, and nothing where it reads a series that is not there."""
    read = {series for one in (*ALERTS.values(), *RECORDS.values()) for series in SELECTOR.findall(one)}
    assert len(read) > 40
    assert empty(prometheus, (one for one in read if not of_days(one) and one not in RECORDS)) == []


def test_nothing_is_said_of_a_server_that_is_well(prometheus: Prometheus) -> None:
    """Neither pending nor firing: the alerts that no busy machine can set off."""
    names = "NotDurable|AppendOnlyFileFails|KeysBroken|MemoryFills|MemoryFull|DeadLetters|RememberedIds"
    assert set(names.split("|")) <= {name.removeprefix("Inspector") for name in ALERTS}
    assert prometheus.query(f'ALERTS{{alertname=~"Inspector({names})"}}') == []
