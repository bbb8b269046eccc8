"""What the commands that measure a model on a data set share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inspector.data.dataset import Dataset
from inspector.evaluation.bootstrap import Interval
from inspector.evaluation.metrics import Rate

T = TypeVar("T")


def thinned(dataset: Dataset, limit: int | None) -> Dataset:
    """Spread over the whole listing, which goes board by board."""
    if limit is None or limit >= len(dataset):
        return dataset
    chosen = [dataset.samples[index * len(dataset) // limit] for index in range(limit)]
    return Dataset(dataset.classes, tuple(chosen))


def with_progress(title: str, dataset: Dataset, work: Callable[[Callable[[int], None]], T]) -> T:
    """`work` is given what tells how many images were done. On stderr."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        # A defective image that can be healed comes four times: as it is, and as three boards.
        healed = sum(1 for sample in dataset.samples if sample.template and len(sample.boxes))
        task = bar.add_task(title, total=len(dataset) + 3 * healed)
        return work(lambda done: bar.advance(task, done))


def percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def between(interval: Interval | Rate | None) -> str:
    return "" if interval is None else f"{interval.low * 100:.1f} - {interval.high:.1%}"


def counted(rate: Rate | None) -> str:
    return "" if rate is None else f"{rate.count} of {rate.of}"
