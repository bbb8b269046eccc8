"""The scripts as Python sees them: text, digest, and the conversation that runs them by digest.

A server that restarted has forgotten them (NOSCRIPT); they are then loaded and asked for again, without an
error to the caller. The conversation is a generator, so that the sync and the async connection share it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError, ResponseError

Word = str | bytes | int
Command = Sequence[Word]
Reply = Any
"""As RESP2 has it: bytes, int, None, or a list of these; an error is a ResponseError in its place."""

Conversation = Generator[Sequence[Command], Sequence[Reply], list[Reply]]
"""Yields commands for one round trip, is sent their replies, returns the replies that matter."""

_INCLUDE = re.compile(r"^-- include (\w+\.lua)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    text: str
    sha1: str


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a script. Every script is safe to run again after a reply was lost."""

    script: Script
    keys: Sequence[str]
    args: Sequence[Word]

    def command(self) -> Command:
        return ["EVALSHA", self.script.sha1, len(self.keys), *self.keys, *self.args]


def _read(name: str) -> Script:
    folder = files("inspector.queue.scripts")
    text = (folder / f"{name}.lua").read_text(encoding="utf-8")
    while _INCLUDE.search(text):  # one that is included may include another
        text = _INCLUDE.sub(lambda named: (folder / named[1]).read_text(encoding="utf-8"), text)
    # Redis knows a script by the SHA-1 of its text; nothing is secured by it.
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


SUBMIT = _read("submit")
ROOM = _read("room")
TAKE = _read("take")
FINISH = _read("finish")
BURY = _read("bury")
EXPIRE = _read("expire")
OVERDUE = _read("overdue")
DROP = _read("drop")
REQUEUE = _read("requeue")
RENEW = _read("renew")
HAND_BACK = _read("hand_back")
SWEEP = _read("sweep")
OPEN = _read("open")
LEAVE = _read("leave")
REPORT = _read("report")
ATTACH = _read("attach")
ARCHIVED = _read("archived")
TRIM = _read("trim")
MARK = _read("mark")
DETACH = _read("detach")
FORSAKE = _read("forsake")


def run(calls: Sequence[Call], then: Sequence[Command] = (), first: Sequence[Command] = ()) -> Conversation:
    """All calls in one round trip; two more where the server did not know a script.

    `first` goes before the calls and `then` behind them, on the same connection, in the same round trip; so
    stand the replies. Raises the first error met, after all were answered.
    """
    replies = list((yield [*first, *(call.command() for call in calls), *then]))
    behind = len(first) + len(calls)
    unknown = [index for index in range(len(first), behind) if isinstance(replies[index], NoScriptError)]
    if unknown:
        named = [calls[index - len(first)] for index in unknown]
        yield [["SCRIPT", "LOAD", text] for text in {call.script.text for call in named}]
        again = yield [*first, *(call.command() for call in named), *then]
        places = [*range(len(first)), *unknown, *range(behind, len(replies))]
        for index, reply in zip(places, again, strict=True):
            replies[index] = reply
    return _raise_first(replies)


def plain(commands: Sequence[Command], absent: str = "") -> Conversation:
    """Commands in one round trip; raises the first error one of them met.

    `absent` is the first word of an error that only says that nothing is there: it reads as None.
    """
    replies = yield commands
    return _raise_first([None if absent and _is(reply, absent) else reply for reply in replies])


def _is(reply: Reply, word: str) -> bool:
    return isinstance(reply, ResponseError) and str(reply).startswith(word)


def _raise_first(replies: Sequence[Reply]) -> list[Reply]:
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise reply
    return list(replies)
