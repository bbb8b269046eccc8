"""Small data sets on disk, one for each annotation format: grey parts with a dark square for a defect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 64

Box = tuple[int, int, int, int]  # x1 y1 x2 y2


def picture(path: Path, boxes: list[Box] | None = None, *, seed: int = 0, channels: int = 1) -> Path:
    """A part of 96 x 64 pixels whose defects are dark, bluish with 3 channels; the suffix is the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, *path.name.encode()])
    image = rng.integers(190, 215, (SIDE, 96) if channels == 1 else (SIDE, 96, 3)).astype(np.uint8)
    if channels == 3:
        image[..., 2] //= 2
    for x1, y1, x2, y2 in boxes or []:
        image[y1:y2, x1:x2] = 20
    assert cv2.imwrite(str(path), image)
    return path


def mask(path: Path, boxes: list[Box] | None = None, *, value: int = 255) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.zeros((SIDE, 96), np.uint8)
    for x1, y1, x2, y2 in boxes or []:
        image[y1:y2, x1:x2] = value
    assert cv2.imwrite(str(path), image)
    return path


def grey(path: Path) -> NDArray[np.uint8]:
    """(H, W), as it is on disk."""
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return image.astype(np.uint8)


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def squares(count: int) -> list[Box]:
    """A place for the defect of each image, none the same."""
    return [(8 + 3 * n % 60, 6 + 5 * n % 40, 24 + 3 * n % 60, 20 + 5 * n % 40) for n in range(count)]


def coco(folder: Path, *, defective: int = 6, good: int = 4, name: str = "parts.json") -> Path:
    """Two kinds of defect by turns, with sparse ids 3 and 17; images in `images/`."""
    document: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
    document["categories"] = [{"id": 17, "name": "dent"}, {"id": 3, "name": "scratch"}]
    for number, box in enumerate(squares(defective)):
        picture(folder / "images" / f"bad{number}.png", [box])
        x1, y1, x2, y2 = box
        row = {"id": number, "image_id": 100 + number, "category_id": (3, 17)[number % 2]}
        document["images"].append({"id": 100 + number, "file_name": f"bad{number}.png"})
        document["annotations"].append({**row, "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0})
    for number in range(good):
        picture(folder / "images" / f"good{number}.png")
        document["images"].append({"id": 500 + number, "file_name": f"good{number}.png"})
    return text(folder / name, json.dumps(document))


def tiles(folder: Path, *, each: int = 3, good: int = 4, channels: int = 1) -> Path:
    """As the magnetic tile set: `MT_<class>/x.jpg` and `x.png`."""
    for kind in ("Crack", "Fray"):
        for number, box in enumerate(squares(each)):
            picture(folder / f"MT_{kind}" / f"{kind}{number}.jpg", [box], channels=channels)
            mask(folder / f"MT_{kind}" / f"{kind}{number}.png", [box])
    for number in range(good):
        picture(folder / "MT_Free" / f"free{number}.jpg", channels=channels)
        mask(folder / "MT_Free" / f"free{number}.png")
    return folder


def mvtec(folder: Path) -> Path:
    """`train/good`, `test/good`, `test/<class>` and `ground_truth/<class>/*_mask.png`."""
    for number in range(3):
        picture(folder / "train" / "good" / f"{number:03d}.png", seed=1)
    picture(folder / "test" / "good" / "000.png", seed=2)
    for kind in ("crack", "cut"):
        for number, box in enumerate(squares(2)):
            picture(folder / "test" / kind / f"{number:03d}.png", [box])
            mask(folder / "ground_truth" / kind / f"{number:03d}_mask.png", [box])
    return folder
