"""The recipe that a training run writes beside its bundle."""

from __future__ import annotations

from pathlib import Path

from inspector.decision.recipes import read_recipe
from inspector.training.validate import Validation


def write_recipe(path: Path, validation: Validation | None) -> None:
    """TOML that `decision.recipes` reads; without a validation, every class has the default threshold."""
    classes = {} if validation is None else validation.thresholds.classes
    lines = [
        "# Thresholds chosen on validation boards by `inspector train`; never on test boards.",
        'id = "default"',
        "version = 1",
        'model = "default"',
        "",
        "[thresholds]",
        "default = 0.5",
        "",
        "[thresholds.classes]",
        *(f'"{name}" = {threshold}' for name, threshold in classes.items()),
        "",
        "# A finding up to `margin` below its threshold makes the part REVIEW. 0 switches it off.",
        "[review]",
        "margin = 0.0",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    read_recipe(path)  # what cannot be read must not be left behind unnoticed
