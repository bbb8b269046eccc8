"""metrics.jsonl: what a run measured, one JSON object a line, for people, plots and other programs.

{"step": 50, "done": 0.01, "seconds": 12.3, "learning_rate": 0.0005, "losses": {"score": 1.2, ...}}
{"step": 100, "done": 0.02, "seconds": 27.1, "validation": {"map50": 0.1, ...}, "best": true}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inspector.errors import SettingsError

NAME = "metrics.jsonl"

Row = dict[str, Any]


class Journal:
    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def add(self, row: Row) -> None:
        """Raises SettingsError when it cannot be written, a full disk included."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise SettingsError(
                f"{self.path}: cannot be written: {error.strerror}; make room, then go on with --resume"
            ) from error

    def rows(self) -> list[Row]:
        """All that can be read: a kill may have cut the last line."""
        if not self.path.is_file():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines()
        found = (_row(line) for line in lines)
        return [row for row in found if row is not None]

    def forget_after(self, step: int) -> None:
        """A run that goes on from `step` measures what came after it again."""
        kept = [row for row in self.rows() if row["step"] <= step]
        if self.path.is_file():
            self.path.unlink()
        for row in kept:
            self.add(row)


def _row(line: str) -> Row | None:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and "step" in row else None
