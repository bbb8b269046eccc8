"""The HTTP server: uvicorn, one process, stopped without cutting anybody off."""

from __future__ import annotations

import math
import socket
from functools import partial
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from api.guard import Crowd, Guarded
from api.settings import Settings
from api.state import Resources

BACKLOG = 2048
"""Connections that may wait to be accepted: every camera of a plant that reconnects at once."""


class Server(uvicorn.Server):
    """uvicorn waits for requests to end when it is stopped; this one first tells them to."""

    def __init__(self, app: FastAPI, listener: socket.socket, settings: Settings) -> None:
        super().__init__(_configuration(app, settings, app.state.crowd))
        self._app = app
        self._listener = listener

    def serve_until_signal(self) -> None:
        self.run(sockets=[self._listener])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        resources: Resources = self._app.state.resources
        resources.hub.stop()
        await super().shutdown(sockets)


def _configuration(app: FastAPI, settings: Settings, crowd: Crowd) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        # A class as uvicorn's own, made with one more argument.
        http=cast(Any, partial(Guarded, crowd=crowd)),
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_s),
    )
