"""deploy/redis on real servers: each role does its own work, and nothing else.

That each role may do all of its work is shown by tests/contract as well, which runs as these users.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import stat
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError
from typer.testing import CliRunner

from inspector.cli.app import app
from inspector.errors import QueueUnavailable
from inspector.messages.result import Verdict
from inspector.queue import connect, scripting
from inspector.queue.base import Durability, WorkerReport
from inspector.queue.keys import Keys
from inspector.queue.scripting import Script
from tests.api.support import gateway_on
from tests.support import queue_users
from tests.support.jobs import IMAGE, job_for
from tests.support.pictures import jpeg
from tests.support.queue_users import DEPLOY, ROLES
from tests.support.servers import DURABLE, KINDS, QueueServer
from tests.support.waiting import wait_until
from workers.detach_role import detach

KEYS = Keys()
NOW = timedelta(0)


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueServer]:
    folder = tmp_path_factory.mktemp("roles")
    users = queue_users.make(folder / "users")
    with QueueServer(request.param, folder / "server", DURABLE, users) as running:
        yield running


@pytest.fixture
def empty(server: QueueServer) -> QueueServer:
    with server.client() as client:
        client.flushall()
    return server


Command = tuple[str | int, ...]


def granted(server: QueueServer, role: str, commands: list[Command]) -> list[Command]:
    """Those that this role may run."""
    with redis.Redis.from_url(server.url_of(role), protocol=2) as client:
        pipeline: Any = client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        replies = pipeline.execute(raise_on_error=False)
    return [
        command
        for command, reply in zip(commands, replies, strict=True)
        if not isinstance(reply, NoPermissionError)
    ]


# --- each does its own ------------------------------------------------------------------------------------


def test_an_image_goes_all_the_way_between_users_of_their_own(empty: QueueServer) -> None:
    report = WorkerReport("w1", "cpu", "openvino", "pcb", "0" * 64, "2026-01-01T00:00:00+00:00")
    with gateway_on(empty.url_of("gateway"), empty.url_of("worker")) as line:
        line.worker.report(report)
        accepted = line.post(jpeg()).json()
        delivery = line.take()
        assert line.worker.renew([delivery]) == set()
        line.finish(delivery)

        answer = line.http.get(accepted["links"]["self"], headers={"Prefer": "wait=5"}).json()
        status = line.http.get("/v1/status").json()

        assert (answer["state"], answer["accept"]) == ("done", True)
        assert line.http.get(accepted["links"]["image"]).content == jpeg()
        assert [one["name"] for one in status["workers"]] == ["w1"]


def test_a_dead_letter_is_given_back_by_the_admin(
    empty: QueueServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_for(IMAGE)
    producer = connect.producer(empty.url_of("gateway"))
    asyncio.run(_submit_and_close(producer, job))
    worker = connect.consumer(empty.url_of("worker"), "crashing", min_idle=timedelta(milliseconds=1))
    worker.take(1, timedelta(seconds=5))
    wait_until(lambda: worker.sweep(1) == [] and _letters(empty) == 1, what="a burial")
    worker.close()

    monkeypatch.setenv("INSPECTOR_REDIS_URL", empty.url_of("admin"))
    image = tmp_path / "part.jpg"
    for command in (["list"], ["show", job.id, "--image", str(image)], ["requeue", job.id]):
        shown = CliRunner().invoke(app, ["dead-letters", *command])
        assert shown.exit_code == 0, shown.output

    assert image.read_bytes() == IMAGE
    assert _letters(empty) == 0


def test_an_archiver_is_detached_by_maintenance_and_not_by_itself(empty: QueueServer) -> None:
    archiver = connect.archive(empty.url_of("archiver"), "a1")
    archiver.take(1, NOW)
    with gateway_on(empty.url_of("gateway"), empty.url_of("worker")) as line:
        line.post(jpeg())
        line.finish(line.take(), Verdict.NG)
        archiver.close()
        with pytest.raises(QueueUnavailable):
            connect.archive(empty.url_of("archiver"), "a1").detach()

        maintenance = connect.archive(empty.url_of("maintenance"), "me", min_idle=NOW)
        assert detach(maintenance, discard=True) == 1
        maintenance.close()

        assert line.http.get("/v1/status").json()["queue"]["archive_bytes"] == 0
    with empty.client() as client:
        assert client.xinfo_groups(KEYS.results) == []


@pytest.mark.parametrize("role", ["gateway", "worker", "archiver", "maintenance", "admin"])
def test_a_role_may_call_what_its_scripts_call_and_little_else(role: str) -> None:
    allowed = set(re.findall(r"\+(\S+)", rules_of(role)))
    called = {command for script in SCRIPTS[role] for command in commands_of(script)}

    assert called - allowed == set()
    assert allowed - called == BY_ITSELF[role]


def test_every_script_is_somebodys() -> None:
    known = {script.name for script in vars(scripting).values() if isinstance(script, Script)}
    assert {script.name for scripts in SCRIPTS.values() for script in scripts} == known


# --- and nothing else -------------------------------------------------------------------------------------

NOBODYS: list[Command] = [
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("SCAN", 0),
    ("CONFIG", "SET", "appendonly", "no"),
    ("ACL", "LIST"),
    ("ACL", "GETUSER", "gateway"),
    ("ACL", "SETUSER", "gateway", "allkeys"),
    ("SHUTDOWN", "NOSAVE"),
    ("MONITOR",),
    ("SAVE",),
    ("REPLICAOF", "127.0.0.1", 1),
    ("EVAL", "return 1", 0),
    ("FUNCTION", "LIST"),
    ("MODULE", "LIST"),
    ("CLIENT", "LIST"),
    ("PUBLISH", "channel", "word"),
    ("SUBSCRIBE", "channel"),
    ("RENAME", KEYS.work, "elsewhere"),
    ("COPY", KEYS.image("a"), "elsewhere"),
    ("GET", "session:of-another-program"),
    ("SET", "session:of-another-program", "1"),
]


@pytest.mark.parametrize("role", ["gateway", "worker", "archiver", "maintenance", "admin", "monitoring"])
def test_what_is_nobodys(server: QueueServer, role: str) -> None:
    assert granted(server, role, NOBODYS) == []


ANOTHERS: dict[str, list[Command]] = {
    "gateway": [
        ("XREADGROUP", "GROUP", "inspect", "me", "STREAMS", KEYS.work, ">"),
        ("XCLAIM", KEYS.work, "inspect", "me", 0, "1-1"),
        ("XGROUP", "DESTROY", KEYS.work, "inspect"),
        ("HSET", KEYS.workers, "w1", "alive"),
        ("XDEL", KEYS.dead, "1-1"),
        ("XTRIM", KEYS.dead, "MAXLEN", 0),
    ],
    "worker": [
        # The gateway may, to see whether the server keeps what it acknowledges.
        ("CONFIG", "GET", "masterauth"),
        ("XGROUP", "DESTROY", KEYS.work, "inspect"),
        ("DEL", KEYS.work),
    ],
    "archiver": [
        ("CONFIG", "GET", "masterauth"),
        ("XREADGROUP", "GROUP", "inspect", "me", "STREAMS", KEYS.work, ">"),
        ("XAUTOCLAIM", KEYS.dead, "inspect", "me", 0, "0-0"),
        ("XADD", KEYS.results, "*", "id", "a"),
        ("XGROUP", "DESTROY", KEYS.results, "archive"),
        ("DEL", KEYS.results),
        ("SET", KEYS.result("a"), "{}"),
        ("HDEL", KEYS.state("a"), "accept"),
        ("HDEL", KEYS.lines, "L1:bytes"),
        ("HSET", KEYS.workers, "w1", "alive"),
    ],
    "maintenance": [
        ("CONFIG", "GET", "masterauth"),
        ("GET", KEYS.image("a")),
        ("GET", KEYS.result("a")),
        ("XRANGE", KEYS.work, "-", "+"),
        ("XREADGROUP", "GROUP", "inspect", "me", "STREAMS", KEYS.work, ">"),
        ("XGROUP", "DESTROY", KEYS.work, "inspect"),
        ("XADD", KEYS.results, "*", "id", "a"),
        ("SET", KEYS.result("a"), "{}"),
        ("HDEL", KEYS.state("a"), "accept"),
        ("UNLINK", KEYS.dead),
    ],
    "admin": [
        ("CONFIG", "GET", "masterauth"),
        ("XREADGROUP", "GROUP", "inspect", "me", "STREAMS", KEYS.work, ">"),
        ("XADD", KEYS.results, "*", "id", "a"),
        ("HSET", KEYS.workers, "w1", "alive"),
        ("DEL", KEYS.work),
    ],
    "monitoring": [
        ("CONFIG", "GET", "masterauth"),
        ("XLEN", KEYS.work),
        ("GET", KEYS.image("a")),
        ("EVALSHA", "0" * 40, 0),
    ],
    "replica": [
        ("GET", KEYS.image("a")),
        ("REPLICAOF", "127.0.0.1", 1),
    ],
    "sentinel": [
        ("GET", KEYS.image("a")),
        ("CONFIG", "SET", "appendonly", "no"),
        ("PUBLISH", "another", "word"),
    ],
}


@pytest.mark.parametrize("role", ROLES)
def test_what_is_another_roles(server: QueueServer, role: str) -> None:
    assert granted(server, role, ANOTHERS[role]) == []


def test_nobody_comes_in_without_a_name(server: QueueServer) -> None:
    with redis.Redis.from_url(server.url, protocol=2) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_monitoring_sees_the_servers_figures(server: QueueServer) -> None:
    with redis.Redis.from_url(server.url_of("monitoring"), protocol=2) as client:
        assert client.ping()
        assert client.info("memory")["used_memory"] > 0


# --- what is said when it does not fit --------------------------------------------------------------------


def test_the_gateway_sees_whether_the_server_keeps_what_it_promises(server: QueueServer) -> None:
    assert asyncio.run(_shortfall(server.url_of("gateway"), Durability.D2)) is None
    assert asyncio.run(_shortfall(server.url_of("gateway"), Durability.D3)) == (
        "D3 needs min-replicas-to-write 1 of the queue server"
    )


def test_a_gateway_without_that_right_says_so(empty: QueueServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)  # whatever others have made of the root's
    with empty.client() as client:
        client.execute_command("ACL SETUSER", "gateway", "-config|get")
        try:
            with gateway_on(empty.url_of("gateway"), empty.url_of("worker")) as line:
                wait_until(
                    lambda: math.isnan(line.metric("inspector_queue_durable")), what="a look at the server"
                )
        finally:
            client.execute_command("ACL LOAD")
    assert "its user needs +config|get" in caplog.text


def test_a_wrong_password_is_called_that(server: QueueServer) -> None:
    url = server.url_of("gateway").replace("gateway:", "gateway:0", 1)
    with pytest.raises(QueueUnavailable, match=r"refused the user or password: .*invalid username-password"):
        asyncio.run(_shortfall(url, Durability.D2))


def test_no_password_is_called_that(server: QueueServer) -> None:
    with pytest.raises(QueueUnavailable, match=r"refused the user or password: .*[Aa]uthentication"):
        asyncio.run(_shortfall(server.url, Durability.D2))


# --- make_users.sh ----------------------------------------------------------------------------------------


def test_passwords_are_drawn_once_and_are_their_owners_alone(tmp_path: Path) -> None:
    users = queue_users.make(tmp_path)
    first = {role: users.password(role) for role in ROLES}
    (tmp_path / "worker.password").unlink()

    again = queue_users.make(tmp_path)

    assert len(set(first.values())) == len(ROLES)
    assert all(re.fullmatch("[0-9a-f]{64}", password) for password in first.values())
    changed = {role for role in ROLES if again.password(role) != first[role]}
    assert changed == {"worker"}
    acl = (tmp_path / "users.acl").read_text()
    for path in (*tmp_path.glob("*.password"), *tmp_path.glob("*.env")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert users.password(path.stem) not in acl


def test_the_environment_of_a_role_is_its_url(tmp_path: Path) -> None:
    script = str(DEPLOY / "make_users.sh")
    options = ["--to", str(tmp_path), "--server", "q1:26379,q2:26379/queue", "--scheme", "redis+sentinel"]
    subprocess.run(["sh", script, *options], check=True, capture_output=True)

    password = (tmp_path / "worker.password").read_text()
    assert (tmp_path / "worker.env").read_text().splitlines()[0] == (
        f"INSPECTOR_REDIS_URL=redis+sentinel://worker:{password}@q1:26379,q2:26379/queue"
    )


# --- helpers ----------------------------------------------------------------------------------------------

SCRIPTS = {
    "gateway": [
        scripting.SUBMIT,
        scripting.ROOM,
        scripting.EXPIRE,
        scripting.OVERDUE,
        scripting.MARK,
        scripting.FORSAKE,
    ],
    "worker": [
        scripting.TAKE,
        scripting.FINISH,
        scripting.BURY,
        scripting.RENEW,
        scripting.HAND_BACK,
        scripting.SWEEP,
        scripting.OPEN,
        scripting.LEAVE,
        scripting.REPORT,
    ],
    "archiver": [scripting.ATTACH, scripting.OPEN, scripting.ARCHIVED, scripting.TRIM, scripting.LEAVE],
    "maintenance": [
        scripting.ATTACH,
        scripting.OPEN,
        scripting.ARCHIVED,
        scripting.TRIM,
        scripting.DETACH,
        scripting.LEAVE,
    ],
    "admin": [scripting.DROP, scripting.REQUEUE],
}

_CONNECTED = {"script|load", "evalsha", "cluster|slots"}
BY_ITSELF = {
    "gateway": {
        *_CONNECTED,
        "ping",
        "info",
        "wait",
        "config|get",
        "hvals",
        "mget",
        "xread",
    },
    "worker": {*_CONNECTED, "xread"},
    "archiver": {*_CONNECTED, "mget", "xreadgroup", "xautoclaim"},
    "maintenance": {*_CONNECTED, "xreadgroup", "xautoclaim"},
    "admin": {*_CONNECTED, "ping", "get", "hmget", "hgetall", "hvals", "xlen", "xpending", "xrevrange"},
}
"""What the code of a role asks without a script."""


def rules_of(role: str) -> str:
    found = re.search(rf"^user {role} on.*?(?=^\n|\Z)", (DEPLOY / "roles.acl").read_text(), re.M | re.S)
    assert found
    return found[0]


def commands_of(script: Script) -> set[str]:
    """Of the functions that it reaches, as an ACL names them."""
    text = re.sub("--.*", "", script.text)
    functions = dict(re.findall(r"^local function (\w+)(.*?^end)$", text, re.M | re.S))
    reached, todo = "", [re.sub(r"^local function .*?^end$", "", text, flags=re.M | re.S)]
    while todo:
        part = todo.pop()
        reached += part
        todo += [functions.pop(name) for name in re.findall(r"\b(\w+)\(", part) if name in functions]
    calls = re.findall(r"redis\.p?call\('(\w+)'(?:, '(\w+)')?", reached)
    return {f"{name}|{word}".lower() if name in {"XGROUP", "XINFO"} else name.lower() for name, word in calls}


def _letters(server: QueueServer) -> int:
    with server.client() as client:
        return int(client.xlen(KEYS.dead))


async def _submit_and_close(producer: Any, job: Any) -> None:
    await producer.submit(job, IMAGE)
    await producer.aclose()


async def _shortfall(url: str, durability: Durability) -> str | None:
    admin = connect.admin(url)
    try:
        return await admin.shortfall(durability)
    finally:
        await admin.aclose()
