"""Bundle: one folder that holds a model and all that is needed to run it. Needs no torch.

    manifest.json          Manifest, below; digests of all other files
    weights.safetensors    for torch: training on, CUDA, --engine torch
    openvino/model.xml|bin for CPU workers, f32 and bf16
    openvino-int8/...      the same in INT8, if it passed its gate

No pickle is ever read: a `.pt` or `.pkl` in the folder is refused, as is any file that the manifest does not
list, or whose SHA-256 differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inspector.errors import BundleError, RecipeError
from inspector.messages.recipe import Recipe

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
OPENVINO_XML = "openvino/model.xml"
OPENVINO_INT8_XML = "openvino-int8/model.xml"

_REMEDIES = {
    OPENVINO_XML: "`inspector export --model {folder} --data SPEC --out DIR` makes one with it",
    OPENVINO_INT8_XML: "`inspector export --model {folder} --data SPEC --out DIR --int8` makes one with it",
}
"""What to do about a file that a bundle does not carry."""

SAFE_SUFFIXES = {".safetensors", ".xml", ".bin", ".json", ".md"}
"""All that a bundle may hold besides the manifest: data that cannot run code when it is read."""

SHIPPED = Path(__file__).parent / "shipped" / "pcb"
"""The bundle inside the package: `--model default`."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputSpec(_Part):
    """What the network takes: how an image becomes one input, or several (imaging/preprocess.py).

    The image is scaled by `scale`. With no side over `max_side` it is seen whole, else in tiles of `nominal`
    size. Either is padded at right and bottom to a multiple of `multiple`, and to `min_side` at least.

    The defaults of the later fields are for bundles older than these: they see images up to 2048 px whole.
    """

    channels: Literal[1, 3]
    multiple: int = Field(32, gt=0)
    min_side: int = Field(0, ge=0)
    """Training saw nothing smaller. 0: it is padded to `multiple` alone."""
    max_side: int = Field(2048, gt=0)
    nominal: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]] = (640, 640)
    """Height and width seen in training: compiled and warmed up ahead; the size of a tile."""
    overlap: int = Field(224, ge=0)
    """Pixels that neighbouring tiles share, at least: more than the largest defect of training has."""
    scale: float = Field(1.0, gt=0, le=1)
    """Network pixels per pixel of the image; below 1 areas are averaged, in training too."""
    bit_depth: Literal[8, 16] = 8
    white: int = Field(255, gt=0)
    """The stored level that is 1 to the network."""
    faintest: int = Field(0, ge=0)
    """An image whose brightest pixel lies below this is stored in another way than those of training."""
    pad: float = 0.0
    """The value of padding, 0-1."""


class AttentionSpec(_Part):
    source: str
    """Name of the gate that the map is read from."""
    stride: int = 8


class Manifest(_Part):
    format: Literal["inspector-bundle-1"] = "inspector-bundle-1"
    name: str
    version: str
    created_at: datetime
    classes: list[str]
    image_level: list[str] = []
    """Those of the classes that training knew from image labels alone: found by the image's score, no box."""
    input: InputSpec
    attention: AttentionSpec
    architecture: dict[str, Any]
    """Arguments of `inspector.models.registry.build`."""
    postprocess: dict[str, float] = {"min_score": 0.05, "max_findings": 300, "nms_iou": 0.5}
    training: dict[str, Any] = {}
    """Facts: data and their terms, splits, seed, epochs, validation figures, parameters, gflops, and
    `precisions`: what each of them lost on validation images (training/precisions.py)."""
    files: dict[str, str]
    """Relative path -> hex SHA-256 of every other file."""

    @property
    def task(self) -> Literal["detect", "classify"]:
        """classify: of no class is there a box, ever."""
        return "classify" if set(self.classes) == set(self.image_level) else "detect"

    @model_validator(mode="after")
    def _known(self) -> Manifest:
        if unknown := sorted(set(self.image_level) - set(self.classes)):
            raise ValueError(f"image_level names {unknown[0]!r}, which is none of the classes")
        return self


