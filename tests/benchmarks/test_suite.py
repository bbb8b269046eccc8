"""The suite's commands as their user runs them, for a moment each: real processes, real posts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)


def test_what_the_service_itself_costs(tmp_path: Path) -> None:
    report_file, picture = tmp_path / "report.json", tmp_path / "picture.png"
    words = ("--rounds", "1", "--seconds", "1", "--clients", "2", "--level", "D1")
    done = run("empty-model", *words, "--json", report_file, "--picture", picture)
    assert done.returncode == 0, done.stderr
    assert "| level | clients | images/s |" in done.stdout
    seen = json.loads(report_file.read_text())["targets"]["D1"]["2"]
    assert seen["rate"]["median"] > 0
    assert set(seen["cpu_ms"]) == {"server", "gateway", "worker-1", "service"}
    assert seen["memory_mb"]["gateway"]["median"] > 10
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["growth", "--what", "nothing"], "not one of bodies, pixels, findings, depth, clients"),
        (["service", "--rival", "nothing"], "expected NAME=PORT/PATH"),
    ],
)
def test_what_cannot_work_is_one_line(words: list[str], complaint: str) -> None:
    done = run(*words)
    assert done.returncode == 1
    assert complaint in done.stderr.splitlines()[-1]
