"""requirements.lock names every package that is installed, at one version: it is what an audit looks at."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LINES = [line for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines() if line[0] != "#"]
LOCKED = {name: version for name, _, version in (line.partition("==") for line in LINES)}


CUDA = re.compile(r"(nvidia|cuda)-.*|triton")
"""What torch's build for CUDA brings, each at a version that torch itself asks for. The build without it,
which the lock is made from, brings none."""


def direct() -> Iterator[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for text in chain(project["dependencies"], *project["optional-dependencies"].values()):
        requirement = Requirement(text)
        if requirement.name != "inspector":
            yield requirement


def needed_by(requirement: Requirement) -> Iterator[Requirement]:
    try:
        texts = distribution(requirement.name).requires or []
    except PackageNotFoundError:  # of another platform or Python
        return
    for inner in map(Requirement, texts):
        if requirement.name == "torch" and CUDA.fullmatch(canonicalize_name(inner.name)):
            continue
        if _applies(inner, requirement.extras):
            yield inner


def _applies(requirement: Requirement, extras: Collection[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def test_every_direct_dependency_is_locked_at_its_version() -> None:
    wrong = [
        requirement.name
        for requirement in direct()
        if str(requirement.specifier) != f"=={LOCKED.get(canonicalize_name(requirement.name))}"
    ]
    assert wrong == []


def test_whatever_they_need_in_turn_is_locked_too() -> None:
    todo, seen = list(direct()), set()
    while todo:
        requirement = todo.pop()
        named = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if named not in seen:
            seen.add(named)
            todo += needed_by(requirement)

    assert len(seen) > 50
    assert {name for name, _ in seen} - set(LOCKED) == set()


def test_every_line_is_one_exact_version() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []
