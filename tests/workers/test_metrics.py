from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prometheus_client import generate_latest

from inspector.messages.job import Job
from inspector.messages.result import Result
from inspector.monitoring.catalogue import OTHER
from inspector.monitoring.takt import Takts
from tests.api.support import done
from tests.support.jobs import job_for
from workers.health import Health
from workers.metrics import Metrics


def test_ten_thousand_lines_that_no_setting_names_are_one_series() -> None:
    metrics = Metrics(["L1"], ["spur"])
    for number in range(10_000):
        metrics.failed(f"line-{number}", "broken-image")

    text = generate_latest(metrics.registry).decode()
    counted = [line for line in text.splitlines() if line.startswith("inspector_failed_total{")]
    counted = [line for line in counted if not line.endswith(" 0.0")]
    assert counted == [f'inspector_failed_total{{code="broken-image",line="{OTHER}"}} 10000.0']


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"inspector_{name}", labels)


def result_of(job: Job) -> Result:
    content = done(job).result
    assert content is not None
    return Result.model_validate_json(content)


def test_what_is_counted_is_there_from_the_start() -> None:
    metrics = Metrics(["L1"], ["spur"])
    assert sample(metrics, "over_takt_total", line="L1", since="receipt") == 0
    assert sample(metrics, "verdict_seconds_count", line="L1", since="capture") == 0
    assert sample(metrics, "failed_total", line="L1", code="broken-image") == 0


def test_a_verdict_later_than_the_lines_takt_is_late() -> None:
    metrics = Metrics(["L1", "L2"], ["spur"], Takts(2.0, {"L2": 60.0}))
    ago = datetime.now(UTC) - timedelta(seconds=10)
    for line in ("L1", "L2"):
        job = job_for(line=line, received_at=ago)
        metrics.recorded(result_of(job), job)

    assert sample(metrics, "over_takt_total", line="L1", since="receipt") == 1
    assert sample(metrics, "over_takt_total", line="L2", since="receipt") == 0
    assert sample(metrics, "verdict_seconds_bucket", line="L1", since="receipt", le="2.0") == 0
    assert sample(metrics, "verdict_seconds_bucket", line="L1", since="receipt", le="20.0") == 1


def test_time_since_capture_is_by_the_cameras_clock_even_if_that_is_ahead() -> None:
    metrics = Metrics(["L1"], ["spur"])
    now = datetime.now(UTC)
    for captured_at in (now - timedelta(hours=1), now + timedelta(hours=1)):
        job = job_for(received_at=now, captured_at=captured_at)
        metrics.recorded(result_of(job), job)

    assert sample(metrics, "over_takt_total", line="L1", since="capture") == 1
    assert sample(metrics, "over_takt_total", line="L1", since="receipt") == 0
    seconds = sample(metrics, "verdict_seconds_sum", line="L1", since="capture")
    assert seconds is not None
    assert 3600 <= seconds < 3660


def test_a_reinspection_is_judged_and_not_timed() -> None:
    metrics = Metrics(["L1"], ["spur"])
    job = job_for(priority="reinspection", received_at=datetime.now(UTC) - timedelta(hours=1))
    metrics.recorded(result_of(job), job)

    assert sample(metrics, "verdicts_total", line="L1", verdict="OK") == 1
    assert sample(metrics, "verdict_seconds_count", line="L1", since="receipt") == 0
    assert sample(metrics, "over_takt_total", line="L1", since="receipt") == 0


def test_readiness_is_asked_at_every_look() -> None:
    metrics, health = Metrics(["L1"], ["spur"]), Health()
    metrics.ask_ready(lambda: health.ready)
    assert sample(metrics, "worker_ready") == 0
    health.say(None)
    assert sample(metrics, "worker_ready") == 1
