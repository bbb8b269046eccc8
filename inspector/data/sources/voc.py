"""Pascal VOC: `Annotations/*.xml`, `JPEGImages/`, and the lists of `ImageSets/Main/` where there are any.

Folders may also be named `annotations` and `images`, or lie in folders named train, val and test; the XML
files may lie beside the images. An image without an XML file, or with one without an object, is a good one.

XML is read by expat alone, and a file with a DOCTYPE is refused: so no entity can expand or fetch anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.data.sources.files import files_under, images_under, part_of, read_text
from inspector.data.sources.parts import PARTS, Divided, Part
from inspector.errors import DataError
from inspector.imaging.files import read_bytes

_Truth = list[tuple[str, tuple[float, float, float, float]]]

# `lable` is how GC10-DET spells it.
ANNOTATIONS = ("annotations", "annotation", "xml", "xmls", "labels", "label", "lable")
_SECOND_COLUMN = re.compile(r"\s+(-1|0|1)$")
"""Of a list for one class. A name may hold spaces as well."""

IMAGES = ("jpegimages", "images", "image")


def load(folder: Path) -> Divided:
    """Boxes of VOC count pixels from 1 and name the last one: `xmin - 1`, `xmax` here. Group: none.

    Raises DataError with file and line.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder")
    found = {root: _read(root) for _, root in _roots(folder)}
    classes = tuple(
        sorted({kind for truths in found.values() for _, truth in truths for kind, _ in truth or []})
    )
    samples: list[Sample] = []
    parts: dict[str, Part] = {}
    for part, root in _roots(folder):
        own = [_sample(folder, root, image, truth, classes, part) for image, truth in found[root]]
        parts |= {sample.name: part for sample in own} if part else _listed(root, own)
        samples += own
    if not samples:
        raise DataError(f"{folder}: holds no image")
    by_lists = (folder / "ImageSets").is_dir()
    bare = [image for truths in found.values() for image, truth in truths if truth is None]
    doubts = (
        (f"{len(bare)} images without an XML file, such as {bare[0]}, are taken as good",) if bare else ()
    )
    return Divided(Dataset(classes, tuple(samples)), parts, "ImageSets" if by_lists else "folders", doubts)


def _roots(folder: Path) -> list[tuple[Part | None, Path]]:
    """The folder itself, or those in it that are named for a part."""
    if _child(folder, ANNOTATIONS):
        return [(None, folder)]
    annotated = [child for child in sorted(folder.iterdir()) if child.is_dir() and _xml_files(child)]
    roots = [(part_of(child.name), child) for child in annotated if part_of(child.name)]
    if not roots and not _xml_files(folder):
        raise DataError(f"{folder}: holds no folder Annotations, and no XML file")
    return roots or [(None, folder)]


def _xml_files(folder: Path) -> list[Path]:
    return sorted(path for path in files_under(folder) if path.suffix.lower() == ".xml")


def _child(folder: Path, names: tuple[str, ...]) -> Path | None:
    if not folder.is_dir():
        return None
    return next(
        (child for child in sorted(folder.iterdir()) if child.name.lower() in names and child.is_dir()), None
    )


def _read(root: Path) -> list[tuple[Path, _Truth | None]]:
    """Each image of the folder with its truth; None where it has no file."""
    annotations = _child(root, ANNOTATIONS) or root
    images: dict[str, Path] = {}
    for image in images_under(_child(root, IMAGES) or root):
        first = images.setdefault(image.stem, image)
        # GC10-DET keeps an image of two kinds of defect in the folders of both.
        if first != image and read_bytes(first) != read_bytes(image):
            raise DataError(f"{image}: has the name of {first}: annotations cannot tell them apart")
    truths: dict[str, _Truth] = {}
    for file in _xml_files(annotations):
        if file.stem not in images:
            raise DataError(f"{file}: there is no image {file.stem} in {_child(root, IMAGES) or root}")
        truths[file.stem] = list(_objects(file))
    return [(image, truths.get(stem)) for stem, image in images.items()]


def _sample(
    folder: Path, root: Path, image: Path, found: _Truth | None, classes: tuple[str, ...], part: Part | None
) -> Sample:
    name = image.stem if part is None else f"{root.relative_to(folder).as_posix()}/{image.stem}"
    truth = found or []
    labels = as_labels([classes.index(kind) for kind, _ in truth])
    return Sample(name, image, as_boxes([box for _, box in truth]), labels)


def _listed(root: Path, samples: list[Sample]) -> dict[str, Part]:
    """Name -> part, by ImageSets/Main/PART.txt. Of trainval.txt, what is not in val.txt is train."""
    lists = root / "ImageSets" / "Main"
    known = {sample.name for sample in samples}
    parts: dict[str, Part] = {}
    for part in PARTS:
        for place, name in _names(lists / f"{part}.txt", known):
            if parts.setdefault(name, part) != part:
                raise DataError(f"{place}: {name} is in {parts[name]} as well")
    for _, name in _names(lists / "trainval.txt", known):
        parts.setdefault(name, "train")
    return parts


def _names(listing: Path, known: set[str]) -> Iterator[tuple[str, str]]:
    if not listing.is_file():
        return
    for number, line in enumerate(read_text(listing).splitlines(), 1):
        whole = line.strip()
        name = whole if whole in known else _SECOND_COLUMN.sub("", whole)
        if name and name not in known:
            raise DataError(f"{listing}:{number}: there is no image {name}")
        if name:
            yield f"{listing}:{number}", name


def _objects(file: Path) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    root = _parse(file)
    if root.name != "annotation":
        raise DataError(f"{file}:{root.line}: expected <annotation>, found <{root.name}>")
    for item in root.all("object"):
        kind, box = item.one("name"), item.one("bndbox")
        if kind is None or not kind.text.strip():
            raise DataError(f"{file}:{item.line}: an object without a name")
        if box is None:
            raise DataError(f"{file}:{item.line}: an object without a bndbox")
        x1, y1, x2, y2 = (_number(file, box, side) for side in ("xmin", "ymin", "xmax", "ymax"))
        if x2 < x1 or y2 < y1:
            raise DataError(f"{file}:{box.line}: the box ends before it begins")
        yield kind.text.strip(), (max(x1 - 1, 0.0), max(y1 - 1, 0.0), x2, y2)


def _number(file: Path, box: _Element, side: str) -> float:
    found = box.one(side)
    try:
        value = float(found.text) if found else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{file}:{(found or box).line}: {side}: expected a number")
    return value


@dataclass(slots=True)
class _Element:
    name: str
    line: int
    text: str = ""
    children: list[_Element] = field(default_factory=list)

    def all(self, name: str) -> list[_Element]:
        return [child for child in self.children if child.name == name]

    def one(self, name: str) -> _Element | None:
        return next(iter(self.all(name)), None)


def _parse(file: Path) -> _Element:
    parser = expat.ParserCreate()
    top = _Element("", 0)
    path = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        element = _Element(name, parser.CurrentLineNumber)
        path[-1].children.append(element)
        path.append(element)

    def text(data: str) -> None:
        path[-1].text += data

    def refuse(*declaration: object) -> None:
        raise DataError(f"{file}:{parser.CurrentLineNumber}: a DOCTYPE is not read")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: path.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(read_text(file), True)
    except expat.ExpatError as error:
        raise DataError(f"{file}:{error.lineno}: not XML: {expat.ErrorString(error.code)}") from error
    return top.children[0]
