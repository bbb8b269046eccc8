"""None, SE and CBAM, trained alike: is attention worth its cost, and more than the luck of a seed?

    OUT/plan.json                 what all runs share; another plan needs another folder
    OUT/runs/cbam-neck-0/         one run: checkpoint/, bundle/, and figures.json once it is measured
    OUT/ablation.json|md|png      the table, made anew from all figures (summary.py)

Runs of one seed see the same batches. Kill it at any moment: called again, it goes on from the last
checkpoint and does no finished run twice. More seeds or kinds may be asked for later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from inspector.data.dataset import Dataset
from inspector.data.survey import channels_of
from inspector.data.synthetic import SMALLEST_SIDE
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import DataError, SettingsError
from inspector.models.bundle import Bundle
from inspector.models.cbam import AttentionKind
from inspector.studies.asking import Advance, silent
from inspector.studies.data import Material, spread
from inspector.studies.disturb import SERIES
from inspector.studies.robustness import (
    GOOD_BOARDS,
    SIZES,
    Level,
    SizeSweep,
    knows_boards,
    map_under,
    recall_by_size,
)
from inspector.training import checkpoint
from inspector.training.config import TrainConfig
from inspector.training.export import export
from inspector.training.loop import Progress, Run

KINDS: tuple[AttentionKind, ...] = ("none", "se", "cbam")

DEFAULTS = TrainConfig()

BOARDS = 30
"""Synthetic boards of each size that a run is measured on."""


class Plan(BaseModel):
    """What all runs of a study share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int
    size: int
    """Side of the training crops, pixels, from the first step to the last."""
    batch: int
    reduction: int
    synthetic: float
    limit: int | None
    """Of the images that are measured on."""
    part: Literal["val", "test"]
    training: str
    """Digest of the names of the images trained on."""
    measured: str


class Figures(BaseModel):
    """Of one run."""

    model_config = ConfigDict(frozen=True)

    attention: AttentionKind
    placement: str
    seed: int
    parameters: int
    gflops: float
    """2 x multiply-adds for one image of the crops' size."""
    steps: int
    minutes: float
    images: int
    """Measured on."""
    levels: list[Level]
    """mAP of the images as they are, then disturbed."""
    sizes: SizeSweep | None
    """None where the synthetic boards show other classes than the data."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of the table."""

    attention: AttentionKind
    placement: str
    seed: int

    def __str__(self) -> str:
        return f"{self.attention}-{self.placement}-{self.seed}"


def cells(kinds: Sequence[AttentionKind], placements: Sequence[str], seeds: int) -> list[Cell]:
    """Seed by seed, so that a study that is cut short compares all kinds. "none" has no place to vary."""
    return [
        Cell(kind, place, seed)
        for seed, kind, place in product(range(seeds), kinds, placements)
        if kind != "none" or place == placements[0]
    ]


