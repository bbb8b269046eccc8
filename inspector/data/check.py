"""What is wrong with a data set, found before a training is spoilt by it: the work behind `dataset check`.

look       each image once: header, pixels' hash, boxes  -> Seen
problems   what is wrong, worst first                    -> Problem
count      images and boxes by part and class            -> Count
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from inspector.data.dataset import Boxes, Sample
from inspector.data.sources.parts import PARTS, Divided
from inspector.data.survey import header_of
from inspector.errors import BadInput, DataError
from inspector.imaging.files import read_image
from inspector.imaging.header import ImageHeader

TINY = 8
"""Pixels: a defect smaller than this each way is a point to the network's finest stride."""

LONG = 10.0
"""Length to width of a box from which on it is more often a slip than a scratch."""

BEYOND = 1.0
"""Pixels that a box may reach past its image: rounding."""

SHOWN = 5
"""Examples named with a problem."""

FEWEST = 5
"""Images, good and defective, from which on a difference in their encoding means something."""

TELLING = 0.95
"""Balanced accuracy with which an encoding may not tell good from defective images."""


class Problem(BaseModel):
    model_config = ConfigDict(frozen=True)

    kind: str
    spoils: bool
    """Training or its figures would be wrong; else it is worth a look."""
    count: int
    message: str
    examples: list[str] = []


class Count(BaseModel):
    """One part of the data."""

    model_config = ConfigDict(frozen=True)

    images: int
    good: int
    boxes: dict[str, int]
    """By class."""
    labelled: dict[str, int] = {}
    """Images that are known to be of a class and have no box, by class."""


class Sizes(BaseModel):
    model_config = ConfigDict(frozen=True)

    width: tuple[int, int]
    """Smallest and largest, pixels."""
    height: tuple[int, int]
    distinct: int


class Report(BaseModel):
    model_config = ConfigDict(frozen=True)

    divided_by: str
    parts: dict[str, Count]
    sizes: Sizes | None
    """None when no image could be read."""
    formats: dict[str, int]
    problems: list[Problem]

    @property
    def spoilt(self) -> bool:
        return any(problem.spoils for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Seen:
    """One sample, looked at."""

    sample: Sample
    part: str
    header: ImageHeader | None = None
    pixels: str = ""
    """Hash of size and pixels."""
    error: str = ""

    @property
    def good(self) -> bool:
        return self.sample.good


def check(divided: Divided, progress: Callable[[int], None] = lambda done: None) -> Report:
    """`progress` is told the number of images done since the last call."""
    seen = []
    for sample in divided.data.samples:
        seen.append(_look(sample, divided.parts.get(sample.name, "")))
        progress(1)
    problems = [problem for rule in _RULES for problem in rule(seen, divided)]
    headers = [one.header for one in seen if one.header]
    return Report(
        divided_by=divided.how,
        parts={
            part: _count(seen, part, divided) for part in (*PARTS, "") if any(s.part == part for s in seen)
        },
        sizes=_sizes(headers),
        formats=dict(Counter(_encoding(header) for header in headers)),
        problems=sorted(problems, key=lambda problem: not problem.spoils),
    )


def _look(sample: Sample, part: str) -> Seen:
    try:
        header = header_of(sample)
        image = read_image(sample.image, 1 if header.channels < 3 else 3)
    except DataError as error:
        return Seen(sample, part, error=str(error))
    except BadInput as error:
        return Seen(sample, part, error=f"{sample.image}: {error}")
    if image.ndim == 3 and (image == image[..., :1]).all():
        image = image[..., 0]
    digest = hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).hexdigest()
    return Seen(sample, part, header, digest)


def _count(seen: Iterable[Seen], part: str, divided: Divided) -> Count:
    own = [one for one in seen if one.part == part]
    boxes, labelled = (
        Counter(
            divided.data.classes[label]
            for one in own
            if one.sample.labels_only is only
            for label in one.sample.labels.tolist()
        )
        for only in (False, True)
    )
    return Count(
        images=len(own),
        good=sum(one.good for one in own),
        boxes={name: boxes[name] for name in divided.data.classes},
        labelled={name: labelled[name] for name in divided.data.classes},
    )


def _sizes(headers: Sequence[ImageHeader]) -> Sizes | None:
    if not headers:
        return None
    widths, heights = [header.width for header in headers], [header.height for header in headers]
    distinct = len(set(zip(widths, heights, strict=True)))
    return Sizes(width=(min(widths), max(widths)), height=(min(heights), max(heights)), distinct=distinct)


def _problem(kind: str, message: str, examples: Sequence[str], *, spoils: bool) -> Iterator[Problem]:
    if examples:
        shown = list(examples[:SHOWN])
        yield Problem(kind=kind, spoils=spoils, count=len(examples), message=message, examples=shown)


def _unreadable(seen: Sequence[Seen], divided: Divided) -> Iterator[Problem]:
    errors = [one.error for one in seen if one.error]
    yield from _problem("unreadable", "images that cannot be read", errors, spoils=True)


