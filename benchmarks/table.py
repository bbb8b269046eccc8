"""The figures as a Markdown table."""

from __future__ import annotations

from typing import Any


def markdown(report: dict[str, Any]) -> str:
    """One row for each precision and setup; rates are medians with the lowest and highest round."""
    names = list(report["results"][0]["rates"])
    rows = [["precision", "setup", *names, "ours : fastest rival"], ["---"] * (len(names) + 3)]
    for result in report["results"]:
        rates = [_shown(result["rates"][name], 1) for name in names]
        ratio = "" if result["ratio"] is None else _shown(result["ratio"], 2)
        rows.append([result["precision"], result["setup"], *rates, ratio])
    size = report["network"]
    lines = [
        f"Images a second at {report['side']}x{report['side']}: median of {report['rounds']} rounds "
        f"(lowest - highest); {report['cpu']}, OpenVINO {report['openvino']}.",
        f"Ours: {size['parameters']:,} parameters, {size['gflops']:.2f} GFLOP (2 x multiply-adds); "
        "its map is included.",
        "",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    return "\n".join(lines)


def _shown(values: dict[str, float], decimals: int) -> str:
    median, low, high = (f"{values[key]:.{decimals}f}" for key in ("median", "low", "high"))
    return f"{median} ({low} - {high})"
