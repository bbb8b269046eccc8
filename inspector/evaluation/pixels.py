"""The pixels behind a case, to be looked at: read or made again when asked for, not held."""

from __future__ import annotations

from inspector.data.dataset import Dataset, Image
from inspector.data.healed import healed_boards
from inspector.errors import DataError
from inspector.evaluation.predictions import Case
from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of, read_bytes


class Pixels:
    """`seed` is the one that the evaluation boards were made with."""

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self._classes = dataset.classes
        self._samples = {sample.name: sample for sample in dataset.samples}
        self._seed = seed

    def of(self, case: Case) -> Image:
        """(H, W, 3) RGB, or (H, W) grey for an evaluation board. Raises what reading an image raises."""
        sample = self._samples[case.sample]
        if case.name == sample.name:
            image = read_bytes(sample.image)
            return decode(image, facts_of(image), 3)
        for board in healed_boards(Dataset(self._classes, (sample,)), seed=self._seed):
            if board.name == case.name:
                return board.image
        raise DataError(f"{sample.image}: gives no evaluation board {case.name} any more")
