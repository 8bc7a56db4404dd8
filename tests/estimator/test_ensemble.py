"""Ensembles: the prediction is the mean of the predictions of the members alone."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import clone

from sklearn_mtl import (
    DeepEnsemble,
    EarlyStopping,
    MultiTaskNetClassifier,
    MultiTaskNetEstimator,
    MultiTaskNetRegressor,
    Targets,
)
from sklearn_mtl.exceptions import DivergenceError
from sklearn_mtl.trunks import MLP

ROWS = 90


def mixed_rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((ROWS, 4)), columns=list("abcd"))
    X["kind"] = pd.Categorical(rng.choice(["u", "v"], ROWS))
    signal = X[list("abcd")].to_numpy()
    y = Targets(
        three=signal[:, :3].argmax(axis=1),
        two=signal[:, 0] > 0,
        number=np.where(rng.random(ROWS) < 0.2, np.nan, signal[:, 1] ** 2),
        tags=(signal[:, :2] > 0).astype(int),
    )
    return X, y


def ensemble(**params):
    defaults = {
        "n_members": 3, "dtype": "float64", "max_epochs": 4, "batch_size": 16, "random_state": 0,
        "trunk": MLP((8,), dropout=0.2, scaling="standard"),
    }  # fmt: skip
    return MultiTaskNetEstimator(**(defaults | params))


def member_alone(net, X, y, number):
    """Fit one network with the seed of one of the members."""
    return clone(net).set_params(n_members=1, random_state=int(net.member_seeds_[number])).fit(X, y)


def test_predictions_are_means_over_the_members():
    X, y = mixed_rows()
    net = ensemble(early_stopping=False).fit(X, y)
    alone = [member_alone(net, X, y, number) for number in range(3)]
    proba, number = net.predict_proba(X), net.predict(X)["number"]
    for task in ("three", "two", "tags"):
        expected = np.mean([fit.predict_proba(X)[task] for fit in alone], axis=0)
        np.testing.assert_allclose(proba[task], expected, atol=1e-8)
    numbers = np.array([fit.predict(X)["number"] for fit in alone])
    np.testing.assert_allclose(number, numbers.mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(net.predict_std(X)["number"], numbers.std(axis=0), atol=1e-8)
    np.testing.assert_allclose(net.transform(X), np.hstack([fit.transform(X) for fit in alone]), atol=1e-8)
    assert net.n_iter_ == max(fit.n_iter_ for fit in alone)


def test_members_stop_together_at_the_epoch_that_is_the_best_in_the_mean():
    X, y = mixed_rows()
    patience = 3
    stopping = EarlyStopping(n_iter_no_change=patience)
    net = ensemble(max_epochs=60, early_stopping=stopping, learning_rate=0.02).fit(X, y)
    by_epoch = net.history_.groupby("epoch")["valid_loss"]
    assert (by_epoch.size() == 3).all()
    best = by_epoch.mean().idxmin()
    assert best == net.n_iter_ - patience < 60
    # the weights are those of that epoch
    shorter = clone(net).set_params(max_epochs=int(best)).fit(X, y)
    np.testing.assert_allclose(net.predict(X)["number"], shorter.predict(X)["number"], atol=1e-12)


@pytest.mark.parametrize("n_rows", [4, 10, 13])
def test_an_ensemble_of_very_few_rows(n_rows):
    X, y = mixed_rows()
    rows = np.arange(n_rows)
    net = ensemble(n_members=8, batch_size=4).fit(X.iloc[rows], y[rows])
    assert ("valid_loss" in net.history_) == (n_rows >= 10)
    assert np.isfinite(net.predict(X)["number"]).all()


def test_labels_are_those_of_the_mean_probabilities():
    X, y = mixed_rows()
    net = ensemble().fit(X, y)
    labels, proba = net.predict(X), net.predict_proba(X)
    assert np.array_equal(labels["three"], net.classes_["three"][proba["three"].argmax(axis=1)])
    assert np.array_equal(labels["two"], proba["two"][:, 1] > 0.5)
    assert np.array_equal(labels["tags"], (proba["tags"] > 0.5).astype(int))


def test_history_has_every_member():
    X, y = mixed_rows()
    history = ensemble(max_epochs=3).fit(X, y).history_
    assert history.groupby("member").size().tolist() == [3, 3, 3]
    assert {"train_loss__three", "train_loss"} <= set(history)


@pytest.mark.parametrize("bootstrap", [False, True])
def test_a_pickle_predicts_the_same(bootstrap):
    X, y = mixed_rows()
    net = ensemble(ensemble=DeepEnsemble(bootstrap)).fit(X, y)
    assert pickle.loads(pickle.dumps(net)).predict(X) == net.predict(X)


def test_bootstrap_gives_every_member_rows_of_its_own():
    X, y = mixed_rows()
    # with one seed for weights and order, rows alone make the difference
    plain = ensemble(max_epochs=1).fit(X, y)
    drawn = ensemble(max_epochs=1, ensemble=DeepEnsemble(bootstrap=True)).fit(X, y)
    assert not np.allclose(plain.predict(X)["number"], drawn.predict(X)["number"])
    again = ensemble(max_epochs=1, ensemble=DeepEnsemble(bootstrap=True)).fit(X, y)
    assert again.predict(X) == drawn.predict(X)


@pytest.mark.parametrize("n_rows", [5, 5000])
def test_predictions_for_few_and_many_rows(n_rows):
    X, y = mixed_rows()
    net = ensemble().fit(X, y)
    many = X.sample(n_rows, replace=True, random_state=0)
    expected = net.predict(X)["number"][many.index]
    np.testing.assert_allclose(net.predict(many)["number"], expected, atol=1e-12)


def test_companions_and_containers():
    X, y = mixed_rows()
    numbers = X[["a", "b"]].to_numpy()
    regressor = MultiTaskNetRegressor(n_members=2, max_epochs=2, random_state=0).fit(numbers, numbers)
    assert regressor.predict(numbers).shape == regressor.predict_std(numbers).shape == (ROWS, 2)
    classifier = MultiTaskNetClassifier(n_members=2, max_epochs=2, random_state=0).fit(numbers, y["three"])
    assert classifier.predict_proba(numbers).shape == (ROWS, 3)
    assert not hasattr(classifier, "predict_std")
    assert not hasattr(MultiTaskNetRegressor(n_members=1), "predict_std")


def test_one_task_out_of_several():
    X, y = mixed_rows()
    net = ensemble().fit(X, y)
    assert list(net.predict(X, tasks=["two"])) == ["two"]
    np.testing.assert_allclose(net.predict_proba(X, tasks=["two"])["two"], net.predict_proba(X)["two"], atol=1e-12)
    with pytest.raises(ValueError, match="none of these tasks is a regression"):
        net.predict_std(X, tasks=["two"])


def test_a_member_that_diverges_is_an_error():
    X, y = mixed_rows()
    with pytest.raises(DivergenceError, match="epoch"):
        ensemble(optimizer="sgd", learning_rate=1e200).fit(X, y)


def test_the_mean_of_probabilities_survives_extreme_logits():
    from sklearn_mtl.tasks import Classification

    task = Classification().fit(np.array([0, 1]))
    outputs = np.array([[[800.0], [-800.0]], [[0.0], [0.0]]])
    np.testing.assert_allclose(expit(task.average(outputs)), [[0.75], [0.25]])


@pytest.mark.parametrize("kind", ["deep", "batch"])
def test_a_line_is_printed_for_each_epoch(kind, capsys):
    X, y = mixed_rows()
    net = ensemble(max_epochs=3, ensemble=kind, early_stopping=True, verbose=1).fit(X, y)
    header, _, *lines = capsys.readouterr().out.splitlines()
    assert {"epoch", "train_loss", "valid_loss", "dur"} <= set(header.split())
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    column = header.split().index("train_loss")
    mean = net.history_["train_loss"].groupby(level="epoch").mean()
    np.testing.assert_allclose([float(line.split()[column]) for line in lines], mean, atol=1e-3)
