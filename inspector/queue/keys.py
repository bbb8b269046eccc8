"""Every key of the queue, in one place.

A shard's keys share the hash tag {shard}, so that one script may touch all of them on a cluster too.

work            stream   one entry an image not finished: id, line, priority, due. Never trimmed; XLEN is what
                         waits and is in flight. Pending in the group only while a worker has it
ready:<p>:<line>
                zset     entry -> rank: a line's images that wait, of priority p (0 live, 1 re-inspection)
turn:<p>        list     the lines that have some, each once; the first has the next turn
results         stream   one entry an outcome, with its bytes, and its cost until it is archived; trimmed by
                         age, by the archiver once there is one
dead            stream   one entry a dead letter: id, bytes, line, consumer, deliveries, error
lines           hash     <line>:bytes, <line>:depth of each line that has images not finished
known           hash     ms by which they are forgotten -> how many finished ids; by slices of time
ring            list     "size:id" of finished images still held, newest first; size 0: a dead letter holds
                         it, or the archiver
due             zset     id -> deadline, ms: of images not finished that have one
totals          hash     bytes (accepted, not finished), recent (held by the ring), dead (by dead letters),
                         archive (what waits for the archiver; the field is there once there is one)
held            hash     id -> its entry in `results`: the archiver has not released the image yet
blobs           hash     id -> bytes of its image, which lies in the blob store under that id (blobs.py): in
                         place of image:<id>, and leaves as that does
discarded       zset     id -> ms since 1970 when the queue let go of it: its file is to be deleted
mark            string   what tells this queue from others, in its blob store too (blobs.py)
workers         hash     name -> "<ms of the last report> <WorkerReport as JSON>"
state:<id>      hash     submitted, line, format, digest, entry, bytes, idem, state, accept, token, error,
                         dead (its entry in `dead`, while it has one), deliveries (so many, when handed back)
job:<id>        string   Job as JSON                   }
image:<id>      string   the bytes as posted           } these four leave together,
map:<id>        string   the attention map as PNG      } when the ring has no room
result:<id>     string   Result as JSON                }
idem:<hash>     string   "<digest>:<id>" for an idempotency key
forsaken:<id>   string   empty: the file of that id is given up, so it will not be accepted any more
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

GROUP = "inspect"
"""The one consumer group on the work stream."""

ARCHIVE_GROUP = "archive"
"""The one consumer group on the result stream."""

FEEDER = "feed"
"""Consumer of the group that nobody is: in its name, take puts new entries where they wait. Holds nothing."""

WORKER_TTL_MS = 15_000
"""A worker that has not reported for so long counts as gone: three reports, at one every 5 s."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of one shard's keys."""

    shard: str = "0"

    @property
    def prefix(self) -> str:
        return f"inspector:{{{self.shard}}}:"

    @property
    def work(self) -> str:
        return self.prefix + "work"

    @property
    def results(self) -> str:
        return self.prefix + "results"

    @property
    def dead(self) -> str:
        return self.prefix + "dead"

    @property
    def ring(self) -> str:
        return self.prefix + "ring"

    @property
    def due(self) -> str:
        return self.prefix + "due"

    @property
    def lines(self) -> str:
        return self.prefix + "lines"

    @property
    def known(self) -> str:
        return self.prefix + "known"

    @property
    def totals(self) -> str:
        return self.prefix + "totals"

    @property
    def held(self) -> str:
        return self.prefix + "held"

    @property
    def blobs(self) -> str:
        return self.prefix + "blobs"

    @property
    def discarded(self) -> str:
        return self.prefix + "discarded"

    @property
    def mark(self) -> str:
        return self.prefix + "mark"

    @property
    def workers(self) -> str:
        return self.prefix + "workers"

    def state(self, inspection_id: str) -> str:
        return f"{self.prefix}state:{inspection_id}"

    def job(self, inspection_id: str) -> str:
        return f"{self.prefix}job:{inspection_id}"

    def image(self, inspection_id: str) -> str:
        return f"{self.prefix}image:{inspection_id}"

    def map(self, inspection_id: str) -> str:
        return f"{self.prefix}map:{inspection_id}"

    def result(self, inspection_id: str) -> str:
        return f"{self.prefix}result:{inspection_id}"

    def idempotency(self, hashed: str) -> str:
        return f"{self.prefix}idem:{hashed}"

    def shown(self, inspection_id: str) -> list[str]:
        """What leaves together with the ring."""
        return [key(inspection_id) for key in (self.job, self.image, self.map, self.result)]

    @property
    def budgeted(self) -> list[str]:
        """What budget.lua looks at, in its order."""
        return [self.work, self.totals, self.lines, self.known]

    def settled(self, inspection_id: str) -> list[str]:
        """What settle.lua touches, in its order."""
        own = (self.state, self.job, self.image, self.map, self.result)
        shared = [self.work, self.results, self.ring, self.totals]
        return [*shared, *(key(inspection_id) for key in own), self.due, self.lines, self.known]


def hashed(idempotency_key: str) -> str:
    """A client's key as part of a key's name: of one length, and no byte of it is the client's."""
    return hashlib.sha256(idempotency_key.encode()).hexdigest()
