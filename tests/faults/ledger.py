"""The ledger: one line an acknowledgement, written after it came and before anything else is done."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from inspector.messages.result import State


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A gateway answered 200 or 202."""

    key: str
    """The camera's Idempotency-Key: one part."""
    id: str
    at: float
    """Seconds since 1970."""
    line: str = ""
    state: State = State.QUEUED
    """As the answer had it: a terminal one is a promise too."""


class Ledger:
    """`newest`: when a line's last acknowledgement came."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.newest: dict[str, float] = {}
        self._file = path.open("a", encoding="utf-8", buffering=1)  # a line is on its way when it is written

    def write(self, key: str, inspection_id: str, line: str, state: State) -> None:
        one = Acknowledgement(key, inspection_id, time.time(), line, state)
        self._file.write(json.dumps(asdict(one)) + "\n")
        self.newest[line] = one.at

    def close(self) -> None:
        self._file.close()

    def read(self) -> list[Acknowledgement]:
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return [_read(json.loads(line)) for line in lines]


def _read(fields: dict[str, str]) -> Acknowledgement:
    return Acknowledgement(
        fields["key"], fields["id"], float(fields["at"]), fields["line"], State(fields["state"])
    )
