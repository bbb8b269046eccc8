"""Recipe: all that is needed to judge one product, versioned."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from inspector.messages.names import Name

Score = Annotated[float, Field(ge=0.0, le=1.0)]


class Thresholds(BaseModel):
    """From which score a finding counts as a defect, per class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: Score = 0.5
    """For a class that `classes` does not name."""
    classes: dict[str, Score] = {}

    def of(self, defect_class: str) -> float:
        return self.classes.get(defect_class, self.default)


class Review(BaseModel):
    """The band in which a person decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    margin: Score = 0.0
    """A finding with threshold - margin <= score < threshold makes the part REVIEW. 0 switches it off."""
    defective: Score = 1.0
    """An image-level score of at least this, with no finding that counts, makes it REVIEW. 1 is off."""


class ImageSize(BaseModel):
    """What the camera of this product delivers. An image of another size is never OK: a wrong crop or a wrong
    camera shows no defects. Left out, any size will do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]


class Recipe(BaseModel):
    """Frozen; a change is a new version. `model` names the bundle, "default" the one the worker was given.

    A rule that is added later is optional, and None where it is not used. extra="forbid", here and in all
    that it holds: an older worker refuses a part whose recipe uses a rule that it lacks, and never judges it
    by less.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Name
    version: Annotated[int, Field(ge=1)]
    model: Name = "default"
    thresholds: Thresholds = Thresholds()
    review: Review = Review()
    image: ImageSize | None = None

    @property
    def sha256(self) -> str:
        """Digest of the content, so that two results judged alike can be told from two that were not."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def ref(self) -> RecipeRef:
        return RecipeRef(id=self.id, version=self.version, sha256=self.sha256)


class RecipeRef(BaseModel):
    """Which recipe judged a part, as it stands on every result."""

    model_config = ConfigDict(frozen=True)

    id: str
    version: int
    sha256: str
