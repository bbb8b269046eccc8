"""The docs say what the code does: settings, metrics and problems by name, and every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.app import new_metrics
from api.problems import REGISTRY
from api.settings import Settings
from inspector.cli.app import COMMANDS
from workers.archive_metrics import ArchiveMetrics
from workers.archive_settings import ArchiveSettings
from workers.metrics import Metrics
from workers.settings import InspectSettings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

ONLY_ON_THE_COMMAND_LINE = {
    "bundle-error",
    "data-error",
    "dead-letter-not-found",
    "delivery-failed",
    "engine-unavailable",
    "recipe-error",
    "settings-error",
}
"""Errors that no HTTP request can meet."""


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


SETTINGS = Settings.model_fields | InspectSettings.model_fields | ArchiveSettings.model_fields


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`INSPECTOR_{name.upper()}`" in text("docs/settings.md")


def test_every_metric_is_documented() -> None:
    registries = [new_metrics(Settings()).registry, Metrics(["default"], ["spur"]).registry]
    registries.append(ArchiveMetrics([]).registry)
    families = [family for registry in registries for family in registry.collect()]
    own = [family for family in families if family.name.startswith("inspector_")]
    assert own
    missing = [family.name for family in own if f"`{family.name}" not in text("docs/metrics.md")]
    assert not missing


def test_every_problem_type_is_documented() -> None:
    documented = set(re.findall(r"`/problems/([a-z-]+)`", text("docs/api.md")))
    assert documented == set(REGISTRY) - ONLY_ON_THE_COMMAND_LINE


def test_every_command_stands_in_the_readme() -> None:
    assert [name for name in COMMANDS if f"`inspector {name}" not in text("README.md")] == []


def test_every_promise_is_stated_with_the_test_of_its_number() -> None:
    held = re.findall(r"^def (test_promise_(\d)_\w+)", text("tests/promises/test_promises.py"), re.MULTILINE)
    assert [number for _, number in held] == list("12345678")
    stated = re.findall(r"^\| (\d) \| .+ \| `(\w+)` \|$", text("docs/reliability.md"), re.MULTILINE)
    assert stated == [(number, test) for test, number in held]
    assert re.findall(r"^\| (\d) \| ", text("README.md"), re.MULTILINE) == list("12345678")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    broken = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:inspector|api|workers|tests|deploy|docs)/[\w./-]+)`", page.read_text("utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`(tests/[\w./-]+)::(\w+)`", page.read_text("utf-8"))
    assert [name for path, name in named if f"def {name}(" not in text(path)] == []
