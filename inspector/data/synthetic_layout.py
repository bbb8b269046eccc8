"""The copper of a synthetic board: pours, areas, bars, pads, buses of traces with 45 degree bends, vias.

Traces walk on a grid of one pitch. A keepout mask grows with every shape, so that different nets stay at
least the board's gap apart; nothing is drawn that comes nearer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.imaging.opencv import cv2

Mask = NDArray[np.uint8]  # (H, W) 1 copper, 0 ground

HEADINGS = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
"""Steps on the grid, x y, by eighths of a turn."""


POURED = 0.35
"""Share of boards that are mostly copper, with lines of ground between the nets instead of lines of copper. A
network that never saw one takes a ground line that grows thin for an open."""

LINE, NECK = (9, 24), (3, 9)
"""Widths in pixels of such a line of ground, and of its thin pieces."""


class Segment(NamedTuple):
    """A straight piece of a trace: pixels, from one end to the other."""

    start: tuple[int, int]
    end: tuple[int, int]
    width: int


@dataclass(slots=True)
class Layout:
    copper: Mask
    segments: list[Segment]


@dataclass(frozen=True, slots=True)
class _Rules:
    """What is alike all over one board."""

    width: int
    gap: int
    pitch: int
    rounds: int
    """Attempts to lay a bus."""

    @property
    def clearance(self) -> int:
        """From the edge of other copper to the middle of a trace."""
        return self.gap + (self.width + 1) // 2


@dataclass(slots=True)
class _Desk:
    """The board while it is drawn."""

    rules: _Rules
    rng: np.random.Generator
    copper: Mask
    keepout: Mask
    segments: list[Segment] = field(default_factory=list)
    pads: list[tuple[int, int, int]] = field(default_factory=list)
    """x, y, radius."""

    def below(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))

    def free(self, x: int, y: int) -> bool:
        height, width = self.keepout.shape
        return 0 <= x < width and 0 <= y < height and not self.keepout[y, x]


def lay_out(rng: np.random.Generator, size: tuple[int, int], pouring: np.random.Generator) -> Layout:
    """A board of (height, width) pixels. There is always copper wide enough for a pin-hole.

    `pouring` decides whether copper is poured over much of it, and how that is parted.
    """
    desk = _Desk(_rules(rng), rng, np.zeros(size, np.uint8), np.zeros(size, np.uint8))
    if pouring.random() < POURED:
        _pour(desk, pouring)
    for _ in range(desk.below(1, 7)):
        _area(desk)
    for _ in range(desk.below(0, 5)):
        _bar(desk)
    _pads(desk)
    for _ in range(desk.rules.rounds):
        _bus(desk)
    for _ in range(desk.below(0, 14)):
        _via(desk)
    return Layout(desk.copper, desk.segments)


def _rules(rng: np.random.Generator) -> _Rules:
    # One board in five is a power board: few wide traces.
    power = rng.random() < 0.2
    width = int(rng.integers(14, 34) if power else rng.integers(6, 13))
    gap = int(rng.integers(9, 20))
    return _Rules(width, gap, pitch=width + gap + 1, rounds=12 if power else int(rng.integers(20, 50)))


def _pour(desk: _Desk, rng: np.random.Generator) -> None:
    """A box of copper over half of the board or more, parted by lines of ground."""
    height, width = desk.copper.shape
    w, h = (int(rng.integers(2 * side // 3, side + side // 4)) for side in (width, height))
    x, y = int(rng.integers(-w // 8, width - 3 * w // 4)), int(rng.integers(-h // 8, height - 3 * h // 4))
    outline = _chamfered(x, y, x + w, y + h, cut=int(rng.integers(4, 60)))
    pour, ground = np.zeros_like(desk.copper), np.zeros_like(desk.copper)
    cv2.fillPoly(pour, [outline], 1)
    for _ in range(int(rng.integers(2, 8))):
        _ground_line(ground, (x, y, x + w, y + h), rng)
    desk.copper |= pour & (1 - ground)
    desk.keepout |= pour
    cv2.polylines(desk.keepout, [outline], True, 1, 2 * desk.rules.clearance)


def _ground_line(ground: Mask, box: tuple[int, int, int, int], rng: np.random.Generator) -> None:
    """From one side of the box inwards, round corners, until it leaves the box; some pieces are necks."""
    x1, y1, x2, y2 = box
    heading = 2 * int(rng.integers(4))
    dx, dy = HEADINGS[heading]
    x = (x1, int(rng.integers(x1, x2)), x2)[1 - dx]
    y = (y1, int(rng.integers(y1, y2)), y2)[1 - dy]
    wide = int(rng.integers(*LINE))
    for _ in range(int(rng.integers(1, 8))):
        dx, dy = HEADINGS[heading]
        length = int(rng.integers(30, 160))
        end = x + dx * length, y + dy * length
        cv2.line(ground, (x, y), end, 1, int(rng.integers(*NECK)) if rng.random() < 0.4 else wide)
        cv2.circle(ground, end, wide // 2, 1, cv2.FILLED)
        (x, y), turn = end, int(rng.choice((-2, 0, 2)))
        heading = (heading + turn) % 8
    dx, dy = HEADINGS[heading]
    cv2.line(ground, (x, y), (x + dx * (x2 - x1), y + dy * (y2 - y1)), 1, wide)


def _area(desk: _Desk) -> None:
    """A ground area: a box with two cut corners, partly off the board, with round holes."""
    height, width = desk.copper.shape
    w, h = desk.below(width // 8, width // 2), desk.below(height // 8, height // 2)
    x, y = desk.below(-w // 3, width - w // 2), desk.below(-h // 3, height - h // 2)
    outline = _chamfered(x, y, x + w, y + h, cut=desk.below(4, max(5, min(w, h) // 2)))
    shape = np.zeros_like(desk.copper)
    cv2.fillPoly(shape, [outline], 1)
    if (shape & desk.keepout).any():
        return
    desk.copper |= shape
    cv2.fillPoly(desk.keepout, [outline], 1)
    cv2.polylines(desk.keepout, [outline], True, 1, 2 * desk.rules.clearance)
    for _ in range(desk.below(0, 5)):
        _hole(desk, (x, y, x + w, y + h), desk.below(6, 16))


def _chamfered(x1: int, y1: int, x2: int, y2: int, *, cut: int) -> NDArray[np.int32]:
    corners = [(x1 + cut, y1), (x2, y1), (x2, y2 - cut), (x2 - cut, y2), (x1, y2), (x1, y1 + cut)]
    return np.array(corners, np.int32)


def _hole(desk: _Desk, box: tuple[int, int, int, int], radius: int) -> None:
    """Drilled well inside the area, if it has room; a hole on the rim would be a bite."""
    x, y = desk.below(box[0], box[2]), desk.below(box[1], box[3])
    rim = radius + 14
    height, width = desk.copper.shape
    if not (rim <= x < width - rim and rim <= y < height - rim):
        return
    if desk.copper[y - rim : y + rim, x - rim : x + rim].all():
        cv2.circle(desk.copper, (x, y), radius, 0, cv2.FILLED)


def _bar(desk: _Desk) -> None:
    """Two drilled pads and the wide copper between them."""
    height, width = desk.copper.shape
    dx, dy = HEADINGS[desk.below(0, 8)]
    x, y = desk.below(0, width), desk.below(0, height)
    length, thick = desk.below(20, 260), desk.below(24, 64)
    end = x + dx * length, y + dy * length
    shape = np.zeros_like(desk.copper)
    cv2.line(shape, (x, y), end, 1, thick)
    if (shape & desk.keepout).any():
        return
    desk.copper |= shape
    cv2.line(desk.keepout, (x, y), end, 1, thick + 2 * desk.rules.clearance)
    for place in ((x, y), end):
        cv2.circle(desk.copper, place, int(thick * desk.rng.uniform(0.15, 0.3)), 0, cv2.FILLED)


def _pads(desk: _Desk) -> None:
    """One to three rows of drilled pads, in a grid as a connector has, on places that are free."""
    height, width = desk.copper.shape
    for _ in range(desk.below(1, 4)):
        radius = desk.below(16, 36)
        drill = int(radius * desk.rng.uniform(0.35, 0.68))
        step_x, step_y = (2 * radius + desk.below(16, 80) for _ in range(2))
        x0, y0 = desk.below(-radius, width // 2), desk.below(-radius, height // 2)
        for row in range(desk.below(1, 4)):
            for column in range(desk.below(2, 9)):
                _pad(desk, x0 + column * step_x, y0 + row * step_y, radius, drill)


def _pad(desk: _Desk, x: int, y: int, radius: int, drill: int) -> None:
    height, width = desk.copper.shape
    box = np.s_[max(0, y - radius) : max(0, y + radius), max(0, x - radius) : max(0, x + radius)]
    if not (-radius < x < width + radius and -radius < y < height + radius) or desk.keepout[box].any():
        return
    cv2.circle(desk.copper, (x, y), radius, 1, cv2.FILLED)
    # Drills are rarely in the middle of their pads.
    off_x, off_y = desk.below(-3, 4), desk.below(-3, 4)
    cv2.circle(desk.copper, (x + off_x, y + off_y), drill, 0, cv2.FILLED)
    cv2.circle(desk.keepout, (x, y), radius + desk.rules.clearance, 1, cv2.FILLED)
    desk.pads.append((x, y, radius))


def _bus(desk: _Desk) -> None:
    """One trace and up to five that run beside it."""
    height, width = desk.copper.shape
    heading, rules = desk.below(0, 8), desk.rules
    turns = [desk.below(-1, 2) for _ in range(desk.below(1, 5))]
    runs = [desk.below(3, 20) for _ in turns]
    if desk.pads and desk.rng.random() < 0.4:
        x, y, radius = desk.pads[desk.below(0, len(desk.pads))]
        _trace(desk, (x, y), heading, turns, runs, exempt=radius + rules.clearance)
        return
    x, y = desk.below(0, width), desk.below(0, height)
    side_x, side_y = HEADINGS[(heading + 2) % 8]
    # Diagonal lanes lie nearer to each other than their grid steps say.
    lane = rules.pitch * (2 if any(turns) or heading % 2 else 1)
    for number in range(desk.below(1, 7)):
        start = x + number * lane * side_x, y + number * lane * side_y
        if not _trace(desk, start, heading, turns, runs):
            break


def _trace(
    desk: _Desk,
    start: tuple[int, int],
    heading: int,
    turns: list[int],
    runs: list[int],
    *,
    exempt: int = 0,
) -> bool:
    """Walk until the runs are done or something is in the way; draw it if it got anywhere."""
    corners = [start]
    for turn, run in zip(turns, runs, strict=True):
        steps = _steps(desk, corners[-1], heading, run, start, exempt)
        if steps:
            dx, dy = HEADINGS[heading]
            x, y = corners[-1]
            length = steps * desk.rules.pitch
            corners.append((x + dx * length, y + dy * length))
        if steps < run:
            break
        # Bends add up to a quarter turn at most, so that no trace meets itself.
        heading = (heading + turn) % 8
    if _length(corners) < 3 * desk.rules.pitch + exempt:
        return False
    _draw_trace(desk, corners, from_pad=exempt > 0)
    return True


def _steps(
    desk: _Desk, place: tuple[int, int], heading: int, run: int, start: tuple[int, int], exempt: int
) -> int:
    """How many of `run` steps are free, looked at four times a step; the pad it starts on is no obstacle."""
    dx, dy = HEADINGS[heading]
    quarters = 4 * run
    for quarter in range(1, quarters + 1):
        along = quarter * desk.rules.pitch // 4
        x, y = place[0] + dx * along, place[1] + dy * along
        near = (x - start[0]) ** 2 + (y - start[1]) ** 2 <= exempt**2
        if not near and not desk.free(x, y):
            return (quarter - 1) // 4
    return run


def _length(corners: list[tuple[int, int]]) -> int:
    return sum(max(abs(a[0] - b[0]), abs(a[1] - b[1])) for a, b in pairwise(corners))


def _draw_trace(desk: _Desk, corners: list[tuple[int, int]], *, from_pad: bool) -> None:
    width, clearance = desk.rules.width, desk.rules.clearance
    keep = 2 * clearance + width
    first = 1 if from_pad else 0
    start = _leave_pad(desk, corners) if from_pad else corners[0]
    points = [start, *corners[1:]]
    for a, b in pairwise(points):
        cv2.line(desk.copper, a, b, 1, width)
        cv2.line(desk.keepout, a, b, 1, keep)
        desk.segments.append(Segment(a, b, width))
    for x, y in points[first :: len(points) - 1 - first or 1]:
        _dot(desk, x, y, desk.rules.width // 2 + desk.below(2, 6))


def _leave_pad(desk: _Desk, corners: list[tuple[int, int]]) -> tuple[int, int]:
    """Where the trace leaves the copper of its pad: from the middle it would fill the drill."""
    (x, y), (to_x, to_y) = corners[:2]
    dx, dy = np.sign(to_x - x), np.sign(to_y - y)
    radius = next((r for px, py, r in desk.pads if (px, py) == (x, y)), 0)
    reach = int((radius - 3) / (1.41421 if dx and dy else 1))
    return int(x + dx * reach), int(y + dy * reach)


def _dot(desk: _Desk, x: int, y: int, radius: int) -> None:
    """The end of a trace: a filled via."""
    cv2.circle(desk.copper, (x, y), radius, 1, cv2.FILLED)
    cv2.circle(desk.keepout, (x, y), radius + desk.rules.clearance, 1, cv2.FILLED)


def _via(desk: _Desk) -> None:
    """A lone filled via, where nothing is near."""
    height, width = desk.copper.shape
    x, y, radius = desk.below(0, width), desk.below(0, height), desk.below(6, 12)
    box = np.s_[max(0, y - radius) : y + radius, max(0, x - radius) : x + radius]
    if not desk.keepout[box].any():
        _dot(desk, x, y, radius)
