"""What a client is told when there is no room, by every implementation of the queue."""

from __future__ import annotations

from inspector.errors import Busy, LineBusy


def busy(own: bool, what: str, held: int, known: int) -> Busy:
    """`own`: over the line's own budget. `what` ("bytes" | "depth") is at its limit; `held` of it are held,
    and `known` of those by finished ids that are still remembered."""
    if own:
        return LineBusy(f"the line is at its limit of {what}: it holds {held}")
    ids = f", {known} of them for ids that are remembered (forget_after_h)" if known else ""
    return Busy(f"the queue is at its limit of {what}: it holds {held}{ids}")
