from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from inspector.errors import SettingsError
from workers.health import Health, HealthServer


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def url(health: Health) -> Iterator[str]:
    server = HealthServer(health, "127.0.0.1", 0)
    yield f"http://{server.address}"
    server.close()


def test_alive_but_not_ready_until_it_says_so(health: Health, url: str) -> None:
    assert httpx.get(f"{url}/healthz").status_code == 200
    assert (httpx.get(f"{url}/readyz").status_code, httpx.get(f"{url}/readyz").text) == (503, "starting\n")

    health.say(None)
    assert httpx.get(f"{url}/readyz").status_code == 200

    health.say("stopping")
    assert httpx.get(f"{url}/readyz").text == "stopping\n"


def test_metrics_of_the_registry(health: Health, url: str) -> None:
    assert httpx.get(f"{url}/metrics").status_code == 404
    registry = CollectorRegistry()
    Counter("parts", "Parts.", registry=registry).inc()
    health.show(registry)

    assert "parts_total 1.0" in httpx.get(f"{url}/metrics").text


def test_anything_else_is_not_there(url: str) -> None:
    assert httpx.get(f"{url}/../etc/passwd").status_code == 404
    assert httpx.post(f"{url}/healthz").status_code == 501


def test_a_port_in_use(health: Health) -> None:
    first = HealthServer(health, "127.0.0.1", 0)
    port = int(first.address.rpartition(":")[2])

    with pytest.raises(SettingsError, match=f"--metrics-port {port}"):
        HealthServer(health, "127.0.0.1", port)
    first.close()
