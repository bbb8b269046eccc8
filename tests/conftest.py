"""Fixtures that more than one folder uses, and the rule for tests that need the real images.

A test marked `realdata` is skipped only where ../shared/data does not exist. .ci/run sets
INSPECTOR_REQUIRE_REALDATA=1 where it does: then a run in which one was skipped all the same has failed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import repeatable
from tests.support.postgres import PostgresServer

if TYPE_CHECKING:
    from inspector.models.bundle import Bundle

repeatable.load_profiles()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    repeatable.prepare(config)


def pytest_report_header(config: pytest.Config) -> str:
    return repeatable.said(config)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup() -> None:
    repeatable.seed_all()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    repeatable.seed_all()


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A real, small bundle, made once. Not to be written to: copy its folder for that."""
    from tests.support import tiny_bundle as maker  # torch, which most tests do without

    folder: Path = tmp_path_factory.mktemp("bundle") / "tiny"
    return maker.make(folder)


@pytest.fixture(scope="session")
def tiny_classifier(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A real, small bundle that was trained on image labels alone, made once."""
    from tests.support import tiny_classifier as maker  # torch, which most tests do without

    return maker.make(tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="session")
def int8_bundle(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny bundle with an INT8 export. Not to be written to either."""
    from tests.support import tiny_bundle as maker

    folder: Path = tmp_path_factory.mktemp("bundle") / "int8"
    return maker.with_int8(tiny_bundle, folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real server, started once; each test asks it for a database of its own."""
    with PostgresServer() as server:
        yield server


REAL_DATA = Path(__file__).parents[1].parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if REAL_DATA.is_dir():
        return
    for item in items:
        if item.get_closest_marker("realdata"):
            item.add_marker(pytest.mark.skip(reason="the real images, ../shared/data, are not here"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("INSPECTOR_REQUIRE_REALDATA") != "1":
        return
    skipped = [report.nodeid for report in reporter.stats.get("skipped", []) if "realdata" in report.keywords]
    if skipped:
        reporter.write_line(f"FAILED: realdata tests were skipped: {', '.join(skipped)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
