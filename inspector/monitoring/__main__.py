"""`python -m inspector.monitoring [--check]`: writes what is made of the catalogue and the dashboards.

Exit code 1 from --check: a file is not what it would be written as; it names them and changes nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import inspector
from inspector.monitoring import dashboards, page

ROOT = Path(inspector.__file__).parents[1]


def generated() -> Mapping[str, str]:
    """Path in the repository -> text."""
    boards = {f"deploy/grafana/dashboards/{name}.json": text for name, text in dashboards.render().items()}
    return {"docs/metrics.md": page.render(), **boards}


def stale(root: Path) -> list[str]:
    """Files that are missing, or not what they would be written as."""
    return [
        name
        for name, text in generated().items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m inspector.monitoring", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which files would change")
    check = parser.parse_args(arguments).check
    names = stale(ROOT)
    for name in names:
        sys.stdout.write(f"{name} {'is stale' if check else 'written'}\n")
        if not check:
            path = ROOT / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(generated()[name], encoding="utf-8")
    return 1 if check and names else 0


if __name__ == "__main__":
    sys.exit(main())
