"""What docker-compose.yml names is there: files, volumes, ports, commands, probes, times, held to the code.

Docker itself is not needed for it, and has not been asked.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.app import create_app
from api.settings import Settings
from inspector.cli.app import COMMANDS
from workers.__main__ import ROLES
from workers.archive import DRAIN_S
from workers.health import Health
from workers.settings import InspectSettings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
SCRAPED: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))

MADE_BY_HAND = "./deploy/redis/secrets/"
"""By make_users.sh, on the machine where it runs."""


def dockerfile(service: str) -> str:
    path: str = OURS[service]["build"]["dockerfile"]
    return (ROOT / path).read_text("utf-8")


def said_in(text: str, name: str) -> str:
    """A variable of a Dockerfile."""
    [value] = re.findall(rf"\b{name}=(\S+)", text)
    return str(value)


def mounts(service: str) -> list[tuple[str, str]]:
    """(source, target)."""
    pairs = []
    for one in SERVICES[service].get("volumes", []):
        source, target = (one["source"], one["target"]) if isinstance(one, dict) else one.split(":")[:2]
        pairs.append((source, target))
    return pairs


def probe(service: str) -> str:
    """The URL that its health check asks; the service's own word wins over its image's."""
    own = SERVICES[service].get("healthcheck")
    text = " ".join(own["test"]) if own else dockerfile(service).partition("HEALTHCHECK")[2]
    [url] = re.findall(r"http://127\.0\.0\.1:\d+/\w+", text)
    return str(url)


def test_every_volume_is_declared_and_every_mounted_file_is_here() -> None:
    sources = {source for service in SERVICES for source, _ in mounts(service)}
    assert {one for one in sources if not one.startswith(".")} == set(COMPOSE["volumes"])
    for source in sources - set(COMPOSE["volumes"]):
        assert source.startswith(MADE_BY_HAND) or (ROOT / source).exists(), source


@pytest.mark.parametrize("service", OURS)
def test_a_volume_belongs_to_the_user_that_writes_there(service: str) -> None:
    """A new volume takes the owner of the folder that it covers; the processes are no root."""
    made = re.findall(r"install --directory --owner 10001 .*? (/[^\n]+)", dockerfile(service))
    assert {target for _, target in mounts(service)} <= set(" ".join(made).split())
    assert "USER 10001" in dockerfile(service)


@pytest.mark.parametrize("service", OURS)
def test_an_image_is_built_of_what_is_here(service: str) -> None:
    text = dockerfile(service)
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists(), source
    for name, usual in re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE):
        text = text.replace(f"${{{name}}}", usual)
    [extras] = re.findall(r'install .*"\.\[([\w,]+)\]"', text)
    known = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    others = re.findall(r"--build-arg EXTRAS=(\w+)", text)
    assert {*extras.split(","), *others} <= set(known)


@pytest.mark.parametrize(
    ("service", "port"), [("gateway", "8000"), ("prometheus", "9090"), ("grafana", "3000")]
)
def test_published_ports_are_those_that_are_listened_on(service: str, port: str) -> None:
    [published] = SERVICES[service]["ports"]
    assert published.endswith(f":{port}")
    if service in OURS:
        assert said_in(dockerfile(service), "INSPECTOR_PORT") == port
        assert said_in(dockerfile(service), "INSPECTOR_HOST") == "0.0.0.0"


def test_nothing_else_is_reached_from_outside() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {
        "gateway",
        "prometheus",
        "grafana",
    }


@pytest.mark.parametrize("job", SCRAPED["scrape_configs"], ids=lambda job: job["job_name"])
def test_prometheus_scrapes_services_at_their_metrics_port(job: dict[str, Any]) -> None:
    [found] = job["dns_sd_configs"]
    [service] = found["names"]
    assert service == job["job_name"]
    assert str(found["port"]) == said_in(dockerfile(service), "INSPECTOR_METRICS_PORT")
    assert said_in(dockerfile(service), "INSPECTOR_METRICS_HOST") == "0.0.0.0"


def test_prometheus_finds_its_files_and_keeps_more_than_the_rules_look_back() -> None:
    [(source, target)] = [one for one in mounts("prometheus") if one[0].startswith(".")]
    given = dict(word.removeprefix("--").split("=") for word in SERVICES["prometheus"]["command"])
    assert (ROOT / source / Path(given["config.file"]).relative_to(target)).is_file()
    assert all((ROOT / source / name).is_file() for name in SCRAPED["rule_files"])
    recorded = (ROOT / source / "recording.yml").read_text("utf-8")
    days = max(int(one) for one in re.findall(r"\[(\d+)d\]", recorded))
    assert int(given["storage.tsdb.retention.time"].removesuffix("d")) > days + 1


def test_commands_are_those_that_there_are() -> None:
    assert SERVICES["archiver"]["command"] == ["archive"]
    assert {"archive", "inspect"} <= set(ROLES)
    assert re.findall(r'^CMD \["(\w+)"\]', dockerfile("worker"), re.MULTILINE) == ["inspect"]
    for service in ("keys", "dead-letters"):
        command, name = SERVICES[service]["entrypoint"]
        assert (command, name) == ("inspector", service)
        assert name in COMMANDS


@pytest.mark.parametrize("service", ["worker", "archiver"])
def test_workers_are_probed_where_they_answer(service: str) -> None:
    port = said_in(dockerfile(service), "INSPECTOR_METRICS_PORT")
    url = probe(service)
    assert url.startswith(f"http://127.0.0.1:{port}/")
    status, _, _ = Health().answer(url.removeprefix(f"http://127.0.0.1:{port}"))
    assert status != 404


def test_the_gateway_is_probed_where_it_answers() -> None:
    url = probe("gateway")
    assert url == f"http://127.0.0.1:{said_in(dockerfile('gateway'), 'INSPECTOR_PORT')}/healthz"
    assert "/healthz" in create_app(Settings()).openapi()["paths"]


def test_each_gets_the_time_that_it_needs_to_stop() -> None:
    def grace_s(service: str) -> float:
        return float(SERVICES[service]["stop_grace_period"].removesuffix("s"))

    assert grace_s("gateway") > Settings().shutdown_s
    assert grace_s("worker") > InspectSettings.model_fields["drain_s"].default
    assert grace_s("archiver") > DRAIN_S


@pytest.mark.parametrize("service", OURS)
def test_ours_are_read_only_and_without_rights(service: str) -> None:
    said = SERVICES[service]
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
