"""What is made of measured figures: spreads, ratios, tables, pictures, and where CPU time is said to go."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import charts, figures, pictures, profiled, stages
from benchmarks.load import Generator, Plan, quantiles, summary
from benchmarks.service import Rival, fsync_ms
from inspector.errors import SettingsError
from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of


def test_ratios_are_of_figures_of_one_round() -> None:
    # Each round is half of its limit, however much slower the machine became.
    assert figures.paired([5.0, 2.5, 1.0], [10.0, 5.0, 2.0]) == {"median": 0.5, "low": 0.5, "high": 0.5}


def test_a_table_shows_the_median_and_the_range() -> None:
    cell = figures.shown(figures.spread([3.0, 1.0, 2.0]))
    assert figures.table(["a", "b"], [["x", cell]]).splitlines() == [
        "| a | b |",
        "| --- | --- |",
        "| x | 2.0 (1.0 - 3.0) |",
    ]


def test_a_busy_machine_is_named_above_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (3.0, 0.0, 0.0))
    assert "busy" in (figures.warn_if_busy() or "")
    assert "BUSY MACHINE" in figures.where({"machine": figures.machine()})
    monkeypatch.setattr("os.getloadavg", lambda: (0.1, 0.0, 0.0))
    assert figures.warn_if_busy() is None


@pytest.mark.parametrize(
    ("values", "p50", "p99"),
    [([], None, None), ([7.0], 7.0, 7.0), ([float(n) for n in range(100, 0, -1)], 51.0, 100.0)],
)
def test_quantiles(values: list[float], p50: float | None, p99: float | None) -> None:
    found = quantiles(values)
    assert (found.get("p50_ms"), found.get("p99_ms")) == (p50, p99)


def test_only_answers_within_the_seconds_make_the_rate(tmp_path: Path) -> None:
    plan = Plan(1, [], seconds=2.0, clients=1, every_s=1.0)
    generator = Generator(plan)
    generator.seconds = 2.0
    generator.seen.latencies_ms["200"] = [1.0, 2.0, 3.0, 500.0]
    generator.seen.ends_s["200"] = [0.5, 1.2, 1.9]
    report = summary(generator, plan)
    assert report["statuses"]["200"]["rate"] == 1.5
    assert report["statuses"]["200"]["max_ms"] == 500.0
    assert report["spans"]["200"] == [1, 2]


@pytest.mark.parametrize("size", [500, 1_000, 65_540, 200_000])
def test_a_body_has_its_size_and_is_an_image(size: int, tmp_path: Path) -> None:
    [file] = pictures.bodies(tmp_path, size)
    data = Path(file).read_bytes()
    assert abs(len(data) - size) <= 4
    assert decode(data, facts_of(data), 1).shape == (64, 64)


def test_boards_are_images_of_that_side(tmp_path: Path) -> None:
    files = pictures.boards(tmp_path, 128)
    data = [Path(file).read_bytes() for file in files]
    assert len(set(data)) == pictures.COUNT
    assert decode(data[0], facts_of(data[0]), 1).shape == (128, 128)


def test_an_fsync_takes_some_time(tmp_path: Path) -> None:
    assert fsync_ms(tmp_path) > 0


@pytest.mark.parametrize("word", ["", "a", "a=b", "a=80", "=80/x", "a=b/x"])
def test_a_rival_that_is_none(word: str) -> None:
    with pytest.raises(SettingsError, match="expected NAME=PORT/PATH"):
        Rival.parse(word)


def test_a_rival() -> None:
    assert Rival.parse("mosec=8100/inference") == Rival("mosec", 8100, "/inference")


def test_pictures_are_drawn(tmp_path: Path) -> None:
    one = figures.spread([1.0, 2.0, 3.0])
    charts.bars(tmp_path / "bars.png", "t", "u", {"1": {"D1": one}, "4": {"D1": one, "D2": one}})
    charts.lines(tmp_path / "lines.png", "t", ("x", "y"), {"p50": [(1.0, 1.0), (10.0, 12.0)]})
    charts.stages(tmp_path / "stages.png", "t", {"clock": {"a": 1.0, "b": 2.0}, "cpu": {"a": 0.0}})
    for name in ("bars", "lines", "stages"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_cpu_time_counts_for_the_innermost_part_and_never_for_the_start(tmp_path: Path) -> None:
    top = ";".join(f"frame-{number}" for number in range(9))
    stacks = {
        f"{top};api/gateway.py:Gateway.accept;api/body.py:read": 3000,
        f"{top};api/gateway.py:Gateway.accept": 1000,
        f"{top};somewhere/else.py:f": 500,
        f"{top};<frozen importlib._bootstrap>:_find;api/body.py:<module>": 90_000,
    }
    file = tmp_path / "gateway.stacks"
    file.write_text("".join(f"{stack} {spent}\n" for stack, spent in stacks.items()))
    spent: Counter[tuple[str, ...]] = profiled.read(file)
    found = stages._cpu(spent, stages.PARTS["gateway"], images=10)
    assert found["body and digest"] == 300
    assert found["waiting and answer"] == 100
    assert found[stages.OTHER] == 50
    assert sum(found.values()) == 450
