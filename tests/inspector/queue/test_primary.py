"""URLs of Sentinels and clusters; who is asked, and what comes of it, is test_failover.py's."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from inspector.errors import SettingsError
from inspector.queue import connect
from inspector.queue.keys import Keys
from inspector.queue.primary import ByCluster, BySentinel, Fixed, Primary, Seeds, without_password
from inspector.queue.primary import primary_of as primary_at
from tests.support.servers import QueueServer, free_port


def primary_of(url: str, shard: str = "0") -> Primary:
    return primary_at(url, Keys(shard).work)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:6379/0", "rediss://h", "unix:///run/redis.sock"])
def test_a_plain_url_is_the_server(url: str) -> None:
    assert primary_of(url) == Fixed(url)
    assert primary_of(url).find() == url


def test_sentinels_name_a_primary() -> None:
    assert primary_of("redis+sentinel://a,b:1,[::1]:2/boards/3") == BySentinel(
        Seeds(["a:26379", "b:1", "[::1]:2"]), "boards", "redis://{place}/3"
    )
    with_password = primary_of("rediss+sentinel://me:p{}w@a/boards?ssl_cert_reqs=none")
    assert isinstance(with_password, BySentinel)
    assert with_password.node.format(place="x:1") == "rediss://me:p{}w@x:1/0?ssl_cert_reqs=none"


def test_a_clusters_slot_is_that_of_the_queues_keys() -> None:
    cluster = primary_of("redis+cluster://a,b:7001")
    assert isinstance(cluster, ByCluster)
    assert (cluster.seeds, cluster.node) == (Seeds(["a:6379", "b:7001"]), "redis://{place}/0")
    assert cluster.slot == 13907
    other = primary_of("redis+cluster://a", shard="1")
    assert isinstance(other, ByCluster)
    assert other.slot != cluster.slot


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("", "scheme"),
        ("redis+sentinel://a:1", "name of the primary"),
        ("redis+sentinel:///boards", "no host"),
        ("redis+cluster://", "no host"),
        ("redis+cluster://a/1", "database 0"),
        ("redis+magic://a", "redis\\+cluster"),
        ("http+cluster://a", "redis\\+cluster"),
        ("redis+cluster://a:port", "Port"),
    ],
)
def test_a_url_that_is_none_says_why(url: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        primary_of(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://gateway:secret@host:6379/0", "redis://gateway:***@host:6379/0"),
        ("redis://:se@cret@host", "redis://:***@host"),
        ("redis+sentinel://gateway:secret@a:1,b:2/boards", "redis+sentinel://gateway:***@a:1,b:2/boards"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_a_url_that_is_none_is_told_without_its_password() -> None:
    with pytest.raises(SettingsError) as refused:
        connect.results("redis+magic://gateway:secret@host")
    assert "secret" not in str(refused.value)


def test_the_one_that_answered_is_asked_first_the_next_time(tmp_path: Path) -> None:
    """A node that hangs is waited for once, not at each look."""
    with QueueServer("redis", tmp_path / "a") as hanging, QueueServer("redis", tmp_path / "b") as other:
        first, second = (f"127.0.0.1:{one.port}" for one in (hanging, other))
        seeds = Seeds([first, second])
        assert next(seeds.ask("redis://{place}", "PING")) == (first, b"PONG")
        hanging.pause()
        assert next(seeds.ask("redis://{place}", "PING")) == (second, b"PONG")
        hanging.resume()
        assert next(seeds.ask("redis://{place}", "PING")) == (second, b"PONG")


@pytest.mark.parametrize("rest", ["sentinel://127.0.0.1:{}/boards", "cluster://127.0.0.1:{}"])
def test_when_nobody_answers_nobody_knows(rest: str) -> None:
    with pytest.raises(redis.ConnectionError, match="knows"):
        primary_of("redis+" + rest.format(free_port())).find()
