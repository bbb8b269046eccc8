"""The containers are configured by settings that exist, and their Redis as the budgets ask for."""

from __future__ import annotations

import re
from pathlib import Path

from api.settings import Settings
from inspector.cli.stack.embedded import maxmemory
from inspector.queue.base import DEFAULT_BUDGETS
from workers.archive_settings import ArchiveSettings
from workers.settings import InspectSettings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"


def test_every_setting_named_in_containers_exists() -> None:
    known = {
        f"INSPECTOR_{name.upper()}"
        for name in {*Settings.model_fields, *InspectSettings.model_fields, *ArchiveSettings.model_fields}
    }
    files = [COMPOSE, *(ROOT / "deploy").rglob("*.Dockerfile"), *(ROOT / "deploy").rglob("*.sh")]

    named = {name for path in files for name in re.findall(r"\bINSPECTOR_[A-Z_]+", path.read_text("utf-8"))}

    assert named >= {"INSPECTOR_REDIS_URL", "INSPECTOR_HOST", "INSPECTOR_METRICS_PORT"}
    assert named - known == set()


def test_the_composed_redis_keeps_what_it_acknowledged() -> None:
    words = re.findall(r"^ {6}- (.+)$", COMPOSE.read_text("utf-8"), re.MULTILINE)
    options = dict(zip(words[1:-1:2], words[2::2], strict=False))

    assert options["--appendonly"] == '"yes"'
    assert options["--appendfsync"] == "always"
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--maxmemory"] == f"{maxmemory(DEFAULT_BUDGETS) >> 20}mb"
