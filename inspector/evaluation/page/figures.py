"""The figures as tables: the headline, by class, by group."""

from __future__ import annotations

from html import escape

import numpy as np

from inspector.evaluation import headline
from inspector.evaluation.evaluate import Evaluation
from inspector.evaluation.matching import Confusion
from inspector.evaluation.page.pieces import between, note, percent, rate_cells, section, table
from inspector.evaluation.report import Scores


def the_figures(evaluation: Evaluation) -> str:
    report = evaluation.report
    parts = [
        ("Verdicts", list(headline.verdicts(report))),
        ("Classes of images", list(headline.labels(report))),
        ("Boxes", list(headline.boxes(report))),
        ("Map", list(headline.attention(report))),
    ]
    tables = [
        f"<h3>{name}</h3>"
        + table(
            ("figure", "value", "95 % interval", "count"),
            [(line.name, percent(line.value), between(line.interval), line.counted) for line in lines],
        )
        for name, lines in parts
        if lines
    ]
    return _tiles(evaluation) + section(
        "The figures", f'<div class="figures">{"".join(tables)}</div>', note(headline.method(report))
    )


def _tiles(evaluation: Evaluation) -> str:
    """What a line asks first."""
    report = evaluation.report
    by_name = {line.name: line for line in headline.lines(report)}
    wanted = [
        ("escapes, one-defect boards judged OK", "one-defect parts passed"),
        ("overkill, good boards not judged OK", "good parts rejected"),
        ("escapes per defect", "defects missed"),
        ("mAP50", "mAP50"),
        ("mAP50-95", "mAP50-95"),
        ("images whose class was told", "images whose class was told"),
    ]
    if wanted[0][0] not in by_name:
        wanted[0] = ("escapes, defective boards judged OK", "bad parts passed")
    found = [(by_name[name], words) for name, words in wanted if name in by_name]
    tiles = (
        f'<div class="tile"><span>{escape(words)}</span><b>{percent(line.value)}</b>'
        f"<small>{between(line.interval)}</small><small>{line.counted}</small></div>"
        for line, words in found
    )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def by_class(evaluation: Evaluation, confusion: Confusion) -> str:
    rows = []
    for index, name in enumerate(confusion.classes):
        counts = np.array(confusion.counts)
        scores = evaluation.report.per_class.get(name)
        rows.append(
            (
                name,
                f"{evaluation.recipe.thresholds.of(name):.2f}",
                str(counts[index].sum()),
                str(counts[index, index]),
                str(counts[index, :-1].sum() - counts[index, index]),
                str(counts[index, -1]),
                str(counts[-1, index]),
                percent(scores.map50 if scores else None),
                percent(scores.map50_95 if scores else None),
            )
        )
    head = (
        "class",
        "threshold",
        "defects",
        "found",
        "as another",
        "missed",
        "false alarms",
        "AP50",
        "AP50-95",
    )
    return table(head, rows)


def by_group(evaluation: Evaluation) -> str:
    report = evaluation.report
    if not report.groups:
        return ""
    rows = [(name, *_group_cells(scores)) for name, scores in report.groups.items()]
    rows += [
        (f"all {name}", *_group_cells(part))
        for name, part in (("unseen", report.unseen), ("seen", report.seen))
        if part is not None
    ]
    head = (
        "group",
        "images",
        "defects",
        "mAP50",
        "mAP50-95",
        "defects missed",
        "",
        "good parts rejected",
        "",
    )
    words = (
        "Groups are boards, tiles or lots. Unseen ones are those that the data's training parts never show."
    )
    return section("By group", note(words), table(head, rows))


def _group_cells(scores: Scores) -> tuple[str, ...]:
    overkill = scores.image.overkill_rate if scores.image else None
    return (
        str(scores.images),
        str(scores.defects),
        percent(scores.map50),
        percent(scores.map50_95),
        *rate_cells(scores.escape_per_defect),
        *rate_cells(overkill),
    )
