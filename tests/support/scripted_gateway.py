"""A real HTTP server that answers POSTs by a script: for what a healthy gateway does not do on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


def done(verdict: str = "OK", *, inspection_id: str = "i1", state: str = "done") -> dict[str, Any]:
    """The envelope of a finished inspection; only what a camera looks at."""
    result = {"verdict": verdict, "reasons": []} if state == "done" else None
    error = None if result else {"title": "The deadline passed", "detail": "5 ms late"}
    accept = state == "done" and verdict == "OK"
    return {"id": inspection_id, "state": state, "accept": accept, "result": result, "error": error}


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Mapping[str, Any] | bytes = field(default_factory=done)
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False
    """Close the connection instead of answering."""

    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class ScriptedGateway:
    """Gives `script` one after the other, the last one for ever. As a context manager it listens inside."""

    def __init__(self, *script: Reply) -> None:
        self._script = list(script or (Reply(),))
        self._lock = threading.Lock()
        self.seen: list[Seen] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, seen: Seen) -> Reply:
        with self._lock:
            self.seen.append(seen)
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(gateway: ScriptedGateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._serve()

        def do_GET(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = gateway.answer(Seen(self.command, self.path, dict(self.headers.items()), body))
            if reply.hang_up:
                self.close_connection = True
                return
            content = reply.encoded()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """The tests look at `seen`."""

    return Handler
