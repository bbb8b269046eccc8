"""What a camera's run looks like: a line for each image as it ends, the rate below, a summary at the end."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from inspector.camera.shot import KEPT, Delivery, Fate
from inspector.camera.tally import Tally

_STYLES = {"OK": "green", "NG": "bold red", "REVIEW": "yellow"}

_REFRESH_S = 0.25
"""Of the line with the rate; a person reads no quicker."""

_NAME_WIDTH = 32


class Display:
    """On a terminal, a line of totals stays below the verdicts; elsewhere, plain lines only."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._refreshed = 0.0

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, delivery: Delivery, kept: Path | None) -> None:
        self._console.print(_line(delivery, kept))
        now = time.monotonic()
        if self._live.is_started and now - self._refreshed > _REFRESH_S:
            self._refreshed = now
            self._live.update(Text(f"{totals(self._tally)}   {self._tally.rate_now:.1f}/s"), refresh=True)


def _line(delivery: Delivery, kept: Path | None) -> Text:
    name = f"{delivery.name:<{_NAME_WIDTH}}  "
    if delivery.answer is None:
        saved = f"; kept as {kept}" if kept else ""
        return Text(f"{name}{delivery.fate}: {delivery.detail}{saved}", style="red")
    word, reason = verdict(delivery.answer)
    line = Text(name).append(f"{word:<8}", style=_STYLES.get(word, "magenta"))
    return line.append(f"{1000 * delivery.latency_s:6.0f} ms  {reason}")


def verdict(answer: dict[str, Any]) -> tuple[str, str]:
    """(OK, NG, REVIEW or the state of an image without a verdict; why, in a few words)."""
    result, error = answer.get("result"), answer.get("error")
    if result:
        texts = [reason["text"] for reason in result["reasons"]]
        more = f" (+{len(texts) - 1})" if len(texts) > 1 else ""
        return result["verdict"], f"{texts[0]}{more}" if texts else ""
    return answer["state"], f"{error['title']}: {error['detail']}" if error else ""


def totals(tally: Tally) -> str:
    """Verdicts first, then whatever went wrong, if anything did."""
    counts = [f"{name} {tally.verdicts[name]}" for name in ("OK", "NG", "REVIEW")]
    counts += [f"{name} {tally.verdicts[name]}" for name in ("failed", "expired") if tally.verdicts[name]]
    counts += [
        f"{fate} {tally.fates[fate]}" for fate in Fate if fate is not Fate.ANSWERED and tally.fates[fate]
    ]
    plural = "" if tally.total == 1 else "s"
    return f"{tally.total} image{plural}: {', '.join(counts)}"


def summary(tally: Tally, keep: Path) -> str:
    """One paragraph for the end of a run."""
    lines = [totals(tally)]
    median, worst = tally.latency_s(0.5), tally.latency_s(0.99)
    if median is not None and worst is not None:
        lines.append(
            f"{tally.rate:.1f} images/s, latency p50 {1000 * median:.0f} ms, p99 {1000 * worst:.0f} ms"
        )
    if not tally.complete:
        lines.append(f"{tally.total - tally.fates[Fate.ANSWERED]} of {tally.total} have no terminal answer")
    if any(tally.fates[fate] for fate in KEPT):
        lines.append(f"post what was kept once more with: inspector camera --folder {keep}")
    return "\n".join(lines)
