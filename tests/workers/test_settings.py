from __future__ import annotations

import os

import pytest

from inspector.errors import SettingsError
from workers import archive_settings
from workers.archive_settings import ArchiveSettings
from workers.settings import InspectSettings, load


def test_a_flag_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_BATCH_SIZE", "8")
    monkeypatch.setenv("INSPECTOR_THREADS", "3")

    settings = load(["--batch-size", "2"])

    assert (settings.batch_size, settings.threads) == (2, 3)


@pytest.mark.parametrize("by_flag", [True, False])
def test_lines_are_written_as_a_list_with_commas(monkeypatch: pytest.MonkeyPatch, by_flag: bool) -> None:
    monkeypatch.setenv("INSPECTOR_LINES", "A,B")

    assert load(["--lines", "L1,L2"] if by_flag else []).lines == (("L1", "L2") if by_flag else ("A", "B"))


@pytest.mark.parametrize(
    "flags", [["--batch-size", "300"], ["--name", "../x"], ["--metrics-port", "70000"], ["--lines", "a b"]]
)
def test_a_wrong_value_names_its_flag_and_variable(flags: list[str]) -> None:
    variable = flags[0].removeprefix("--").replace("-", "_").upper()

    with pytest.raises(SettingsError, match=rf"^{flags[0]} \(INSPECTOR_{variable}\): "):
        load(flags)


def test_every_setting_says_what_it_is() -> None:
    fields = {**InspectSettings.model_fields, **ArchiveSettings.model_fields}
    assert [name for name, field in fields.items() if not field.description] == []


def test_an_archiver_needs_a_database() -> None:
    with pytest.raises(SettingsError, match=r"^--database-url \(INSPECTOR_DATABASE_URL\): an archiver needs"):
        archive_settings.load([])
    assert archive_settings.load(["--database-url", "sqlite:///x.db"]).images_url == "images"


def test_two_workers_on_a_machine_have_names_of_their_own() -> None:
    assert load().name.endswith(f"-{os.getpid()}")
