"""Takt: the pace that demand asks of a line, in seconds a part. A later verdict holds the line up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

DEFAULT_TAKT_S = 1.0

NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Takts:
    """Of each line; `default_s` where a line has none of its own, and for the buckets of histograms."""

    default_s: float = DEFAULT_TAKT_S
    by_line: Mapping[str, float] = field(default_factory=lambda: NONE)

    def of(self, line: str) -> float:
        """Seconds."""
        return self.by_line.get(line, self.default_s)

    def buckets(self, multiples: tuple[float, ...]) -> tuple[float, ...]:
        """Upper bounds in seconds; one of them is exactly the default takt where 1 is a multiple."""
        return tuple(self.default_s * multiple for multiple in multiples)
