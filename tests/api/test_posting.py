"""The way past the framework gives the answers that the framework gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tests.api.support import Line, gateway_in_memory
from tests.support.pictures import jpeg

IMAGE = jpeg()

PASSING = {"date", "location", "content-length"}
"""Headers that differ from one answer to the next."""


def detour(app: ASGIApp) -> ASGIApp:
    """In place of Posting: everything goes the framework's way."""
    return app


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Line, Line]]:
    """Straight, and by the detour."""
    with gateway_in_memory() as straight, straight.working(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.app.Posting", detour)
        with gateway_in_memory() as other, other.working():
            yield straight, other


@pytest.mark.parametrize(
    ("query", "headers", "body"),
    [
        ("", {}, b""),
        ("", {}, IMAGE),
        ("", {"Prefer": "wait=5"}, IMAGE),
        ("line=L1&part_id=%C3%A4&priority=reinspection&simulated=true", {"Prefer": "wait=5"}, IMAGE),
        ("captured_at=2026-01-31T08:15:00.250Z&deadline_ms=86400000", {}, IMAGE),
        ("", {}, b"no image at all"),
        ("", {}, IMAGE[:40]),
        ("linee=L1", {}, IMAGE),
        ("line=L1&line=L2", {}, IMAGE),
        ("line=", {}, IMAGE),
        ("line=a/b", {}, IMAGE),
        ("line=%ff", {}, IMAGE),
        ("part_id=%0a", {}, IMAGE),
        ("deadline_ms=1_000", {}, IMAGE),
        ("deadline_ms=0", {}, IMAGE),
        ("captured_at=yesterday", {}, IMAGE),
        ("simulated=yes", {}, IMAGE),
        ("priority=high", {}, IMAGE),
        ("recipe=unknown", {}, IMAGE),
        ("", {"Idempotency-Key": ""}, IMAGE),
        ("", {"Content-Digest": "md5=:AA==:"}, IMAGE),
        ("", {"X-Forwarded-For": "10.0.0.1"}, IMAGE),
        ("", {"Sec-Fetch-Site": "cross-site"}, IMAGE),
    ],
)
def test_both_ways_answer_alike(
    both: tuple[Line, Line], query: str, headers: dict[str, str], body: bytes
) -> None:
    url = f"/v1/inspections?{query}"
    straight, other = (line.http.post(url, content=body, headers=headers) for line in both)
    assert lasting(straight) == lasting(other)


def test_a_fault_of_ours_is_a_500_both_ways(both: tuple[Line, Line], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: bytes) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("api.gateway.header.sniff", broken)
    straight, other = (line.post(IMAGE) for line in both)
    assert straight.status_code == 500
    assert lasting(straight) == lasting(other)


def lasting(answer: httpx.Response) -> tuple[int, dict[str, str], Any]:
    """What must be alike."""
    headers = {name: value for name, value in answer.headers.items() if name not in PASSING}
    document = {name: value for name, value in answer.json().items() if name not in {"id", "links", "result"}}
    return answer.status_code, headers, document
