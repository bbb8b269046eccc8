"""What is open while the process runs, typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from api.gateway import Gateway
from api.hub import Hub
from api.keyring import Keyring
from api.metrics import Metrics
from api.records import Records
from api.settings import Settings
from inspector.decision.recipes import RecipeBook
from inspector.queue.base import Admin, Disposal, Producer, Results


@dataclass(frozen=True, slots=True)
class Queue:
    """The gateway's views of the queue."""

    producer: Producer
    results: Results
    admin: Admin
    disposal: Disposal | None = None
    """None: there is no blob store."""

    async def aclose(self) -> None:
        for view in (self.producer, self.results, self.admin):
            await view.aclose()
        if self.disposal is not None:
            await self.disposal.aclose()


Connect = Callable[[Settings], Queue]
"""Opens a queue inside the running event loop; create_app takes another one for tests."""


@dataclass(frozen=True, slots=True)
class Resources:
    settings: Settings
    recipes: RecipeBook
    queue: Queue
    hub: Hub
    metrics: Metrics
    gateway: Gateway
    keyring: Keyring
    records: Records


def resources_of(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


async def opened(request: Request) -> Resources:
    """For FastAPI's Depends: one that is not async would be run in another thread, at 0.1 ms a request."""
    return resources_of(request)
