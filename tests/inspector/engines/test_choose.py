from __future__ import annotations

import logging
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from inspector.engines.choose import choose, decide
from inspector.engines.openvino_engine import has_bf16
from inspector.errors import BundleError, EngineUnavailable, SettingsError
from inspector.models.bundle import Bundle, amend_training, write_manifest


def test_a_cpu_runs_the_openvino_export_and_the_log_says_why(
    tiny_bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    engine = choose(tiny_bundle, device="cpu")

    assert (engine.name, engine.device) == ("openvino", "cpu")
    assert "engine openvino on cpu: the fastest on a CPU" in caplog.text


def test_torch_when_asked_for(tiny_bundle: Bundle) -> None:
    assert choose(tiny_bundle, "torch", "cpu").name == "torch"


def test_torch_when_there_is_no_export(tiny_bundle: Bundle, tmp_path: Path) -> None:
    bundle = lacking(tiny_bundle, tmp_path / "b")
    assert choose(bundle, "auto", "cpu").name == "torch"
    with pytest.raises(BundleError, match=r"carries no openvino/model\.xml"):
        choose(bundle, "openvino")


def test_a_cuda_device_that_is_not_there(tiny_bundle: Bundle) -> None:
    with pytest.raises(EngineUnavailable, match="'cuda:99': torch finds"):
        choose(tiny_bundle, "auto", "cuda:99")


def test_openvino_does_not_run_on_cuda(tiny_bundle: Bundle) -> None:
    with pytest.raises(EngineUnavailable, match="--engine torch"):
        choose(tiny_bundle, "openvino", "cuda")


@pytest.mark.parametrize(("engine", "device"), [("tensorflow", "cpu"), ("auto", "gpu"), ("auto", "cuda:x")])
def test_other_words_are_refused(tiny_bundle: Bundle, engine: str, device: str) -> None:
    with pytest.raises(SettingsError, match="is not one of"):
        choose(tiny_bundle, engine, device)


def measured(bundle: Bundle, folder: Path, **precisions: dict[str, Any]) -> Bundle:
    """A copy whose manifest says this of its precisions."""
    shutil.copytree(bundle.folder, folder)
    return amend_training(Bundle.load(folder), {"precisions": precisions})


CLEAN: dict[str, Any] = {"passed": True, "flips": 0, "verdicts": 300, "map50_95_lost": 0.001}


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({}, "openvino"),
        (CLEAN, "openvino int8"),
        ({**CLEAN, "flips": 1}, "openvino"),
        ({**CLEAN, "verdicts": 299}, "openvino"),
        ({**CLEAN, "passed": False}, "openvino"),
    ],
)
def test_auto_leaves_f32_only_for_one_that_changed_none_of_many_verdicts(
    int8_bundle: Bundle, tmp_path: Path, facts: dict[str, Any], name: str
) -> None:
    bundle = measured(int8_bundle, tmp_path / "b", int8=facts)
    assert choose(bundle, device="cpu", precision="auto").name == name


@pytest.mark.parametrize(("facts", "fast"), [({"bf16": CLEAN}, True), ({"int8": CLEAN}, False)])
def test_auto_takes_bf16_where_the_cpu_has_it_and_no_file_that_is_not_there(
    tiny_bundle: Bundle, tmp_path: Path, facts: dict[str, Any], fast: bool
) -> None:
    bundle = measured(tiny_bundle, tmp_path / "b", **facts)
    wanted = "openvino bf16" if fast and has_bf16() else "openvino"
    assert choose(bundle, device="cpu", precision="auto").name == wanted


