"""Line charts as SVG: sharp in print, a few kilobytes, and readable without any script.

Axes are fractions 0-1, shown as percent or as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]

INK, FAINT = "#1c2227", "#d6dade"
COLOURS = ("#0b63b0", "#c2410c", "#16803c", "#7a3fa0", "#8a6d00")
"""Dark enough on white for thin lines; told apart also by those who see no red and green, by the labels."""

LEFT, RIGHT, TOP, BOTTOM = 46, 24, 12, 40
"""Pixels around the plot for the axes."""

_FEW = 9
"""Ticks on an axis, at most."""


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    points: Sequence[Point]
    colour: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot with a label."""

    at: Point
    label: str = ""
    colour: str = INK


@dataclass(frozen=True, slots=True)
class Axis:
    label: str
    high: float = 1.0
    """Where it ends; it begins at 0."""
    percent: bool = True


def chart(
    lines: Sequence[Line],
    x: Axis,
    y: Axis,
    *,
    size: tuple[int, int] = (470, 300),
    marks: Sequence[Mark] = (),
    uprights: Sequence[tuple[float, str]] = (),
    title: str,
) -> str:
    """An <svg> element. `uprights` are vertical lines at x, with a label; `title` is read out, not shown.

    What lies above or right of the axes' ends is cut off.
    """
    frame = _Frame(size, x, y)
    parts = [
        f'<svg class="chart" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}"'
        f' role="img" aria-label="{escape(title)}">',
        *frame.axes(),
        f'<svg x="{LEFT}" y="{TOP}" width="{frame.width}" height="{frame.height}"'
        f' viewBox="{LEFT} {TOP} {frame.width} {frame.height}" overflow="hidden">',
        *(frame.upright(at, label) for at, label in uprights),
        *(frame.line(line) for line in lines if line.points),
        "</svg>",
        *(frame.mark(mark) for mark in marks),
        "</svg>",
    ]
    return "".join(parts)


def legend(lines: Sequence[Line]) -> str:
    keys = (
        f'<span><i style="border-color:{line.colour};border-style:{"dashed" if line.dashed else "solid"}">'
        f"</i>{escape(line.label)}</span>"
        for line in lines
    )
    return f'<p class="legend">{"".join(keys)}</p>'


def ceiling(values: Sequence[float], least: float) -> float:
    """A round end for an axis that shows all the values, 1 at most."""
    wanted = max([least, *values])
    return next((end for end in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5) if end >= wanted), 1.0)


class _Frame:
    def __init__(self, size: tuple[int, int], x: Axis, y: Axis) -> None:
        self.width, self.height = size[0] - LEFT - RIGHT, size[1] - TOP - BOTTOM
        self._x, self._y = x, y

    def place(self, at: Point) -> Point:
        """Fractions -> pixels; y grows downwards."""
        x, y = at[0] / self._x.high, at[1] / self._y.high
        return LEFT + x * self.width, TOP + (1 - y) * self.height

    def axes(self) -> Iterator[str]:
        right, floor = LEFT + self.width, TOP + self.height
        for value in _ticks(self._y.high):
            _, y = self.place((0, value))
            yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{FAINT}"/>'
            yield _text(LEFT - 6, y + 4, _shown(value, self._y), "end")
        for value in _ticks(self._x.high):
            x, _ = self.place((value, 0))
            yield f'<line x1="{x:.1f}" y1="{floor}" x2="{x:.1f}" y2="{floor + 4}" stroke="{INK}"/>'
            yield _text(x, floor + 17, _shown(value, self._x), "middle")
        yield f'<line x1="{LEFT}" y1="{floor}" x2="{right}" y2="{floor}" stroke="{INK}"/>'
        yield _text(LEFT + self.width / 2, floor + 34, self._x.label, "middle")
        if self._y.label:
            yield _text(LEFT + 4, TOP + 11, self._y.label, "start")

    def line(self, line: Line) -> str:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self.place, line.points))
        dashes = ' stroke-dasharray="5 4"' if line.dashed else ""
        return f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="2"{dashes}/>'

    def upright(self, at: float, label: str) -> str:
        x, _ = self.place((at, 0))
        stroke = f'stroke="{INK}" stroke-dasharray="2 3"'
        return f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + self.height}" {stroke}/>' + _text(
            x + 5, TOP + 26, label, "start"
        )

    def mark(self, mark: Mark) -> str:
        x, y = self.place((min(mark.at[0], self._x.high), min(mark.at[1], self._y.high)))
        look = f'r="4.5" fill="{mark.colour}" stroke="#fff" stroke-width="1.5"'
        dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" {look}/>'
        right = x < LEFT + self.width * 0.7
        above = y > TOP + 20
        height = y - 7 if above else y + 18
        label = _text(x + (9 if right else -9), height, mark.label, "start" if right else "end")
        return dot + (label if mark.label else "")


def _ticks(high: float) -> list[float]:
    step = next(step for step in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2) if high / step <= _FEW)
    return [round(number * step, 4) for number in range(int(high / step + 1e-9) + 1)]


def _shown(value: float, axis: Axis) -> str:
    return f"{value * 100:g} %" if axis.percent else f"{value:g}"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
