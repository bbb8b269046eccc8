"""`python -m api`: one gateway process. Options go before INSPECTOR_ environment variables.

Both ports are bound before anything is said to be ready: a port in use is one clear line and exit status 2.
On SIGTERM or Ctrl-C: stop accepting, answer the requests that wait (202, with the URL to ask later), end the
live streams, leave.
"""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import NoReturn

from api import guard, keyring
from api import settings as configuration
from api.app import create_app, new_metrics
from api.metrics import Metrics
from api.server import BACKLOG, Server
from api.settings import Settings
from inspector import logs
from inspector.errors import InspectorError, SettingsError

log = logging.getLogger("api")


def main(arguments: list[str] | None = None) -> int:
    options = vars(_parser().parse_args(arguments))
    logs.configure(options.pop("log_level"))
    signal.signal(signal.SIGTERM, _leave)
    try:
        settings = configuration.load(**{name: value for name, value in options.items() if value is not None})
        serve(settings)
    except InspectorError as error:
        log.critical("%s: %s %s", error.title, error, error.advice)
        return 2
    return 0


def serve(settings: Settings) -> None:
    """Until a signal comes. Raises RecipeError, SettingsError: a port that cannot be had, keys that are
    missing or broken."""
    settings = settings.model_copy(update={"max_connections": guard.files_for(settings.max_connections)})
    metrics = new_metrics(settings)
    app = create_app(settings, metrics)
    with (
        _bound(settings.host, settings.port, "port") as listener,
        _served(metrics, settings.metrics_host, settings.metrics_port) as metrics_port,
    ):
        address = listener.getsockname()[0]
        keyring.check_exposure(address, settings)
        log.info("listening on http://%s:%d", settings.host, listener.getsockname()[1])
        log.info("access: %s", _access(settings))
        log.info("connections: %d at most", settings.max_connections)
        log.info("metrics on http://%s:%d/metrics", settings.metrics_host, metrics_port)
        Server(app, listener, settings).serve_until_signal()


def _bound(host: str, port: int, name: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise _taken(name, host, port, error) from error


@contextmanager
def _served(metrics: Metrics, host: str, port: int) -> Iterator[int]:
    with ExitStack() as stack:
        try:
            served_port = stack.enter_context(metrics.served(host, port))
        except OSError as error:
            raise _taken("metrics_port", host, port, error) from error
        yield served_port


def _taken(name: str, host: str, port: int, error: OSError) -> SettingsError:
    return SettingsError(f"{name}: cannot listen on {host}:{port}: {error.strerror}.")


def _access(settings: Settings) -> str:
    if settings.keys_file is None:
        return "OPEN, no keys: whoever is on this machine may post and read"
    return f"by the API keys of {settings.keys_file}"


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Before the server listens, and once it has ended: a stop that was asked for is no failure."""
    sys.exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m api",
        description="The gateway: takes images in over HTTP, shows results.",
        epilog="example: python -m api --port 8000 --metrics-port 9100 --redis-url redis://127.0.0.1:6379/0",
    )
    fields = Settings.model_fields
    places = ("redis_url", "database_url", "images_url", "settings_file", "keys_file", "recipes_dir")
    for name in ("host", "metrics_host", *places, "lines"):
        parser.add_argument(f"--{name.replace('_', '-')}", help=fields[name].description)
    for name in ("port", "metrics_port"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, help=fields[name].description)
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    return parser


if __name__ == "__main__":
    sys.exit(main())
