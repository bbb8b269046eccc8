"""`python -m benchmarks cuda`: what it counts, and its measuring, on a device that is a CPU."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from typer.testing import CliRunner

from benchmarks import cuda, cuda_line, pictures, roofline
from benchmarks.__main__ import app
from benchmarks.cuda_line import Line, Options
from benchmarks.roofline import Peaks, Work
from inspector.errors import EngineUnavailable, SettingsError
from inspector.models.bundle import Bundle
from tests.support.late_device import LateDevice

PEAKS = Peaks(tflops=1, tflops_f32=0.5, tb_per_s=1, link_gb_per_s=1)


def test_operations_and_bytes_of_one_convolution() -> None:
    image, weights = torch.zeros(1, 4, 8, 8, device="meta"), torch.zeros(2, 4, 3, 3, device="meta")
    with roofline._Moved() as moved:
        F.relu(F.conv2d(image, weights, padding=1))
    assert moved.convolutions == 4 * (4 * 64 + 2 * 4 * 9 + 2 * 64)
    assert moved.all - moved.convolutions == 4 * (2 * 64 + 2 * 64)


def test_another_shape_of_the_same_memory_moves_nothing() -> None:
    with roofline._Moved() as moved:
        torch.zeros(4, 4, device="meta").permute(1, 0)[None].expand(5, -1, -1)
    assert moved.all == 4 * 16, "the zeros"


def test_what_an_image_costs(tiny_bundle: Bundle) -> None:
    works = cuda.counted(tiny_bundle, ["f32", "bf16"], (128, 128), 4)
    f32, bf16 = works["f32"], works["bf16"]
    assert f32.flops == bf16.flops > 0
    assert (f32.up_bytes, f32.down_bytes) == (128 * 128, 4 * (4 + 7 + 16 * 16 + 6 * 512))
    assert bf16.convolution_bytes == pytest.approx(f32.convolution_bytes / 2)
    assert bf16.bytes < f32.bytes
    assert "| arithmetic |" in roofline.markdown(works, PEAKS)


def test_bounds() -> None:
    work = Work("bf16", 2e6, 1e6, 2e6, 3e6, 4e6, up_bytes=1000, down_bytes=500)
    assert list(roofline.bounds(work, PEAKS).values()) == pytest.approx([5e5, 1e5, 5e5, 1e6, 2e6])
    assert roofline.bounds(replace(work, precision="f32"), PEAKS)["arithmetic"] == 2.5e5


def test_it_measures_programs_slots_and_all_of_it(tiny_bundle: Bundle, tmp_path: Path) -> None:
    images = pictures.boards(tmp_path, side=128, count=2)
    options = Options(images, str(tiny_bundle.folder), "late", "f32", batch=2, readers=1)
    line = Line(tiny_bundle, LateDevice(), options)
    plan = cuda.Plan(options.model, batch=2, readers=1, processes=1, rounds=1, seconds=0.3, side=128)

    measured = cuda.measure(plan, LateDevice(), "f32", images, [line], lambda _: None)

    assert list(measured["rates"]) == ["program of 2", "program of 1", "3 slots", "JPEG to findings"]
    assert all(rate["median"] > 0 for rate in measured["rates"].values())
    assert measured["cpu_ms"]["median"] > 0
    work = cuda.counted(tiny_bundle, ["f32"], (128, 128), 2)["f32"]
    assert "nobody knows: no nvidia-smi" in cuda.markdown(measured, work, PEAKS)


def test_a_line_in_a_process_of_its_own_answers_each_time_it_is_asked(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it runs there, on a CPU in the device's place."""
    monkeypatch.setattr("benchmarks.cuda_line.CudaDevice", lambda _: LateDevice())
    monkeypatch.setattr("sys.stdin", io.StringIO("0.2\n0.2\n"))
    images = pictures.boards(tmp_path, side=128, count=1)
    options = Options(images, str(tiny_bundle.folder), "cuda", "bf16", batch=1, readers=2)
    (tmp_path / "options.json").write_text(json.dumps(asdict(options)))

    cuda_line.main(str(tmp_path / "options.json"))

    first, *answers = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"engine": "bf16"}
    assert len(answers) == 2
    assert all(answer["rate"] > 0 < answer["cpu_ms"] for answer in answers)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_without_a_device_what_can_be_counted_is(tiny_bundle: Bundle, tmp_path: Path) -> None:
    words = ["--model", str(tiny_bundle.folder), "--side", "128", "--json", str(tmp_path / "c.json")]
    done = CliRunner().invoke(app, ["cuda", *words])
    assert "Counted, not measured" in done.stdout
    assert isinstance(done.exception, EngineUnavailable)
    assert "'cuda': torch finds" in str(done.exception)
    assert json.loads((tmp_path / "c.json").read_text())["counted"]["bf16"]["flops"] > 0


def test_a_precision_that_torch_lacks_is_refused(tiny_bundle: Bundle) -> None:
    with pytest.raises(SettingsError, match="--precision int8: torch runs f32 and bf16"):
        cuda.counted(tiny_bundle, ["int8"], (128, 128), 1)
