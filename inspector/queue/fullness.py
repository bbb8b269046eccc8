"""What a client is told when there is no room, by every implementation of the queue."""

from __future__ import annotations

from inspector.errors import Busy, LineBusy


def busy(own: bool, what: str, held: int, known: int, archive: int = 0) -> Busy:
    """`own`: over the line's own budget. `what` ("bytes" | "depth") is at its limit; `held` of it are held:
    of those, `known` by finished ids that are still remembered, and `archive` by what waits for the
    archiver."""
    if own:
        return LineBusy(f"the line is at its limit of {what}: it holds {held}")
    ids = f", {known} of them for ids that are remembered (forget_after_h)" if known else ""
    records = f", {archive} of them until the archiver has recorded them" if archive else ""
    return Busy(f"the queue is at its limit of {what}: it holds {held}{ids}{records}")
