"""`python -m benchmarks networks`, as its user runs it, with a small rival."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.rounds import ratios
from inspector.models.bundle import OPENVINO_XML, Bundle


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", "networks", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def rival(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    from inspector.engines.openvino_runtime import core, ov

    model = core().read_model(tiny_bundle.path(OPENVINO_XML))
    model.reshape([1, 1, 128, 128])
    ov.save_model(model, tmp_path / "rival.xml")
    return tmp_path / "rival.xml"


def test_a_table_and_the_figures_in_a_file(tiny_bundle: Bundle, rival: Path, tmp_path: Path) -> None:
    words = ("--model", tiny_bundle.folder, "--rival", f"twin={rival}", "--side", "128", "--rounds", "2")
    done = run(*words, "--seconds", "0.05", "--precision", "int8", "--json", tmp_path / "f.json")
    assert done.returncode == 0, done.stderr
    assert "| precision | setup | ours | twin | ours : fastest rival |" in done.stdout
    report = json.loads((tmp_path / "f.json").read_text())
    assert [row["setup"] for row in report["results"]] == ["1 stream x 2 threads", "2 streams x 1 thread"]
    for row in report["results"]:
        assert 0 < row["rates"]["ours"]["low"] <= row["rates"]["ours"]["median"]
        assert row["ratio"]["low"] <= row["ratio"]["median"] <= row["ratio"]["high"]
    assert report["network"]["parameters"] > 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--rival", "nothing"], "expected NAME=FILE.xml"),
        (["--rival", "a=/no/such.xml"], "there is no such file"),
        (["--side", "130"], "multiples of 32"),
        (["--precision", "fp4"], "not one of f32, bf16, int8"),
    ],
)
def test_what_cannot_work_is_one_line(
    tiny_bundle: Bundle,
    words: list[str],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = words if "--side" in words else ["--side", "128", *words]
    monkeypatch.setattr(sys, "argv", ["benchmarks", "networks", "--model", str(tiny_bundle.folder), *given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert complaint in capsys.readouterr().err.splitlines()[-1]


def test_a_ratio_is_to_the_fastest_rival_of_its_round() -> None:
    assert ratios({"ours": [10.0, 12.0]}) == []
    assert ratios({"ours": [10.0, 12.0], "a": [5.0, 6.0], "b": [4.0, 8.0]}) == [2.0, 1.5]
