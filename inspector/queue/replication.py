"""What a server says of its replicas: INFO replication."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inspector.queue.primary import place

ONLINE = "online"

FULL_SYNC = frozenset({"wait_bgsave", "send_bulk", "send_bulk_and_stream", "bg_transfer"})
"""States of a replica that is being given everything: until it has it, it holds nothing that counts. (The
last two are Valkey's, where changes are sent beside it.)"""


@dataclass(frozen=True, slots=True)
class Replica:
    place: str
    """HOST:PORT."""
    state: str
    offset: int
    """Up to where of the primary's stream it has confirmed."""


@dataclass(frozen=True, slots=True)
class Replication:
    offset: int
    """Up to where the server itself has written."""
    replicas: tuple[Replica, ...]

    @property
    def in_step(self) -> int:
        """Replicas that have what the server has, or are behind by what is on its way."""
        return sum(one.state == ONLINE for one in self.replicas)


def replication(info: bytes) -> Replication:
    text = info.decode()
    offset = re.search(r"^master_repl_offset:(\d+)", text, re.MULTILINE)
    lines = re.findall(r"^slave\d+:(.*?)\r?$", text, re.MULTILINE)
    return Replication(int(offset[1]) if offset else 0, tuple(_replica(line) for line in lines))


def _replica(line: str) -> Replica:
    """Of "ip=10.0.0.2,port=6379,state=online,offset=1234,lag=0"."""
    facts = dict(fact.split("=", 1) for fact in line.split(",") if "=" in fact)
    return Replica(place(facts["ip"], int(facts["port"])), facts["state"], int(facts["offset"]))
