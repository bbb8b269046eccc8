from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from inspector.camera.api_key import VARIABLE, ApiKey, find
from inspector.camera.client import Gateway, Patience
from inspector.camera.shot import Delivery, Fate, Shot
from inspector.errors import SettingsError
from tests.support.scripted_gateway import Reply, ScriptedGateway, done

OLD, NEW = "ik_" + "o" * 43, "ik_" + "n" * 43
QUEUED = Reply(202, done(state="queued"), {"Location": "/v1/inspections/i1"})


def inspect(url: str, key: ApiKey | None) -> Delivery:
    async def run() -> Delivery:
        patience = Patience(timedelta(seconds=1), timedelta(seconds=10))
        async with Gateway(url, patience, api_key=key) as gateway:
            return await gateway.inspect(Shot("a.jpg", b"an image", {}))

    return asyncio.run(run())


def shown_keys(gateway: ScriptedGateway) -> list[str | None]:
    return [seen.headers.get("Authorization") for seen in gateway.seen]


def test_the_file_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert find(None) is None
    monkeypatch.setenv(VARIABLE, OLD)
    (tmp_path / "key").write_text(f"{NEW}\n")
    found = [find(None), find(tmp_path / "key")]
    assert [key.text for key in found if key] == [OLD, NEW]


@pytest.mark.parametrize("content", [b"", b"short", b"two keys of-a-good-length-each", b"\xff\xfe" * 20])
def test_what_is_no_key_is_told_and_not_shown(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="--api-key-file") as caught:
        find(file)
    assert "good-length" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        find(tmp_path / "key")


def test_every_request_shows_the_key() -> None:
    with ScriptedGateway(QUEUED, Reply()) as gateway:
        assert inspect(gateway.url, ApiKey(OLD)).fate is Fate.ANSWERED
    assert shown_keys(gateway) == [f"Bearer {OLD}"] * 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_no_fault_of_the_image(status: int) -> None:
    with ScriptedGateway(Reply(status, {"title": "A valid API key is required"})) as gateway:
        delivery = inspect(gateway.url, ApiKey(OLD))
    assert (delivery.fate, delivery.attempts) == (Fate.UNDELIVERED, 1)
    assert "A valid API key is required" in delivery.detail


def test_a_key_that_was_replaced_in_its_file_is_used_at_once(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(OLD)
    key = find(file)
    file.write_text(NEW)
    with ScriptedGateway(Reply(401, {}), Reply()) as gateway:
        assert inspect(gateway.url, key).fate is Fate.ANSWERED
    assert shown_keys(gateway) == [f"Bearer {OLD}", f"Bearer {NEW}"]


def test_a_key_file_that_is_being_written_is_no_end(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(OLD)
    key = find(file)
    file.write_text("")
    with ScriptedGateway(Reply(401, {})) as gateway:
        assert inspect(gateway.url, key).fate is Fate.UNDELIVERED


def test_the_key_goes_to_no_other_server() -> None:
    with ScriptedGateway() as other:
        elsewhere = {"Location": f"{other.url}/v1/inspections/i1"}
        with ScriptedGateway(Reply(202, done(state="queued"), elsewhere)) as gateway:
            delivery = inspect(gateway.url, ApiKey(OLD))
    assert delivery.fate is Fate.UNANSWERED
    assert "its Location is elsewhere" in delivery.detail
    assert other.seen == []
