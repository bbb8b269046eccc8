"""Answers of a service become predictions, or are refused with their line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inspector.data.dataset import Sample, as_boxes, as_labels
from inspector.errors import DataError
from inspector.evaluation.predictions import read_answers

SAMPLES = [
    Sample(name, Path(f"board/{name}_test.jpg"), as_boxes([]), as_labels([])) for name in ("one", "two")
]


def answer(source: str, **changed: object) -> dict[str, Any]:
    result = {
        "findings": [{"class": "open", "score": 0.75, "box": [1, 2, 3.5, 4]}],
        "classification": {"defective": 0.9, "classes": {"open": 0.8}},
        "image": {"width": 640, "height": 480},
    }
    return {"id": "x", "state": "done", "result": result, "source": source, **changed}


def written(tmp_path: Path, *answers: object) -> Path:
    file = tmp_path / "answers.jsonl"
    lines = [one if isinstance(one, str) else json.dumps(one) for one in answers]
    file.write_text("\n".join(lines) + "\n")
    return file


def test_answers_are_found_by_the_posted_file(tmp_path: Path) -> None:
    file = written(tmp_path, answer("a/two_test.jpg"), "", answer("one_test.jpg"), answer("other.jpg"))
    found = read_answers(file, SAMPLES)
    assert set(found) == {"one", "two"}
    assert found["one"].detections[0] == ("open", 0.75, (1, 2, 3.5, 4))
    assert found["one"].size == (480, 640)
    assert found["one"].classification.defective == 0.9
    assert found["one"].attention is None


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no answer for 2 of 2 images, first one"),
        ([answer("one_test.jpg")], "no answer for 1 of 2 images, first two"),
        (["{"], ":1: not JSON"),
        (["[]"], ":1: expected one answer"),
        ([{"id": "x"}], ":1: the answer has no `source`"),
        ([answer("one_test.jpg"), answer("one_test.jpg")], ":2: a second answer for one"),
        ([answer("one_test.jpg", state="failed")], "is failed, it has no result"),
        ([answer("one_test.jpg", result=None)], ":1: the result is not one of ours"),
        ([answer("one_test.jpg", result={"findings": [{}]})], ":1: the result is not one of ours"),
    ],
)
def test_what_would_flatter_or_mislead_is_refused(tmp_path: Path, lines: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_answers(written(tmp_path, *lines), SAMPLES)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_answers(tmp_path / "none.jsonl", SAMPLES)
