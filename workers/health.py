"""/healthz (the process answers), /readyz (it can inspect: 503 and the reason if not), /metrics.

On a port and a thread of their own, so that they answer while the worker waits or computes.
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from inspector.errors import SettingsError

TEXT = "text/plain; charset=utf-8"


class Health:
    """`say` is called by the worker, the rest by the server's threads."""

    def __init__(self) -> None:
        self._why_not: str | None = "starting"
        self._registry: CollectorRegistry | None = None

    def say(self, why_not: str | None) -> None:
        """Why the worker is not ready; None when it is."""
        self._why_not = why_not

    @property
    def ready(self) -> bool:
        return self._why_not is None

    def show(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """(status, content type, body) of a GET."""
        if path == "/healthz":
            return HTTPStatus.OK, TEXT, b"ok\n"
        if path == "/readyz":
            why_not = self._why_not
            status = HTTPStatus.SERVICE_UNAVAILABLE if why_not else HTTPStatus.OK
            return status, TEXT, f"{why_not or 'ready'}\n".encode()
        if path == "/metrics" and self._registry is not None:
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._registry)
        return HTTPStatus.NOT_FOUND, TEXT, b"here are /healthz, /readyz and /metrics\n"


class HealthServer:
    """Serves a Health until closed. Port 0 takes a free one; `address` is the one that it got."""

    def __init__(self, health: Health, host: str, port: int) -> None:
        """Raises SettingsError when the port cannot be had."""
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(health))
        except OSError as error:
            raise SettingsError(
                f"--metrics-port {port}: cannot listen on {host}: {error.strerror}"
            ) from error
        self._server.daemon_threads = True
        self.address = f"{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # seconds: a client that connects and says nothing holds a thread

        def do_GET(self) -> None:
            status, kind, body = health.answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A probe every few seconds is no news."""

    return Handler
