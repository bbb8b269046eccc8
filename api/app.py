"""create_app(settings): the gateway as an ASGI application. Nothing is opened before its lifespan starts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from fastapi import FastAPI
from starlette.responses import Response

from api import background, openapi, problems, security
from api.admission import Admission
from api.blobs import Blobs
from api.dashboard.plotly import router as plotly
from api.dashboard.routes import router as dashboard
from api.expiry import expire_overdue
from api.gateway import Gateway
from api.guard import Crowd, Limits
from api.hub import Hub
from api.keyring import Keyring
from api.metrics import Metrics
from api.posting import Posting
from api.records import Records
from api.routes import charts, events, health, inspections, lots, reference, session, statistics, status
from api.sessions import Sessions
from api.settings import Settings
from api.state import Connect, Queue, Resources
from api.tidying import Tidying
from inspector import __version__
from inspector.decision.recipes import RecipeBook
from inspector.errors import SettingsError, StoreUnavailable
from inspector.plant import plant_toml
from inspector.queue import connect


def create_app(
    settings: Settings, metrics: Metrics | None = None, open_queue: Connect | None = None
) -> FastAPI:
    """The application. Reads recipes and keys, and makes the blob store, at once: RecipeError, SettingsError
    before anything listens.

    `metrics` is given by whoever serves them; `open_queue` replaces the queue on settings.redis_url.
    """
    recipes = RecipeBook.read(settings.recipes_dir)
    _records(settings)  # what is wrong with its settings is told now, too
    _prepare_store(settings)
    keyring = Keyring(settings.keys_file, _sessions(settings))
    app = FastAPI(
        title="Inspector",
        version=__version__,
        summary="Post an image of a part, get a verdict, boxes and an attention map.",
        lifespan=partial(
            _opened,
            settings=settings,
            recipes=recipes,
            keyring=keyring,
            metrics=metrics or new_metrics(settings),
            open_queue=open_queue or _on_redis,
        ),
        # The usual pages load their scripts from the internet; routes/reference.py works without.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        default_response_class=Response,
    )
    app.state.crowd = Crowd(
        Limits(settings.head_timeout_s, settings.max_connections, settings.max_waiting_per_address)
    )
    app.add_middleware(security.SecurityHeaders)
    app.add_middleware(Posting)
    problems.install(app)
    for routes in (inspections, statistics, charts, lots, events, status, session, health, reference):
        app.include_router(routes.router)
    app.include_router(plotly)  # before all of /dashboard/*
    app.include_router(dashboard)
    openapi.install(app)
    return app


def new_metrics(settings: Settings) -> Metrics:
    plant = plant_toml.read(settings.settings_file)
    lines, takts = settings.named_lines(plant), settings.takts(plant)
    return Metrics(lines, problems.REFUSALS, takts, settings.budgets)


def _on_redis(settings: Settings) -> Queue:
    url, budgets = settings.redis_url, settings.budgets
    shards = settings.shards
    producer = connect.producer(
        url, budgets, settings.durability, settings.min_idle, shards, settings.replicas
    )
    store = settings.blob_store
    results = connect.results(url, shards, settings.durability, settings.replicas, store)
    disposal = connect.disposal(url, shards) if store is not None else None
    return Queue(producer, results, connect.admin(url, budgets, shards), disposal)


def _prepare_store(settings: Settings) -> None:
    try:
        if settings.blob_store is not None:
            settings.blob_store.prepare()
    except StoreUnavailable as error:
        raise SettingsError(f"blobs (INSPECTOR_BLOBS): {error}") from error


def _sessions(settings: Settings) -> Sessions:
    secret = settings.session_secret
    lasts = timedelta(hours=settings.session_hours)
    return Sessions(secret.get_secret_value() if secret is not None else None, lasts)


def _records(settings: Settings) -> Records:
    return Records(settings.database_url, settings.images_url, plant_toml.read(settings.settings_file))


@asynccontextmanager
async def _opened(
    app: FastAPI,
    *,
    settings: Settings,
    recipes: RecipeBook,
    keyring: Keyring,
    metrics: Metrics,
    open_queue: Connect,
) -> AsyncIterator[None]:
    queue = open_queue(settings)
    admission = Admission(metrics, settings.share_ahead, settings.shards)
    hub = Hub(
        queue.results,
        max_viewers=settings.max_viewers,
        viewer_buffer=settings.viewer_buffer,
        keep_alive_s=settings.keep_alive_s,
        seen=admission.saw_outcome,
    )
    records = _records(settings)
    blobs = Blobs(settings.blob_store, settings.inline_limit)
    gateway = Gateway(
        settings, recipes, queue.producer, queue.results, hub, metrics, records, blobs, admission
    )
    app.state.resources = Resources(settings, recipes, queue, hub, metrics, gateway, keyring, records)
    refresh = partial(
        background.refresh_metrics,
        queue.admin,
        hub,
        app.state.crowd,
        metrics,
        every_s=settings.status_refresh_s,
    )
    durable = partial(background.watch_durability, queue.admin, metrics, settings.durability)
    server = partial(background.watch_server, queue.admin, metrics, settings)
    expire = partial(expire_overdue, queue.producer, metrics)
    keys = partial(keyring.watch, metrics)
    loops: list[Callable[[], Awaitable[None]]] = [hub.run, refresh, durable, server, expire, keys]
    if settings.blobs is not None and queue.disposal is not None:
        tidying = Tidying(blobs, queue.disposal, metrics)
        await tidying.begin()
        loops.append(tidying.run)
    async with background.running(*loops):
        yield
        hub.stop()
    await queue.aclose()
    await records.aclose()
    blobs.close()
