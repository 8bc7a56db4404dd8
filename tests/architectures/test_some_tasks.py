"""``predict(X, tasks=...)`` runs only the parts that these tasks need: the rest may be NaN."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from sklearn_mtl import Targets
from sklearn_mtl.architectures import (
    PLE,
    AdaTT,
    CrossStitch,
    Grouped,
    HardSharing,
    Independent,
    MMoE,
    SubspaceSharing,
)
from sklearn_mtl.architectures._bodies import Bodies
from sklearn_mtl.nn._stacking import SideBySide
from sklearn_mtl.trunks import MLP

from .._helpers import inputs, net
from ..model.test_vmapped import Foreign

NUMBERS = inputs(50)
MIXED = pd.DataFrame(NUMBERS, columns=list("abcd")).assign(kind=pd.Categorical(list("uvwxy") * 10))
# numbers only, so that the heads stand in the order of y, and the tasks along all other axes as well
Y = Targets({name: NUMBERS[:, column] ** 2 for column, name in enumerate(["a", "b", "c", "d"])})
WIDTH = 6


def fitted(architecture, X=NUMBERS, trunk=None, **params):
    trunk = MLP((8, WIDTH), scaling="standard") if trunk is None else trunk
    return net(architecture=architecture, trunk=trunk, dtype="float64", **params).fit(X, Y)


def spoil(tensor, kept, n_each=1):
    """Set everything along an axis of tasks to NaN, except for one task."""
    others = [i for i in range(len(tensor)) if i not in range(kept * n_each, (kept + 1) * n_each)]
    with torch.no_grad():
        tensor[others] = math.nan


def spoil_all(module, kept, n_each=1):
    for parameter in module.parameters():
        spoil(parameter, kept, n_each)


def spoil_parts(parts, kept, n_each=1):
    """Stems and bodies of a trunk of the package have a common axis, those of others stand in a list."""
    if isinstance(parts, SideBySide):
        spoil_all(parts.stacked, kept, n_each)
    else:
        for number, part in enumerate(parts):
            if number not in range(kept * n_each, (kept + 1) * n_each):
                for parameter in part.parameters():
                    torch.nn.init.constant_(parameter, math.nan)


def hard_sharing(sharing, kept):
    if sharing.bypass is not None:
        spoil_all(sharing.bypass, kept)


def independent(sharing, kept):
    spoil_parts(sharing.bodies.bodies, kept)
    if sharing.stems.learns:
        spoil_parts(sharing.stems.stems, kept)


def grouped(sharing, kept):
    independent(sharing, sharing.group_of[list(Y)[kept]])


def subspaces(sharing, kept):
    spoil_parts(sharing.private.bodies, kept)


def mmoe(sharing, kept):
    spoil_all(sharing.gates, kept)


def ple(sharing, kept):
    """Of the last level a task needs its own gate and its own experts; of those before, everything."""
    level = sharing.levels[-1]
    spoil_all(level.gates, kept)
    if level.private is not None:
        bank = level.private.experts
        if isinstance(bank, Bodies):
            spoil_parts(bank.bodies, kept, level.n_specific)
        else:
            spoil_all(bank, kept, level.n_specific)


def adatt(sharing, kept):
    """The experts of all tasks are needed; of the last level a task needs its own gate and weights only."""
    spoil_all(sharing.levels[-1].gates, kept)
    spoil(sharing.levels[-1].own, kept)


def nothing(sharing, kept):
    """In a cross-stitch network every task needs the trunks of all."""


CASES = {
    "towers": (HardSharing(tower_sizes=(5, 4)), hard_sharing),
    "bypass": (HardSharing(tower_sizes=(5,), bypass_sizes=(4,)), hard_sharing),
    "independent": (Independent(tower_sizes=(5,)), independent),
    "groups": (Grouped([["b", "c", "d"], ["a"]], tower_sizes=(5,)), grouped),
    "cross_stitch": (CrossStitch(tower_sizes=(5,)), nothing),
    "subspaces": (SubspaceSharing(), subspaces),
    "mmoe": (MMoE(n_experts=3, tower_sizes=(5,)), mmoe),
    "sparse mmoe": (MMoE(n_experts=3, top_k=2, load_balancing=0.1), mmoe),
    "ple": (PLE(n_specific=2, tower_sizes=(4,)), ple),
    "ple without private experts": (PLE(n_specific=0), ple),
    "ple of two levels": (PLE(n_specific=2, n_levels=2), ple),
    "adatt": (AdaTT(n_experts=2, tower_sizes=(4,)), adatt),
    "adatt of two levels": (AdaTT(n_experts=2, n_levels=2), adatt),
}
TRUNKS = {"numbers": (NUMBERS, None), "a category": (MIXED, None), "foreign": (MIXED, Foreign((WIDTH,)))}


@pytest.mark.parametrize(("X", "trunk"), TRUNKS.values(), ids=TRUNKS.keys())
@pytest.mark.parametrize(("architecture", "spoil_sharing"), CASES.values(), ids=CASES.keys())
def test_a_task_needs_nothing_of_the_others(architecture, spoil_sharing, X, trunk):
    for kept, name in enumerate(Y):
        estimator = fitted(architecture, X, trunk, max_epochs=1)
        whole = estimator.predict(X)[name]
        network = estimator.net_.module_
        assert network.heads.task_names == list(Y)
        spoil_sharing(network.sharing, kept)
        spoil_all(network.towers, kept)
        spoil_all(network.heads, kept)
        np.testing.assert_allclose(estimator.predict(X, tasks=[name])[name], whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("architecture", "spoil_sharing"), CASES.values(), ids=CASES.keys())
def test_what_is_spoiled_would_matter_to_the_others(architecture, spoil_sharing):
    estimator = fitted(architecture, max_epochs=1)
    network = estimator.net_.module_
    if spoil_sharing is nothing or (spoil_sharing is hard_sharing and not architecture.bypass_sizes):
        spoil_all(network.towers, 0)
    else:
        spoil_sharing(network.sharing, 0)
    predicted = estimator.predict(NUMBERS)
    assert np.isfinite(predicted["a"]).all()
    assert all(np.isnan(predicted[name]).all() for name in "bcd")


@pytest.mark.parametrize("tasks", [["b"], ["d", "a"], ["c", "b", "a"], ["a", "b", "c", "d"]], ids="".join)
@pytest.mark.parametrize("architecture", [spec for spec, _ in CASES.values()], ids=CASES.keys())
def test_some_tasks_are_predicted_as_among_all(architecture, tasks):
    estimator = fitted(architecture, MIXED)
    whole, some = estimator.predict(MIXED), estimator.predict(MIXED, tasks=tasks)
    assert list(some) == sorted(tasks)
    for name in tasks:
        np.testing.assert_allclose(some[name], whole[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("architecture", [spec for spec, _ in CASES.values()], ids=CASES.keys())
def test_some_tasks_of_an_ensemble(architecture):
    estimator = fitted(architecture, MIXED, n_members=2, max_epochs=1)
    whole = estimator.predict(MIXED)
    for name in Y:
        np.testing.assert_allclose(estimator.predict(MIXED, tasks=[name])[name], whole[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("architecture", [spec for spec, _ in CASES.values()], ids=CASES.keys())
def test_an_idle_task_needs_what_is_shared_only(architecture):
    estimator = fitted(architecture, task_weights={"b": 0})
    whole = estimator.predict(NUMBERS)
    for parameter in estimator.net_.module_.network.heads.parameters():
        torch.nn.init.constant_(parameter, math.nan)
    np.testing.assert_allclose(estimator.predict(NUMBERS, tasks=["b"])["b"], whole["b"], rtol=0, atol=1e-12)
    assert np.isnan(estimator.predict(NUMBERS, tasks=["a"])["a"]).all()
