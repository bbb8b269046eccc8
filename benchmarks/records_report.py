"""The answers of `python -m benchmarks records` as Markdown: a table, and the plans behind it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.records import Answer

LIMITS_MS = {"page": 100.0, "statistics": 300.0}
"""What is asked of a page, and of a shift's statistics."""


def table(answers: Sequence[Answer]) -> str:
    rows = ["| | filter or span | answer | median ms | slowest | first |", "|---|---|--:|--:|--:|--:|"]
    for one in answers:
        said = f"| {one.question.kind} | {one.question.name} | {one.count:,} |"
        over = " (!)" if one.median_ms > LIMITS_MS[one.question.kind] else ""
        rows.append(f"{said} {one.median_ms:.1f}{over} | {one.slowest_ms:.1f} | {one.first_ms:.1f} |")
    return "\n".join(rows)


def plans(answers: Sequence[Answer]) -> str:
    """Of each question, as PostgreSQL went about it: step, rows, milliseconds until its last row."""
    parts = []
    for one in answers:
        parts.append(f"**{one.question.kind}: {one.question.name}**")
        parts += [f"```\n{plan}\n```" for plan in one.plans if plan]
    return "\n\n".join(parts)
