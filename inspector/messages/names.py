"""The shapes of names that people give to lines, stations, recipes, parts and lots."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints

# \Z-anchored by pydantic's full match of ^...$: a trailing newline does not pass.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
NAME_RULE = "1-64 of A-Z a-z 0-9 . _ - with a letter or digit first"
LABEL_RULE = "1-128 printable characters"


def _printable(text: str) -> str:
    # str.isprintable is false for control, format, surrogate and line-separator characters.
    if not text.isprintable():
        raise ValueError(f"must be {LABEL_RULE}, no control characters")
    return text


def _split(value: object) -> object:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""`line`, `station`, `view`, `recipe`: safe in a path, a metric label and a log line."""

NameList = Annotated[tuple[Name, ...], BeforeValidator(_split)]
"""Names; from one string too, with commas: shells and compose files write lists like that, not as JSON."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_printable)]
"""`part_id`, `lot_id`: whatever is printed on the part."""
