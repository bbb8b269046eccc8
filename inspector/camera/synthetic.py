"""Source: synthetic boards, seeded, with their true boxes. Needs numpy and OpenCV (the worker extra)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any, Literal

from inspector.camera.shot import Frame, Placement, Shot, now_text
from inspector.data.synthetic import CLASSES, SyntheticBoard, board
from inspector.errors import DataError
from inspector.imaging.opencv import cv2

_JPEG_QUALITY = 92
"""As machine-vision cameras that compress: edges stay sharp, a 640x640 board is about 100 kB."""


class SyntheticSource:
    """Boards without end. Board n of a seed is always the same one, whatever was taken before it."""

    def __init__(
        self,
        placement: Placement,
        *,
        seed: int = 0,
        defective_share: float = 0.5,
        encoding: Literal["jpeg", "png"] = "jpeg",
    ) -> None:
        self._placement = placement
        self._seed = seed
        self._defective_share = defective_share
        self._encoding = encoding

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Frame]:
        for number in count():
            name = f"synthetic-{self._seed}-{number:05d}"
            yield Frame(name, partial(self._take, number, name))

    def _take(self, number: int, name: str) -> Shot:
        made = board(self._board_seed(number), defects=None if self._defective(number) else 0)
        parameters = {**self._placement.parameters(), "captured_at": now_text(), "part_id": name}
        return Shot(name, _encode(made, self._encoding), parameters, truth=_truth(made))

    def _board_seed(self, number: int) -> int:
        # Apart by a large stride: seeds 0 and 1 share no board however long they run.
        return self._seed * 10_000_000 + number

    def _defective(self, number: int) -> bool:
        """Spread evenly: of any n boards in a row, n x share are defective, give or take one."""
        share = self._defective_share
        return int((number + 1) * share) > int(number * share)


def _encode(made: SyntheticBoard, encoding: Literal["jpeg", "png"]) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if encoding == "jpeg" else []
    ok, encoded = cv2.imencode(".jpg" if encoding == "jpeg" else ".png", made.image, options)
    if not ok:
        raise DataError(f"a synthetic board could not be encoded as {encoding}")
    return encoded.tobytes()


def _truth(made: SyntheticBoard) -> list[dict[str, Any]]:
    pairs = zip(made.labels.tolist(), made.boxes.tolist(), strict=True)
    return [{"class": CLASSES[label], "box": box} for label, box in pairs]
