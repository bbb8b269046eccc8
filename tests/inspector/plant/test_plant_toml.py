"""inspector.toml: what is said is understood, what is not known is refused with a hint."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from inspector.errors import SettingsError
from inspector.plant.plant import Plant, Retention
from inspector.plant.plant_toml import read
from inspector.plant.shifts import turn_at, turns

WHOLE = """
time_zone = "Europe/Berlin"
[lines.L1]
takt_s = 1.5
[lines.L1.stations]
"AOI-1" = ["top", "bottom"]
[lines.L2]
[[shifts]]
name = "early"
start = 06:00:00
end = 14:00:00
days = ["mon", "tue"]
[[shifts]]
name = "night"
start = "22:00"
end = "06:00"
[retention]
keep = ["NG", "expired"]
ok_one_in = 10
days = 30
disk_share = 0.25
max_gb = 5
"""


def plant_of(folder: Path, text: str) -> Plant:
    (folder / "inspector.toml").write_text(text, encoding="utf-8")
    return read(folder / "inspector.toml")


def test_nothing_said_is_a_plant(tmp_path: Path) -> None:
    assert read(None) == plant_of(tmp_path, "") == Plant()
    assert Plant().retention == Retention(
        keep=("NG", "REVIEW", "failed"), ok_one_in=100, days=365, disk_share=0.5
    )


def test_a_whole_file(tmp_path: Path) -> None:
    plant = plant_of(tmp_path, WHOLE)
    assert list(plant.lines) == ["L1", "L2"]
    assert (plant.lines["L1"].takt_s, plant.lines["L1"].stations) == (1.5, {"AOI-1": ("top", "bottom")})
    assert [shift.name for shift in plant.shifts] == ["early", "night"]
    assert plant.retention.max_gb == 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("time_zne = 'UTC'", "time_zne is not known: is time_zone meant?"),
        ("[lines.L1]\ntakt = 2", "lines.L1.takt is not known: is takt_s meant?"),
        ("[retention]\ndisk = 1", "retention.disk is not known"),
        ("[retention]\nxyz = 1", "known here: days, disk_share, keep, max_gb, ok_one_in"),
        (
            "[[shifts]]\nname='a'\nstart=06:00:00\nend=07:00:00\nday=['mon']",
            "shifts.0.day is not known: is days meant?",
        ),
        ("time_zone = 'Mars/Base'", "time_zone 'Mars/Base' is not known"),
        ("[lines.'a b']", "lines.a b"),
        ("[lines.L1]\ntakt_s = 0", "lines.L1.takt_s: must be greater than 0"),
        ("[retention]\nkeep = ['OK']", "retention.keep.0"),
        ("[retention]\ndisk_share = 2", "retention.disk_share: must be less than or equal to 1"),
        ("[[shifts]]\nname='a'\nstart=6\nend=07:00:00", "shifts.0.start: must be a time of day"),
        ("[[shifts]]\nname='a'\nstart=06:00:00\nend=06:00:00", "start and end are the same"),
        ("[[shifts]]\nname='a'\nstart=06:00:30\nend=07:00:00", "start and end are whole minutes"),
        (
            "[[shifts]]\nname='a'\nstart=06:00:00\nend=07:00:00\n" * 2,
            "two shifts have the name 'a'",
        ),
        ("x", "is not TOML"),
    ],
)
def test_one_line_for_whatever_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        plant_of(tmp_path, text)
    assert told in str(refused.value)
    assert "inspector.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not there"):
        read(tmp_path / "inspector.toml")


# --- shifts -------------------------------------------------------------------------------------------------


def test_no_shifts_no_turns() -> None:
    now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert (turns(Plant(), now, now), turn_at(Plant(), now)) == ([], None)


@pytest.mark.parametrize(
    ("moment", "name", "start"),
    [
        ("2026-03-02T05:00:00+00:00", "early", "2026-03-02T05:00:00+00:00"),  # 06:00 in Berlin, a Monday
        ("2026-03-02T12:59:59+00:00", "early", "2026-03-02T05:00:00+00:00"),
        ("2026-03-02T13:00:00+00:00", None, None),
        ("2026-03-02T21:30:00+00:00", "night", "2026-03-02T21:00:00+00:00"),
        ("2026-03-03T02:00:00+00:00", "night", "2026-03-02T21:00:00+00:00"),  # over midnight
        ("2026-03-04T08:00:00+00:00", None, None),  # a Wednesday has no early shift
        (
            "2026-03-29T03:30:00+00:00",
            "night",
            "2026-03-28T21:00:00+00:00",
        ),  # summer time has begun: until 04:00
        ("2026-03-29T04:00:00+00:00", None, None),
    ],
)
def test_which_shift_a_moment_belongs_to(
    tmp_path: Path, moment: str, name: str | None, start: str | None
) -> None:
    turn = turn_at(plant_of(tmp_path, WHOLE), datetime.fromisoformat(moment))
    assert (turn.name if turn else None) == name
    assert (turn.start if turn else None) == (datetime.fromisoformat(start) if start else None)


def test_all_turns_of_a_day_in_their_order(tmp_path: Path) -> None:
    day = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
    found = turns(plant_of(tmp_path, WHOLE), day, day.replace(hour=23))
    assert [turn.name for turn in found] == ["night", "early", "night"]
