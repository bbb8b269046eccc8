"""DeepPCB: `PCBData/groupG/G/ID_test.jpg`, its template, and `G_not/ID.txt` with `x1 y1 x2 y2 type` lines.

Tang et al., "On-line PCB Defect Detector On A New PCB Defect Dataset", 2019.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.data.sources.files import read_text
from inspector.data.sources.parts import Divided, Part
from inspector.errors import DataError

CLASSES = ("open", "short", "mousebite", "spur", "copper", "pin-hole")
"""Type 1 to 6 of the annotation; 0 is not used."""

Split = Literal["trainval", "test"]


def read(folder: Path, split: Split) -> Dataset:
    """The official split. `folder` is PCBData or holds it. Group = the board's folder, as in `group00041`.

    Raises DataError with file and line.
    """
    root = _root(folder)
    listing = root / f"{split}.txt"
    lines = read_text(listing).splitlines()
    samples = tuple(_sample(root, line, f"{listing}:{n}") for n, line in enumerate(lines, 1) if line.strip())
    if not samples:
        raise DataError(f"{listing}: lists no image")
    return Dataset(CLASSES, samples)


def load(folder: Path) -> Divided:
    """Both halves of the official split; test may be missing. Raises DataError with file and line."""
    data = {"train": read(folder, "trainval")}
    root = _root(folder)
    if (root / "test.txt").is_file():
        data["test"] = read(folder, "test")
    parts: dict[str, Part] = {sample.name: "train" for sample in data["train"].samples}
    if "test" in data:
        parts |= dict.fromkeys((sample.name for sample in data["test"].samples), "test")
    samples = tuple(sample for part in data.values() for sample in part.samples)
    return Divided(Dataset(CLASSES, samples), parts, "trainval.txt and test.txt")


def _root(folder: Path) -> Path:
    return folder / "PCBData" if (folder / "PCBData").is_dir() else folder


def _sample(root: Path, line: str, place: str) -> Sample:
    try:
        image_name, truth_name = line.split()
    except ValueError:
        raise DataError(f"{place}: expected 'IMAGE ANNOTATION', found {line!r}") from None
    listed = root / image_name
    image = listed.with_name(f"{listed.stem}_test.jpg")
    if not image.is_file():
        raise DataError(f"{place}: {image} does not exist")
    boxes, labels = _truth(root / truth_name)
    return Sample(
        name=listed.stem,
        image=image,
        boxes=as_boxes(boxes),
        labels=as_labels(labels),
        group=Path(image_name).parts[0],
        template=listed.with_name(f"{listed.stem}_temp.jpg"),
    )


def _truth(path: Path) -> tuple[list[list[float]], list[int]]:
    boxes: list[list[float]] = []
    labels: list[int] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            x1, y1, x2, y2, kind = (int(word) for word in line.split())
        except ValueError:
            raise DataError(f"{path}:{number}: expected 'x1 y1 x2 y2 type', found {line!r}") from None
        if not (1 <= kind <= len(CLASSES) and x1 < x2 and y1 < y2):
            raise DataError(f"{path}:{number}: type must be 1-6 and the box not empty, found {line!r}")
        boxes.append([x1, y1, x2, y2])
        labels.append(kind - 1)
    return boxes, labels
