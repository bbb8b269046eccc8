"""A folder of recipe files (TOML, one recipe a file), read and checked as a whole."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from inspector.errors import RecipeError, UnknownRecipe
from inspector.messages.recipe import Recipe

SHIPPED = Path(__file__).parent / "shipped"
"""The recipes inside the package: default.toml belongs to the shipped model."""


def parse_recipe(text: str, *, source: str) -> Recipe:
    """One recipe from TOML. `source` is named in the RecipeError."""
    try:
        return Recipe.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{source}: not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise RecipeError(f"{source}: {place}: {first['msg']}") from error


def read_recipe(path: Path) -> Recipe:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from error
    return parse_recipe(text, source=str(path))


class RecipeBook(Mapping[str, Recipe]):
    """The recipes of a folder by id; a folder that holds a wrong file is refused whole."""

    def __init__(self, recipes: Mapping[str, Recipe]) -> None:
        self._recipes = dict(recipes)

    @classmethod
    def read(cls, folder: Path = SHIPPED) -> RecipeBook:
        """Raises RecipeError: no file, a wrong file, two files of one id, no `default`."""
        recipes: dict[str, Recipe] = {}
        origin: dict[str, Path] = {}
        for path in sorted(folder.glob("*.toml")):
            recipe = read_recipe(path)
            if recipe.id in recipes:
                raise RecipeError(f"{path}: recipe {recipe.id!r} stands in {origin[recipe.id]} already")
            recipes[recipe.id], origin[recipe.id] = recipe, path
        if "default" not in recipes:
            raise RecipeError(f"{folder}: holds no recipe 'default' (found: {', '.join(recipes) or 'none'})")
        return cls(recipes)

    def resolve(self, recipe_id: str) -> Recipe:
        """The current version of a recipe; UnknownRecipe if there is none."""
        try:
            return self._recipes[recipe_id]
        except KeyError:
            raise UnknownRecipe(f"recipe {recipe_id!r} is not one of: {', '.join(self._recipes)}") from None

    def __getitem__(self, recipe_id: str) -> Recipe:
        return self._recipes[recipe_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._recipes)

    def __len__(self) -> int:
        return len(self._recipes)
