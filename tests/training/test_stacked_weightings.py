"""Weightings with stacked training, with every architecture, and as parameters of an estimator."""

import builtins
import pickle
import sys
from contextlib import nullcontext

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from sklearn_mtl.architectures import Independent
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.training import Eligibility
from sklearn_mtl.training._members import structure_key
from sklearn_mtl.trunks import MLP
from sklearn_mtl.weighting import FAMO, STCH, GradNorm, GramianWeighting, Uncertainty

from .._helpers import as_member, assert_finite, assert_same
from ..weighting.test_conformance import WEIGHTINGS
from .test_stacked import BASE, assert_stacked_equals_alone, mixed_rows, variants
from .test_stacked_architectures import CASES as ARCHITECTURES

X, Y = mixed_rows()
STACKABLE = {name: w for name, w in WEIGHTINGS.items() if w.not_stackable is None}
OTHERS = {name: w for name, w in WEIGHTINGS.items() if w.not_stackable is not None}
GRAMIAN = {name: w for name, w in WEIGHTINGS.items() if isinstance(w, GramianWeighting)}
# what TorchJD solves
SOLVED = ["pcgrad", "aligned_mtl"]
SMALL = clone(BASE).set_params(trunk=MLP((6,), scaling="standard"), max_epochs=1, early_stopping=False)


def with_weighting(fits, weighting):
    return [(estimator.set_params(weighting=clone(weighting)), X, y) for estimator, X, y in fits]


# -- a member is the fit alone


@pytest.mark.parametrize("weighting", STACKABLE.values(), ids=STACKABLE.keys())
def test_a_member_equals_the_fit_alone(weighting):
    fits = variants(
        task_weights__number=[1.0, 2.0, 0.3], random_state=[0, 1, 0], learning_rate=[1e-3, 1e-2, 3e-3],
        max_epochs=[3, 5, 4],
    )  # fmt: skip
    assert_stacked_equals_alone(with_weighting(fits, weighting))


@pytest.mark.parametrize("weighting", STACKABLE.values(), ids=STACKABLE.keys())
def test_members_that_stop_at_different_epochs(weighting):
    fits = variants(
        early_stopping__n_iter_no_change=[1, 2, 20], learning_rate=[0.05, 0.05, 1e-3], max_epochs=[8, 8, 6]
    )
    assert_stacked_equals_alone(with_weighting(fits, weighting))


@pytest.mark.parametrize("weighting", [FAMO(), Uncertainty()], ids=["famo", "uncertainty"])
def test_folds_have_weights_of_their_own(weighting):
    fits = [(clone(BASE).set_params(max_epochs=3), *mixed_rows(seed)) for seed in range(2)]
    assert_stacked_equals_alone(with_weighting(fits, weighting))


def test_hyperparameters_of_a_weighting_are_structure():
    one, other, same = (clone(BASE).set_params(weighting=w) for w in (STCH(0.5), STCH(1.0), STCH(0.5)))
    keys = [structure_key(as_member(estimator, X, Y)) for estimator in (one, other, same)]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


def test_a_search_side_by_side_has_the_scores_of_one_by_one():
    grid = {"weighting": [Uncertainty(), "famo", "static"], "task_weights__number": [0.5, 2.0]}
    searches = [
        TaskWeightSearchCV(clone(SMALL), grid, stacked=stacked, cv=KFold(2), refit=False).fit(X, Y)
        for stacked in (True, False)
    ]
    one, other = (search.cv_results_["mean_test_score"] for search in searches)
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-8)
    assert {entry["stacked"] for entry in searches[0].stack_report_} == {True}


@pytest.mark.parametrize("weighting", OTHERS.values(), ids=OTHERS.keys())
def test_the_others_say_why_they_are_not_stacked(weighting):
    estimator = clone(SMALL).set_params(weighting=weighting)
    assert Eligibility.of_config(estimator._config()).reason == f"{weighting!r}: {weighting.not_stackable}"
    assert "one network at a time" in weighting.not_stackable


def test_a_search_says_why_they_are_not_stacked():
    search = TaskWeightSearchCV(
        clone(SMALL).set_params(weighting="cagrad"),
        {"task_weights__number": [0.5, 2.0]},
        stacked=True,
        cv=KFold(2),
        refit=False,
    ).fit(X, Y)
    reasons = {(entry["stacked"], entry["reason"]) for entry in search.stack_report_}
    assert reasons == {(False, "CAGrad(): its weights are solved for one network at a time")}


# -- with every architecture


