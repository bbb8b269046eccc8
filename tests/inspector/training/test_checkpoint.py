"""A checkpoint is whole or it is the one before; what cannot be written or read is one line."""

from __future__ import annotations

import multiprocessing
import re
import resource
import shutil
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch
from torch import nn

from inspector.errors import DataError, SettingsError
from inspector.training import checkpoint


def trained(seed: int = 0) -> tuple[nn.Linear, nn.Linear, torch.optim.Optimizer]:
    """A network that has taken a step, so that the optimizer has a state."""
    torch.manual_seed(seed)
    network, average = nn.Linear(64, 64), nn.Linear(64, 64)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.rand(2, 64)).sum().backward()
    optimizer.step()
    return network, average, optimizer


def test_all_of_it_comes_back(tmp_path: Path) -> None:
    network, average, optimizer = trained()
    checkpoint.save(tmp_path, network, average, optimizer, {"step": 7})
    others = trained(seed=1)
    checkpoint.load(tmp_path, *others)
    assert checkpoint.facts_of(tmp_path) == {"step": 7}
    assert torch.equal(others[0].weight, network.weight)
    assert torch.equal(others[1].weight, average.weight)
    moments = (each.state_dict()["state"][0]["exp_avg"] for each in (optimizer, others[2]))
    assert torch.equal(*moments)


def test_moments_come_back_in_the_layout_of_their_weights(tmp_path: Path) -> None:
    """A fused optimizer would otherwise go on with the moments of other weights, and say nothing."""

    def convolution() -> tuple[nn.Conv2d, torch.optim.Optimizer]:
        torch.manual_seed(0)
        network = nn.Conv2d(8, 8, 3)
        network.weight.data = network.weight.data.contiguous(memory_format=torch.channels_last)
        return network, torch.optim.AdamW(network.parameters(), fused=True)

    def learn(network: nn.Conv2d, optimizer: torch.optim.Optimizer, seed: int) -> None:
        torch.manual_seed(seed)
        optimizer.zero_grad()
        network(torch.rand(1, 8, 9, 9)).square().sum().backward()
        optimizer.step()

    network, optimizer = convolution()
    learn(network, optimizer, 1)
    checkpoint.save(tmp_path, network, nn.Conv2d(8, 8, 3), optimizer, {})
    again, restored = convolution()
    checkpoint.load(tmp_path, again, nn.Conv2d(8, 8, 3), restored)
    learn(network, optimizer, 2)
    learn(again, restored, 2)
    assert torch.equal(network.weight, again.weight)


def test_a_kill_between_removing_and_renaming_loses_nothing(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, *trained(), {"step": 7})
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.new")
    assert checkpoint.exists(tmp_path)
    assert checkpoint.facts_of(tmp_path) == {"step": 7}


def test_half_of_a_new_one_is_not_taken_for_one(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, *trained(), {"step": 7})
    shutil.copytree(tmp_path / "checkpoint", tmp_path / "checkpoint.new")
    (tmp_path / "checkpoint.new" / "facts.json").unlink()
    assert checkpoint.facts_of(tmp_path) == {"step": 7}
    checkpoint.save(tmp_path, *trained(), {"step": 8})
    assert checkpoint.facts_of(tmp_path) == {"step": 8}
    assert not (tmp_path / "checkpoint.new").exists()


def test_nothing_there_and_damage_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no checkpoint to go on from"):
        checkpoint.load(tmp_path, *trained())
    checkpoint.save(tmp_path, *trained(), {"step": 7})
    (tmp_path / "checkpoint" / "weights.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(DataError, match="cannot be read"):
        checkpoint.load(tmp_path, *trained())


def test_the_best_weights_lie_beside_it(tmp_path: Path) -> None:
    assert checkpoint.best_facts(tmp_path) is None
    network, other, _ = trained()
    checkpoint.save_best(tmp_path, network, {"step": 3})
    assert checkpoint.best_facts(tmp_path) == {"step": 3}
    checkpoint.load_best(tmp_path, other)
    assert torch.equal(other.weight, network.weight)


def _save_on_a_full_disk(folder: Path, said: Connection) -> None:
    """No file of this process may grow beyond 2 KB: the system's own error, as of a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))
    try:
        checkpoint.save(folder, *trained(), {"step": 2})
    except SettingsError as error:
        said.send(str(error))
    said.close()


def test_a_full_disk_is_one_line_and_the_old_one_stays(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "facts.json").write_text('{"step": 1}')
    # In a process of its own: the limit would hold for the file that pytest's own output goes to as well.
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=_save_on_a_full_disk, args=(tmp_path, theirs))
    process.start()
    theirs.close()
    assert re.search(r"cannot be written: .*; make room, then go on with --resume", ours.recv())
    process.join()
    assert checkpoint.facts_of(tmp_path) == {"step": 1}


def test_moments_of_other_weights_are_refused(tmp_path: Path) -> None:
    """A version that orders its weights otherwise would go on with each other's moments and say nothing."""
    checkpoint.save(tmp_path, *trained(), {"step": 7})
    network, average, _ = trained()
    turned = torch.optim.AdamW([network.bias, network.weight])
    with pytest.raises(DataError, match="moments are of other weights"):
        checkpoint.load(tmp_path, network, average, turned)
