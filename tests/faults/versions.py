"""Another checkout of this repository, whose gateways and workers run beside ours."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder with `api`, `workers` and `inspector` of one version, as `git worktree add` makes it."""

    folder: Path

    def __post_init__(self) -> None:
        missing = [name for name in ("api", "workers", "inspector") if not (self.folder / name).is_dir()]
        if missing:
            raise ValueError(f"{self.folder} is no checkout of Inspector: it has no {', '.join(missing)}")

    @property
    def commit(self) -> str:
        """Short, with "+" where files differ from it; "unknown" outside a repository."""
        asked = ["git", "-C", str(self.folder), "describe", "--always", "--dirty=+", "--exclude=*"]
        try:
            said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        except FileNotFoundError:  # no git
            said = ""
        return said.strip() or "unknown"


OURS = Tree(ROOT)
