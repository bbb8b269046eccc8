"""What a Sentinel's replies mean: real ones of each kind of server, and moments hard to catch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from inspector.queue.sentinels import Sentinels, View, view_of
from tests.support.replicated import NAME, SentinelTrio
from tests.support.servers import KINDS
from tests.support.waiting import wait_until

PRIMARY = {
    "ip": "10.0.0.1",
    "port": "6379",
    "flags": "master",
    "config-epoch": "3",
    "num-other-sentinels": "2",
}
REPLICA = {
    "ip": "10.0.0.2",
    "port": "6379",
    "flags": "slave",
    "role-reported": "slave",
    "master-host": "10.0.0.1",
    "slave-priority": "100",
}
HERE, THERE = "10.0.0.1:6379", "10.0.0.2:6379"


def _flat(facts: Mapping[str, str]) -> list[bytes]:
    return [word.encode() for pair in facts.items() for word in pair]


def _view(named: Sequence[bytes], primary: Mapping[str, str], *replicas: Mapping[str, str]) -> View:
    return view_of(named, _flat(primary), [_flat(one) for one in replicas])


@pytest.mark.parametrize(
    ("changes", "out"),
    [
        ({}, False),
        ({"flags": "slave,disconnected"}, False),  # for a moment, after each failover
        ({"flags": "s_down,slave,disconnected"}, True),
        ({"slave-priority": "0"}, True),
        ({"master-host": "?", "role-reported": "master"}, True),  # the primary of before, not yet told
        ({"master-host": "?"}, False),
        ({"role-reported": "master"}, False),  # the one that is being promoted
    ],
)
def test_who_will_not_be_promoted(changes: dict[str, str], out: bool) -> None:
    view = _view([b"10.0.0.1", b"6379"], PRIMARY, {**REPLICA, **changes})
    assert view.replicas == {THERE}
    assert view.out == ({THERE} if out else set())


def test_a_failover_is_a_doubt_of_the_old_primary_and_not_of_the_new_one() -> None:
    failing = {**PRIMARY, "flags": "s_down,o_down,master,failover_in_progress"}
    before = _view([b"10.0.0.1", b"6379"], failing, REPLICA)
    assert (before.primary, before.failing_over) == (HERE, True)
    promoted = _view([b"10.0.0.2", b"6379"], failing, REPLICA)
    assert (promoted.primary, promoted.failing_over) == (THERE, False)
    assert promoted.servers == {THERE}


@pytest.mark.parametrize("kind", KINDS)
def test_real_sentinels_are_understood(kind: str, tmp_path: Path) -> None:
    with SentinelTrio(kind, tmp_path, replicas=2) as trio, asyncio.Runner() as runner:
        sentinels = Sentinels(trio.sentinels, NAME)
        places = [f"127.0.0.1:{one.port}" for one in (trio.primary, *trio.replicas)]
        calm = View(places[0], 0, False, 3, frozenset(places[1:]), frozenset())
        assert runner.run(sentinels.views()) == [calm] * 3
        trio.replicas[1].kill()

        def out() -> bool:
            return [view.out for view in runner.run(sentinels.views())] == [frozenset(places[2:])] * 3

        wait_until(out, 10, "a replica that is known to be down")
        trio.kill_sentinels()
        assert runner.run(sentinels.views()) == []
        runner.run(sentinels.aclose())
