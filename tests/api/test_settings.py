from __future__ import annotations

from datetime import timedelta

import pytest

from api.settings import Settings, load
from inspector.errors import SettingsError
from inspector.monitoring.catalogue import MAX_LINES
from inspector.plant.plant import Line, Plant
from inspector.queue.base import DEFAULT_BUDGETS


def test_without_any_the_queue_has_its_default_budgets() -> None:
    assert Settings().budgets == DEFAULT_BUDGETS


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_environment_sets_and_an_option_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_PORT", "8001")
    monkeypatch.setenv("INSPECTOR_LINES", "L1, L2")
    monkeypatch.setenv("INSPECTOR_FORGET_AFTER_H", "2")
    monkeypatch.setenv("INSPECTOR_ENGINE", "the worker's, and none of ours")

    settings = load(port=8002)

    assert (settings.port, settings.lines) == (8002, ("L1", "L2"))
    assert settings.budgets.forget_after == timedelta(hours=2)


@pytest.mark.parametrize(("name", "value"), [("port", "x"), ("max_image_bytes", "0"), ("lines", "L1,<b>")])
def test_a_setting_that_cannot_work_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"INSPECTOR_{name.upper()}", value)
    with pytest.raises(SettingsError, match=f"INSPECTOR_{name.upper()}"):
        load()


def test_lines_and_takts_are_the_plants_where_the_settings_name_none() -> None:
    plant = Plant(lines={"L1": Line(takt_s=2.0), "L2": Line()})
    settings = Settings(takt_s=0.5)
    assert (settings.named_lines(Plant()), settings.named_lines(plant)) == (("default",), ("L1", "L2"))
    assert Settings(lines=("L9",)).named_lines(plant) == ("L9",)
    assert [settings.takts(plant).of(line) for line in ("L1", "L2", "other")] == [2.0, 0.5, 0.5]


def test_a_plant_with_more_lines_than_metrics_can_name_is_told_the_way_out() -> None:
    plant = Plant(lines={f"L{number}": Line() for number in range(MAX_LINES + 1)})
    with pytest.raises(SettingsError, match=r"201 lines.* at most 200: say which with INSPECTOR_LINES"):
        Settings().named_lines(plant)
    assert Settings(lines=("L1",)).named_lines(plant) == ("L1",)
