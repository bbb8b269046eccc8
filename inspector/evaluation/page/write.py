"""Evaluation -> a folder with index.html and its pictures."""

from __future__ import annotations

from html import escape
from pathlib import Path

from inspector.errors import SettingsError
from inspector.evaluation import coco_metrics, headline, matching
from inspector.evaluation.evaluate import Evaluation
from inspector.evaluation.page.costs import what_thresholds_cost
from inspector.evaluation.page.curves import precision_recall, taken_for, told_for
from inspector.evaluation.page.figures import by_class, by_group, the_figures
from inspector.evaluation.page.gallery import Pictures, passed, where_it_looks, worst
from inspector.evaluation.page.pieces import note, section
from inspector.evaluation.predictions import located

_STYLE = Path(__file__).with_name("page.css")


def write_report(folder: Path, evaluation: Evaluation, *, data: str) -> Path:
    """`folder`/index.html and `folder`/pictures; what is there of an earlier report is written over.

    `data` says in words what was measured on. Returns the page's path. Raises SettingsError when the folder
    cannot be written, and what reading an image raises.
    """
    page = folder / "index.html"
    try:
        pictures = Pictures(folder, evaluation)
        page.write_text(_page(evaluation, data, pictures), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{folder}: the report cannot be written: {error.strerror}") from error
    return page


def _page(evaluation: Evaluation, data: str, pictures: Pictures) -> str:
    model = evaluation.report.model
    title = f"Evaluation of {model.name} {model.version}".strip()
    sections = [
        the_figures(evaluation),
        *_classes(evaluation),
        what_thresholds_cost(evaluation),
        *passed(evaluation, pictures),
        *worst(evaluation, pictures),
        where_it_looks(evaluation, pictures),
        by_group(evaluation),
        _method(evaluation),
    ]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        f'<p class="facts">{escape(_facts(evaluation, data))}</p>\n'
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def _facts(evaluation: Evaluation, data: str) -> str:
    report = evaluation.report
    facts = [data, f"{report.images} images", headline.counted(report), f"recipe {report.recipe}"]
    if report.model.parameters:
        facts.append(f"{report.model.parameters / 1e6:.2f} M parameters")
    if report.model.gflops:
        facts.append(f"{report.model.gflops:.2f} GFLOP")
    if report.model.engine:
        facts.append(f"{report.model.engine}, {report.model.device}")
    return " · ".join(facts)


def _classes(evaluation: Evaluation) -> list[str]:
    material = evaluation.material
    labels = _labels(evaluation)
    evaluated = coco_metrics.evaluate(located(material.posted), material.classes)
    if evaluated is None:
        nothing = section("By class", "<p>The images hold no defect: there is nothing to find.</p>")
        return labels or [nothing]
    confusion = matching.confusion(material.posted, material.classes)
    return [
        *labels,
        section("By class", by_class(evaluation, confusion)),
        section("Precision against recall", *precision_recall(evaluation.recipe, evaluated)),
        section("What was taken for what", *taken_for(confusion)),
    ]


def _labels(evaluation: Evaluation) -> list[str]:
    told = evaluation.report.classes
    if told is None:
        return []
    words = (
        f"Of {evaluation.report.labelled} images only the class is known, not where its defects lie: no box "
        "on them is right or wrong, and they are in no figure of boxes and of the map."
    )
    return [section("Which class was told of an image", note(words), *told_for(told))]


def _method(evaluation: Evaluation) -> str:
    boards = ", ".join(f"{count} {kind}" for kind, count in evaluation.report.boards.items() if count)
    sentences = [
        "mAP50 and mAP50-95 are COCO's, by pycocotools, on the images as they are.",
        f"Verdicts are measured on {boards}: good parts are images without any label, and where the data has "
        "templates, boards whose defects were healed."
        if boards
        else "",
        "A part passes only when its verdict is OK. REVIEW is no escape; a good part in REVIEW counts as "
        "rejected.",
        headline.method(evaluation.report),
        f"It took {evaluation.report.seconds:.0f} s.",
    ]
    return section("How it was measured", note(" ".join(s for s in sentences if s)))
