"""Where the queue's primary is: fixed by its URL, or what Sentinels or a cluster's nodes say at the moment.

redis://, rediss://, unix://            that server
redis+sentinel://HOST:PORT,.../NAME/DB  the primary that Sentinels watch as NAME (DB 0 if left out)
redis+cluster://HOST:PORT,...           the node that holds the slot of a shard's keys

`rediss+...` is the same over TLS. A user and password before the hosts, as in redis://USER:PASSWORD@..., are
for the servers; Sentinels are asked without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.crc import key_slot
from redis.retry import Retry

ASK_TIMEOUT_S = 0.5
"""Of one Sentinel or node: another one knows it too."""

SENTINEL_PORT, SERVER_PORT = 26379, 6379


class Primary(Protocol):
    @property
    def moves(self) -> bool:
        """Whether it is to be looked for again when a connection breaks."""

    def find(self) -> str:
        """Its redis:// URL. Blocks; raises redis.ConnectionError when nobody knows it."""


def primary_of(url: str, key: str) -> Primary:
    """Of a cluster, where `key` lies. Raises ValueError for a URL that is none."""
    split = _split(url)
    node, plus, kind = split.scheme.partition("+")
    if not plus:
        _check(url)
        return Fixed(url)
    if node not in {"redis", "rediss"} or kind not in {"sentinel", "cluster"}:
        raise ValueError(
            f"{split.scheme}:// is not one of redis, rediss, unix, redis+sentinel, redis+cluster"
        )
    return _by_sentinel(split, node) if kind == "sentinel" else _by_cluster(split, node, key)


def _split(url: str) -> SplitResult:
    """As urlsplit does, for several hosts too: newer Pythons refuse an IPv6 one that is not the first."""
    parts = _URL.fullmatch(url)
    return SplitResult(*parts.groups(default="")) if parts else urlsplit(url)


_URL = re.compile(r"([a-z]+\+[a-z]+)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?")


def without_password(url: str) -> str:
    """The URL for a message or a screen, also of one that is none."""
    return re.sub(r"(//[^/:]*:).*@", r"\1***@", url)


@dataclass(frozen=True, slots=True)
class Fixed:
    url: str
    moves: bool = False

    def find(self) -> str:
        return self.url


@dataclass(slots=True)
class Seeds:
    """Who may be asked. First the one that answered last: another one may hang, and each costs a time-out."""

    places: Sequence[str]
    _answered: str = ""

    def __str__(self) -> str:
        return ", ".join(self.places)

    def ask(self, url: str, *command: str) -> Iterator[tuple[str, Any]]:
        """HOST:PORT and reply of each that answers; `url` with {place} for it."""
        for seed in sorted(self.places, key=lambda one: one != self._answered):
            if reply := _ask(url.format(place=seed), *command):
                self._answered = seed
                yield seed, reply


@dataclass(frozen=True, slots=True)
class BySentinel:
    """`node`: the primary's URL with {place} for its host and port."""

    seeds: Seeds
    name: str
    node: str
    moves: bool = True

    def find(self) -> str:
        asked = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
        for _, reply in self.seeds.ask("redis://{place}", *asked):
            return self.node.format(place=place(reply[0].decode(), int(reply[1])))
        raise redis.ConnectionError(f"no Sentinel of {self.seeds} knows a primary {self.name!r}")


@dataclass(frozen=True, slots=True)
class ByCluster:
    """`node` as of BySentinel; for the seeds too."""

    seeds: Seeds
    node: str
    slot: int
    moves: bool = True

    def find(self) -> str:
        for seed, slots in self.seeds.ask(self.node, "CLUSTER", "SLOTS"):
            for first, last, primary, *_ in slots:
                if first <= self.slot <= last:
                    # A node that does not know its own address leaves it out: it is where it was asked.
                    host = primary[0].decode() if primary[0] else seed.rpartition(":")[0].strip("[]")
                    return self.node.format(place=place(host, primary[1]))
        raise redis.ConnectionError(f"no node of {self.seeds} knows who holds slot {self.slot}")


def _by_sentinel(split: SplitResult, node: str) -> BySentinel:
    name, _, database = split.path.strip("/").partition("/")
    if not name:
        raise ValueError("the name of the primary is missing: redis+sentinel://HOST:PORT,.../NAME")
    return BySentinel(_seeds(split, SENTINEL_PORT), name, _node(split, node, database or "0"))


def _by_cluster(split: SplitResult, node: str, key: str) -> ByCluster:
    if split.path.strip("/") not in {"", "0"}:
        raise ValueError("a cluster has database 0 only")
    return ByCluster(_seeds(split, SERVER_PORT), _node(split, node, "0"), key_slot(key.encode()))


def _seeds(split: SplitResult, port: int) -> Seeds:
    places = [place for place in split.netloc.rpartition("@")[2].split(",") if place]
    if not places:
        raise ValueError("no host is named")
    seeds = [place if _has_port(place) else f"{place}:{port}" for place in places]
    for seed in seeds:
        _check(f"redis://{seed}")
    return Seeds(seeds)


def _has_port(place: str) -> bool:
    return ":" in place.rpartition("]")[2]


def _node(split: SplitResult, scheme: str, database: str) -> str:
    who, at, _ = split.netloc.rpartition("@")
    query = f"?{split.query}" if split.query else ""
    fixed = f"{who}{at}".replace("{", "{{").replace("}", "}}")
    url = f"{scheme}://{fixed}{{place}}/{database}{query}"
    _check(url.format(place="host:1"))
    return url


def _check(url: str) -> None:
    """Raises ValueError."""
    parse_url(url)  # type: ignore[no-untyped-call]


def place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _ask(url: str, *command: str) -> Any:
    """The raw reply; None from one that does not answer, or knows nothing."""
    limits: dict[str, Any] = {"socket_timeout": ASK_TIMEOUT_S, "socket_connect_timeout": ASK_TIMEOUT_S}
    with redis.Redis.from_url(
        url, protocol=2, retry=Retry(NoBackoff(), 0), driver_info=None, **limits
    ) as client:
        client.response_callbacks.clear()
        try:
            return client.execute_command(" ".join(command[:2]), *command[2:])
        except (redis.RedisError, OSError):
            return None
