"""A folder of recipe files: what is read, and what one line says when it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.decision.recipes import RecipeBook, parse_recipe
from inspector.errors import RecipeError, UnknownRecipe

WHOLE = """
id = "board-a"
version = 3
model = "pcb"
[thresholds]
default = 0.4
[thresholds.classes]
pin-hole = 0.7
[review]
margin = 0.1
"""


def test_a_whole_recipe() -> None:
    recipe = parse_recipe(WHOLE, source="a.toml")
    assert (recipe.id, recipe.version, recipe.model) == ("board-a", 3, "pcb")
    assert recipe.thresholds.of("pin-hole") == 0.7
    assert recipe.thresholds.of("spur") == 0.4


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("id = ", "not TOML"),
        ("version = 1", "id"),
        ('id = "../x"\nversion = 1', "id"),
        ('id = "a\\n"\nversion = 1', "id"),
        ('id = "a"\nversion = 0', "version"),
        ('id = "a"\nversion = 1\nthreshold = 0.5', "threshold"),
        ('id = "a"\nversion = 1\n[thresholds]\ndefault = 1.5', "thresholds.default"),
    ],
)
def test_a_wrong_recipe_is_refused_and_the_place_is_named(text: str, complaint: str) -> None:
    with pytest.raises(RecipeError, match=rf"bad\.toml: .*{complaint}|bad\.toml: {complaint}"):
        parse_recipe(text, source="bad.toml")


def test_the_digest_follows_the_content() -> None:
    recipe = parse_recipe(WHOLE, source="a")
    assert recipe.sha256 == parse_recipe(WHOLE, source="b").sha256
    assert recipe.sha256 != recipe.model_copy(update={"version": 4}).sha256


def test_the_shipped_recipes_hold_a_default() -> None:
    assert RecipeBook.read().resolve("default").model == "default"


def test_a_folder_without_a_default_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(WHOLE)
    with pytest.raises(RecipeError, match="no recipe 'default'"):
        RecipeBook.read(tmp_path)


def test_two_files_of_one_id_are_refused(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text('id = "default"\nversion = 1')
    with pytest.raises(RecipeError, match=r"b\.toml: recipe 'default' stands in .*a\.toml"):
        RecipeBook.read(tmp_path)


def test_an_unknown_recipe_says_which_there_are() -> None:
    with pytest.raises(UnknownRecipe, match="'nope' is not one of: default"):
        RecipeBook.read().resolve("nope")
