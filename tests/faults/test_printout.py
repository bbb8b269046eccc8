"""What the printout says of a run, and what of the command's options can be wrong."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from inspector.messages.result import State
from inspector.queue.sharded import shard_of
from tests.faults.__main__ import lines, main
from tests.faults.accounting import Counts
from tests.faults.camera import Tally
from tests.faults.injector import Moment
from tests.faults.run import Plan, Report, recovered
from tests.faults.servers import lines_on
from tests.faults.versions import OURS

COUNTS = Counts(
    accepted=200,
    states={State.DONE: 199, State.EXPIRED: 1},
    lost=[],
    doubled=[],
    contradicted=[],
    delivered_again=3,
    ended_by={"delayed0-1": 150, "shipped3-12": 49, "": 1},
)
REPORT = Report(
    Plan(Path("run"), 60, 7),
    COUNTS,
    Tally(tries=210),
    {"worker killed": 2, "worker paused beyond min_idle": 1, "server killed": 2},
    {"a killed worker's images at another": [2.0, 2.2, 3.5]},
    runs=201,
    died=[],
    server="valkey 9.1.2 (D2, alone)",
    load=1.25,
)


def printed(report: Report) -> list[str]:
    return list(lines(report))


def test_a_sound_run() -> None:
    said = printed(REPORT)
    assert "accepted 200 (of 210 tries; 0 given up)" in said
    assert said[5:10] == ["done 199", "failed 0", "expired 1", "lost 0", "doubled 0"]
    assert "run again, at most 2 (1.00% of the accepted)" in said
    assert "delivered again 3 (1.50%; 1.00 a worker fault)" in said
    assert "ended by: delayed 150, gateways 1, shipped 49" in said
    assert REPORT.sound


def test_the_row_of_the_table_of_runs() -> None:
    assert printed(REPORT)[-1] == (
        f"row: | valkey 9.1.2 (D2, alone) | {OURS.commit} | 1 min, seed 7 | 5 | 200 | 199 / 0 / 1 "
        "| 0 / 0 / 0 | 2 (1.00%) | 2.2 / 3.5 s | - |"
    )


def test_a_recovery_beyond_what_is_wanted_is_told() -> None:
    [line] = [line for line in printed(REPORT) if line.startswith("recovery")]
    assert line == (
        "recovery, a killed worker's images at another: p50 2.20 s, max 3.50 s, 3 times; "
        "wanted <= 3 s: 1 over it"
    )


@pytest.mark.parametrize(("servers", "limit"), [("sentinels", "5 s: 1 over it"), ("cluster", "6 s: kept")])
def test_a_cluster_may_take_a_second_longer(servers: str, limit: str) -> None:
    recoveries = {"a killed primary's loss, to the next acknowledgement": [5.5]}
    plan = replace(REPORT.plan, servers=servers)
    assert any(line.endswith(limit) for line in printed(replace(REPORT, plan=plan, recoveries=recoveries)))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"counts": replace(COUNTS, lost=["a"])}, "lost 1: a"),
        ({"counts": replace(COUNTS, doubled=["b"])}, "doubled 1: b"),
        ({"counts": replace(COUNTS, contradicted=["c"])}, "told one outcome, found another 1: c"),
        ({"tally": Tally(refused=["400 no"])}, "answers that no camera should get 1: 400 no"),
        ({"died": ["gateway-1"]}, "ended by themselves 1: gateway-1"),
    ],
)
def test_what_is_not_sound_is_named(change: dict[str, object], line: str) -> None:
    report = replace(REPORT, **change)  # type: ignore[arg-type]
    assert line in printed(report)
    assert not report.sound


def test_of_another_version_no_runs_are_said() -> None:
    said = printed(replace(REPORT, plan=replace(REPORT.plan, other=OURS), runs=None))
    assert f"beside {OURS.commit}" in said[1]
    assert not any(line.startswith("run again") for line in said)


def test_recovery_counts_from_the_loss_to_the_first_event_behind_the_return_on_each_shard() -> None:
    moment = Moment("its loss", at=10.0, back_at=12.0, shards=frozenset({0, 2}))
    events = [[10.1, 12.5, 13.0], [12.1], [14.0]]
    assert recovered([moment], events, "an event") == {"its loss, to an event": [2.5, 4.0]}
    assert recovered([moment], [[], [], []], "an event") == {}


def test_lines_lie_on_one_shard_after_the_other() -> None:
    names = list(islice(lines_on(3), 7))
    assert [shard_of(name, 3) for name in names] == [0, 1, 2, 0, 1, 2, 0]
    assert len(set(names)) == 7


def test_wrong_options_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--images", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: no JPEG is in {tmp_path}\n"
    with pytest.raises(SystemExit):
        main(["--other-version", str(tmp_path)])
    assert f"{tmp_path} is no checkout of Inspector: it has no api, workers" in capsys.readouterr().err
