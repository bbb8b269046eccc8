"""The page's smallest parts: sections, tables, and how numbers are written."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from inspector.evaluation.bootstrap import Interval
from inspector.evaluation.metrics import Rate


def section(title: str, *parts: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, chosen: int | None = None) -> str:
    """`chosen` is the row to stand out."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = ""
    for index, row in enumerate(rows):
        marked = ' class="chosen"' if index == chosen else ""
        body += f"<tr{marked}>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n"
    return f'<div class="wide"><table>\n<tr>{top}</tr>\n{body}</table></div>'


def percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:.1f} %"


def between(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.low * 100:.1f} - {interval.high * 100:.1f} %"


def value_of(rate: Rate | None) -> float:
    return rate.value if rate else 0.0


def note(text: str) -> str:
    """A small paragraph; plain text."""
    return f'<p class="note">{escape(text)}</p>'


def rate_cells(rate: Rate | None) -> tuple[str, str]:
    return (percent(rate.value), f"{rate.count} of {rate.of}") if rate else ("-", "")
