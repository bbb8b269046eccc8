"""Opens the seams of the queue on a server, by URL: redis://, rediss://, unix://, redis+sentinel:// or
redis+cluster:// (primary.py), on one shard or several (sharded.py).

Nothing connects here: the server may be down now, come later, and go and come again. Only a URL that is none
is refused at once, with SettingsError.
"""

from __future__ import annotations

from datetime import timedelta

from inspector.queue.base import (
    DEFAULT_BUDGETS,
    MIN_IDLE,
    Admin,
    Archive,
    Budgets,
    Consumer,
    Disposal,
    Durability,
    Producer,
    Results,
)
from inspector.queue.blobs import BlobStore
from inspector.queue.keys import Keys
from inspector.queue.redis_admin import RedisAdmin
from inspector.queue.redis_archive import RedisArchive
from inspector.queue.redis_consumer import RedisConsumer
from inspector.queue.redis_disposal import RedisDisposal
from inspector.queue.redis_producer import RedisProducer
from inspector.queue.redis_results import RedisResults
from inspector.queue.sharded import (
    ShardedAdmin,
    ShardedArchive,
    ShardedConsumer,
    ShardedDisposal,
    ShardedProducer,
    ShardedResults,
)


def producer(
    url: str,
    budgets: Budgets = DEFAULT_BUDGETS,
    durability: Durability = Durability.D2,
    min_idle: timedelta = MIN_IDLE,
    shards: int = 1,
    replicas: int = 1,
) -> Producer:
    """For a gateway. At D3 so many `replicas` at least confirm each image. End it with `await aclose()`."""
    own = budgets.shared_by(shards)
    each = [RedisProducer(url, keys, own, durability, min_idle, replicas) for keys in _keys(shards)]
    return each[0] if shards == 1 else ShardedProducer(each)


def consumer(
    url: str,
    name: str,
    budgets: Budgets = DEFAULT_BUDGETS,
    min_idle: timedelta = MIN_IDLE,
    shards: int = 1,
    blobs: BlobStore | None = None,
) -> Consumer:
    """For a worker's network thread. `name` is unique among living workers. End it with `close()`. Without
    `blobs`, an image that lies in the blob store is failed."""
    own = budgets.shared_by(shards)
    each = [RedisConsumer(url, keys, name, own, min_idle, blobs) for keys in _keys(shards)]
    return each[0] if shards == 1 else ShardedConsumer(each)


def results(
    url: str,
    shards: int = 1,
    durability: Durability = Durability.D2,
    replicas: int = 1,
    blobs: BlobStore | None = None,
) -> Results:
    """For a gateway: states, images, and the stream of outcomes; at D3 those that so many `replicas` have.
    End it with `await aclose()`."""
    each = [RedisResults(url, keys, durability, replicas, blobs) for keys in _keys(shards)]
    return each[0] if shards == 1 else ShardedResults(each)


def archive(
    url: str,
    name: str,
    budgets: Budgets = DEFAULT_BUDGETS,
    min_idle: timedelta = MIN_IDLE,
    shards: int = 1,
    blobs: BlobStore | None = None,
) -> Archive:
    """For an archiver. `name` is unique among living archivers. End it with `close()`."""
    own = budgets.shared_by(shards)
    each = [RedisArchive(url, keys, name, own, min_idle, blobs) for keys in _keys(shards)]
    return each[0] if shards == 1 else ShardedArchive(each)


def admin(url: str, budgets: Budgets = DEFAULT_BUDGETS, shards: int = 1) -> Admin:
    """For status pages, readiness and dead letters. End it with `await aclose()`."""
    own = budgets.shared_by(shards)
    each = [RedisAdmin(url, keys, own) for keys in _keys(shards)]
    return each[0] if shards == 1 else ShardedAdmin(each)


def disposal(url: str, shards: int = 1) -> Disposal:
    """For a gateway with a blob store. End it with `await aclose()`."""
    each = [RedisDisposal(url, keys) for keys in _keys(shards)]
    return each[0] if shards == 1 else ShardedDisposal(each)


def _keys(shards: int) -> list[Keys]:
    return [Keys(str(index)) for index in range(shards)]
