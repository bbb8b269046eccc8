"""A recipe as the TOML that `recipes.py` reads, with comments on where its numbers come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inspector.decision.recipes import parse_recipe
from inspector.errors import RecipeError
from inspector.messages.recipe import Recipe


def recipe_toml(recipe: Recipe, notes: Sequence[str] = (), beside: Mapping[str, str] | None = None) -> str:
    """`notes` are lines above it, `beside` stands behind the threshold of each class it names.

    Raises RecipeError if the text would not be read as the same recipe: a part must never be judged by
    another one than was meant.
    """
    remarks: dict[tuple[str, ...], str] = {
        ("thresholds", "classes", name): note for name, note in (beside or {}).items()
    }
    lines = [f"# {note}" for note in notes]
    lines += _table((), recipe.model_dump(mode="json", exclude_none=True), remarks)
    text = "\n".join(lines) + "\n"
    if parse_recipe(text, source="the new recipe") != recipe:
        raise RecipeError(f"recipe {recipe.id!r} cannot be written as TOML without changing it")
    return text


def _table(
    place: tuple[str, ...], fields: Mapping[str, Any], remarks: Mapping[tuple[str, ...], str]
) -> Iterator[str]:
    """Values first: behind a sub-table's heading they would belong to it."""
    if place:
        yield ""
        yield f"[{'.'.join(_key(part) for part in place)}]"
    for name, value in fields.items():
        if not isinstance(value, Mapping):
            remark = remarks.get((*place, name))
            yield f"{_key(name)} = {json.dumps(value, ensure_ascii=False)}" + (
                f"  # {remark}" if remark else ""
            )
    for name, value in fields.items():
        if isinstance(value, Mapping) and (value or place == ()):
            yield from _table((*place, name), value, remarks)


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False)
