"""docker-compose.yml and the users of its queue server."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import queue_users
from tests.support.servers import QueueServer

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
SECRETS = "deploy/redis/secrets"


@pytest.mark.parametrize(
    ("service", "role"),
    [
        ("redis", "monitoring"),
        ("gateway", "gateway"),
        ("worker", "worker"),
        ("archiver", "archiver"),
        ("dead-letters", "admin"),
    ],
)
def test_each_service_comes_as_a_user_of_its_own(service: str, role: str) -> None:
    assert SERVICES[service]["env_file"] == [f"{SECRETS}/{role}.env"]
    assert "INSPECTOR_REDIS_URL" not in SERVICES[service].get("environment", {})


def test_no_other_service_comes_as_any() -> None:
    assert {name for name, service in SERVICES.items() if "env_file" in service} == {
        "redis",
        "gateway",
        "worker",
        "archiver",
        "dead-letters",
    }


def test_the_gateway_reads_the_records_that_the_archiver_writes() -> None:
    gateway, archiver = SERVICES["gateway"], SERVICES["archiver"]
    for name in ("INSPECTOR_DATABASE_URL", "INSPECTOR_IMAGES_URL"):
        assert gateway["environment"][name] == archiver["environment"][name]
    assert "records:/records" in gateway["volumes"]
    assert "records:/records" in archiver["volumes"]


def test_all_who_read_images_share_the_blob_store_and_the_gateway_alone_writes_to_it() -> None:
    sharing = ("gateway", "worker", "archiver", "dead-letters")
    assert {SERVICES[name]["environment"]["INSPECTOR_BLOBS"] for name in sharing} == {"/blobs"}
    mounted = [[one for one in SERVICES[name]["volumes"] if one.startswith("blobs:")] for name in sharing]
    assert mounted == [["blobs:/blobs"], *[["blobs:/blobs:ro"]] * 3]


def test_the_archiver_is_of_the_image_that_can_decode() -> None:
    assert SERVICES["archiver"]["build"] == SERVICES["worker"]["build"]
    assert SERVICES["archiver"]["command"] == ["archive"]
    dockerfile = (ROOT / SERVICES["archiver"]["build"]["dockerfile"]).read_text("utf-8")
    assert "ARG EXTRAS=worker,archive" in dockerfile
    assert '".[${EXTRAS}]"' in dockerfile
    assert "args" not in SERVICES["archiver"]["build"]


def test_the_server_has_these_users_and_no_port_outside() -> None:
    server = SERVICES["redis"]
    [mounted] = [volume for volume in server["volumes"] if isinstance(volume, dict)]

    assert server["command"][server["command"].index("--aclfile") + 1] == mounted["target"]
    assert mounted["source"] == f"./{SECRETS}/users.acl"
    assert mounted["read_only"] is True
    assert "ports" not in server


def test_the_secrets_are_never_committed() -> None:
    assert f"/{SECRETS}/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_the_health_check_asks_as_monitoring(tmp_path: Path) -> None:
    users = queue_users.make(tmp_path / "users")
    client = shutil.which("redis-cli")
    assert client
    with QueueServer("valkey", tmp_path / "server", users=users) as server:
        (tmp_path / "valkey-cli").write_text(f'#!/bin/sh\nexec {client} -p {server.port} "$@"\n')
        (tmp_path / "valkey-cli").chmod(0o755)
        check = SERVICES["redis"]["healthcheck"]["test"][1].replace("$$", "$")

        def healthy(password: str) -> bool:
            environment = {
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "REDIS_USER": "monitoring",
                "REDIS_PASSWORD": password,
            }
            return subprocess.run(["sh", "-c", check], check=False, env=environment).returncode == 0

        assert healthy(users.password("monitoring"))
        assert not healthy("another")
