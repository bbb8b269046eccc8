from __future__ import annotations

from pathlib import Path

import pytest

from inspector.engines.cores import usable_cores


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        (None, 8),
        ("", 8),
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 1),
        ("50000 100000", 1),
        ("6400000 100000", 8),
    ],
)
def test_a_containers_quota_counts_as_cores(
    quota: str | None, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota)
    assert usable_cores(tmp_path / "cpu.max") == cores
