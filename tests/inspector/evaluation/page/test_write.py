"""The page that people read: what stands on it, and that it needs nothing but its own folder."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.errors import SettingsError
from inspector.evaluation.evaluate import Evaluation
from inspector.evaluation.page.gallery import LEGEND
from inspector.evaluation.page.write import write_report
from inspector.evaluation.pixels import Pixels
from inspector.evaluation.predictions import Case
from inspector.evaluation.report import Material, ModelFacts, Report, score
from tests.inspector.evaluation.cases import CLASSES, RECIPE, Box, made

HERE: Box = (10, 10, 30, 30)
THERE: Box = (45, 45, 65, 65)


def bright() -> np.ndarray:
    field = np.zeros((10, 10), np.uint8)
    field[1:4, 1:4] = 200
    return field


CASES = [
    made([("open", HERE)], [("open", 0.9, HERE)], attention=bright(), name="found"),
    made([("open", HERE), ("short", THERE)], [("short", 0.3, THERE)], attention=bright(), name="missed"),
    made(found=[("short", 0.8, THERE)], attention=bright(), name="alarm"),
    made(attention=bright(), name="<good & quiet>"),
]


def evaluation(folder: Path, cases: list[Case]) -> Evaluation:
    """Of images that really lie in `folder`."""
    samples = []
    for number, case in enumerate(cases):
        image = folder / f"{number}.png"
        cv2.imwrite(str(image), np.full((80, 80), 90 + number, np.uint8))
        labels = as_labels([CLASSES.index(name) for name in case.truth_classes])
        samples.append(Sample(case.name, image, as_boxes(case.truth_boxes.tolist()), labels))
    bad, good = (tuple(c for c in cases if c.good is wanted) for wanted in (False, True))
    material = Material(classes=CLASSES, posted=tuple(cases), boards={"defective": bad, "good": good})
    report = Report(
        **dict(score(material, seed=0)),
        groups={},
        model=ModelFacts(name="tiny", version="1", parameters=1_700_000, gflops=5.7),
        recipe="default v1",
        boards={"defective": len(bad), "good": len(good)},
        seed=0,
        seconds=1.0,
    )
    return Evaluation(report, material, RECIPE, Pixels(Dataset(CLASSES, tuple(samples)), 0))


class Text(HTMLParser):
    """The words on the page, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)
        self.sources += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: Path) -> Text:
    text = Text()
    text.feed(page.read_text(encoding="utf-8"))
    assert text.open == []
    return text


def test_the_page_says_what_was_found_and_what_was_not(tmp_path: Path) -> None:
    page = write_report(tmp_path / "seen", evaluation(tmp_path, CASES), data="parts, val part")
    words = " ".join(read(page).words)
    assert "Evaluation of tiny 1" in words
    assert "parts, val part · 4 images · 3 defects · recipe default v1 · 1.70 M parameters" in words
    assert "The worst misses: 2 of 3 defects" in words
    assert "short in missed: best score 0.30" in words
    assert "open in missed: nothing found there" in words
    assert "The worst false alarms on good parts: 1" in words
    assert "short 0.80 in alarm" in words
    assert LEGEND in words
    assert "33.3 %" in words  # one of three defects found


def test_it_needs_nothing_from_outside_its_folder(tmp_path: Path) -> None:
    page = write_report(tmp_path / "seen", evaluation(tmp_path, CASES), data="parts")
    text = read(page)
    assert "script" not in page.read_text()
    assert not re.search(r"https?://|url\(|@import", page.read_text())
    assert len(text.sources) == len(set(text.sources)) > 5
    for source in text.sources:
        picture = cv2.imread(str(page.parent / source))
        assert picture is not None
        assert picture.shape[1] > picture.shape[0]  # boxes and map side by side


def test_a_name_cannot_break_the_page(tmp_path: Path) -> None:
    page = write_report(tmp_path / "seen", evaluation(tmp_path, CASES), data="<b>parts</b>")
    assert "&lt;good &amp; quiet&gt;" in page.read_text()
    assert "<b>parts</b>" not in page.read_text()


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ([made(name="a"), made(name="b")], "The images hold no defect: there is nothing to find."),
        ([made([("open", HERE)], name="a"), made([("open", HERE)], name="b")], "No good parts were measured"),
        ([made([("open", HERE)], name="a"), made(name="b")], "No attention map was measured."),
    ],
)
def test_what_cannot_be_said_is_not_said(tmp_path: Path, cases: list[Case], words: str) -> None:
    page = write_report(tmp_path / "seen", evaluation(tmp_path, cases), data="parts")
    assert words in " ".join(read(page).words)


def labelled(name: str, *found: tuple[str, float, Box]) -> Case:
    """Of class open, and nobody knows where."""
    return replace(made(found=found, attention=bright(), name=name), truth_classes=("open",))


def test_images_of_a_class_alone_are_bad_parts_and_their_boxes_are_not_judged(tmp_path: Path) -> None:
    cases = [labelled("stopped", ("open", 0.9, HERE)), labelled("gone", ("open", 0.2, HERE)), CASES[-1]]
    page = write_report(tmp_path / "seen", evaluation(tmp_path, cases), data="parts")
    words = " ".join(read(page).words)
    assert "3 images · 2 images of a class, place unknown" in words
    assert "Of 2 images only the class is known" in words
    assert "Bad parts without boxes on which nothing counts: 1 of 2" in words
    assert "open, gone: OK, highest score 0.20" in words
    assert "bad parts passed 50.0 %" in " ".join(words.split())
    assert "bad part, stopped" in words
    assert "good part, <good & quiet>" in words
    assert "The worst false alarms on good parts: 0" in words
    assert "No defect was missed" not in words
    assert "there is nothing to find" not in words


def test_boxes_and_labels_in_one_page(tmp_path: Path) -> None:
    page = write_report(
        tmp_path / "seen",
        evaluation(tmp_path, [*CASES, labelled("gone"), labelled("seen", ("short", 0.8, HERE))]),
        data="parts",
    )
    words = " ".join(read(page).words)
    assert "3 defects, 2 images of a class, place unknown" in words
    assert "The worst misses: 2 of 3 defects" in words
    assert "The worst false alarms on bad parts: 0" in words  # what was found on `seen` may be right
    assert "Bad parts without boxes on which nothing counts: 1 of 2" in words


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "seen").write_text("a file")
    with pytest.raises(SettingsError, match="seen: the report cannot be written"):
        write_report(tmp_path / "seen", evaluation(tmp_path, CASES), data="parts")
