"""Which recipe a command judges files by."""

from __future__ import annotations

from pathlib import Path

from inspector.decision.recipes import RecipeBook, read_recipe
from inspector.errors import RecipeError
from inspector.messages.recipe import Recipe
from inspector.models.bundle import Bundle


def recipe_for(bundle: Bundle, path: Path | None) -> Recipe:
    """The file's, else the shipped default.

    Raises RecipeError when this model cannot be judged by it: at another model's thresholds its verdicts and
    figures would mean nothing.
    """
    recipe = read_or_default(path)
    try:
        bundle.check(recipe)
    except RecipeError as error:
        if path is not None:
            raise RecipeError(f"{path}: {error}") from error
        raise RecipeError(
            f"the shipped recipe is not for this model ({error}); give --recipe FILE, such as the recipe.toml"
            " that `inspector train` wrote beside the bundle"
        ) from error
    return recipe


def read_or_default(path: Path | None) -> Recipe:
    return read_recipe(path) if path else RecipeBook.read().resolve("default")