class Ablation:
    """One study in one folder."""

    def __init__(
        self,
        plan: Plan,
        data: Material,
        folder: Path,
        *,
        base: TrainConfig = DEFAULTS,
        device: str = "cpu",
    ) -> None:
        """`base` is what the plan does not say: widths, rates. Raises SettingsError when the folder holds a
        study with another plan."""
        self.plan = plan
        self.folder = folder
        self._training = data.training
        self._measured = spread(data.measured, plan.limit)
        self._base = base
        self._device = device
        self._channels = channels_of(
            Dataset(data.training.classes, data.training.samples + data.measured.samples)
        )
        _keep(folder / "plan.json", plan)

    @property
    def _board_side(self) -> int:
        return max(self.plan.size, SMALLEST_SIDE)

    def steps(self) -> int:
        """Of one run."""
        return self.plan.epochs * max(1, -(-len(self._training) // self.plan.batch))

    def questions(self) -> int:
        """Images that a run is measured on, an upper bound: synthetic boards may not fit the classes."""
        return len(self._measured) * (1 + len(SERIES)) + BOARDS * len(SIZES) + GOOD_BOARDS

    def finished(self, cell: Cell) -> Figures | None:
        """The figures of a run that is done. Raises DataError for a file that is not ours."""
        path = self._place(cell) / "figures.json"
        try:
            return Figures.model_validate_json(path.read_bytes()) if path.is_file() else None
        except ValidationError as error:
            raise DataError(f"{path}: not the figures of a run; remove the file") from error

    def do(self, cell: Cell, report: Callable[[Progress], None], advance: Advance = silent) -> Figures:
        """Train or go on, seal, measure. `report` hears of training, `advance` of images measured."""
        run = Run(self._config(cell), self._training, self._place(cell), device=self._device)
        if (run.folder / checkpoint.NAME).exists() or (run.folder / f"{checkpoint.NAME}.new").exists():
            run.resume()
        network = run.train(report, every=20)
        bundle = export(
            network,
            run.folder / "bundle",
            architecture=run.architecture,
            classes=self._training.classes,
            name=f"ablation-{cell}",
            version=datetime.now(UTC).strftime("%Y.%m.%d"),
            nominal=(self.plan.size, self.plan.size),
            training={"config": run.config.model_dump(), "steps": run.step},
        )
        figures = self._figures(cell, bundle, run, advance)
        _write(run.folder / "figures.json", figures)
        return figures

    def _place(self, cell: Cell) -> Path:
        return self.folder / "runs" / str(cell)

    def _config(self, cell: Cell) -> TrainConfig:
        """Raises SettingsError for a placement that training does not know."""
        fields: dict[str, object] = {
            "name": "ablation",
            "attention": cell.attention,
            "reduction": self.plan.reduction,
            "in_channels": self._channels,
            "size": self.plan.size,
            "final_size": self.plan.size,
            "final_share": 0.0,
            "batch": self.plan.batch,
            "epochs": self.plan.epochs,
            "synthetic_share": self.plan.synthetic,
            "seed": cell.seed,
        }
        if "placement" in TrainConfig.model_fields:
            fields["placement"] = cell.placement
        elif cell.placement != "neck":
            raise SettingsError(f"--placement {cell.placement}: this version trains with neck alone")
        try:
            return TrainConfig.model_validate(self._base.model_dump() | fields)
        except ValidationError as error:
            first = error.errors()[0]
            raise SettingsError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error

    def _figures(self, cell: Cell, bundle: Bundle, run: Run, advance: Advance) -> Figures:
        pipeline = Pipeline(bundle, choose(bundle, "auto", self._device))
        facts = bundle.manifest.training
        sized = knows_boards(pipeline)
        return Figures(
            attention=cell.attention,
            placement=cell.placement,
            seed=cell.seed,
            parameters=facts["parameters"],
            gflops=facts["gflops"],
            steps=run.step,
            minutes=round(run.seconds / 60, 2),
            images=len(self._measured),
            levels=map_under(pipeline, self._measured, advance=advance),
            sizes=recall_by_size(pipeline, side=self._board_side, boards=BOARDS, advance=advance)
            if sized
            else None,
        )


def digest(data: Dataset) -> str:
    """Of the names: tells one choice of images from another, wherever they lie."""
    return hashlib.sha256("\n".join(sample.name for sample in data.samples).encode()).hexdigest()[:16]


def _keep(path: Path, plan: Plan) -> None:
    if path.is_file():
        try:
            earlier = Plan.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise SettingsError(f"{path}: not the plan of an ablation; give another --out") from error
        if earlier != plan:
            raise SettingsError(
                f"{path.parent} holds a study with other options: {_difference(earlier, plan)}"
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, plan)


def _difference(earlier: Plan, now: Plan) -> str:
    before, after = earlier.model_dump(), now.model_dump()
    return ", ".join(
        f"{key} was {before[key]}, now {after[key]}" for key in after if before[key] != after[key]
    )


def _write(path: Path, content: BaseModel) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(content.model_dump_json(indent=2) + "\n", encoding="utf-8")
    # In one step: a kill in the middle must not leave half a file that looks finished.
    fresh.replace(path)
