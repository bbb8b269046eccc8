"""A minute of faults, and time to start and to settle. More: `python -m tests.faults --minutes 30`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.__main__ import lines
from tests.faults.run import Plan, run


@pytest.mark.timeout(400)
def test_a_minute_of_faults_loses_and_doubles_nothing(tmp_path: Path) -> None:
    report = run(Plan(tmp_path, seconds=60, seed=11, cameras=3, workers=2))
    printed = "\n".join(lines(report))
    assert report.sound, printed
    assert "lost 0\ndoubled 0\n" in printed
    assert report.counts.accepted > 30, printed
    assert sum(report.counts.states.values()) == report.counts.accepted
    assert sum(report.faults.values()) >= 3, printed
    assert any(len(file.name) == 32 for file in (tmp_path / "blobs").iterdir()), "none lay in the blob store"
