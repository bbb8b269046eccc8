"""Who counts as a living worker."""

from __future__ import annotations

from inspector.queue.base import WorkerReport
from inspector.queue.reports import living, report_json

NOW_MS = 1_767_225_600_000


def _report(name: str, age_ms: int, more: str = "") -> bytes:
    text = report_json(WorkerReport(name, "cpu", "openvino", "m", "0", "2026-01-01T00:00:00+00:00"))
    return f"{NOW_MS - age_ms} {text[:-1]}{more}}}".encode()


def test_no_reports_are_no_workers() -> None:
    assert living([], NOW_MS) == []


def test_a_silent_worker_is_gone_after_15_seconds() -> None:
    reports = [_report("silent", 15_001), _report("slow", 15_000), _report("quick", 0)]
    assert [worker.name for worker in living(reports, NOW_MS)] == ["quick", "slow"]


def test_the_servers_clock_says_when() -> None:
    [worker] = living([_report("w1", 500)], NOW_MS)
    assert worker.last_seen == "2025-12-31T23:59:59.500+00:00"


def test_a_newer_workers_words_are_read_as_far_as_they_are_known() -> None:
    [worker] = living([_report("w1", 0, ', "temperature": 71')], NOW_MS)
    assert worker.name == "w1"
