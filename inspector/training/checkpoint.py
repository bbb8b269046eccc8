"""Stop at any moment and go on later. Two safetensors files and a JSON beside them; never a pickle.

A checkpoint is written to a new folder which then takes the old one's place, so a kill in the middle leaves
the old one whole.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from inspector.errors import DataError

NAME = "checkpoint"


def save(
    folder: Path, network: nn.Module, average: nn.Module, optimizer: Optimizer, facts: dict[str, Any]
) -> None:
    """`facts`: what else must be known to go on (step, time used, configuration), as JSON."""
    fresh = folder / f"{NAME}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_file(_tensors(network, "network.") | _tensors(average, "average."), fresh / "weights.safetensors")
    save_file(_moments(optimizer), fresh / "optimizer.safetensors")
    (fresh / "facts.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")
    old = folder / NAME
    shutil.rmtree(old, ignore_errors=True)
    fresh.rename(old)


def load(folder: Path, network: nn.Module, average: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Restore all three in place and return the facts. Raises DataError if there is nothing to go on from."""
    place = _newest(folder)
    weights = load_file(place / "weights.safetensors")
    network.load_state_dict(_under(weights, "network."))
    average.load_state_dict(_under(weights, "average."))
    _restore_moments(optimizer, load_file(place / "optimizer.safetensors"))
    facts: dict[str, Any] = json.loads((place / "facts.json").read_text(encoding="utf-8"))
    return facts


def _newest(folder: Path) -> Path:
    # A kill between the two steps of `save` leaves only the new folder, which is whole by then.
    for name in (NAME, f"{NAME}.new"):
        if (folder / name / "facts.json").is_file():
            return folder / name
    raise DataError(f"{folder}: holds no checkpoint to go on from; start without --resume")


def _tensors(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor.contiguous() for name, tensor in module.state_dict().items()}


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def _moments(optimizer: Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"{i}.{name}": value.contiguous() for i, each in state.items() for name, value in each.items()}


def _restore_moments(optimizer: Optimizer, moments: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in moments.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
