"""Runs -> mean and spread: the ablation's table as data, as markdown and as a picture.

The spread is the standard deviation over seeds. Runs of one seed saw the same batches, so the difference to
"none" is taken seed by seed, which leaves out what a seed does to all kinds alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pydantic import BaseModel, ConfigDict

from inspector.studies.ablation import Figures, Plan
from inspector.studies.robustness import Level

COLOURS = ("#7f8c8d", "#d98c1f", "#1f6fb2", "#2e8b57", "#8e44ad")


class Spread(BaseModel):
    """Over seeds; fractions 0-1."""

    model_config = ConfigDict(frozen=True)

    mean: float
    std: float | None
    """None for a single seed."""
    values: list[float]
    """By seed."""


class Column(BaseModel):
    """One kind of attention at one place."""

    model_config = ConfigDict(frozen=True)

    name: str
    seeds: list[int]
    parameters: int
    gflops: float
    minutes: float
    """Of training a run, mean."""
    figures: dict[str, Spread]
    ahead: dict[str, Spread]
    """The same less those of "none", seed by seed; empty for "none" itself and without it."""


class Summary(BaseModel):
    model_config = ConfigDict(frozen=True)

    plan: Plan
    images: int
    columns: list[Column]
    runs: list[Figures]


def summarise(plan: Plan, runs: Sequence[Figures]) -> Summary:
    """`runs`: at least one."""
    groups: dict[str, list[Figures]] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        groups.setdefault(_name(run, runs), []).append(run)
    plain = groups.get("none", [])
    columns = [_column(name, group, [] if name == "none" else plain) for name, group in groups.items()]
    return Summary(plan=plan, images=runs[0].images, columns=columns, runs=list(runs))


def markdown(summary: Summary) -> str:
    """A table that can stand in a page; percentages, mean ± spread."""
    columns = summary.columns
    seeds = max(len(column.seeds) for column in columns)
    lines = [
        f"{summary.plan.epochs} epochs of {summary.plan.size} px crops, batch {summary.plan.batch}; "
        f"{_count(seeds, 'seed')}; {summary.images} images of the {summary.plan.part} part. "
        "Mean ± standard deviation over seeds; in brackets: ahead of none, seed by seed.",
        "",
        "| | " + " | ".join(column.name for column in columns) + " |",
        "|---|" + "---|" * len(columns),
        "| parameters | " + " | ".join(f"{column.parameters:,}" for column in columns) + " |",
        "| GFLOP | " + " | ".join(f"{column.gflops:.3f}" for column in columns) + " |",
    ]
    for row in columns[0].figures:
        lines.append(f"| {row} | " + " | ".join(_cell(column, row) for column in columns) + " |")
    return "\n".join(lines) + "\n"


def picture(summary: Summary, path: Path) -> None:
    """mAP, mAP under what a line does, and recall by defect size, as PNG; bars are one standard deviation."""
    panels = [_bars, *(_over(kind) for kind in ("noise", "blur", "contrast"))]
    if any(run.sizes for run in summary.runs):
        panels.append(_sizes)
    # No pyplot: it keeps every figure alive in a global list.
    figure = Figure(figsize=(3.4 * len(panels), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for number, panel in enumerate(panels, 1):
        panel(figure.add_subplot(1, len(panels), number), summary.columns)
    figure.legend(
        *figure.axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=len(summary.columns)
    )
    figure.savefig(path, dpi=130)


def _name(run: Figures, runs: Sequence[Figures]) -> str:
    places = {other.placement for other in runs if other.attention != "none"}
    return (
        run.attention if run.attention == "none" or len(places) < 2 else f"{run.attention}, {run.placement}"
    )


def _column(name: str, runs: list[Figures], plain: list[Figures]) -> Column:
    values = [_values(run) for run in runs]
    reference = {run.seed: _values(run) for run in plain}
    paired = [
        (mine, reference[run.seed]) for run, mine in zip(runs, values, strict=True) if run.seed in reference
    ]
    return Column(
        name=name,
        seeds=[run.seed for run in runs],
        parameters=runs[0].parameters,
        gflops=runs[0].gflops,
        minutes=round(float(np.mean([run.minutes for run in runs])), 2),
        figures={row: _spread([each[row] for each in values]) for row in values[0]},
        ahead={
            row: _spread([mine[row] - other[row] for mine, other in paired]) for row in values[0] if paired
        },
    )


def _values(run: Figures) -> dict[str, float]:
    """Row of the table -> fraction."""
    rows = {"mAP50-95": run.levels[0].map50_95, "mAP50": run.levels[0].map50}
    rows |= {f"mAP50, {_level(level)}": level.map50 for level in run.levels[1:]}
    for each in run.sizes.sizes if run.sizes else ():
        if each.at_overkill:
            rows[f"recall of {each.size} px"] = each.at_overkill.value
    return rows


def _level(level: Level) -> str:
    return f"{level.kind} {level.level:g}"


def _spread(values: list[float]) -> Spread:
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(mean=float(np.mean(values)), std=std, values=values)


def _cell(column: Column, row: str) -> str:
    text = _percent(column.figures[row])
    return f"{text} ({_percent(column.ahead[row], sign='+')})" if row in column.ahead else text


def _percent(spread: Spread, sign: str = "") -> str:
    text = f"{100 * spread.mean:{sign}.1f}"
    return text if spread.std is None else f"{text} ± {100 * spread.std:.1f}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


# --- panels

_Panel = Callable[[Axes, Sequence[Column]], None]


def _bars(axes: Axes, columns: Sequence[Column]) -> None:
    for place, (column, colour) in enumerate(zip(columns, _colours(columns), strict=True)):
        spread = column.figures["mAP50-95"]
        axes.bar(
            place, 100 * spread.mean, 0.6, color=colour, alpha=0.35, yerr=100 * (spread.std or 0), capsize=4
        )
        axes.plot([place] * len(spread.values), [100 * value for value in spread.values], ".", color=colour)
    axes.set_xticks(range(len(columns)), [column.name for column in columns])
    # Not from zero: seeds and kinds differ by a point or two.
    values = [100 * value for column in columns for value in column.figures["mAP50-95"].values]
    margin = max(1.0, (max(values) - min(values)) * 0.6)
    axes.set_ylim(max(0.0, min(values) - margin), min(100.0, max(values) + margin))
    _dress(axes, "mAP50-95, as they are (%)", "dots: seeds; the axis is cut")


def _over(kind: str) -> _Panel:
    what = {
        "noise": "standard deviation, grey levels",
        "blur": "sigma, px",
        "contrast": "of the full contrast",
    }

    def panel(axes: Axes, columns: Sequence[Column]) -> None:
        start = f"mAP50, {kind} "
        rows = {float(row.removeprefix(start)): row for row in columns[0].figures if row.startswith(start)}
        untouched = 1.0 if kind == "contrast" else 0.0
        _lines(axes, columns, {untouched: "mAP50"} | rows)
        if kind == "contrast":
            axes.invert_xaxis()
        axes.set_ylim(0, 102)
        _dress(
            axes, f"mAP50 under {kind} (%)" if kind != "contrast" else "mAP50 at low contrast (%)", what[kind]
        )

    return panel


def _sizes(axes: Axes, columns: Sequence[Column]) -> None:
    start = "recall of "
    rows = [row for row in columns[0].figures if row.startswith(start)]
    _lines(axes, columns, {float(row.removeprefix(start).removesuffix(" px")): row for row in rows})
    axes.set_ylim(0, 102)
    _dress(axes, "recall at 5 % overkill (%)", "size of the defect, px (synthetic boards)")


def _lines(axes: Axes, columns: Sequence[Column], rows: dict[float, str]) -> None:
    for column, colour in zip(columns, _colours(columns), strict=True):
        means = np.array([100 * column.figures[row].mean for row in rows.values()])
        stds = np.array([100 * (column.figures[row].std or 0.0) for row in rows.values()])
        axes.plot(list(rows), means, "o-", color=colour, label=column.name, markersize=3, linewidth=1.5)
        axes.fill_between(list(rows), means - stds, means + stds, color=colour, alpha=0.15, linewidth=0)


def _dress(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(below, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _colours(columns: Sequence[Column]) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(len(columns))]
