"""Damaged and forged files raise one class of errors or load as the original model; no code is run."""

import collections
import contextlib
import warnings

import numpy as np
import pytest

from sklearn_mtl import load_model, save_model
from sklearn_mtl.exceptions import ModelFileError, ModelVersionWarning
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, mixed_targets, net
from .cases import X
from .mutants import DAMAGE, FORGERY, MUTANTS, mutant
from .watching import resident_peak, watched

ROWS = X[:5]


@pytest.fixture(scope="module")
def small():
    """Return a fitted model and the bytes of its file."""
    return net(max_epochs=2).fit(X, mixed_targets(X))


@pytest.fixture
def path(small, tmp_path):
    save_model(small, tmp_path / "model")
    load_model(tmp_path / "model").predict(ROWS)  # what is imported at first use is imported
    return tmp_path / "model"


def outcome(path, content, expected):
    """Load a file, and return the outcome."""
    path.write_bytes(content)
    with watched() as seen, warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelVersionWarning)
        try:
            loaded = load_model(path)
        except ModelFileError:
            loaded = None
    assert seen == []
    if loaded is None:
        return "refused"
    try:
        assert_same(loaded.predict(ROWS), expected)
    except Exception:
        return "another model"
    return "the same"


@pytest.mark.parametrize("kind", MUTANTS)
def test_mutants(kind, small, path):
    content, expected = path.read_bytes(), small.predict(ROWS)
    outcomes = collections.Counter()
    for number in range(30):
        changed = bytes(MUTANTS[kind](content, np.random.default_rng([7, number])))
        outcomes[outcome(path, changed, expected)] += 1
    if kind in DAMAGE:
        assert outcomes["another model"] == 0
        # a flipped bit may be one of the date in a header
        assert outcomes["refused"] >= 20


@pytest.mark.parametrize("kind", ["code in members", "nested manifest"])
def test_forgeries_that_are_never_a_model(kind, small, path):
    content = path.read_bytes()
    for number in range(20):
        changed = bytes(FORGERY[kind](content, np.random.default_rng(number)))
        assert outcome(path, changed, None) == "refused"


def test_every_kind_comes_up(path):
    content = path.read_bytes()
    kinds = collections.Counter(mutant(content, number)[0] for number in range(400))
    assert set(kinds) == set(MUTANTS)
    assert kinds["bit flip"] == 100


def try_to_load(path):
    with contextlib.suppress(ModelFileError):
        load_model(path)


@pytest.mark.slow
def test_memory_is_less_than_three_times_the_size(tmp_path):
    path = tmp_path / "model"
    save_model(net(trunk=MLP((800, 1000)), max_epochs=1).fit(X, mixed_targets(X)), path)
    content = path.read_bytes()
    if resident_peak(lambda: try_to_load(path)) is None:
        pytest.skip("the system does not tell")
    assert resident_peak(lambda: load_model(path)) > len(content)
    for kind, change in MUTANTS.items():
        changed = bytes(change(content, np.random.default_rng(11)))
        path.write_bytes(changed)
        try_to_load(path)  # the first use of code takes memory too
        # the minimum of several runs, because the allocator may keep memory
        peak = min(resident_peak(lambda: try_to_load(path)) for _ in range(5))
        # a bomb is a small file of its own; the allocator's own share does not depend on the size of the file
        assert peak < 3 * max(len(changed), 10**6) + 2 * 10**6, kind
