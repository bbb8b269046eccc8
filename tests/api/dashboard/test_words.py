"""The page's words: the same keys in each language, each that the code asks for, no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.dashboard import routes

STATIC = Path(routes.__file__).parent / "static"
LANGUAGES = sorted(path.stem for path in (STATIC / "js/words").glob("*.js"))


def table(language: str) -> dict[str, str]:
    text = (STATIC / f"js/words/{language}.js").read_text("utf-8")
    pairs = re.findall(r'^  "([^"]+)": "(.*)",$', text, re.MULTILINE)
    assert len(pairs) == len([line for line in text.splitlines() if line.startswith("  ")]), "an odd line"
    assert len(dict(pairs)) == len(pairs), "a key twice"
    return dict(pairs)


def asked() -> tuple[set[str], set[str]]:
    """(whole keys, beginnings of keys) that scripts and index.html ask for: strings that look like a key."""
    paths = [path for path in (STATIC / "js").rglob("*.js") if path.parent.name != "words"]
    scripts = "\n".join(path.read_text("utf-8") for path in paths)
    page = (STATIC / "index.html").read_text("utf-8")
    rooms = {key.partition(".")[0] for key in table("en")}
    plurals = set(re.findall(r'\bcounted\("([^"]+)"', scripts))
    keys = {key for key in re.findall(r'"([a-z]\w*\.[\w.-]+)"', scripts) if key.partition(".")[0] in rooms}
    keys |= set(re.findall(r'\bt\("([^"]+)"', scripts)) | set(
        re.findall(r'data-t(?:-label)?="([^"]+)"', page)
    )
    keys = keys - plurals | {f"{key}.{form}" for key in plurals for form in ("one", "other")}
    return keys, set(re.findall(r"\bt\(`([a-z]\w*\.\w*)\$\{", scripts))


def test_there_are_two_languages() -> None:
    assert LANGUAGES == ["en", "zh"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_key_has_the_same_blanks_in_each_language(language: str) -> None:
    def blanks(words: dict[str, str]) -> dict[str, set[str]]:
        return {key: set(re.findall(r"\{(\w+)\}", text)) for key, text in words.items()}

    assert blanks(table(language)) == blanks(table("en"))
    assert [key for key, text in table(language).items() if not text.strip()] == []


def test_no_key_is_missing() -> None:
    words = table("en")
    keys, beginnings = asked()

    assert len(keys) > 50
    assert sorted(keys - set(words)) == []
    assert [start for start in beginnings if not any(key.startswith(start) for key in words)] == []


def test_no_key_is_left_over() -> None:
    keys, beginnings = asked()
    left = {key for key in table("en") if key not in keys and not key.startswith(tuple(beginnings))}
    assert sorted(left) == []
