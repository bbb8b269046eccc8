"""What a run draws by chance: the same in every run, whoever runs it, so that no landing fails by bad luck.

repeat    the profile of property tests unless another is asked for, and so that of `make test`: the examples
          come from the test's own text alone
search    `pytest --hypothesis-profile=search`: new ones in each run, ten times as many where a test does not
          say how many. The head of the run shows the seed that draws them again
seeded    Python's, numpy's and torch's own generators begin anew before each test and each fixture

Neither profile judges how long an example takes: on a busy machine that says nothing of the code.
"""

from __future__ import annotations

import random
import secrets
import sys

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

REPEAT, SEARCH = "repeat", "search"

_SEED = "hypothesis_seed"


def load_profiles() -> None:
    """To be called before any test is imported. What the command line asks for is loaded later, and wins."""
    usual = settings(
        settings.get_profile("default"),
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile(REPEAT, usual, derandomize=True, database=None)
    settings.register_profile(SEARCH, usual, max_examples=10 * usual.max_examples)
    settings.load_profile(REPEAT)


def prepare(config: pytest.Config) -> None:
    """A search that was given no seed gets one; all else draws no number from what happens to be imported.

    Hypothesis mixes in the numbers and words that it finds in the modules imported so far: so a test's
    examples would change with the tests before it, and with a new constant anywhere in the code.
    """
    if config.getoption("hypothesis_profile") != SEARCH:
        providers._get_local_constants = Constants
    elif config.getoption(_SEED) is None:
        setattr(config.option, _SEED, str(secrets.randbits(32)))


def said(config: pytest.Config) -> str:
    """The line at the head of a run."""
    if settings.get_current_profile_name() == REPEAT:
        return f"property tests: the same examples in every run (new ones: --hypothesis-profile={SEARCH})"
    seed = config.getoption(_SEED)
    again = f"--hypothesis-profile={SEARCH} --hypothesis-seed={seed}"
    return f"property tests: new examples; these again: {again}"


def seed_all() -> None:
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
