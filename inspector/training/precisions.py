"""The precisions that a bundle may run in, each measured on validation images before it may.

f32   must be torch's twin: boxes and map within PARITY, and no verdict changed; else there is no bundle
bf16  the same file run another way: reported, never shipped or withheld; so is torch-bf16, the weights on a
      CUDA device, where there is one
int8  a file of its own, quantised on training images: shipped only if it loses at most LARGEST_LOSS

All verdicts are by the recipe whose thresholds the f32 export chose. What was found goes into the manifest's
training facts, under `precisions`; engines/choose.py decides by it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.data.dataset import Dataset
from inspector.engines.base import Engine
from inspector.engines.choose import CUDA_BF16
from inspector.engines.cuda_device import CudaDevice, cuda_is_there
from inspector.engines.cuda_engine import CudaEngine, Model
from inspector.engines.openvino_engine import OpenVinoEngine, has_bf16
from inspector.engines.openvino_runtime import core, ov
from inspector.engines.torch_engine import TorchEngine
from inspector.errors import BundleError
from inspector.messages.recipe import Recipe
from inspector.models.bundle import OPENVINO_INT8_XML, OPENVINO_XML, Bundle, write_manifest
from inspector.models.registry import build
from inspector.training.export import PARITY
from inspector.training.parity import Said, compare, spread
from inspector.training.quantise import calibration, kept_by_name, quantise

LARGEST_LOSS = 0.005
"""Of mAP50-95 on validation images, against f32: what INT8 may cost."""

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Measured:
    bundle: Bundle
    lines: tuple[str, ...]
    """For people: what each precision costs, and why INT8 is not there."""

    @property
    def int8_shipped(self) -> bool:
        return OPENVINO_INT8_XML in self.bundle.manifest.files


def measure(
    bundle: Bundle,
    training: Dataset | None,
    validation: Dataset,
    recipe: Recipe,
    advance: Advance = lambda done: None,
) -> Measured:
    """Measure every precision and seal the bundle again with the facts, and with INT8 if it passes.

    `training` gives the images that INT8 is calibrated on; None leaves INT8 out. The bundle's folder is
    replaced only once all of it holds. `advance` is told how many images were compared. Raises BundleError
    when f32 is not torch's twin.
    """
    fresh = bundle.folder.with_name(f"{bundle.folder.name}.measured")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(bundle.folder, fresh)
    try:
        shutil.rmtree((fresh / OPENVINO_INT8_XML).parent, ignore_errors=True)
        if training is not None:
            _write_int8(bundle, training, fresh / OPENVINO_INT8_XML)
        candidate = write_manifest(fresh, bundle.manifest.model_dump(exclude={"files"}))
        facts = _facts(candidate, validation, recipe, advance)
        if training is not None and not facts["int8"]["passed"]:
            shutil.rmtree((fresh / OPENVINO_INT8_XML).parent)
        _seal(candidate, facts)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    shutil.rmtree(bundle.folder)
    fresh.rename(bundle.folder)
    lines = tuple(_told(name, facts[name]) for name in ("f32", "bf16", CUDA_BF16, "int8") if name in facts)
    return Measured(Bundle.load(bundle.folder), lines)


def _write_int8(bundle: Bundle, training: Dataset, path: Path) -> None:
    model = core().read_model(bundle.path(OPENVINO_XML))
    kept = kept_by_name(build(bundle.manifest.architecture))
    path.parent.mkdir()
    ov.save_model(quantise(model, calibration(bundle, training), kept), path, compress_to_fp16=False)


def _facts(bundle: Bundle, validation: Dataset, recipe: Recipe, advance: Advance) -> dict[str, Any]:
    engines: dict[str, Engine] = {"torch": TorchEngine(bundle), "f32": OpenVinoEngine(bundle)}
    if has_bf16():
        engines["bf16"] = OpenVinoEngine(bundle, precision="bf16")
    if cuda_is_there():
        engines[CUDA_BF16] = CudaEngine(Model.of(bundle, CudaDevice("cuda"), precision="bf16"))
    if OPENVINO_INT8_XML in bundle.manifest.files:
        engines["int8"] = OpenVinoEngine(bundle, precision="int8")
    said = compare(bundle, engines, validation, recipe, advance)
    check_f32(said["f32"], said["torch"])
    score = said["f32"].map50_95(validation.classes)
    facts: dict[str, Any] = {
        "images": len(spread(validation)),
        "thresholds": recipe.thresholds.model_dump(),
        "f32": {"passed": True, "map50_95": score, **_differences(said["f32"], said["torch"])},
    }
    for name in said.keys() - {"torch", "f32"}:
        facts[name] = _against(said["f32"], said[name], validation.classes)
        if facts[name]["passed"] and (labels := bundle.manifest.image_level):
            # The gate is one of boxes, and an image-level score that sank would let parts pass.
            reason = f"what it loses on classes without boxes is not measured: {', '.join(labels)}"
            facts[name] |= {"passed": False, "reason": reason}
    return facts


def check_f32(f32: Said, torch: Said) -> None:
    """Raises BundleError when the f32 export is not torch's twin on validation images."""
    # Written so that NaN fails it.
    if not (f32.boxes <= PARITY and f32.attention <= PARITY):
        raise BundleError(
            f"on validation images the export's boxes are off by {f32.boxes:.2g} of the image, its map by "
            f"{f32.attention:.2g} (limit {PARITY:.0e})"
        )
    if flips := f32.flips(torch):
        raise BundleError(f"the export judges {flips} of {len(f32.verdicts)} validation images otherwise")


def _against(f32: Said, said: Said, classes: tuple[str, ...]) -> dict[str, Any]:
    """Facts of a reduced precision; `passed` is the gate, `reason` why not."""
    full, score = f32.map50_95(classes), said.map50_95(classes)
    facts = {"map50_95": score, **_differences(said, f32)}
    if full is None or score is None:
        return {"passed": False, "reason": "no validation image has a box to measure its loss on", **facts}
    lost = full - score
    facts["map50_95_lost"] = round(lost, 5)
    # Written so that NaN fails it.
    if not lost <= LARGEST_LOSS:
        reason = f"it loses {100 * lost:.2f} points of mAP50-95 (limit {100 * LARGEST_LOSS:g})"
        return {"passed": False, "reason": reason, **facts}
    return {"passed": True, **facts}


def _differences(said: Said, other: Said) -> dict[str, Any]:
    return {
        "verdicts": len(said.verdicts),
        "flips": said.flips(other),
        "flips_to_ok": said.passed(other),
        "boxes": said.boxes,
        "attention": said.attention,
    }


def _seal(bundle: Bundle, facts: dict[str, Any]) -> Bundle:
    fields = bundle.manifest.model_dump(exclude={"files"})
    return write_manifest(bundle.folder, {**fields, "training": {**fields["training"], "precisions": facts}})


def _told(name: str, facts: dict[str, Any]) -> str:
    if not facts["passed"]:
        return f"{name}: {'not shipped' if name == 'int8' else 'not for auto'}: {facts['reason']}"
    score, lost = facts["map50_95"], facts.get("map50_95_lost")
    parts = [
        "" if score is None else f"mAP50-95 {100 * score:.2f} %",
        "" if lost is None else f"{-100 * lost:+.2f} points",
        f"{facts['flips']} of {facts['verdicts']} verdicts changed, {facts['flips_to_ok']} of them to OK",
    ]
    return f"{name}: {', '.join(part for part in parts if part)}"
