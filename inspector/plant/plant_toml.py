"""inspector.toml -> Plant. One clear line for whatever is wrong with it."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from inspector.errors import SettingsError
from inspector.plant.plant import Plant


def read(path: Path | None) -> Plant:
    """None: a plant of which nothing is said. Raises SettingsError, naming the file and the key."""
    if path is None:
        return Plant()
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"the settings file {path} is not there") from None
    except OSError as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {path} is not TOML: {error}") from error
    try:
        return Plant.model_validate(said)
    except ValidationError as error:
        raise SettingsError(f"{path}: {_told(error.errors(include_url=False)[0])}") from error


def _told(fault: Mapping[str, Any]) -> str:
    place: Sequence[str | int] = fault["loc"]
    where = ".".join(str(part) for part in place)
    if fault["type"] == "extra_forbidden":
        return f"{where} is not known{_hint(place)}"
    said = str(fault["msg"]).removeprefix("Value error, ").replace("Input should", "must")
    return f"{where}: {said}" if where else said


def _hint(place: Sequence[str | int]) -> str:
    """What was meant, or what there is."""
    known = sorted(_model_at(place[:-1]).model_fields)
    close = difflib.get_close_matches(str(place[-1]), known, n=1)
    return f": is {close[0]} meant?" if close else f"; known here: {', '.join(known)}"


def _model_at(place: Sequence[str | int]) -> type[BaseModel]:
    """The model whose keys stand at a place of the file; names of lines and numbers are passed over."""
    model: type[BaseModel] = Plant
    for part in place:
        if part in model.model_fields:
            model = _model_in(model.model_fields[str(part)].annotation) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