class Bundle:
    """A bundle on disk, whose every digest was checked."""

    def __init__(self, folder: Path, manifest: Manifest, sha256: str) -> None:
        self.folder = folder
        self.manifest = manifest
        self.sha256 = sha256
        """Digest of the manifest, which lists the digests of all else."""

    @classmethod
    def load(cls, folder: Path) -> Bundle:
        """Raises BundleError: no manifest, a missing, extra or altered file."""
        raw = _read(folder / MANIFEST)
        try:
            manifest = Manifest.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise BundleError(f"{folder / MANIFEST}: {place}: {first['msg']}") from error
        _check_files(folder, manifest.files)
        return cls(folder, manifest, hashlib.sha256(raw).hexdigest())

    def path(self, relative: str) -> Path:
        """A file of the bundle; BundleError if this bundle does not carry it."""
        if relative not in self.manifest.files:
            remedy = _REMEDIES.get(relative, "`inspector train --resume` exports it again")
            raise BundleError(f"{self.folder}: carries no {relative}; {remedy.format(folder=self.folder)}")
        return self.folder / relative

    def check(self, recipe: Recipe) -> None:
        """Raises RecipeError when it cannot be judged by this model as it says: a threshold for a class that
        the model does not know, or below what it reports, would silently never be reached."""
        if recipe.model not in {"default", self.manifest.name}:
            raise RecipeError(
                f"recipe {recipe.id!r} is for model {recipe.model!r}, not {self.manifest.name!r}"
            )
        if unknown := sorted(set(recipe.thresholds.classes) - set(self.manifest.classes)):
            raise RecipeError(
                f"recipe {recipe.id!r} names {unknown[0]!r}, a class that the model does not know"
            )
        lowest, margin = self.manifest.postprocess["min_score"], recipe.review.margin
        for name in self.manifest.classes:
            if recipe.thresholds.of(name) - margin < lowest:
                below = "threshold of" if recipe.thresholds.of(name) < lowest else "review band of"
                raise RecipeError(
                    f"recipe {recipe.id!r}: the {below} {name!r} reaches below {lowest:g}, "
                    "and the model reports no lower scores"
                )


def write_manifest(folder: Path, fields: Mapping[str, Any]) -> Bundle:
    """Seal a folder: list every file with its digest, write the manifest, and load the result."""
    files = {name: _sha256(folder / name) for name in sorted(_files(folder) - {MANIFEST})}
    manifest = Manifest.model_validate({**fields, "files": files})
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return Bundle.load(folder)


def amend_training(bundle: Bundle, facts: Mapping[str, Any]) -> Bundle:
    """Seal the bundle again with more training facts, such as figures that were measured with it."""
    fields = bundle.manifest.model_dump(exclude={"files"})
    return write_manifest(bundle.folder, {**fields, "training": {**fields["training"], **facts}})


def resolve(model: str | None) -> Path:
    """The folder behind `--model`: a path, or "default" (or nothing) for the shipped one."""
    return SHIPPED if model in {None, "default"} else Path(str(model))


def _check_files(folder: Path, listed: Mapping[str, str]) -> None:
    present = _files(folder) - {MANIFEST}
    for name in sorted(present | set(listed)):
        if Path(name).suffix not in SAFE_SUFFIXES:
            raise BundleError(f"{folder}: {name} is of a kind that is never read (a pickle can run code)")
    for name in sorted(set(listed) - present):
        raise BundleError(f"{folder}: {name} is missing")
    for name in sorted(present - set(listed)):
        raise BundleError(f"{folder}: {name} is not in the manifest")
    for name, digest in listed.items():
        if _sha256(folder / name) != digest:
            raise BundleError(f"{folder}: {name} has been altered: its digest is not the manifest's")


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
