"""The worst misses and false alarms as pictures, and where the network looked."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from inspector.evaluation import matching
from inspector.evaluation.evaluate import Evaluation
from inspector.evaluation.page.drawings import Box, close_up, whole
from inspector.evaluation.page.pieces import between, note, percent, section, table
from inspector.evaluation.predictions import Case
from inspector.imaging.levels import displayable
from inspector.imaging.overlay import Image, encode_png

LEGEND = "where the network looks (trained on defect regions); the boxes decide"

WORST = 8
"""Misses, and false alarms, that are shown."""

PARTS = 4
"""Bad parts, and good ones, whose map is shown."""

_BOXES = (
    '<p class="legend"><span><i class="box" style="border-color:#14963c"></i>true</span>'
    '<span><i class="box" style="border-color:#e61e1e"></i>found, counts</span>'
    '<span><i class="box" style="border-color:#f0aa00"></i>found, below its threshold</span>'
    "<span>right: the map, red where it is 1, clear where it is 0</span></p>"
)


class Pictures:
    """Writes what it is asked for, and gives the figure that shows it."""

    def __init__(self, folder: Path, evaluation: Evaluation) -> None:
        self._folder = folder / "pictures"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._evaluation = evaluation

    def close_up(self, name: str, case: Case, box: Box, caption: str) -> str:
        return self._figure(name, close_up(self._shown(case), case, box), caption)

    def whole(self, name: str, case: Case, caption: str) -> str:
        return self._figure(name, whole(self._shown(case), case), caption)

    def _shown(self, case: Case) -> Image:
        return displayable(self._evaluation.pixels.of(case))

    def _figure(self, name: str, picture: Image, caption: str) -> str:
        (self._folder / f"{name}.png").write_bytes(encode_png(picture))
        height, width = picture.shape[:2]
        return (
            f'<figure><img src="pictures/{name}.png" width="{width}" height="{height}" loading="lazy"'
            f' alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'
        )


def passed(evaluation: Evaluation, pictures: Pictures) -> list[str]:
    """Bad parts of which only the class is known, and on which nothing counts. No section without such."""
    labelled = [case for case in evaluation.material.posted if case.labels_only]
    if not labelled:
        return []
    escaped = sorted((case for case in labelled if not any(case.counted)), key=_highest)
    shown = [
        pictures.whole(
            f"passed-{number}", case, f"{', '.join(case.truth_classes)}, {case.name}: {_verdict(case)}"
        )
        for number, case in enumerate(escaped[:WORST], 1)
    ]
    title = f"Bad parts without boxes on which nothing counts: {len(escaped)} of {len(labelled)}"
    return [section(title, *_gallery(shown, "There was none."))]


def worst(evaluation: Evaluation, pictures: Pictures) -> list[str]:
    material, report = evaluation.material, evaluation.report
    good = matching.false_alarms(material.boards.get("good", ()))
    on_good = section(
        f"The worst false alarms on good parts: {len(good)}",
        *_gallery(
            [_alarm(pictures, f"overkill-{number}", one) for number, one in enumerate(good[:WORST], 1)],
            "There was none.",
        ),
    )
    if report.labelled and not report.defects:
        # "No defect was missed" would be true and mislead: none has a box.
        return [on_good]
    missed = matching.misses(material.posted)
    # A good board that is an image of its own stands in both lists.
    other = matching.false_alarms([case for case in material.posted if len(case.truth_boxes)])
    return [
        section(
            f"The worst misses: {len(missed)} of {report.defects} defects",
            *_gallery(
                [_miss(pictures, number, one) for number, one in enumerate(missed[:WORST], 1)],
                "No defect was missed.",
            ),
        ),
        on_good,
        section(
            f"The worst false alarms on bad parts: {len(other)}",
            *_gallery(
                [_alarm(pictures, f"alarm-{number}", one) for number, one in enumerate(other[:WORST], 1)],
                "There was none.",
            ),
        ),
    ]


def _gallery(figures: Sequence[str], nothing: str) -> list[str]:
    if not figures:
        return [f"<p>{nothing}</p>"]
    return [_BOXES, f'<div class="pictures">{"".join(figures)}</div>']


def _miss(pictures: Pictures, number: int, miss: matching.Miss) -> str:
    seen = f"best score {miss.score:.2f}" if miss.score else "nothing found there"
    x1, y1, x2, y2 = miss.case.truth_boxes[miss.truth].tolist()
    caption = f"{miss.case.truth_classes[miss.truth]} in {miss.case.name}: {seen}"
    return pictures.close_up(f"miss-{number}", miss.case, (x1, y1, x2, y2), caption)


def _alarm(pictures: Pictures, name: str, alarm: matching.FalseAlarm) -> str:
    found = alarm.case.prediction.detections[alarm.finding]
    caption = f"{found.defect_class} {found.score:.2f} in {alarm.case.name}"
    return pictures.close_up(name, alarm.case, found.box, caption)


def where_it_looks(evaluation: Evaluation, pictures: Pictures) -> str:
    scores = evaluation.report.attention
    title = "Where the network looks"
    if scores is None:
        shown = _maps(evaluation, pictures)
        unknown = "There is no defect with a box or a mask, so nothing says where the map should be high."
        return section(title, f"<p>{unknown if shown else 'No attention map was measured.'}</p>", *shown)
    spread = evaluation.report.intervals.attention if evaluation.report.intervals else {}
    meaning = [
        (
            "energy",
            scores.energy,
            f"share of the map inside the {scores.truth}; {scores.enrichment:.0f} x chance",
        ),
        ("pointing", scores.pointing, "of the bad parts, the map's highest point is on a defect"),
        ("peak recall", scores.peak_recall, "of the defects, one of the map's highest peaks is on it"),
        ("AUPRO", scores.aupro, "overlap with each defect's pixels, up to 30 % of the good ones lit"),
        ("quiet max", scores.quiet_max, "mean of the map's highest point on good parts: low is quiet"),
        ("std", scores.std, "mean spread of the map: 0 says nothing"),
    ]
    figures = table(
        ("figure", "value", "95 % interval", "what it says"),
        [
            (name, percent(value), between(spread.get(name.replace(" ", "_"))), words)
            for name, value, words in meaning
            if value is not None
        ],
    )
    words = note(f"The map: {LEGEND}.")
    return section(title, words, f'<div class="words">{figures}</div>', *_maps(evaluation, pictures))


def _maps(evaluation: Evaluation, pictures: Pictures) -> list[str]:
    shown = [
        pictures.whole(f"{kind}-part-{number}", case, f"{kind} part, {case.name}: {_verdict(case)}")
        for kind, cases in (("bad", _defective(evaluation)), ("good", _good(evaluation)))
        for number, case in enumerate(
            _spread([c for c in cases if c.prediction.attention is not None], PARTS), 1
        )
    ]
    return [_BOXES, f'<div class="pictures">{"".join(shown)}</div>'] if shown else []


def _defective(evaluation: Evaluation) -> list[Case]:
    return [case for case in evaluation.material.posted if not case.good]


def _good(evaluation: Evaluation) -> list[Case]:
    return list(evaluation.material.boards.get("good", ()))


def _spread(cases: Sequence[Case], count: int) -> list[Case]:
    """Evenly over the listing, not the best ones."""
    chosen = min(count, len(cases))
    return [cases[(2 * index + 1) * len(cases) // (2 * chosen)] for index in range(chosen)]


def _verdict(case: Case) -> str:
    return f"{case.judgement.verdict.value}, highest score {_highest(case):.2f}"


def _highest(case: Case) -> float:
    return max((detection.score for detection in case.prediction.detections), default=0.0)
