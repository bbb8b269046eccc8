"""Opens the seams of the queue on a server, by URL: redis://, rediss://, unix://, redis+sentinel:// or
redis+cluster:// (primary.py).

Nothing connects here: the server may be down now, come later, and go and come again. Only a URL that is none
is refused at once, with SettingsError.
"""

from __future__ import annotations

from datetime import timedelta

from inspector.queue.base import (
    DEFAULT_BUDGETS,
    MIN_IDLE,
    Admin,
    Budgets,
    Consumer,
    Durability,
    Producer,
    Results,
)
from inspector.queue.redis_admin import RedisAdmin
from inspector.queue.redis_consumer import RedisConsumer
from inspector.queue.redis_producer import RedisProducer
from inspector.queue.redis_results import RedisResults


def producer(
    url: str,
    budgets: Budgets = DEFAULT_BUDGETS,
    durability: Durability = Durability.D2,
    min_idle: timedelta = MIN_IDLE,
) -> Producer:
    """For a gateway. End it with `await aclose()`."""
    return RedisProducer(url, budgets, durability, min_idle)


def consumer(
    url: str, name: str, budgets: Budgets = DEFAULT_BUDGETS, min_idle: timedelta = MIN_IDLE
) -> Consumer:
    """For a worker's network thread. `name` is unique among living workers. End it with `close()`."""
    return RedisConsumer(url, name, budgets, min_idle)


def results(url: str) -> Results:
    """For a gateway: states, images, and the stream of outcomes. End it with `await aclose()`."""
    return RedisResults(url)


def admin(url: str, budgets: Budgets = DEFAULT_BUDGETS) -> Admin:
    """For status pages, readiness and dead letters. End it with `await aclose()`."""
    return RedisAdmin(url, budgets)
