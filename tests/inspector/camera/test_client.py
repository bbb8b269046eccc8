from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from inspector.camera.client import Gateway, Patience
from inspector.camera.shot import Delivery, Fate, Shot
from inspector.errors import SettingsError
from tests.support.scripted_gateway import Reply, ScriptedGateway, done
from tests.support.servers import free_port

SHOT = Shot("part-1.jpg", b"\xff\xd8 an image", {"line": "L1", "part_id": "part-1"})
BUSY = Reply(503, {"title": "The queue is full", "detail": "over the byte budget"}, {"Retry-After": "0"})
QUEUED = Reply(202, done(state="queued"), {"Location": "/v1/inspections/i1"})


def inspect(url: str, *, give_up: float = 10, wait: float = 1) -> Delivery:
    async def run() -> Delivery:
        patience = Patience(timedelta(seconds=wait), timedelta(seconds=give_up))
        async with Gateway(url, patience) as gateway:
            return await gateway.inspect(SHOT)

    return asyncio.run(run())


def test_the_request_names_the_part_and_guards_its_bytes() -> None:
    with ScriptedGateway() as gateway:
        delivery = inspect(gateway.url, wait=7)
    (seen,) = gateway.seen
    digest = base64.b64encode(hashlib.sha256(SHOT.image).digest()).decode()
    assert seen.body == SHOT.image
    assert parse_qs(urlsplit(seen.path).query) == {"line": ["L1"], "part_id": ["part-1"]}
    assert seen.headers["Content-Digest"] == f"sha-256=:{digest}:"
    assert seen.headers["Idempotency-Key"] == f'"{SHOT.key}"'
    assert seen.headers["Prefer"] == "wait=7"
    assert delivery.fate is Fate.ANSWERED
    assert delivery.answer == done()


@pytest.mark.parametrize("state", ["done", "failed", "expired"])
def test_every_terminal_state_is_an_answer(state: str) -> None:
    with ScriptedGateway(Reply(200, done(state=state))) as gateway:
        assert inspect(gateway.url).fate is Fate.ANSWERED


@pytest.mark.parametrize(
    "trouble",
    [BUSY, Reply(500, b"oops"), Reply(502, b"<html>"), Reply(429, {}), Reply(408, {}), Reply(hang_up=True)],
    ids=["503", "500", "502", "429", "408", "broken connection"],
)
def test_what_passes_is_tried_again_with_the_same_key(trouble: Reply) -> None:
    with ScriptedGateway(trouble, trouble, Reply()) as gateway:
        delivery = inspect(gateway.url)
    assert delivery.fate is Fate.ANSWERED
    assert delivery.attempts == 3
    assert {seen.headers["Idempotency-Key"] for seen in gateway.seen} == {f'"{SHOT.key}"'}
    assert {seen.body for seen in gateway.seen} == {SHOT.image}


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured(as_date: bool) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=2)
    later = format_datetime(moment, usegmt=True) if as_date else "1"
    with ScriptedGateway(Reply(503, {}, {"Retry-After": later}), Reply()) as gateway:
        began = time.monotonic()
        assert inspect(gateway.url).fate is Fate.ANSWERED
    # An HTTP date has whole seconds, and some of the time until it has passed already.
    assert time.monotonic() - began > 0.9


@pytest.mark.parametrize("status", [400, 404, 413, 415, 422])
def test_a_refusal_is_final_and_says_why(status: int) -> None:
    problem = {"title": "The image is damaged", "detail": "it ends in the middle"}
    with ScriptedGateway(Reply(status, problem)) as gateway:
        delivery = inspect(gateway.url)
    assert (delivery.fate, delivery.attempts) == (Fate.REFUSED, 1)
    assert delivery.detail == f"{status} The image is damaged: it ends in the middle"


def test_a_verdict_that_comes_after_the_wait_is_fetched() -> None:
    with ScriptedGateway(QUEUED, QUEUED, Reply(200, done(state="queued")), Reply(200, done("NG"))) as gateway:
        delivery = inspect(gateway.url)
    assert delivery.answer == done("NG")
    assert [seen.method for seen in gateway.seen] == ["POST", "GET", "GET", "GET"]
    assert gateway.seen[1].path == "/v1/inspections/i1"
    assert gateway.seen[1].headers["Prefer"] == "wait=1"


def test_trouble_while_waiting_for_the_verdict_is_waited_out() -> None:
    with ScriptedGateway(QUEUED, BUSY, Reply(hang_up=True), Reply(200, done())) as gateway:
        assert inspect(gateway.url).fate is Fate.ANSWERED
    assert [seen.method for seen in gateway.seen][:2] == ["POST", "GET"]


def test_no_verdict_in_time_is_unanswered_and_names_the_place_to_ask() -> None:
    with ScriptedGateway(QUEUED) as gateway:
        delivery = inspect(gateway.url, give_up=0.3)
    assert delivery.fate is Fate.UNANSWERED
    assert f"{gateway.url}/v1/inspections/i1" in delivery.detail


def test_patience_ends_although_the_gateway_says_to_come_later() -> None:
    async def run() -> Delivery:
        async with (
            asyncio.timeout(20),
            Gateway(gateway.url, Patience(give_up=timedelta(seconds=0.3))) as camera,
        ):
            return await camera.inspect(SHOT)

    with ScriptedGateway(QUEUED, Reply(503, {}, {"Retry-After": "3600"})) as gateway:
        assert asyncio.run(run()).fate is Fate.UNANSWERED


def test_a_gateway_on_this_machine_is_not_asked_of_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with ScriptedGateway() as gateway:
        assert inspect(gateway.url, give_up=0.5).fate is Fate.ANSWERED


def test_a_gateway_that_is_not_there() -> None:
    delivery = inspect(f"http://127.0.0.1:{free_port()}", give_up=0.5)
    assert delivery.fate is Fate.UNDELIVERED
    assert "nothing answers at that address" in delivery.detail
    assert delivery.attempts > 1


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"[]", b'{"state": "fine"}'])
def test_an_answer_of_some_other_server_is_no_verdict(body: bytes) -> None:
    with ScriptedGateway(Reply(200, body)) as gateway:
        delivery = inspect(gateway.url)
    assert delivery.fate is Fate.REFUSED
    assert "not as an inspector gateway" in delivery.detail


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://host", "http://", "http://h:x"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(SettingsError, match="--url"):
        Gateway(url)
