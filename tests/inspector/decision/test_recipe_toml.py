"""A recipe that is written is the recipe that is read, whatever its names and fields."""

from __future__ import annotations

import pytest

from inspector.decision.recipe_toml import recipe_toml
from inspector.decision.recipes import parse_recipe
from inspector.messages.recipe import ImageSize, Recipe, Review, Thresholds

RECIPES = [
    Recipe(id="bare", version=1),
    Recipe(id="classes", version=7, model="pcb", thresholds=Thresholds(default=0.3, classes={"open": 0.41})),
    Recipe(
        id="everything",
        version=2,
        thresholds=Thresholds(classes={"pin-hole": 0.2, 'a "b" = [c]\n#': 1.0, "Kratzer ü": 0.0}),
        review=Review(margin=0.1, defective=0.9),
        image=ImageSize(width=640, height=480),
    ),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.id)
def test_it_reads_back_as_it_was(recipe: Recipe) -> None:
    text = recipe_toml(recipe, ["one line", "another"], {"open": "was 0.5"})
    assert parse_recipe(text, source="here") == recipe
    assert text.startswith("# one line\n# another\n")


def test_a_class_says_what_its_threshold_was() -> None:
    assert "open = 0.41  # was 0.5\n" in recipe_toml(RECIPES[1], beside={"open": "was 0.5", "short": "no"})
