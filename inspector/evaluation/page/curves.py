"""By class: precision against recall, and what was taken for what."""

from __future__ import annotations

from html import escape

from inspector.evaluation.bootstrap import RECALLS
from inspector.evaluation.class_metrics import ClassificationScores
from inspector.evaluation.coco_metrics import Evaluated
from inspector.evaluation.deeppcb_protocol import IOU
from inspector.evaluation.matching import Confusion
from inspector.evaluation.page.charts import COLOURS, Axis, Line, Mark, chart, legend
from inspector.evaluation.page.pieces import note, percent
from inspector.messages.recipe import Recipe


def precision_recall(recipe: Recipe, evaluated: Evaluated) -> list[str]:
    figures = []
    at_half, stricter = COLOURS[0], "#8b959e"
    for name, precision in evaluated.precision.items():
        lines = [
            Line("IoU 0.75", list(zip(RECALLS.tolist(), precision[5].tolist(), strict=True)), stricter),
            Line("IoU 0.50", list(zip(RECALLS.tolist(), precision[0].tolist(), strict=True)), at_half),
        ]
        threshold = recipe.thresholds.of(name)
        point = _operating_point(evaluated, name, threshold)
        marks = [Mark(point, f"at {threshold:.2f}")] if point else []
        x, y = Axis("recall"), Axis("")
        drawn = chart(lines, x, y, size=(328, 230), marks=marks, title=f"precision against recall of {name}")
        scores = evaluated.scores.per_class[name]
        words = f"{name}: AP50 {percent(scores.map50)}, {scores.truths} defects"
        figures.append(f"<figure><h3>{escape(words)}</h3>{drawn}</figure>")
    keys = legend([Line("IoU 0.50", (), at_half), Line("IoU 0.75", (), stricter)])
    words = "Up: precision. The dot is where the recipe's threshold puts it, at IoU 0.50."
    return [note(words), keys, f'<div class="charts">{"".join(figures)}</div>']


def _operating_point(evaluated: Evaluated, name: str, threshold: float) -> tuple[float, float] | None:
    """Recall and precision; None where nothing reaches the threshold."""
    matched = evaluated.matched[name]
    counted = matched.score >= threshold
    if not counted.any():
        return None
    right = int(matched.right[0][counted].sum())
    return right / int(matched.truths.sum()), right / int(counted.sum())


def taken_for(confusion: Confusion) -> list[str]:
    names = [escape(name) for name in confusion.classes]
    head = "".join(f"<th>{name}</th>" for name in [*names, "missed"])
    totals = [sum(row) for row in confusion.counts]
    rows = []
    for index, (name, row) in enumerate(zip([*names, "no defect"], confusion.counts, strict=True)):
        cells = []
        for column, count in enumerate(row):
            if index == column == len(names):
                cells.append("<td></td>")
                continue
            share = count / totals[index] if totals[index] and index < len(names) else 0.0
            wrong = index != column
            cells.append(f'<td style="{_shade(share, count, wrong=wrong)}">{count or ""}</td>')
        rows.append(f"<tr><th>{name}</th>{''.join(cells)}</tr>")
    words = (
        "Rows: what is there; columns: what was found, at the recipe's thresholds. A finding meets a defect "
        f"at an IoU above {IOU}; its own class goes first. The last row holds false alarms."
    )
    matrix = (
        f'<div class="wide"><table class="confusion"><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'
    )
    return [note(words), matrix]


def told_for(told: ClassificationScores) -> list[str]:
    """Rows: what an image is of; columns: what it was told to be of."""
    counts = told.confusion
    columns = list(dict.fromkeys([*counts, *(name for row in counts.values() for name in row)]))
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    rows = []
    for name, row in counts.items():
        total = sum(row.values())
        cells = (
            f'<td style="{_shade(row.get(said, 0) / total, row.get(said, 0), wrong=said != name)}">'
            f"{row.get(said) or ''}</td>"
            for said in columns
        )
        rows.append(f"<tr><th>{escape(name)}</th>{''.join(cells)}</tr>")
    words = (
        "Rows: what an image is of; columns: the class of its highest finding that counts at the recipe's "
        "thresholds, good where none does."
    )
    matrix = (
        f'<div class="wide"><table class="confusion"><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'
    )
    return [note(words), matrix]


def _shade(share: float, count: int, *, wrong: bool) -> str:
    """Right ones blue, by their share of the row; wrong ones red, and never too pale to be seen."""
    if not count:
        return ""
    strength = max(0.12, share) if wrong else share
    red, green, blue = (200, 60, 20) if wrong else (11, 99, 176)
    mix = [round(255 + (value - 255) * min(1.0, strength)) for value in (red, green, blue)]
    ink = "#fff" if strength > 0.6 else "#1c2227"
    return f"background:rgb({mix[0]},{mix[1]},{mix[2]});color:{ink}"
