"""Debian's Prometheus: promtool, and a real server on a free port that scrapes what it is told."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from tests.support.servers import free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
RULES = tuple(ROOT / "deploy" / "prometheus" / name for name in ("recording.yml", "alerts.yml"))

_STARTS_WITHIN_S = 30.0


def binary(name: str) -> str:
    """A missing one is an error, not a skip: see `make test`."""
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed: apt-get install prometheus")
    return found


def rules() -> list[dict[str, Any]]:
    """Every recording and alert rule, as it is written."""
    return [rule for path in RULES for group in _groups(path) for rule in group["rules"]]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [binary("promtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


def _groups(path: Path) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))["groups"]
    return groups


class Prometheus:
    """Our rules on a server in a hurry: all is scraped every second, and evaluated twice as often.

    `targets`: job -> host:port of its /metrics. As a context manager it answers inside, and is gone after.
    """

    def __init__(self, folder: Path, targets: Mapping[str, Sequence[str]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "prometheus.log"
        self.url = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        files = [self._in_a_hurry(path) for path in RULES]
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "500ms"},
            "rule_files": files,
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": list(places)}]}
                for job, places in targets.items()
            ],
        }
        self._config = folder / "prometheus.yml"
        self._config.write_text(yaml.safe_dump(config), "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The vector that it gives now. AssertionError with Prometheus' own words when it is none."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=10).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def unsound_rules(self) -> list[str]:
        """Rules whose last evaluation failed, and why."""
        groups = httpx.get(f"{self.url}/api/v1/rules", timeout=10).json()["data"]["groups"]
        every = [rule for group in groups for rule in group["rules"]]
        assert every
        return [f"{rule['name']}: {rule['lastError']}" for rule in every if rule["health"] == "err"]

    def __enter__(self) -> Self:
        place = ["--web.listen-address", self.url.removeprefix("http://")]
        storage = ["--storage.tsdb.path", str(self._folder / "data"), "--storage.tsdb.retention.time=1h"]
        config = ["--config.file", str(self._config), "--log.level", "warn"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [binary("prometheus"), *config, *storage, *place], stdout=log, stderr=subprocess.STDOUT
            )
        wait_until(self._ready, _STARTS_WITHIN_S, f"a Prometheus that is ready, see {self._log}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text(errors="replace")
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).is_success
        except httpx.TransportError:
            return False

    def _in_a_hurry(self, path: Path) -> str:
        """The same rules without intervals of their own."""
        groups = [
            {key: value for key, value in group.items() if key != "interval"} for group in _groups(path)
        ]
        copy = self._folder / path.name
        copy.write_text(yaml.safe_dump({"groups": groups}, sort_keys=False), "utf-8")
        return str(copy)