def test_the_log_says_why_and_what_it_costs(
    int8_bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bundle = measured(int8_bundle, tmp_path / "b", int8={**CLEAN, "flips": 7})
    choose(bundle, device="cpu", precision="auto")
    assert "precision f32: thresholds were chosen with it" in caplog.text
    choose(bundle, device="cpu", precision="int8")
    assert (
        "int8: asked for; on validation 7 of 300 verdicts changed, mAP50-95 lost 0.10 points" in caplog.text
    )
    gained = measured(int8_bundle, tmp_path / "g", int8={**CLEAN, "map50_95_lost": -0.0006})
    assert "mAP50-95 gained 0.06 points" in decide(gained, "auto", "cpu", "int8").why
    choose(int8_bundle, device="cpu", precision="int8")
    assert "what it costs was not measured" in caplog.text


def test_a_bundle_without_int8_is_refused_with_the_command_that_makes_it(tiny_bundle: Bundle) -> None:
    with pytest.raises(BundleError, match=r"`inspector export --model .*tiny --data SPEC --out DIR --int8`"):
        choose(tiny_bundle, precision="int8")


def test_torch_runs_f32_and_bf16_where_it_is_asked_for(
    int8_bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = measured(int8_bundle, tmp_path / "b", bf16=CLEAN)
    caplog.set_level("INFO")
    assert choose(bundle, "torch", "cpu", precision="auto").name == "torch"
    assert choose(bundle, "torch", "cpu", precision="bf16").name == "torch bf16"
    assert "bf16: asked for; what it costs was not measured" in caplog.text, "the facts are OpenVINO's"
    with pytest.raises(EngineUnavailable, match="torch runs f32 and bf16"):
        choose(bundle, "torch", "cpu", precision="int8")


def test_another_precision_is_refused(tiny_bundle: Bundle) -> None:
    with pytest.raises(SettingsError, match="precision 'fp16' is not one of: auto, f32, bf16, int8"):
        choose(tiny_bundle, precision="fp16")


# --- every combination: what is chosen, and what is refused with what to do ---------------------------------


def lacking(bundle: Bundle, folder: Path) -> Bundle:
    """A copy without its OpenVINO export."""
    shutil.copytree(bundle.folder, folder)
    shutil.rmtree(folder / "openvino")
    return write_manifest(folder, bundle.manifest.model_dump(exclude={"files"}))


@pytest.fixture
def on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `decide` may be asked: nothing is opened there."""
    monkeypatch.setattr("inspector.engines.choose._cuda_is_there", lambda: True)


@pytest.mark.usefixtures("on_a_gpu")
@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (("auto", "auto", "f32"), ("torch", "cuda", "f32")),
        (("auto", "auto", "bf16"), ("torch", "cuda", "bf16")),
        (("auto", "auto", "auto"), ("torch", "cuda", "f32")),
        (("auto", "auto", "int8"), ("openvino", "cpu", "int8")),
        (("auto", "cpu", "f32"), ("openvino", "cpu", "f32")),
        (("auto", "cuda:1", "f32"), ("torch", "cuda:1", "f32")),
        (("openvino", "auto", "f32"), ("openvino", "cpu", "f32")),
        (("torch", "auto", "bf16"), ("torch", "cuda", "bf16")),
        (("torch", "cpu", "bf16"), ("torch", "cpu", "bf16")),
    ],
)
def test_what_a_machine_with_a_gpu_runs(
    tiny_bundle: Bundle, words: tuple[str, str, str], chosen: tuple[str, str, str]
) -> None:
    assert decide(tiny_bundle, *words)[:3] == chosen


@pytest.mark.parametrize(
    ("facts", "device", "precision"),
    [
        ({"torch-bf16": CLEAN}, "cuda", "bf16"),
        ({"torch-bf16": {**CLEAN, "flips": 1}}, "cuda", "f32"),
        ({"bf16": CLEAN, "int8": CLEAN}, "cuda", "f32"),
        ({"torch-bf16": CLEAN}, "cpu", "f32"),
    ],
    ids=["clean", "a flip", "OpenVINO's facts", "a CPU"],
)
def test_auto_takes_bf16_on_a_gpu_by_facts_of_its_own(
    tiny_bundle: Bundle, tmp_path: Path, facts: dict[str, Any], device: str, precision: str
) -> None:
    bundle = measured(tiny_bundle, tmp_path / "b", **facts)
    choice = decide(bundle, "torch", device, "auto")
    assert choice.precision == precision
    assert ("0 of 300 verdicts changed, mAP50-95 lost 0.10 points" in choice.why) == (precision == "bf16")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("torch", "auto", "int8"), "OpenVINO alone: --engine openvino --device cpu"),
        (("auto", "cuda", "int8"), "OpenVINO alone: --engine openvino --device cpu"),
        (("openvino", "cuda", "f32"), "the openvino engine runs on cpu; use --engine torch"),
        (("openvino", "cuda", "int8"), "OpenVINO alone: --engine openvino --device cpu"),
    ],
)
def test_what_no_machine_runs(tiny_bundle: Bundle, words: tuple[str, str, str], said: str) -> None:
    with pytest.raises(EngineUnavailable, match=said):
        decide(tiny_bundle, *words)


def test_without_an_export_the_log_says_what_makes_one(
    tiny_bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert choose(lacking(tiny_bundle, tmp_path / "b"), device="cpu").name == "torch"
    assert "no OpenVINO export, which `inspector export` makes" in caplog.text


def test_without_an_export_and_without_torch_the_command_that_makes_one(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = find_spec
    monkeypatch.setattr(
        "inspector.engines.choose.find_spec", lambda name: None if name == "torch" else there(name)
    )
    with pytest.raises(BundleError, match=r"`inspector export --model .* --data SPEC --out DIR` makes one"):
        choose(lacking(tiny_bundle, tmp_path / "b"), device="cpu")
    with pytest.raises(EngineUnavailable, match=r"torch is not installed: pip install 'inspector\[gpu\]'"):
        choose(tiny_bundle, "torch", "cpu")


def test_an_idle_driver_is_told(tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.engines.choose._CUDA_DRIVERS", (tmp_path,))
    monkeypatch.setattr("inspector.engines.choose._cuda_is_there", lambda: False)
    assert (
        "NVIDIA's driver is here, but no torch that can use it"
        in decide(tiny_bundle, "auto", "auto", "f32").why
    )
    assert "driver" not in decide(tiny_bundle, "auto", "cpu", "f32").why
