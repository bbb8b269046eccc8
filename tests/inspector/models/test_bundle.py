"""A bundle is read only when every byte of it is what was sealed, and never when it could run code."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import SafetensorError
from safetensors.torch import load_file

from inspector.errors import BundleError, RecipeError
from inspector.messages.recipe import Recipe, Thresholds
from inspector.models.bundle import (
    MANIFEST,
    OPENVINO_XML,
    SHIPPED,
    WEIGHTS,
    Bundle,
    Manifest,
    resolve,
    write_manifest,
)

FIELDS = {
    "name": "pcb",
    "version": "1",
    "created_at": "2026-01-01T00:00:00Z",
    "classes": ["spur"],
    "input": {"channels": 1},
    "attention": {"source": "neck.p3.spatial"},
    "architecture": {"name": "detector", "classes": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "openvino").mkdir()
    (tmp_path / WEIGHTS).write_bytes(b"weights")
    (tmp_path / OPENVINO_XML).write_bytes(b"<net/>")
    write_manifest(tmp_path, FIELDS)
    return tmp_path


def test_a_sealed_bundle_loads_and_is_known_by_its_digest(folder: Path) -> None:
    bundle = Bundle.load(folder)
    assert bundle.manifest.classes == ["spur"]
    assert bundle.path(WEIGHTS).read_bytes() == b"weights"
    assert bundle.sha256 == Bundle.load(folder).sha256


def test_a_manifest_from_before_tiles_and_sixteen_bits_has_sensible_rules(folder: Path) -> None:
    rules = Bundle.load(folder).manifest.input

    assert (rules.min_side, rules.max_side, rules.nominal, rules.overlap) == (0, 2048, (640, 640), 224)
    assert (rules.scale, rules.bit_depth, rules.white) == (1.0, 8, 255)


def alter(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"weightz")


def remove(folder: Path) -> None:
    (folder / OPENVINO_XML).unlink()


def add(folder: Path) -> None:
    (folder / "extra.json").write_text("{}")


def add_pickle(folder: Path) -> None:
    (folder / "model.pt").write_bytes(pickle.dumps({"a": 1}))


def drop_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def garble_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("{")


def future_format(folder: Path) -> None:
    raw = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**raw, "format": "inspector-bundle-9"}))


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (alter, "weights.safetensors has been altered"),
        (remove, r"openvino/model\.xml is missing"),
        (add, r"extra\.json is not in the manifest"),
        (add_pickle, r"model\.pt is of a kind that is never read"),
        (drop_manifest, r"manifest\.json: cannot be read"),
        (garble_manifest, "Invalid JSON"),
        (future_format, "format"),
    ],
)
def test_a_harmed_bundle_is_refused_with_the_reason(
    folder: Path, harm: Callable[[Path], None], complaint: str
) -> None:
    harm(folder)
    with pytest.raises(BundleError, match=complaint):
        Bundle.load(folder)


class Malicious:
    """Whoever unpickles it makes a file."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self._trace,)


@pytest.mark.parametrize("name", ["model.pt", WEIGHTS])
def test_a_malicious_pickle_is_refused_and_never_run(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    trace = tmp_path_factory.mktemp("trace") / "it-ran"
    pickled = pickle.dumps(Malicious(trace))
    (folder / name).write_bytes(pickled)

    with pytest.raises(BundleError):
        Bundle.load(folder)
    if name == WEIGHTS:  # sealed by somebody who wants it: then its reader must refuse it
        write_manifest(folder, FIELDS)
        with pytest.raises(SafetensorError):
            load_file(Bundle.load(folder).folder / WEIGHTS)

    assert not trace.exists()
    pickle.loads(pickled)
    assert trace.exists()  # it would have


def test_a_pickle_cannot_be_sealed_in(folder: Path) -> None:
    add_pickle(folder)
    with pytest.raises(BundleError, match="never read"):
        write_manifest(folder, FIELDS)


def test_a_file_that_the_bundle_lacks_is_asked_for_by_name(folder: Path) -> None:
    with pytest.raises(BundleError, match=r"carries no tensorrt/model\.plan"):
        Bundle.load(folder).path("tensorrt/model.plan")


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"model": "glass"}, "is for model 'glass'"),
        ({"thresholds": {"classes": {"spurr": 0.3}}}, "names 'spurr', a class"),
        ({"thresholds": {"classes": {"spur": 0.01}}}, r"threshold of 'spur' reaches below 0\.05"),
        ({"thresholds": {"default": 0.2}, "review": {"margin": 0.2}}, "review band of .* reaches below"),
    ],
)
def test_a_recipe_that_the_model_cannot_keep_is_refused(
    folder: Path, rules: dict[str, object], words: str
) -> None:
    recipe = Recipe.model_validate({"id": "r", "version": 1, **rules})
    with pytest.raises(RecipeError, match=words):
        Bundle.load(folder).check(recipe)


def test_a_recipe_of_the_models_own_classes_is_kept(folder: Path) -> None:
    rules = Thresholds(default=0.05, classes={"spur": 0.3})
    Bundle.load(folder).check(Recipe(id="r", version=1, thresholds=rules))


def test_default_is_the_shipped_bundle() -> None:
    assert resolve("default") == resolve(None) == SHIPPED
    assert resolve("runs/mine") == Path("runs/mine")


@pytest.mark.parametrize(
    ("image_level", "task"), [([], "detect"), (["open"], "detect"), (["open", "spur"], "classify")]
)
def test_the_task_is_what_the_classes_are_known_by(image_level: list[str], task: str) -> None:
    fields = {**FIELDS, "classes": ["open", "spur"], "files": {}}
    assert Manifest.model_validate({**fields, "image_level": image_level}).task == task
    assert Manifest.model_validate(fields).task == "detect"  # bundles from before there were such classes
    with pytest.raises(ValueError, match="image_level names 'rust'"):
        Manifest.model_validate({**fields, "image_level": ["rust"]})