def _duplicates(seen: Sequence[Seen], divided: Divided) -> Iterator[Problem]:
    """The same pixels twice: across parts a figure is of what was learnt by heart."""
    same: defaultdict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        if one.pixels:
            same[one.pixels].append(one)
    across: list[str] = []
    contrary: list[str] = []
    torn: list[str] = []
    within: list[str] = []
    for several in (found for found in same.values() if len(found) > 1):
        names = " = ".join(
            f"{one.part}/{one.sample.name}" if one.part else one.sample.name for one in several
        )
        if len({one.good for one in several}) > 1:
            contrary.append(names)
        elif len({frozenset(one.sample.labels.tolist()) for one in several}) > 1:
            torn.append(names)
        (across if len({one.part for one in several if one.part}) > 1 else within).append(names)
    yield from _problem("duplicates-across", "the same image in several parts", across, spoils=True)
    yield from _problem("contradiction", "the same image as good and as defective", contrary, spoils=True)
    yield from _problem("two-classes", "the same image with different classes", torn, spoils=True)
    yield from _problem("duplicates-within", "the same image twice in a part", within, spoils=False)


def _groups(seen: Sequence[Seen], divided: Divided) -> Iterator[Problem]:
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for one in seen:
        if one.sample.group and one.part:
            parts[one.sample.group].add(one.part)
    split = [f"{group}: {', '.join(sorted(found))}" for group, found in parts.items() if len(found) > 1]
    yield from _problem(
        "group-across", "groups (boards, lots) with images in several parts", split, spoils=False
    )


def _boxes(seen: Sequence[Seen], divided: Divided) -> Iterator[Problem]:
    found: dict[str, list[str]] = {kind: [] for kind in _BOX_PROBLEMS}
    for one in seen:
        size = (one.header.width, one.header.height) if one.header else None
        for box in one.sample.boxes:
            for kind in _kinds(box, size):
                found[kind].append(f"{one.sample.name}: {' '.join(f'{side:g}' for side in box)}")
    for kind, (message, spoils) in _BOX_PROBLEMS.items():
        yield from _problem(kind, message, found[kind], spoils=spoils)


_BOX_PROBLEMS = {
    "empty-box": ("boxes without area", True),
    "outside-box": ("boxes outside their image", True),
    "beyond-box": (f"boxes that reach more than {BEYOND:g} px past their image", False),
    "tiny-box": (f"boxes smaller than {TINY} px each way", False),
    "long-box": (f"boxes more than {LONG:g} times as long as wide", False),
}


def _kinds(box: Boxes, size: tuple[int, int] | None) -> Iterator[str]:
    x1, y1, x2, y2 = (float(side) for side in box)
    width, height = x2 - x1, y2 - y1
    if width <= 0 or height <= 0:
        yield "empty-box"
        return
    if size is not None and (x2 <= 0 or y2 <= 0 or x1 >= size[0] or y1 >= size[1]):
        yield "outside-box"
    elif size is not None and max(-x1, -y1, x2 - size[0], y2 - size[1]) > BEYOND:
        yield "beyond-box"
    if max(width, height) < TINY:
        yield "tiny-box"
    if max(width / height, height / width) > LONG:
        yield "long-box"


def _encodings(seen: Sequence[Seen], divided: Divided) -> Iterator[Problem]:
    """Good and defective images that differ by how they were stored: a network learns that instead."""
    readable = [one for one in seen if one.header]
    for what, of in _PROPERTIES.items():
        values: dict[str, Counter[bool]] = defaultdict(Counter)
        for one in readable:
            if one.header:
                values[of(one.header)][one.good] += 1
        if _telling(list(values.values())):
            shown = [f"{value}: {n[True]} good, {n[False]} defective" for value, n in values.items()]
            message = f"the {what} of an image tells whether it is good"
            yield from _problem("giveaway", message, shown, spoils=True)


_PROPERTIES: dict[str, Callable[[ImageHeader], str]] = {
    "file format": lambda header: header.format,
    "number of channels": lambda header: f"{header.channels} channels",
    "bit depth": lambda header: f"{header.bit_depth} bits",
    "size": lambda header: f"{header.width} x {header.height}",
}


def _telling(values: Sequence[Counter[bool]]) -> bool:
    """Whether guessing by the value is right. A value of few images says nothing, right or wrong."""
    good, bad = (sum(count[kind] for count in values) for kind in (True, False))
    if min(good, bad) < FEWEST or len(values) < 2:
        return False
    common = [count for count in values if count.total() >= FEWEST]
    right_good = sum(count[True] for count in common if count[True] / good >= count[False] / bad)
    right_bad = sum(count[False] for count in common if count[True] / good < count[False] / bad)
    return (right_good / good + right_bad / bad) / 2 >= TELLING


def _encoding(header: ImageHeader) -> str:
    return f"{header.format}, {header.channels} x {header.bit_depth} bits"


def _content(seen: Sequence[Seen], divided: Divided) -> Iterator[Problem]:
    train = [one for one in seen if one.part == "train"]
    if train and all(one.good for one in train):
        message = "the train part holds no defect: a detector needs some; say in split.json what to train on"
        yield from _problem("no-defects", message, [f"{len(train)} good images"], spoils=True)
    elif train:
        learnt = {label for one in train for label in one.sample.labels.tolist()}
        asked = {label for one in seen if one.part for label in one.sample.labels.tolist()}
        names = [divided.data.classes[label] for label in sorted(asked - learnt)]
        yield from _problem("unlearnt", "classes that only val or test hold", names, spoils=True)
    if not any(one.good for one in seen) and not any(one.sample.template for one in seen):
        message = "no good image: thresholds and overkill cannot be measured"
        yield from _problem("no-good", message, [f"{len(seen)} images"], spoils=False)
    yield from _problem("doubt", "taken in one way of several", divided.doubts, spoils=False)
    outside = [one.sample.name for one in seen if not one.part]
    yield from _problem("in-no-part", "images in no part: nobody uses them", outside, spoils=False)


_RULES = (_unreadable, _content, _duplicates, _groups, _boxes, _encodings)
