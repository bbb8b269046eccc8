"""curves.svg and curves.png: losses, learning rate and validation figures of a run over its steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

# No pyplot: that keeps global state and asks for a display.
from matplotlib.figure import Figure

from inspector.errors import SettingsError
from inspector.training.journal import Row

NAMES = ("curves.svg", "curves.png")

VALIDATION = {"map50": "mAP50", "map50_95": "mAP50-95", "auroc": "image AUROC"}

SIZE = (9.0, 8.0)
"""Inches; 100 dots each in the PNG."""


def draw(rows: Sequence[Row], folder: Path) -> None:
    """Write both pictures; without any row, none. Raises SettingsError when they cannot be written."""
    if not rows:
        return
    figure = _figure(rows)
    for name in NAMES:
        try:
            figure.savefig(folder / name, dpi=100)
        except OSError as error:
            raise SettingsError(f"{folder / name}: cannot be written: {error.strerror}; make room") from error


def _figure(rows: Sequence[Row]) -> Figure:
    figure = Figure(figsize=SIZE, layout="constrained")
    losses, rate, figures = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1, 3))
    learnt = [row for row in rows if "losses" in row]
    for name in learnt[0]["losses"] if learnt else ():
        losses.plot(_steps(learnt), [row["losses"][name] for row in learnt], label=name)
    losses.set(ylabel="loss, weighted", yscale="log")
    rate.plot(_steps(learnt), [row["learning_rate"] for row in learnt], color="0.3")
    rate.set(ylabel="learning rate", ylim=(0, None))
    _draw_validation(figures, [row for row in rows if "validation" in row])
    for axes in (losses, figures):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best", ncols=3, fontsize="small", frameon=False)
    for axes in (losses, rate, figures):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_validation(axes: Any, rows: Sequence[Row]) -> None:
    for name, label in VALIDATION.items():
        known = [row for row in rows if row["validation"].get(name) is not None]
        if known:
            axes.plot(_steps(known), [row["validation"][name] for row in known], marker=".", label=label)
    if best := [row for row in rows if row.get("best")]:
        axes.axvline(best[-1]["step"], color="0.3", linestyle=":", label=f"best: step {best[-1]['step']}")
    axes.set(xlabel="step", ylabel="validation part", ylim=(0, 1.02))


def _steps(rows: Sequence[Row]) -> list[int]:
    return [row["step"] for row in rows]