def telling_what_shares_nothing(weighting, architecture):
    if weighting.needs_gramian and isinstance(architecture, Independent):
        return pytest.warns(UserWarning, match="the tasks share nothing: it has no effect")
    return nullcontext()


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
@pytest.mark.parametrize("weighting", WEIGHTINGS.values(), ids=WEIGHTINGS.keys())
def test_every_weighting_trains_every_architecture(weighting, architecture):
    params = {"weighting": clone(weighting), "architecture": clone(architecture), "batch_size": 32}
    with telling_what_shares_nothing(weighting, architecture):
        fitted = clone(SMALL).set_params(**params, dtype="float32").fit(X, Y)
    assert_finite(fitted, X)
    assert np.isfinite(fitted.history_["train_loss"]).all()


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
@pytest.mark.parametrize("weighting", ["nash_mtl", "pcgrad"])
def test_gradients_at_the_trunk_in_every_architecture(weighting, architecture):
    spec = clone(GRAMIAN[weighting]).set_params(grad_at="trunk", every=2)
    params = {"weighting": spec, "architecture": clone(architecture), "batch_size": 32}
    with telling_what_shares_nothing(spec, architecture):
        fitted = clone(SMALL).set_params(**params).fit(X, Y)
    assert_finite(fitted, X)


# -- as parameters


@pytest.mark.parametrize("weighting", WEIGHTINGS.values(), ids=WEIGHTINGS.keys())
def test_fitted_estimators_go_through_pickle(weighting):
    fitted = clone(SMALL).set_params(weighting=clone(weighting), max_epochs=2).fit(X, Y)
    loaded = pickle.loads(pickle.dumps(fitted))
    assert_same(loaded.predict(X), fitted.predict(X))
    assert repr(clone(loaded)) == repr(clone(fitted))
    # both learn on alike, from the same weights of the tasks: only the optimiser starts anew
    for estimator in (loaded, fitted):
        estimator.set_params(warm_start=True).fit(X, Y)
    assert_same(loaded.predict(X), fitted.predict(X))


@pytest.mark.parametrize("weighting", WEIGHTINGS.values(), ids=WEIGHTINGS.keys())
def test_fits_are_reproducible(weighting):
    one, other = (clone(SMALL).set_params(weighting=clone(weighting)).fit(X, Y) for _ in range(2))
    assert_same(one.predict(X), other.predict(X))


@pytest.mark.parametrize(
    ("weighting", "grid"),
    [
        (GradNorm(), {"weighting__alpha": [0.0, 3.0]}),
        ("grad_norm", {"weighting__alpha": [0.0, 3.0], "weighting__learning_rate": [0.1]}),
        ("imtlg", {"weighting__every": [1, 4]}),
        ("cagrad", {"weighting__c": [0.4, 0.9], "weighting__grad_at": ["representation", "trunk"]}),
        ("stch", {"weighting__mu": [0.1, 10.0]}),
    ],
    ids=["alpha", "shorthand", "every", "c", "mu"],
)
def test_searches_over_parameters_of_a_weighting(weighting, grid):
    estimator = clone(SMALL).set_params(weighting=weighting, max_epochs=3, learning_rate=0.02, batch_size=8)
    search = GridSearchCV(estimator, grid, cv=KFold(2)).fit(X, Y)
    assert len(np.unique(search.cv_results_["mean_test_score"])) == len(search.cv_results_["params"])
    best = search.best_estimator_.get_params()
    assert {name: best[name] for name in search.best_params_} == search.best_params_


@pytest.mark.parametrize(
    ("weighting", "message"),
    [
        (GradNorm(alpha=-1.0), "The 'alpha' parameter of GradNorm"),
        (clone(GRAMIAN["mgda"]).set_params(every=0), "The 'every' parameter of MGDA"),
        (clone(GRAMIAN["cagrad"]).set_params(c=-0.1), "The 'c' parameter of CAGrad"),
        (clone(GRAMIAN["pcgrad"]).set_params(grad_at="head"), "The 'grad_at' parameter of PCGrad"),
        (Uncertainty(learning_rate=0.0), "The 'learning_rate' parameter of Uncertainty"),
        (STCH(mu=0.0), "The 'mu' parameter of STCH"),
    ],
    ids=["alpha", "every", "c", "grad_at", "learning_rate", "mu"],
)
def test_wrong_hyperparameters_are_refused_by_fit(weighting, message):
    with pytest.raises(ValueError, match=message):
        clone(SMALL).set_params(weighting=weighting).fit(X, Y)


# -- without TorchJD


@pytest.fixture
def without_torchjd(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "torchjd"]:
        monkeypatch.delitem(sys.modules, name)
    plain = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.split(".")[0] == "torchjd":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return plain(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setitem(sys.modules, "torchjd", None)


@pytest.mark.parametrize("weighting", SOLVED)
def test_without_torchjd_the_extra_is_named(weighting, without_torchjd):
    name = type(WEIGHTINGS[weighting]).__name__
    estimator = clone(SMALL).set_params(weighting=weighting)
    with pytest.raises(ImportError, match=rf"{name} needs torchjd; .* 'sklearn-mtl\[balancing\]'"):
        estimator.fit(X, Y)


@pytest.mark.parametrize("weighting", [name for name in WEIGHTINGS if name not in SOLVED])
def test_the_others_need_no_torchjd(weighting, without_torchjd):
    assert_finite(clone(SMALL).set_params(weighting=weighting).fit(X, Y), X)
