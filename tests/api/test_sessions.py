"""Sessions: a browser signs in with a key, and holds a cookie in its place, for as long as the key stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from api import keyring
from api.sessions import Sessions
from inspector.access import key_file
from inspector.access.keys import Key, KeySet, issue
from inspector.access.roles import Role
from tests.api.support import Line, gateway_in_memory, problem
from tests.api.test_events import events
from tests.support.pictures import jpeg
from tests.support.waiting import wait_until

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET = "a" * 64


def key_of(role: Role = Role.OPERATOR, expires_at: datetime | None = None) -> tuple[Key, str]:
    return issue("screen", role, None, expires_at, NOW)


# --- the token --------------------------------------------------------------------------------------------


def test_a_token_is_read_back_by_whoever_has_the_secret() -> None:
    key, _ = key_of()
    sessions = Sessions(SECRET, DAY)
    session = sessions.begin(key, NOW)

    assert Sessions(SECRET, DAY).read(sessions.token(session, key), KeySet(keys=(key,)), NOW) == (
        session,
        key,
    )


@pytest.mark.parametrize("token", ["", ":", ":::", "k-1:9999999999:x:y", "é:1:2:3", "k:k:k:k:k:k"])
def test_what_is_no_token_is_nobody(token: str) -> None:
    key, _ = key_of()
    assert Sessions(SECRET, DAY).read(token, KeySet(keys=(key,)), NOW) is None


def test_a_token_dies_when_anything_that_it_stands_for_does() -> None:
    key, _ = key_of()
    other, _ = key_of()
    sessions = Sessions(SECRET, DAY)
    session = sessions.begin(key, NOW)
    token = sessions.token(session, key)
    keys = KeySet(keys=(key,))
    replaced = key.model_copy(update={"sha256": other.sha256})
    longer = token.replace(str(int(session.ends_at.timestamp())), str(int(session.ends_at.timestamp()) + 1))

    assert sessions.read(token, keys, NOW + DAY - timedelta(seconds=1)) is not None
    assert sessions.read(token, keys, NOW + DAY) is None
    assert sessions.read(token, KeySet(), NOW) is None
    assert sessions.read(token, KeySet(keys=(replaced,)), NOW) is None
    assert sessions.read(longer, keys, NOW) is None
    assert Sessions("b" * 64, DAY).read(token, keys, NOW) is None
    assert Sessions(None, DAY).read(token, keys, NOW) is None


def test_a_session_ends_no_later_than_its_key() -> None:
    key, _ = key_of(expires_at=NOW + timedelta(hours=1))
    assert Sessions(SECRET, DAY).begin(key, NOW).ends_at == NOW + timedelta(hours=1)


def test_signing_out_ends_the_renewed_ones_too() -> None:
    key, _ = key_of()
    sessions = Sessions(SECRET, DAY)
    session = sessions.begin(key, NOW)
    renewed = sessions.renewed(session, key, NOW + timedelta(hours=8))
    sessions.end(session, NOW + timedelta(hours=9))

    assert sessions.csrf(renewed.id) == sessions.csrf(session.id)
    assert sessions.read(sessions.token(renewed, key), KeySet(keys=(key,)), NOW + timedelta(hours=10)) is None


# --- at the gateway ---------------------------------------------------------------------------------------


class Door:
    """A gateway with a key of each role. `sign_in` is what the page does."""

    def __init__(self, line: Line, file: Path, secrets: dict[Role, str]) -> None:
        self.http = line.http
        self.line = line
        self.file = file
        self.secrets = secrets

    def sign_in(self, role: Role = Role.OPERATOR, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.http.post("/v1/session", json={"key": self.secrets[role]}, headers=headers)

    def revoke(self, role: Role) -> None:
        with key_file.changing(self.file) as change:
            key = change.keys.find(self.secrets[role])
            assert key is not None
            change.keys = change.keys.revoked(key.id, datetime.now(UTC))


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    monkeypatch.setattr(keyring, "LOOK_EVERY", timedelta(milliseconds=20))
    file = tmp_path / "keys.json"
    pairs = {role: issue(role, role, None, None, datetime.now(UTC)) for role in Role}
    with key_file.changing(file, create=True) as change:
        for key, _ in pairs.values():
            change.keys = change.keys.added(key)
    with gateway_in_memory(keys_file=file) as line:
        yield Door(line, file, {role: secret for role, (_, secret) in pairs.items()})


def cookie_of(answer: httpx.Response) -> tuple[str, dict[str, object]]:
    [(name, morsel)] = SimpleCookie(answer.headers["set-cookie"]).items()
    return name, {key: value for key, value in morsel.items() if value}


def test_signing_in_sets_a_cookie_that_only_the_browser_holds(door: Door) -> None:
    answer = door.sign_in()
    name, said = cookie_of(answer)

    assert answer.status_code == 200
    assert answer.json()["role"] == "operator"
    assert name == "inspector-session"
    assert said == {"max-age": said["max-age"], "path": "/", "httponly": True, "samesite": "strict"}
    assert door.secrets[Role.OPERATOR] not in answer.text + answer.headers["set-cookie"]
    assert door.http.get("/v1/status").status_code == 200


def test_behind_tls_the_cookie_is_for_tls_alone(door: Door) -> None:
    tls = {"X-Forwarded-Proto": "https"}
    answer = door.sign_in(headers=tls)
    name, said = cookie_of(answer)
    value = answer.headers["set-cookie"].split(";")[0]

    assert name == "__Host-inspector-session"
    assert said["secure"] is True
    assert door.http.get("/v1/status", headers={**tls, "Cookie": value}).status_code == 200
    assert door.http.get("/v1/status", headers={"Cookie": value}).status_code == 401


def test_a_camera_posts_and_does_not_look(door: Door) -> None:
    answer = door.sign_in(Role.CAMERA)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b'{"key": "ik_unknown"}', "application/json", 401),
        (b'{"key": 5}', "application/json", 400),
        (b'{"key": "ik_x", "more": 1}', "application/json", 400),
        (b"key=ik_x", "application/x-www-form-urlencoded", 400),
        (b'{"key": "ik_unknown"}', "text/plain", 400),
        (b" " * 5_000, "application/json", 413),
    ],
)
def test_what_signs_nobody_in(door: Door, content: bytes, kind: str, status: int) -> None:
    answer = door.http.post("/v1/session", content=content, headers={"Content-Type": kind})

    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


def test_a_session_changes_nothing_without_its_csrf_token(door: Door) -> None:
    token = door.sign_in(Role.ENGINEER).json()["csrf"]

    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}):
        assert problem(door.line.post(jpeg(), headers=headers))["type"] == "/problems/not-allowed"
        assert door.http.delete("/v1/session", headers=headers).status_code == 403
    assert door.line.post(jpeg(), headers={"X-CSRF-Token": token}).status_code == 202
    assert door.http.get("/v1/session").json()["csrf"] == token


def test_a_session_has_the_role_of_its_key(door: Door) -> None:
    token = door.sign_in(Role.OPERATOR).json()["csrf"]
    assert door.line.post(jpeg(), headers={"X-CSRF-Token": token}).status_code == 403


def test_a_header_wins_over_the_cookie(door: Door) -> None:
    door.sign_in(Role.ADMIN)
    bearer = {"Authorization": f"Bearer {door.secrets[Role.CAMERA]}"}

    assert door.http.get("/v1/status", headers=bearer).status_code == 403
    assert door.http.get("/v1/session", headers=bearer).json()["csrf"] is None


def test_signing_out_ends_every_copy(door: Door) -> None:
    answer = door.sign_in()
    copy = {"Cookie": answer.headers["set-cookie"].split(";")[0]}
    done = door.http.delete("/v1/session", headers={"X-CSRF-Token": answer.json()["csrf"]})
    door.http.cookies.clear()

    assert done.status_code == 204
    assert cookie_of(done)[1].get("max-age") in {"0", None}
    assert door.http.get("/v1/status", headers=copy).status_code == 401


def test_a_revoked_key_takes_its_sessions_and_their_streams_along(door: Door) -> None:
    door.sign_in()
    with door.http.stream("GET", "/v1/events") as answer:
        stream = events(answer)
        next(stream)
        door.revoke(Role.OPERATOR)
        wait_until(lambda: door.http.get("/v1/status").status_code == 401, what="a revoked session")
        assert "was revoked" in problem(door.http.get("/v1/status"))["detail"]
        with door.line.working():
            bearer = {"Authorization": f"Bearer {door.secrets[Role.CAMERA]}"}
            door.line.post(jpeg(), wait=10, headers=bearer)
        assert list(stream) == []


def test_an_open_gateway_signs_nobody_in(shared_line: Line) -> None:
    shared_line.http.cookies.clear()
    for answer in (
        shared_line.http.get("/v1/session"),
        shared_line.http.post("/v1/session", json={"key": "ik_any"}),
    ):
        assert answer.json()["open"] is True
        assert "set-cookie" not in answer.headers
