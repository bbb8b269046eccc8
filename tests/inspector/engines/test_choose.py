from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from inspector.engines.choose import choose
from inspector.errors import BundleError, EngineUnavailable, SettingsError
from inspector.models.bundle import Bundle, write_manifest


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
