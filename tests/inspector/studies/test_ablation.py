"""The ablation: runs that differ in their attention alone, done once each, and a table of them all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from inspector.data.dataset import Dataset
from inspector.errors import DataError, SettingsError
from inspector.evaluation.metrics import rate
from inspector.models.bundle import Bundle
from inspector.studies.ablation import Ablation, Cell, Figures, Plan, cells, digest
from inspector.studies.data import Material
from inspector.studies.robustness import Level, SizeRecall, SizeSweep
from inspector.studies.summary import markdown, picture, summarise
from inspector.training.config import TrainConfig
from inspector.training.loop import Progress


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def squares(boards: Dataset) -> Dataset:
    """The boards with classes that the synthetic ones do not have: their sweep is left out."""
    return Dataset(tuple(f"my {name}" for name in boards.classes), boards.samples)


def plan(data: Dataset, **changes: object) -> Plan:
    fields = {
        "epochs": 1,
        "size": 64,
        "batch": 2,
        "reduction": 16,
        "synthetic": 0.0,
        "limit": None,
        "part": "val",
    }
    return Plan.model_validate(fields | {"training": digest(data), "measured": digest(data)} | changes)


def study(data: Dataset, folder: Path, **changes: object) -> Ablation:
    tiny = TrainConfig(widths=(4, 8, 8, 8, 8), neck_channels=16)
    return Ablation(plan(data, **changes), Material(data, data, "val"), folder, base=tiny)


@pytest.mark.parametrize(
    ("kinds", "placements", "seeds", "names"),
    [
        ([], ["neck"], 3, []),
        (["cbam"], ["neck"], 2, ["cbam-neck-0", "cbam-neck-1"]),
        (["none", "cbam"], ["neck", "block"], 1, ["none-neck-0", "cbam-neck-0", "cbam-block-0"]),
    ],
)
def test_the_runs_of_a_study(kinds: list[str], placements: list[str], seeds: int, names: list[str]) -> None:
    assert [str(cell) for cell in cells(kinds, placements, seeds)] == names  # type: ignore[arg-type]


def test_a_run_is_done_once_and_kept(squares: Dataset, tmp_path: Path) -> None:
    one, cell, done = study(squares, tmp_path), Cell("se", "neck", 1), list[int]()
    assert one.finished(cell) is None
    figures = one.do(cell, lambda progress: None, done.append)
    assert figures.steps == one.steps() == 2
    assert (figures.images, figures.sizes) == (4, None)
    assert [level.kind for level in figures.levels] == [
        "none",
        *["noise"] * 3,
        *["blur"] * 3,
        *["contrast"] * 3,
    ]
    assert sum(done) == 40
    bundle = Bundle.load(tmp_path / "runs" / "se-neck-1" / "bundle")
    assert bundle.manifest.architecture["attention"] == "se"
    assert bundle.manifest.training["config"]["seed"] == 1
    assert study(squares, tmp_path).finished(cell) == figures


def test_a_killed_run_goes_on_and_comes_out_the_same(squares: Dataset, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def kill(progress: Progress) -> None:
        raise Killed

    cell = Cell("none", "neck", 0)
    whole = study(squares, tmp_path / "whole", epochs=11).do(cell, lambda progress: None)
    killed = study(squares, tmp_path / "killed", epochs=11)
    with pytest.raises(Killed):
        killed.do(cell, kill)  # at its first report, step 20 of 22
    assert killed.finished(cell) is None
    again = killed.do(cell, lambda progress: None)
    assert again.model_dump(exclude={"minutes"}) == whole.model_dump(exclude={"minutes"})


def test_another_plan_needs_another_folder(squares: Dataset, tmp_path: Path) -> None:
    study(squares, tmp_path)
    with pytest.raises(SettingsError, match="epochs was 1, now 2"):
        study(squares, tmp_path, epochs=2)


def test_figures_that_are_not_ours_are_named(squares: Dataset, tmp_path: Path) -> None:
    one, cell = study(squares, tmp_path), Cell("cbam", "neck", 0)
    (tmp_path / "runs" / str(cell)).mkdir(parents=True)
    (tmp_path / "runs" / str(cell) / "figures.json").write_text("{}")
    with pytest.raises(DataError, match=r"figures\.json: not the figures"):
        one.finished(cell)


# --- the table


def figures(kind: str, seed: int, map50_95: float, *, placement: str = "neck", sized: bool = True) -> Figures:
    sizes = [SizeRecall(size=size, at_overkill=rate(size, 20), at_recipe=None) for size in (3, 10, 20)]
    sweep = SizeSweep(
        side=256, boards=1, good_boards=1, threshold=0.5, recipe_overkill=None, sizes=sizes if sized else []
    )
    levels = [Level(kind="none", level=0, map50=0.9, map50_95=map50_95)]
    levels += [
        Level(kind=what, level=level, map50=0.9 - weight, map50_95=0.1)
        for what, levels_of in (("noise", (16, 64)), ("blur", (1, 3)), ("contrast", (0.5, 0.1)))
        for weight, level in zip((0.1, 0.3), levels_of, strict=True)
    ]
    return Figures.model_validate(
        {
            "attention": kind,
            "placement": placement,
            "seed": seed,
            "parameters": 1000,
            "gflops": 0.5,
            "steps": 2,
        }
        | {"minutes": 1.0, "images": 4, "levels": levels, "sizes": sweep if sized else None}
    )


RUNS = [
    *(figures("none", seed, value) for seed, value in enumerate((0.50, 0.54))),
    *(figures("cbam", seed, value) for seed, value in enumerate((0.52, 0.57))),
]


def test_means_spreads_and_the_difference_seed_by_seed(squares: Dataset) -> None:
    none, cbam = summarise(plan(squares), RUNS).columns
    spread = cbam.figures["mAP50-95"]
    assert spread.mean == pytest.approx(0.545)
    assert spread.std == pytest.approx(np.std([0.52, 0.57], ddof=1))
    assert cbam.ahead["mAP50-95"].values == pytest.approx([0.02, 0.03])
    assert none.ahead == {}
    assert cbam.figures["recall of 10 px"].mean == 0.5


def test_a_single_seed_has_no_spread(squares: Dataset) -> None:
    text = markdown(summarise(plan(squares), RUNS[::2]))
    assert "| mAP50-95 | 50.0 | 52.0 (+2.0) |" in text
    assert "1 seed;" in text


def test_the_markdown_is_a_table_of_percentages(squares: Dataset) -> None:
    lines = markdown(summarise(plan(squares), RUNS)).splitlines()
    assert "| | none | cbam |" in lines
    assert "| mAP50-95 | 52.0 ± 2.8 | 54.5 ± 3.5 (+2.5 ± 0.7) |" in lines
    assert {line.count("|") for line in lines[2:]} == {4}


def test_placements_are_columns_of_their_own(squares: Dataset) -> None:
    runs = [*RUNS, figures("cbam", 0, 0.6, placement="block")]
    assert [column.name for column in summarise(plan(squares), runs).columns] == [
        "none",
        "cbam, neck",
        "cbam, block",
    ]


@pytest.mark.parametrize(
    "runs", [RUNS[:1], [figures("se", 0, 0.5, sized=False)], RUNS], ids=["one", "unsized", "all"]
)
def test_the_picture_is_drawn(runs: list[Figures], squares: Dataset, tmp_path: Path) -> None:
    picture(summarise(plan(squares), runs), tmp_path / "ablation.png")
    drawn = cv2.imread(str(tmp_path / "ablation.png"))
    assert drawn is not None
    assert drawn.std() > 10
