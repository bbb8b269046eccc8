"""The rules in deploy/prometheus: promtool's checks and unit tests, and what every alert must have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from inspector.monitoring.catalogue import ARCHIVER, GATEWAY, WORKER
from tests.support.prometheus import ROOT, promtool, rules

UNIT_TESTS = sorted(Path(__file__).parent.glob("rules/*.yml"))
ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RUNBOOKS = ROOT / "docs" / "runbooks.md"

RECORDED = re.compile(r"\b(?:inspector|line):[a-z0-9_:]+")
MEASURED = re.compile(r"\binspector_[a-z0-9_]+")


def cases() -> Iterator[tuple[str, bool]]:
    """Of each unit test of an alert: its name, and whether it must fire."""
    for path in UNIT_TESTS:
        for test in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for case in test["alert_rule_test"]:
                yield case["alertname"], bool(case["exp_alerts"])


def seconds(eval_time: str) -> int:
    """Of Prometheus' durations: 90s, 15m, 12h."""
    return sum(
        int(number) * {"s": 1, "m": 60, "h": 3600}[unit]
        for number, unit in re.findall(r"(\d+)([smh])", eval_time)
    )


def ending() -> set[str]:
    """Alerts that, in one unit test, fire and later are silent again."""
    found = set()
    for path in UNIT_TESTS:
        for test in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for alert in {case["alertname"] for case in test["alert_rule_test"]}:
                own = [case for case in test["alert_rule_test"] if case["alertname"] == alert]
                fired = [seconds(case["eval_time"]) for case in own if case["exp_alerts"]]
                silent = [seconds(case["eval_time"]) for case in own if not case["exp_alerts"]]
                if fired and silent and max(silent) > min(fired):
                    found.add(alert)
    return found


def anchors() -> set[str]:
    """Of the headings, as a reader of Markdown makes them."""
    headings = re.findall(r"^#+ (.+)$", RUNBOOKS.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_prometheus_takes_the_configuration() -> None:
    done = promtool("check", "config", ROOT / "deploy" / "prometheus" / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_must_and_are_silent_when_not(path: Path) -> None:
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_unit_test_of_firing_and_of_silence(name: str) -> None:
    assert {fires for alert, fires in cases() if alert == name} == {True, False}


def test_every_alert_has_a_unit_test_of_its_end() -> None:
    """One that goes on after the fault is soon ignored, and so is the next."""
    assert set(ALERTS) - ending() == set()


@pytest.mark.parametrize("rule", ALERTS.values(), ids=ALERTS.keys())
def test_every_alert_says_whom_it_is_for_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["labels"]["owner"] in {"platform", "line", "quality"}
    assert rule["annotations"]["summary"].endswith((".", ")."))
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert ROOT / page == RUNBOOKS
    assert anchor in anchors()


def test_every_section_of_the_runbooks_is_of_an_alert() -> None:
    named = set(re.findall(r"^### (\w+)$", RUNBOOKS.read_text("utf-8"), re.MULTILINE))
    linked = {rule["annotations"]["runbook"].partition("#")[2] for rule in ALERTS.values()}
    assert {name.lower() for name in named} == linked


def test_rules_ask_for_what_is_measured_or_recorded() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    measured = {series for metric in (*GATEWAY, *WORKER, *ARCHIVER) for series in metric.series}
    asked = "\n".join(rule["expr"] for rule in rules())
    assert set(RECORDED.findall(asked)) - recorded == set()
    assert set(MEASURED.findall(RECORDED.sub("", asked))) - measured == set()
