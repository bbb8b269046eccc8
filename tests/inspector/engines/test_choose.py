from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from inspector.engines.choose import choose
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
    shutil.copytree(tiny_bundle.folder, tmp_path / "b")
    shutil.rmtree(tmp_path / "b" / "openvino")
    bundle = write_manifest(tmp_path / "b", tiny_bundle.manifest.model_dump(exclude={"files"}))

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
    with pytest.raises(EngineUnavailable, match="the torch engine runs f32 and bf16"):
        choose(bundle, "torch", "cpu", precision="int8")


def test_another_precision_is_refused(tiny_bundle: Bundle) -> None:
    with pytest.raises(SettingsError, match="precision 'fp16' is not one of: auto, f32, bf16, int8"):
        choose(tiny_bundle, precision="fp16")
