"""Many threads and processes: every prediction and every model equals that of one thread, bit for bit."""

import itertools
import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.metrics import multitask_scorer
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, inputs, weights_of
from ..inputs_cases import CASES
from ._fits import X, Y, assert_same_fit, small

N_THREADS = 8
DROPOUT = MLP(hidden_sizes=(8, 6), dropout=0.3)


def two_layers(in_features):
    """Make a trunk without a member axis, so that an ensemble of it is mapped."""
    return nn.Sequential(nn.Linear(in_features, 6), nn.Tanh(), nn.Linear(6, 5))


NETS = {
    "plain": lambda: small(trunk=DROPOUT).fit(X, Y),
    "auto": lambda: small(trunk="auto").fit(X, Y),
    "experts": lambda: small(architecture="mmoe").fit(X, Y),
    "sharing": lambda: small(architecture="cross_stitch").fit(X, Y),
    "own module": lambda: small(trunk=two_layers).fit(X, Y),
    "ensemble": lambda: small(n_members=3).fit(X, Y),
    "ensemble of own modules": lambda: small(n_members=3, trunk=two_layers).fit(X, Y),
}


def said(estimator, rows):
    """Return all predictions of an estimator for some rows."""
    return [estimator.predict(rows), estimator.predict_proba(rows), estimator.transform(rows)]


def at_once(function, arguments):
    """Call a function in many threads; an error in one of them is raised here."""
    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(function, arguments))


@pytest.mark.parametrize("name", NETS)
def test_many_threads_predict_as_one(name):
    estimator = NETS[name]()
    parts = [inputs(50, seed=seed) for seed in range(6)] * 6
    expected = [said(estimator, part) for part in parts[:6]] * 6
    for answer, wanted in zip(at_once(lambda part: said(estimator, part), parts), expected, strict=True):
        assert_same(answer, wanted)


@pytest.mark.parametrize("name", CASES)
def test_many_threads_predict_rows_of_every_kind(name):
    case = CASES[name]()
    estimator = case.net(max_epochs=1).fit(case.X, case.y)
    expected = estimator.predict(case.X)
    for answer in at_once(lambda _: estimator.predict(case.X), range(16)):
        assert answer == expected


def test_state_is_read_while_other_threads_predict():
    estimator = NETS["ensemble of own modules"]()
    expected, weights = estimator.predict(X), weights_of(estimator)

    def use(number):
        return weights_of(estimator) if number % 4 == 0 else estimator.predict(X)

    for number, answer in enumerate(at_once(use, range(40))):
        assert_same(answer, weights if number % 4 == 0 else expected)


def test_prediction_during_a_refit_is_that_of_the_old_model_or_the_new():
    estimator = small(trunk=DROPOUT, max_epochs=3).fit(X, Y)
    models = [said(estimator, X)]
    assert said(clone(estimator).set_params(random_state=1).fit(X, Y), X)[1] != models[0][1]
    done, answers = Event(), []

    def ask(_):
        asked = []
        while not done.is_set():
            asked.append(said(estimator, X))
        answers.extend(asked)

    with ThreadPoolExecutor(N_THREADS) as pool:
        running = [pool.submit(ask, number) for number in range(N_THREADS)]
        for seed in range(1, 4):
            estimator.set_params(random_state=seed).fit(X, Y)
            models.append(said(estimator, X))
        done.set()
        for future in running:
            future.result()
    known = [[*map(_bytes, model)] for model in models]
    assert len(answers) > N_THREADS
    # the methods may be answered by different models, but each result is from a single model
    for answer in answers:
        for what, given in enumerate(answer):
            assert _bytes(given) in [model[what] for model in known]


def _bytes(answer):
    arrays = answer.values() if hasattr(answer, "values") else [answer]
    return b"".join(array.astype(str).tobytes() if array.dtype == object else array.tobytes() for array in arrays)


# -- concurrent fits

FITS = {
    "dropout and early stopping": {"trunk": DROPOUT, "early_stopping": True, "max_epochs": 8},
    "auto": {"trunk": "auto"},
    "own module": {"trunk": two_layers},
    "gradients": {"weighting": "pcgrad"},
    "random weighting": {"weighting": "random_weighting"},
    "loss driven": {"task_sampling": "loss_driven"},
    "ensemble": {"n_members": 3},
    "float64": {"dtype": "float64", "architecture": "mmoe"},
}


def fit(params):
    return small(**params).fit(X, Y)


@pytest.mark.parametrize("params", FITS.values(), ids=FITS)
def test_fits_in_threads_are_those_of_one(params):
    before = torch.get_num_threads(), torch.get_rng_state().clone(), np.random.mtrand._rand.get_state()[1]
    filters = list(warnings.filters)
    seeds = [{**params, "random_state": seed} for seed in range(3)]
    alone = [fit(one) for one in seeds]
    by_joblib = Parallel(2, backend="threading")(delayed(fit)(one) for one in seeds)
    for together in (at_once(fit, seeds * 2), by_joblib):
        for estimator, expected in zip(together, itertools.cycle(alone), strict=False):
            if "n_members" in params:
                assert_same(weights_of(estimator), weights_of(expected))
            else:
                assert_same_fit(estimator, expected)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    np.testing.assert_array_equal(np.random.mtrand._rand.get_state()[1], before[2])
    assert warnings.filters == filters


GRID = {"task_weights__mass": [0.2, 1.0], "learning_rate": [0.01, 0.05]}


@pytest.mark.slow
def test_search_is_the_same_in_every_backend():
    def search(backend, n_jobs):
        estimator = small(trunk=DROPOUT, architecture="cross_stitch")
        with parallel_config(backend, n_jobs=n_jobs):
            return GridSearchCV(estimator, GRID, cv=3, scoring=multitask_scorer, refit="score").fit(X, Y)

    alone = search("sequential", 1)
    for backend in ("threading", "loky"):
        other = search(backend, 2)
        for name, values in alone.cv_results_.items():
            if "_test_" in name and "time" not in name:
                np.testing.assert_array_equal(other.cv_results_[name], values, err_msg=f"{backend}: {name}")
        assert_same_fit(other.best_estimator_, alone.best_estimator_)


def test_searches_in_threads_are_those_of_one():
    def search(stacked):
        return TaskWeightSearchCV(small(), GRID, cv=2, stacked=stacked).fit(X, Y).cv_results_["mean_test_score"]

    expected = {stacked: search(stacked) for stacked in (True, False)}
    for stacked, scores in zip([True, False] * 2, at_once(search, [True, False] * 2), strict=True):
        np.testing.assert_array_equal(scores, expected[stacked])


def test_many_threads_may_fit_one_estimator():
    estimator = MultiTaskNetEstimator(trunk=DROPOUT, max_epochs=2, random_state=0, early_stopping=False)
    expected = clone(estimator).fit(X, Y)
    for fitted in at_once(lambda _: estimator.fit(X, Y), range(8)):
        assert fitted is estimator
    assert_same_fit(estimator, expected)
