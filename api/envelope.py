"""The answer's bytes. What the worker wrote (result or error) goes in as it is, unparsed."""

from __future__ import annotations

import json
from collections.abc import Iterable

from inspector.messages.result import Outcome, State
from inspector.queue.base import Announcement, Snapshot
from inspector.records.search import Found

_NO_NEWLINES = bytes.maketrans(b"\r\n", b"  ")
"""In JSON a raw line break can only be white space between values."""


def of_snapshot(snapshot: Snapshot) -> bytes:
    links = _links(snapshot.id, image=snapshot.has_image, attention=snapshot.has_attention)
    if snapshot.outcome is None:
        return _envelope(snapshot.id, snapshot.state, links)
    return _of(snapshot.outcome, links)


def of_outcome(outcome: Outcome) -> bytes:
    """Of one that just finished, or is among the recent: its image is held, and its map if the model ran."""
    return _of(outcome, _links(outcome.id, image=True, attention=outcome.state is State.DONE))


def of_accepted(inspection_id: str) -> bytes:
    """Of one that was accepted and whose outcome is not known yet."""
    return _envelope(inspection_id, State.QUEUED, _links(inspection_id, image=True, attention=False))


def of_found(found: Found) -> bytes:
    """Of one out of the records: what is kept of it."""
    return _of(found.outcome, _links(found.outcome.id, image=found.has_image, attention=found.has_attention))


def of_list(envelopes: Iterable[bytes], cursor: str | None) -> bytes:
    return b'{"inspections":[' + b",".join(envelopes) + b'],"next":' + json.dumps(cursor).encode() + b"}"


def event(announcement: Announcement) -> bytes:
    """One server-sent event: the cursor as its id, the same envelope on one line as its data."""
    data = of_outcome(announcement.outcome).translate(_NO_NEWLINES)
    return b"id: %s\nevent: inspection\ndata: %s\n\n" % (announcement.cursor.encode(), data)


def _of(outcome: Outcome, links: bytes) -> bytes:
    return _envelope(outcome.id, outcome.state, links, outcome.accept, outcome.error, outcome.result)


def _envelope(
    inspection_id: str,
    state: State,
    links: bytes,
    accept: bool = False,
    error: bytes | None = None,
    result: bytes | None = None,
) -> bytes:
    return b'{"id":"%s","state":"%s","accept":%s,"links":%s,"error":%s,"result":%s}' % (
        inspection_id.encode(),
        state.value.encode(),
        b"true" if accept else b"false",
        links,
        error or b"null",
        result or b"null",
    )


def _links(inspection_id: str, *, image: bool, attention: bool) -> bytes:
    self = f"/v1/inspections/{inspection_id}"
    links = {
        "self": self,
        "image": f"{self}/image" if image else None,
        "preview": f"{self}/preview" if image else None,
        "thumbnail": f"{self}/thumbnail" if image else None,
        "attention": f"{self}/attention.png" if attention else None,
    }
    return json.dumps(links, separators=(",", ":")).encode()
