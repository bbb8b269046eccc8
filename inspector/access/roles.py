"""The roles. Which of them a route asks for stands at the route (api/routes) and in docs/api.md."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    CAMERA = "camera"
    """A station: posts images and asks what became of them. It sees no other image, list or stream."""
    OPERATOR = "operator"
    """Watches: lists, images, maps, the live stream, the state of queue and workers. Posts nothing."""
    ENGINEER = "engineer"
    """Both, to set a line up and to try images on it."""
    ADMIN = "admin"
    """Everything."""


EVERYONE = frozenset(Role)
"""Who holds any valid key."""
