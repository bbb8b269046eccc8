"""A report's picture: bars with the range of the rounds, or lines of what grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.figures import Spread

_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")

Point = tuple[float, float]


def bars(file: Path, title: str, unit: str, groups: Mapping[str, Mapping[str, Spread]]) -> None:
    """Groups of bars, each with its low and high: {group: {bar: values}}."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only where a picture is asked for

    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        for number, values in enumerate(group.get(name) for group in groups.values()):
            if values is None:
                continue
            low, high = values["median"] - values["low"], values["high"] - values["median"]
            axes.bar(
                number + (place - (len(names) - 1) / 2) * width,
                values["median"],
                width * 0.92,
                yerr=[[low], [high]],
                color=_COLOURS[place % len(_COLOURS)],
                label=name if number == 0 or name not in next(iter(groups.values())) else None,
                capsize=2,
            )
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set(title=title, ylabel=unit)
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    axes.legend(once.values(), once.keys(), fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)


def lines(file: Path, title: str, labels: tuple[str, str], series: Mapping[str, Sequence[Point]]) -> None:
    """Both axes logarithmic: a straight line of slope one is a cost that grows with the work."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    for place, (name, points) in enumerate(series.items()):
        x, y = zip(*points, strict=True)
        axes.plot(x, y, "o-", color=_COLOURS[place % len(_COLOURS)], label=name)
    axes.set(title=title, xlabel=labels[0], ylabel=labels[1], xscale="log", yscale="log")
    axes.legend(fontsize=8, frameon=False)
    axes.grid(alpha=0.3)
    figure.savefig(file, dpi=120)


def stages(file: Path, title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    """One bar a row, on an axis of its own, made of its stages one behind the other, milliseconds."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    figure = Figure(figsize=(9, 0.6 + 1.3 * len(rows)), layout="constrained")
    figure.suptitle(title)
    for axes, (name, row) in zip(figure.subplots(len(rows), squeeze=False)[:, 0], rows.items(), strict=True):
        left = 0.0
        for place, (stage, value) in enumerate(row.items()):
            axes.barh(
                0, value, left=left, color=_COLOURS[place % len(_COLOURS)], label=f"{stage} {value:.2f}"
            )
            left += value
        axes.set(yticks=[], xlabel="ms", xlim=(0, left * 1.02 or 1))
        axes.set_title(f"{name}: {left:.2f} ms", fontsize=9, loc="left")
        axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        axes.spines[["top", "right", "left"]].set_visible(False)
    figure.savefig(file, dpi=120)
