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

SHARE, CALM_SHARE = 0.5, 0.02
"""Of boards that are defective if nothing else is said: to try a model on, and of a line that runs well."""

_EVERY = 4
"""From the clog on, one board in so many is defective there."""

_PRODUCT, _CLOG = 9, (440, 230)
"""The product that is made then, and where on it the clogged nozzle is: x and y in pixels."""

_JPEG_QUALITY = 92
"""As machine-vision cameras that compress: edges stay sharp, a 640x640 board is about 100 kB."""


class SyntheticSource:
    """Boards without end. Board n of a seed is always the same one, whatever was taken before it.

    `clog_from`: boards of one product, and from that number on a nozzle is clogged: to what was defective
    before comes one board in four with copper left at one place.
    """

    def __init__(
        self,
        placement: Placement,
        *,
        seed: int = 0,
        defective_share: float | None = None,
        encoding: Literal["jpeg", "png"] = "jpeg",
        clog_from: int | None = None,
    ) -> None:
        self._placement = placement
        self._seed = seed
        usual = SHARE if clog_from is None else CALM_SHARE
        self._defective_share = usual if defective_share is None else defective_share
        self._encoding = encoding
        self._clog_from = clog_from

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Frame]:
        for number in count():
            name = f"synthetic-{self._seed}-{number:05d}"
            yield Frame(name, partial(self._take, number, name))

    def _take(self, number: int, name: str) -> Shot:
        made = self._board(number)
        parameters = {**self._placement.parameters(), "captured_at": now_text(), "part_id": name}
        return Shot(name, _encode(made, self._encoding), parameters, truth=_truth(made))

    def _board(self, number: int) -> SyntheticBoard:
        seed, product = self._board_seed(number), None if self._clog_from is None else _PRODUCT
        if self._defective(number):
            return board(seed, product=product)
        if self._clog_from is not None and number >= self._clog_from and number % _EVERY == 0:
            return board(seed, defects=1 + number // _EVERY % 2, product=product, clogged=_CLOG)
        return board(seed, defects=0, product=product)

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
