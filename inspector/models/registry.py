"""Networks by name, as a manifest's `architecture` names them: {"name": "detector", ...arguments}."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inspector.errors import BundleError
from inspector.models.detector import Detector

NETWORKS: dict[str, Callable[..., Detector]] = {"detector": Detector}


def build(architecture: Mapping[str, Any]) -> Detector:
    """An untrained network. Raises BundleError for a name or arguments that this version does not know."""
    arguments = {key: tuple(v) if isinstance(v, list) else v for key, v in architecture.items()}
    name = arguments.pop("name", None)
    if name not in NETWORKS:
        raise BundleError(f"network {name!r} is not one of: {', '.join(NETWORKS)}")
    try:
        return NETWORKS[name](**arguments)
    except TypeError as error:
        raise BundleError(f"network {name!r}: {error}") from error
