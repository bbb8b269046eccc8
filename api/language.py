"""Which of our languages a reader gets: what the URL says, else what the browser asks for, else English."""

from __future__ import annotations

import re
from typing import Literal

from starlette.datastructures import Headers

Language = Literal["en", "zh"]

_RANGE = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]{1,64})?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?")


def language_of(asked: Language | None, headers: Headers) -> Language:
    """Accept-Language as RFC 9110 has it; of equal wishes the first; what is malformed is passed over."""
    if asked is not None:
        return asked
    wishes = [_RANGE.fullmatch(item) for item in headers.get("accept-language", "")[:1000].split(",")]
    best: tuple[float, Language] = (0.0, "en")
    for wish in wishes:
        name = wish[1].lower() if wish else ""
        weight = float(wish[2] or 1) if wish else 0.0
        if weight > best[0] and name in {"en", "zh", "*"}:
            best = (weight, "zh" if name == "zh" else "en")
    return best[1]
