"""Who may do what: on real gateways, with real keys, for every route."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from api import access, keyring
from api.app import create_app
from api.dashboard.routes import PAGES
from api.keyring import check_exposure
from api.settings import Settings
from inspector.access import key_file
from inspector.access.keys import Key, issue, succeed
from inspector.access.roles import EVERYONE, Role
from inspector.errors import SettingsError
from tests.api.support import Line, gateway_in_memory, problem
from tests.api.test_events import events
from tests.support.pictures import jpeg
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
IMAGE = jpeg()
ROUTES = access.roles_by_route(create_app(Settings()))
PUBLIC = {"/dashboard/{path}", "/docs", "/openapi.json", "/problems", "/problems/{code}", *PAGES} | {
    "/dashboard/vendor/plotly.js",  # a library as its wheel brings it; the second with its version
    "/dashboard/vendor/plotly-{_version}.js",
    "/healthz",
    "/readyz",
    "/v1/session",  # to sign in; who am I and sign out need a key
}


class Guarded:
    """A gateway with keys. `call` sends a request with one of them."""

    def __init__(self, line: Line, file: Path) -> None:
        self.line = line
        self.file = file
        self.keys: dict[str, Key] = {}
        self.secrets: dict[str, str] = {}

    def add(self, name: str, role: Role, *lines: str, expires_at: datetime | None = None) -> None:
        self.put(name, issue(name, role, lines or None, expires_at, datetime.now(UTC)))

    def put(self, name: str, pair: tuple[Key, str]) -> None:
        self.keys[name], self.secrets[name] = pair
        with key_file.changing(self.file, create=True) as change:
            change.keys = change.keys.added(pair[0])

    def revoke(self, name: str) -> None:
        with key_file.changing(self.file) as change:
            change.keys = change.keys.revoked(self.keys[name].id, datetime.now(UTC))

    def headers(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secrets[name]}"}

    def call(self, name: str, path: str = "/v1/status", method: str = "GET") -> httpx.Response:
        return self.line.http.request(method, path, headers=self.headers(name))

    def post(self, name: str, on: str = "L1", **headers: str) -> httpx.Response:
        return self.line.post(IMAGE, line=on, headers=self.headers(name) | headers)


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    """An admin, and a camera and an operator of L1, and the same of L2."""
    monkeypatch.setattr(keyring, "LOOK_EVERY", timedelta(milliseconds=20))
    file = tmp_path / "keys.json"
    with key_file.changing(file, create=True) as change:
        change.keys = change.keys.added(issue("first", Role.ADMIN, None, None, datetime.now(UTC))[0])
    with gateway_in_memory(keys_file=file, lines=("L1", "L2")) as line:
        guarded = Guarded(line, file)
        guarded.add("admin", Role.ADMIN)
        for name in ("L1", "L2"):
            guarded.add(f"camera {name}", Role.CAMERA, name)
            guarded.add(f"operator {name}", Role.OPERATOR, name)
        wait_until(lambda: guarded.call("operator L2").is_success, what="the new keys")
        yield guarded


# --- which route needs which role -------------------------------------------------------------------------


def test_every_route_names_its_roles() -> None:
    assert len(ROUTES) > 12
    assert [route for route, roles in ROUTES.items() if roles is None] == []


def test_only_what_is_alike_on_every_installation_is_public() -> None:
    public = {re.sub(r":\w+}", "}", path) for (_, path), roles in ROUTES.items() if not roles}
    assert public == PUBLIC


def test_the_docs_have_the_same_table() -> None:
    row = r"^\| `(GET|POST|DELETE) (/v1[^`]*)` \| ([a-z, ]+) \|$"
    rows = re.findall(row, text("docs/api.md"), re.MULTILINE)
    documented = {(method, path): set(roles.split(", ")) for method, path, roles in rows}
    assert documented == {route: {role.value for role in roles} for route, roles in ROUTES.items() if roles}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def each_role(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    secrets = {role: issue(role, role, None, None, datetime.now(UTC)) for role in Role}
    with key_file.changing(file, create=True) as change:
        for key, _ in secrets.values():
            change.keys = change.keys.added(key)
    with gateway_in_memory(keys_file=file) as line:
        guarded = Guarded(line, file)
        guarded.secrets = {role.value: secret for role, (_, secret) in secrets.items()}
        yield guarded


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("method", "path"), sorted(route for route, roles in ROUTES.items() if roles))
def test_a_role_reaches_what_it_may_and_nothing_else(
    each_role: Guarded, method: str, path: str, role: Role
) -> None:
    url = each_role.line.http.base_url.join(path.replace("{id}", "0" * 32))
    # A stream has no end: its head is enough.
    with each_role.line.http.stream(method, url, headers=each_role.headers(role)) as answer:
        if role in (ROUTES[method, path] or EVERYONE):
            assert answer.status_code not in {401, 403}
        else:
            answer.read()
            assert answer.status_code == 403
            assert problem(answer)["type"] == "/problems/not-allowed"
            assert (
                answer.headers["www-authenticate"] == 'Bearer realm="inspector", error="insufficient_scope"'
            )


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_without_a_key_nothing_but_the_public_pages(each_role: Guarded, method: str, path: str) -> None:
    answer = each_role.line.http.request(method, path.replace("{id}", "0" * 32))

    assert (answer.status_code == 401) is bool(ROUTES[method, path])
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == 'Bearer realm="inspector"'
        assert method == "HEAD" or problem(answer)["type"] == "/problems/key-required"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer x", "Basic {key}", "{key}", "Bearer {key} {key}", "Bearer {key}x"],
)
def test_a_header_that_is_no_valid_key(each_role: Guarded, header: str) -> None:
    sent = header.format(key=each_role.secrets["admin"])
    answer = each_role.line.http.get("/v1/status", headers={"Authorization": sent})

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert each_role.secrets["admin"] not in answer.text


def test_two_authorization_headers_are_none(each_role: Guarded) -> None:
    one = each_role.headers("admin")["Authorization"]
    answer = each_role.line.http.get(
        "/v1/status", headers=[("Authorization", one), ("Authorization", "Bearer x")]
    )
    assert answer.status_code == 401


def test_the_key_is_asked_for_before_anything_else_is_looked_at(each_role: Guarded) -> None:
    answer = each_role.line.http.post("/v1/inspections?nonsense=1", content=bytes(100))
    assert answer.status_code == 401


# --- lines ------------------------------------------------------------------------------------------------


def test_a_camera_posts_for_its_lines_only(guarded: Guarded) -> None:
    assert guarded.post("camera L1").status_code == 202
    for other in ("L2", "default"):
        answer = guarded.post("camera L1", on=other)
        assert answer.status_code == 403
        assert f"is for the lines L1, not for {other}" in problem(answer)["detail"]


def test_of_other_lines_nothing_is_seen(guarded: Guarded) -> None:
    ids = {}
    with guarded.line.working():
        for name in ("L1", "L2"):
            ids[name] = guarded.post(f"camera {name}", on=name, Prefer="wait=10").json()["id"]

    for suffix in ("", "/image", "/preview", "/thumbnail", "/attention.png"):
        assert guarded.call("operator L1", f"/v1/inspections/{ids['L1']}{suffix}").status_code == 200
        foreign = guarded.call("operator L1", f"/v1/inspections/{ids['L2']}{suffix}")
        assert problem(foreign)["type"] == "/problems/inspection-not-found"
    listed = {name: guarded.call(name, "/v1/inspections").json() for name in ("operator L1", "admin")}
    seen = {name: [one["id"] for one in page["inspections"]] for name, page in listed.items()}
    assert seen == {"operator L1": [ids["L1"]], "admin": [ids["L2"], ids["L1"]]}


def test_a_stream_shows_its_lines_and_ends_when_its_key_is_revoked(guarded: Guarded) -> None:
    with guarded.line.http.stream("GET", "/v1/events", headers=guarded.headers("operator L1")) as answer:
        stream = events(answer)
        next(stream)
        with guarded.line.working():
            for name in ("L2", "L1"):
                posted = guarded.post(f"camera {name}", on=name, Prefer="wait=10").json()["id"]
            assert posted in next(stream)["data"]
            guarded.revoke("operator L1")
            wait_until(lambda: guarded.call("operator L1").status_code == 401, what="a revoked key")
            guarded.post("camera L1", Prefer="wait=10")
            assert list(stream) == []


# --- Idempotency-Key --------------------------------------------------------------------------------------


def test_the_same_idempotency_key_of_two_owners_is_two_inspections(guarded: Guarded) -> None:
    guarded.add("other camera", Role.CAMERA, "L1")
    wait_until(lambda: guarded.post("other camera").status_code == 202, what="the new key")
    one, again, other = (
        guarded.post(name, **{"Idempotency-Key": "SN-1"}).json()["id"]
        for name in ("camera L1", "camera L1", "other camera")
    )
    assert one == again != other


def test_a_rotated_key_goes_on_with_the_idempotency_keys_of_the_old_one(guarded: Guarded) -> None:
    first = guarded.post("camera L1", **{"Idempotency-Key": "SN-1"}).json()["id"]
    guarded.put("new", succeed(guarded.keys["camera L1"], None, datetime.now(UTC)))
    guarded.revoke("camera L1")

    wait_until(lambda: guarded.post("camera L1").status_code == 401, what="the revoked key")
    assert guarded.post("new", **{"Idempotency-Key": "SN-1"}).json()["id"] == first


# --- rotation without a restart ---------------------------------------------------------------------------


def test_an_expired_key_is_told_so_and_logged(guarded: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    guarded.add("late", Role.ADMIN, expires_at=datetime.now(UTC) - timedelta(seconds=1))

    wait_until(lambda: "expired" in guarded.call("late").text, what="the expired key")
    assert guarded.keys["late"].id in problem(guarded.call("late"))["detail"]
    assert "'late'" in caplog.text


@pytest.mark.parametrize("breaking", [lambda file: file.write_text("{"), Path.unlink])
def test_a_broken_key_file_keeps_the_old_keys_and_says_so_loudly(
    guarded: Guarded, breaking: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    whole = guarded.file.read_text()
    with caplog.at_level(logging.ERROR):
        breaking(guarded.file)
        wait_until(lambda: guarded.line.metric("inspector_gateway_keys_sound") == 0, what="the metric")

    assert "THE OLD KEYS STAY IN FORCE" in caplog.text
    assert guarded.call("admin").status_code == 200
    assert guarded.line.http.get("/v1/status").status_code == 401

    guarded.file.write_text(whole)
    wait_until(lambda: guarded.line.metric("inspector_gateway_keys_sound") == 1, what="sound keys again")
    guarded.revoke("admin")
    wait_until(lambda: guarded.call("admin").status_code == 401, what="a revoked key")


# --- open only on this machine ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-For": "10.0.0.9"},
        {"Forwarded": "for=10.0.0.9"},
        {"Via": "1.1 proxy"},
        {"Host": "gateway.plant.example"},
        {"Host": "10.0.0.1:8000"},
        {"Host": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_an_open_gateway_serves_nobody_from_elsewhere(shared_line: Line, header: dict[str, str]) -> None:
    for answer in (
        shared_line.post(IMAGE, headers=header),
        shared_line.http.get("/v1/status", headers=header),
    ):
        assert answer.status_code == 401
        assert problem(answer)["type"] == "/problems/key-required"
    assert shared_line.nothing_accepted()


@pytest.mark.parametrize("host", ["localhost:8000", "LOCALHOST", "127.0.0.1", "127.8.8.8:1", "[::1]:8000"])
def test_an_open_gateway_answers_to_every_name_of_its_machine(shared_line: Line, host: str) -> None:
    headers = {"Host": host, "Sec-Fetch-Site": "same-origin"}
    assert shared_line.http.get("/v1/status", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("address", "behind_proxy", "refused"),
    [
        ("127.0.0.1", False, False),
        ("127.0.0.5", False, False),
        ("::1", False, False),
        ("127.0.0.1", True, True),
        ("0.0.0.0", False, True),
        ("192.168.1.5", False, True),
        ("::", False, True),
        ("fe80::1%eth0", False, True),
    ],
)
def test_where_it_may_listen_without_keys(
    address: str, behind_proxy: bool, refused: bool, tmp_path: Path
) -> None:
    check_exposure(address, Settings(behind_proxy=behind_proxy, keys_file=tmp_path / "keys.json"))
    if not refused:
        check_exposure(address, Settings(behind_proxy=behind_proxy))
        return
    with pytest.raises(SettingsError, match="inspector keys add"):
        check_exposure(address, Settings(behind_proxy=behind_proxy))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "host: 0.0.0.0 is reachable from other machines"),
        (["--keys-file", "none.json"], "the key file none.json is not there"),
        (["--keys-file", "pyproject.toml"], "the key file pyproject.toml is broken"),
    ],
)
def test_it_refuses_to_start_with_advice(options: list[str], words: str) -> None:
    command = [sys.executable, "-m", "api", "--port", "0", "--metrics-port", "0", *options]
    environment = {name: value for name, value in os.environ.items() if name != "INSPECTOR_KEYS_FILE"}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
