"""Stop at any moment and go on later. Safetensors files and a JSON beside them; never a pickle.

    checkpoint/   the last state: network, average, optimizer, and what else must be known to go on
    best/         the averaged weights that did best on the validation part, and their figures

Either is written to a new folder which then takes the old one's place, so a kill in the middle leaves one of
the two whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from inspector.errors import DataError, SettingsError

NAME = "checkpoint"
BEST = "best"
FACTS = "facts.json"


def save(
    folder: Path, network: nn.Module, average: nn.Module, optimizer: Optimizer, facts: dict[str, Any]
) -> None:
    """`facts`: what else must be known to go on (step, time used, configuration), as JSON.

    Raises SettingsError when the folder cannot be written, a full disk included.
    """

    def write(fresh: Path) -> None:
        weights = _tensors(network, "network.") | _tensors(average, "average.")
        save_file(weights, fresh / "weights.safetensors")
        save_file(_moments(optimizer), fresh / "optimizer.safetensors")

    _replace(folder / NAME, write, facts)


def facts_of(folder: Path) -> dict[str, Any]:
    """What `save` was told. Raises DataError if there is nothing to go on from, or it is damaged."""
    return _facts(_checkpoint(folder))


def load(folder: Path, network: nn.Module, average: nn.Module, optimizer: Optimizer) -> None:
    """Restore all three in place. Raises DataError as `facts_of` does."""
    place = _checkpoint(folder)
    try:
        weights = load_file(place / "weights.safetensors")
        network.load_state_dict(_under(weights, "network."))
        average.load_state_dict(_under(weights, "average."))
        _restore_moments(optimizer, load_file(place / "optimizer.safetensors"))
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise _damaged(place, error) from error


def exists(folder: Path) -> bool:
    return _whole(folder / NAME) is not None


def save_best(folder: Path, network: nn.Module, facts: dict[str, Any]) -> None:
    """Raises SettingsError as `save` does."""
    _replace(
        folder / BEST, lambda fresh: save_file(_tensors(network, ""), fresh / "weights.safetensors"), facts
    )


def load_best(folder: Path, network: nn.Module) -> None:
    """Restore the network in place. Raises DataError: nothing was kept as best, or it is damaged."""
    place = _whole(folder / BEST)
    if place is None:
        raise DataError(f"{folder}: holds no {BEST}/")
    try:
        network.load_state_dict(load_file(place / "weights.safetensors"))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise _damaged(place, error) from error


def best_facts(folder: Path) -> dict[str, Any] | None:
    """None when nothing was kept as best yet."""
    place = _whole(folder / BEST)
    return None if place is None else _facts(place)


def _replace(place: Path, write: Callable[[Path], None], facts: dict[str, Any]) -> None:
    fresh = place.with_name(f"{place.name}.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        write(fresh)
        # Last: a folder that holds it is whole.
        (fresh / FACTS).write_text(json.dumps(facts, indent=2), encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        fresh.rename(place)
    except (OSError, SafetensorError) as error:
        raise SettingsError(
            f"{place}: cannot be written: {_first_line(error)}; make room, then go on with --resume"
        ) from error


def _whole(place: Path) -> Path | None:
    # A kill between the last two steps of `_replace` leaves only the new folder, which is whole by then.
    for name in (place.name, f"{place.name}.new"):
        if (place.with_name(name) / FACTS).is_file():
            return place.with_name(name)
    return None


def _checkpoint(folder: Path) -> Path:
    place = _whole(folder / NAME)
    if place is None:
        raise DataError(f"{folder}: holds no checkpoint to go on from; start without --resume")
    return place


def _facts(place: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((place / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(place, error) from error
    return facts


def _damaged(place: Path, error: BaseException) -> DataError:
    return DataError(f"{place}: cannot be read: {_first_line(error)}")


def _tensors(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor.contiguous() for name, tensor in module.state_dict().items()}


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def _moments(optimizer: Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"{i}.{name}": value.contiguous() for i, each in state.items() for name, value in each.items()}


def _restore_moments(optimizer: Optimizer, moments: dict[str, Tensor]) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in moments.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = _laid_out(value, parameters[int(index)])
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _laid_out(moment: Tensor, parameter: Tensor) -> Tensor:
    """The moment in its parameter's memory layout. A file holds rows one after the other; a fused optimizer
    walks through both as they lie, and would pair a channels-last weight with the moments of others."""
    if moment.ndim == 0:
        return moment  # the step count
    if moment.shape != parameter.shape:
        raise ValueError("its moments are of other weights: it was written by another version")
    return torch.empty_like(parameter, dtype=moment.dtype, device="cpu").copy_(moment)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
