"""A small data set in DeepPCB's own layout, made of synthetic boards: real files to read, train and heal."""

from __future__ import annotations

from pathlib import Path

import cv2

from inspector.data.synthetic import board


def make(folder: Path, *, groups: int = 4, boards: int = 2, side: int = 320) -> Path:
    """Write PCBData under `folder`, all of it in trainval.txt, and return `folder`."""
    root = folder / "PCBData"
    lines = [
        _write(root, f"{group:05d}", group * 100 + index, side)
        for group in range(groups)
        for index in range(boards)
    ]
    (root / "trainval.txt").write_text("\n".join(lines) + "\n")
    return folder


def _write(root: Path, group: str, seed: int, side: int) -> str:
    drawn = board(seed, defects=3, size=(side, side))
    images, truth = root / f"group{group}" / group, root / f"group{group}" / f"{group}_not"
    images.mkdir(parents=True, exist_ok=True)
    truth.mkdir(exist_ok=True)
    cv2.imwrite(str(images / f"{seed}_test.jpg"), drawn.image)
    cv2.imwrite(str(images / f"{seed}_temp.jpg"), drawn.template)
    rows = [
        " ".join(str(int(side)) for side in box) + f" {label + 1}"
        for box, label in zip(drawn.boxes, drawn.labels, strict=True)
    ]
    (truth / f"{seed}.txt").write_text("\n".join(rows) + "\n")
    return f"group{group}/{group}/{seed}.jpg group{group}/{group}_not/{seed}.txt"
