"""The ledger: one line an acknowledgement, written after it came and before anything else is done."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A gateway answered 200 or 202."""

    key: str
    """The camera's Idempotency-Key: one part."""
    id: str
    at: float
    """Seconds since 1970."""


class Ledger:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="utf-8", buffering=1)  # a line is on its way when it is written

    def write(self, key: str, inspection_id: str) -> None:
        self._file.write(json.dumps(asdict(Acknowledgement(key, inspection_id, time.time()))) + "\n")

    def close(self) -> None:
        self._file.close()

    def read(self) -> list[Acknowledgement]:
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return [Acknowledgement(**json.loads(line)) for line in lines]
