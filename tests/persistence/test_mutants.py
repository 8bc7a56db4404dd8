"""Damaged and forged files raise one class of errors or load as the original model; no code is run."""

import collections
import contextlib
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

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


def peaks_of_mutants(path):
    """Return for each kind of mutant of a file its size, and the growth of the process while it is loaded."""
    content = path.read_bytes()
    if resident_peak(lambda: try_to_load(path)) is None:
        return None
    peaks = {"itself": (len(content), resident_peak(lambda: load_model(path)))}
    for kind, change in MUTANTS.items():
        changed = bytes(change(content, np.random.default_rng(11)))
        path.write_bytes(changed)
        try_to_load(path)  # the first use of code takes memory too
        # the minimum of several runs, because the allocator may keep memory
        peaks[kind] = len(changed), min(resident_peak(lambda: try_to_load(path)) for _ in range(5))
    return peaks


@pytest.mark.slow
def test_memory_is_less_than_three_times_the_size(tmp_path, monkeypatch):
    path = tmp_path / "model"
    save_model(net(trunk=MLP((600, 700)), max_epochs=1).fit(X, mixed_targets(X)), path)
    # a process of its own, whose allocator returns every large block to the system at once
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", str(2**16))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        peaks = pool.submit(peaks_of_mutants, path).result()
    if peaks is None:
        pytest.skip("the system does not tell")
    size, peak = peaks.pop("itself")
    assert peak > size
    for kind, (size, peak) in peaks.items():
        assert peak < 3 * max(size, 10**6), kind  # a bomb is a small file of its own
