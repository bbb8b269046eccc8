"""What the gateway says of the number of replicas."""

from __future__ import annotations

import pytest

from api.background import of_replicas
from api.settings import Settings
from inspector.queue.base import Durability, ServerHealth

ALONE, UNDER_SENTINELS = "redis://queue:6379", "redis+sentinel://a:26379,b:26379/queue"


@pytest.mark.parametrize(
    ("durability", "url", "asked", "fewest", "most", "said"),
    [
        (Durability.D2, ALONE, 1, 0, 0, None),
        (Durability.D3, ALONE, 1, 0, 0, "no image is acknowledged: 0 replicas are in step"),
        (Durability.D3, ALONE, 1, 1, 1, None),
        (Durability.D3, ALONE, 1, 2, 2, "one of 2 replicas may be promoted without it"),
        (Durability.D3, ALONE, 1, 1, 2, "one of 2 replicas may be promoted without it"),  # two shards
        (Durability.D3, UNDER_SENTINELS, 1, 2, 2, None),
        (Durability.D3, UNDER_SENTINELS, 2, 1, 1, "INSPECTOR_REPLICAS=2"),
    ],
)
def test_a_number_of_replicas_that_loses_images_or_takes_none_is_told(
    durability: Durability, url: str, asked: int, fewest: int, most: int, said: str | None
) -> None:
    health = ServerHealth(1, 0, aof_sound=True, aof_bytes=0, replicas=fewest, most_replicas=most)
    told = of_replicas(health, Settings(durability=durability, redis_url=url, replicas=asked))
    assert told is None if said is None else said in str(told)
