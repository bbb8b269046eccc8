"""What other thresholds would cost: escapes against overkill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from inspector.evaluation.evaluate import Evaluation
from inspector.evaluation.operating import Bench, Cost, of_recipe
from inspector.evaluation.page.charts import COLOURS, Axis, Line, Mark, ceiling, chart, legend
from inspector.evaluation.page.pieces import note, rate_cells, section, table, value_of

SWEEP = np.round(np.arange(0.05, 0.955, 0.01), 2)
TABLED = np.round(np.arange(0.1, 0.95, 0.1), 2)


def what_thresholds_cost(evaluation: Evaluation) -> str:
    title = "What other thresholds would cost"
    classes, recipe = evaluation.material.classes, evaluation.recipe
    bench = Bench.of(evaluation.material, _known(evaluation), recipe)
    if not len(bench.good) or not len(bench.defects):
        missing = "good" if not len(bench.good) else "defective"
        return section(title, f"<p>No {missing} parts were measured, so there is nothing to weigh.</p>")
    same = np.ones(len(bench.classes))
    swept = [(value, bench.cost(value * same)) for value in SWEEP.tolist()]
    chosen = bench.cost(of_recipe(recipe, bench.classes))
    values = sorted({recipe.thresholds.of(name) for name in classes})
    rows = [(f"{value:.2f}", bench.cost(value * same)) for value in TABLED.tolist()]
    rows.append((f"recipe: {_range(values)}", chosen))
    head = ("threshold", "defects missed", "", f"{_bad(bench)} passed", "", "good parts rejected", "")
    costs = table(
        head,
        [(name, *_cells(cost)) for name, cost in rows],
        chosen=len(rows) - 1,
    )
    words = (
        "One threshold for all classes is moved; the last row is the recipe's own. A part passes only when "
        "its verdict is OK: REVIEW is no escape, and a good part in REVIEW counts as rejected. Where only "
        "the class of an image is known, each class is one defect, and any finding that counts meets it. On "
        "test parts it is for reading only: thresholds are chosen on validation images (inspector "
        "thresholds)."
    )
    return section(title, note(words), *_sweep(bench, swept, chosen, values), costs)


def _sweep(
    bench: Bench, swept: Sequence[tuple[float, Cost]], chosen: Cost, values: Sequence[float]
) -> list[str]:
    lines = [
        Line("defects missed", [(at, value_of(cost.escape_per_defect)) for at, cost in swept], COLOURS[1]),
        Line(
            f"{_bad(bench)} passed",
            [(at, value_of(cost.escape)) for at, cost in swept],
            COLOURS[3],
            dashed=True,
        ),
        Line("good parts rejected", [(at, value_of(cost.overkill)) for at, cost in swept], COLOURS[0]),
    ]
    high = ceiling([1.2 * value_of(rate) for rate in (chosen.escape_per_defect, chosen.escape)], 0.2)
    uprights = [(value, "recipe" if value == values[0] else "") for value in values]
    rates = chart(
        lines, Axis("threshold", percent=False), Axis("", high), uprights=uprights, title="rates by threshold"
    )
    trade = Line(
        "", [(value_of(cost.overkill), value_of(cost.escape_per_defect)) for _, cost in swept], COLOURS[0]
    )
    at = (value_of(chosen.overkill), value_of(chosen.escape_per_defect))
    wide = ceiling([1.2 * at[0]], 0.2)
    traded = chart(
        [trade],
        Axis("good parts rejected", wide),
        Axis("defects missed", high),
        marks=[Mark(at, "recipe")],
        title="defects missed against good parts rejected",
    )
    return [legend(lines), f'<div class="charts"><figure>{rates}</figure><figure>{traded}</figure></div>']


def _known(evaluation: Evaluation) -> list[str]:
    """The data's classes, and whatever else was found."""
    cases = [
        *evaluation.material.posted,
        *(case for cases in evaluation.material.boards.values() for case in cases),
    ]
    found = {detection.defect_class for case in cases for detection in case.prediction.detections}
    return [*evaluation.material.classes, *sorted(found - set(evaluation.material.classes))]


def _cells(cost: Cost) -> Iterable[str]:
    for rate in (cost.escape_per_defect, cost.escape, cost.overkill):
        yield from rate_cells(rate)


def _bad(bench: Bench) -> str:
    return "one-defect parts" if bench.single else "bad parts"


def _range(values: Sequence[float]) -> str:
    return f"{values[0]:.2f}" if len(values) == 1 else f"{values[0]:.2f} - {values[-1]:.2f}"
