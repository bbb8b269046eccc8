"""Nothing that is read can run: no pickle, no eval, no shell. Looked for in the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for room in ("inspector", "api", "workers") for path in (ROOT / room).rglob("*.py"))

MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
CALLS = {
    "torch.load",
    "torch.save",
    "torch.hub.load",
    "torch.jit.load",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell",
}


def dangers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.partition(".")[0] in MODULES:
                yield module
            yield from (f"{module}.{name.name}" for name in node.names if f"{module}.{name.name}" in CALLS)
        elif isinstance(node, ast.Call):
            yield from dangers_of(node)


def dangers_of(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    if name in BUILTINS | CALLS:
        yield name
    for keyword in call.keywords:
        if keyword.arg in {"shell", "allow_pickle"} and not is_false(keyword.value):
            yield f"{keyword.arg}={ast.unparse(keyword.value)}"


def is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_runs_what_it_reads(path: Path) -> None:
    assert list(dangers(ast.parse(path.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import joblib.externals",
        "from pickle import loads",
        "from torch import load",
        "from yaml import unsafe_load",
        "eval(text)",
        "exec(text)",
        "__import__(name)",
        "torch.load(path)",
        "yaml.load(text, Loader=loader)",
        "subprocess.run(command, shell=True)",
        "subprocess.run(command, shell=wanted)",
        "numpy.load(path, allow_pickle=True)",
        "os.system(command)",
    ],
)
def test_it_would_be_found(code: str) -> None:
    assert list(dangers(ast.parse(code)))


@pytest.mark.parametrize("code", ["model.eval()", "run(command, shell=False)", "yaml.safe_load(text)"])
def test_what_is_harmless_is_not(code: str) -> None:
    assert list(dangers(ast.parse(code))) == []
