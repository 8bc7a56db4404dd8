"""Stacked training of every architecture, with penalties: member m equals the same fit alone."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from sklearn_mtl import Targets
from sklearn_mtl.architectures import (
    PLE,
    AdaTT,
    Grouped,
    HardSharing,
    Independent,
    MMoE,
    SubspaceSharing,
    TaskGraph,
)
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.penalties import GroupLasso, Orthogonality, RepresentationDropout, TraceNorm
from sklearn_mtl.training import train_stacked
from sklearn_mtl.training._members import structure_key

from .._helpers import as_member, why_not_stacked
from ..architectures.test_conformance import CASES as ALL_CASES
from ..model.test_vmapped import Foreign
from .test_stacked import BASE, assert_stacked_equals_alone, mixed_rows

X, Y = mixed_rows()
GRAPHS = {
    "graph": TaskGraph({"number": ["three", "two"], "tags": ["number"]}),
    "stopped graph": TaskGraph({"number": ["three"]}, stop_gradient=True, sharing=HardSharing(tower_sizes=(5,))),
    "attention": TaskGraph({"number": ["three", "two"], "tags": ["number"]}, transfer="attention"),
    "graph of experts": TaskGraph({"number": ["three"]}, transfer="attention", sharing=MMoE(n_experts=2)),
}
GROUPS = {
    "groups": Grouped([["number", "three"], ["two"], ["tags"]]),
    "pairs": Grouped([["tags", "three"], ["two", "number"]], tower_sizes=(5,)),
}
# the graphs and groups of the other suite are about other tasks
CASES = {n: spec for n, spec in ALL_CASES.items() if not isinstance(spec, TaskGraph | Grouped)} | GRAPHS | GROUPS
EVERY = pytest.mark.parametrize("architecture", CASES.values(), ids=CASES.keys())


def all_penalties():
    return [TraceNorm(0.05), GroupLasso(0.02), Orthogonality(0.1), RepresentationDropout(0.1)]


def short(architecture, **params):
    return clone(BASE).set_params(**{"architecture": architecture, "max_epochs": 4, **params})


def fits(estimator, **params):
    """One fit per value of the parameters, on the same rows."""
    names, values = list(params), zip(*params.values(), strict=True)
    return [(clone(estimator).set_params(**dict(zip(names, value, strict=True))), X, Y) for value in values]


def outputs(estimator, tasks=None, rows=X):
    return estimator._model.outputs(rows, estimator.task_names_ if tasks is None else tasks, estimator)


# -- a member is the fit alone


@EVERY
def test_members_that_differ_in_everything_they_may(architecture):
    estimator = short(architecture, penalties=all_penalties())
    several = fits(
        estimator,
        task_weights__number=[1.0, 2.0, 0.3],
        penalties__trace_norm__strength=[0.1, 0.0, 0.3],
        penalties__group_lasso__strength=[0.05, 0.1, 0.0],
        penalties__orthogonality__strength=[0.0, 0.2, 0.1],
        penalties__representation_dropout__p=[0.1, 0.4, 0.2],
        trunk__dropout=[0.3, 0.1, 0.2],
        learning_rate=[1e-3, 1e-2, 3e-3],
        random_state=[0, 0, 1],
    )
    assert all(why_not_stacked(as_member(clone(e), X, Y)) is None for e, _, _ in several)
    assert_stacked_equals_alone(several)


@EVERY
def test_members_that_are_alike(architecture):
    estimator = short(architecture, penalties=all_penalties(), max_epochs=2)
    assert_stacked_equals_alone(fits(estimator, task_weights__three=[1.0, 1.0]))


@pytest.mark.parametrize(
    "name", ["hard_sharing", "independent", "ple of two levels", "adatt of two levels", "graph", "groups"]
)
def test_folds_of_an_architecture(name):
    folds = [mixed_rows(seed) for seed in range(2)]
    estimator = short(CASES[name], penalties=["trace_norm"])
    assert_stacked_equals_alone([(clone(estimator), *rows) for rows in folds])


@pytest.mark.parametrize("values", [[0.0, 0.0], [0.2, 0.5]], ids=["none", "some"])
def test_dropout_of_representation_and_trunk_beside_each_other(values):
    estimator = short("mmoe", penalties=["representation_dropout"])
    assert_stacked_equals_alone(fits(estimator, penalties__representation_dropout__p=values))


@pytest.mark.parametrize(
    "architecture", [Independent(), MMoE(n_experts=2, load_balancing=0.2), PLE(n_levels=2)], ids=repr
)
def test_a_trunk_that_knows_nothing_of_members(architecture):
    penalties = [TraceNorm(0.1), GroupLasso(0.1), Orthogonality(0.1)]
    estimator = short(architecture, trunk=Foreign((6,)), penalties=penalties)
    several = fits(estimator, penalties__trace_norm__strength=[0.1, 0.5], task_weights__number=[1.0, 3.0])
    assert all(why_not_stacked(as_member(clone(e), X, Y)) is None for e, _, _ in several)
    assert_stacked_equals_alone(several)


# -- what goes together


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"architecture": MMoE(temperature=1.0)}, {"architecture": MMoE(temperature=2.0)}),
        ({"architecture": MMoE(top_k=1)}, {"architecture": MMoE(top_k=2)}),
        ({"architecture": MMoE(load_balancing=0.1)}, {"architecture": MMoE(load_balancing=0.2)}),
        ({"architecture": MMoE(n_experts=2)}, {"architecture": MMoE(n_experts=3)}),
        ({"architecture": PLE(load_balancing=0.1)}, {"architecture": PLE()}),
        ({"architecture": PLE(temperature=2.0)}, {"architecture": PLE()}),
        ({"architecture": AdaTT(top_k=1)}, {"architecture": AdaTT(top_k=2)}),
        ({"architecture": SubspaceSharing(0.1)}, {"architecture": SubspaceSharing(0.2)}),
        (
            {"architecture": SubspaceSharing(column_groups=[["a"], ["b"]])},
            {"architecture": SubspaceSharing(column_groups=[["a"], ["c"]])},
        ),
        (
            {"architecture": TaskGraph({"two": ["three"]})},
            {"architecture": TaskGraph({"two": ["three"]}, stop_gradient=True)},
        ),
        (
            {"architecture": TaskGraph({"two": ["three"]}, sharing=MMoE(temperature=1.0))},
            {"architecture": TaskGraph({"two": ["three"]}, sharing=MMoE(temperature=3.0))},
        ),
        (
            {"architecture": TaskGraph({"number": ["three"]})},
            {"architecture": TaskGraph({"three": ["number"]})},
        ),
        ({"architecture": PLE(n_shared=3, n_specific=0)}, {"architecture": MMoE(n_experts=3)}),
        ({"trunk__scaling": "standard"}, {"trunk__scaling": "squash"}),
        ({"trunk__ranks": True}, {"trunk__ranks": False}),
        ({"penalties": [TraceNorm()]}, {"penalties": [GroupLasso()]}),
        ({"penalties": [TraceNorm()]}, {"penalties": []}),
        ({"penalties": [TraceNorm(), GroupLasso()]}, {"penalties": [GroupLasso(), TraceNorm()]}),
        ({"penalties": [RepresentationDropout(0.0)]}, {"penalties": [RepresentationDropout(0.1)]}),
    ],
    ids=[
        "temperature", "top_k", "load balancing", "n_experts", "balancing of ple", "temperature of ple",
        "top_k of adatt", "orthogonality", "column groups", "stop_gradient", "sharing of a graph", "edges",
        "two names", "scaling", "ranks", "kind of penalty", "no penalty", "order of penalties", "no dropout",
    ],
)  # fmt: skip
def test_another_structure_has_another_key(one, other):
    keys = [structure_key(as_member(clone(BASE).set_params(**params), X, Y)) for params in (one, other)]
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"penalties": [TraceNorm(0.1)]}, {"penalties": ["trace_norm"]}),
        ({"penalties": [RepresentationDropout(0.1)]}, {"penalties": [RepresentationDropout(0.2)]}),
        ({"architecture": "mmoe"}, {"architecture": MMoE()}),
        ({"trunk__dropout": 0.1}, {"trunk__dropout": 0.2}),
        (
            {"architecture": TaskGraph({"two": ["three"]}, sharing="mmoe"), "random_state": 0},
            {"architecture": TaskGraph({"two": ["three"]}, sharing="mmoe"), "random_state": 1},
        ),
    ],
    ids=["strength", "p", "shorthand", "dropout", "seed"],
)
def test_one_structure_has_one_key(one, other):
    keys = [structure_key(as_member(clone(BASE).set_params(**params), X, Y)) for params in (one, other)]
    assert keys[0] == keys[1]
    assert hash(keys[0]) == hash(keys[1])


# -- ensembles


@pytest.mark.parametrize(
    "name", ["bypass", "independent", "cross_stitch", "column groups", "sparse mmoe", "ple of two levels",
             "adatt of two levels", "attention", "graph of experts"],
)  # fmt: skip
def test_members_of_an_ensemble_are_the_fits_of_their_seeds(name):
    estimator = short(CASES[name], penalties=all_penalties(), n_members=2, max_epochs=2, early_stopping=False)
    ensemble = estimator.fit(X, Y)
    members = ensemble._model.member_outputs(X, ensemble.task_names_, ensemble)
    whole = ensemble._model.blueprint
    for number in range(2):
        one = replace(as_member(clone(estimator).set_params(n_members=1), X, Y), blueprint=whole.member(number))
        (trained,) = train_stacked([one], ensemble.device_)
        network = whole.member(number).network()
        network.load_state_dict(trained.weights)
        inputs = whole.trunk.encode(X, owner=ensemble)
        for task, output in network.eval()(inputs, ensemble.task_names_).items():
            np.testing.assert_allclose(members[task][number], output.detach().numpy(), rtol=0, atol=1e-8)


# -- searches


def test_a_search_side_by_side_has_the_scores_of_one_by_one():
    estimator = short(MMoE(n_experts=2, load_balancing=0.1), penalties=all_penalties(), max_epochs=3)
    grid = {
        "task_weights__number": [0.3, 2.0],
        "penalties__trace_norm__strength": [0.0, 0.5],
        "penalties__representation_dropout__p": [0.1, 0.4],
    }
    results = {}
    for stacked in (True, False):
        search = TaskWeightSearchCV(estimator, grid, stacked=stacked, cv=KFold(2), refit=False).fit(X, Y)
        results[stacked] = search.cv_results_
    for name in ("mean_test_score", "split0_test_score", "split1_test_score"):
        np.testing.assert_allclose(results[True][name], results[False][name], rtol=0, atol=1e-8)
    assert len(np.unique(results[True]["mean_test_score"])) > 4


def test_a_search_over_architectures():
    estimator = short(HardSharing(), max_epochs=2)
    grid = {"architecture": [HardSharing(), MMoE(n_experts=2), PLE()]}
    search = GridSearchCV(estimator, grid, cv=KFold(2)).fit(X, Y)
    assert len(np.unique(search.cv_results_["mean_test_score"])) == 3
    assert repr(search.best_estimator_.architecture) == repr(search.best_params_["architecture"])
    side_by_side = TaskWeightSearchCV(estimator, grid, stacked=True, cv=KFold(2)).fit(X, Y)
    np.testing.assert_allclose(
        side_by_side.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"], rtol=0, atol=1e-8
    )


def test_a_search_inside_of_an_architecture():
    estimator = short(MMoE(n_experts=2), max_epochs=2)
    grid = {"architecture__temperature": [0.1, 10.0], "architecture__n_experts": [1, 3]}
    results = [
        search.fit(X, Y).cv_results_["mean_test_score"]
        for search in (
            GridSearchCV(estimator, grid, cv=KFold(2), refit=False),
            TaskWeightSearchCV(estimator, grid, stacked=True, cv=KFold(2), refit=False),
        )
    ]
    np.testing.assert_allclose(*results, rtol=0, atol=1e-8)
    assert (estimator.architecture.n_experts, estimator.architecture.temperature) == (2, 1.0)


# -- tasks that are not trained


@EVERY
def test_an_idle_task_is_as_if_absent(architecture):
    params = {"penalties": all_penalties(), "max_epochs": 2, "dtype": "float32"}
    idle = short(architecture, task_weights={"two": 0.0}, **params).fit(X, Y)
    others = Targets({name: Y[name] for name in Y if name != "two"})
    if isinstance(architecture, TaskGraph):
        edges = {child: [p for p in parents if p != "two"] for child, parents in architecture.dependencies.items()}
        architecture = clone(architecture).set_params(dependencies=edges)
    if isinstance(architecture, Grouped):
        architecture = architecture.restricted_to(list(others))
    absent = short(architecture, **params).fit(X, others)
    expected = outputs(absent)
    for name, output in outputs(idle, list(expected)).items():
        np.testing.assert_array_equal(output, expected[name], err_msg=name)
    weights = {name.removeprefix("network."): p for name, p in idle.net_.module_.network.state_dict().items()}
    for name, values in absent.net_.module_.state_dict().items():
        np.testing.assert_array_equal(weights[name.removeprefix("network.")], values, err_msg=name)
