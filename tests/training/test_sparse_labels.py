"""A fit to labels that are stored sparsely equals one to arrays with NaN, and costs what the labels cost."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from scipy.sparse import coo_array
from sklearn.model_selection import GroupShuffleSplit, cross_val_score

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, Portfolio, Targets, load_model, save_model
from sklearn_mtl.architectures import HardSharing
from sklearn_mtl.data import _pair_strata
from sklearn_mtl.data._dataset import Dataset
from sklearn_mtl.data._encode_labels import encode_targets
from sklearn_mtl.data._hold_out import strata
from sklearn_mtl.nn import _pairs
from sklearn_mtl.nn._pairs import Pairs, pair_outputs
from sklearn_mtl.tasks import group_tasks
from sklearn_mtl.trunks import MLP

N, T = 240, 6
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 5))
Y = X @ rng.normal(size=(5, T)) + 0.1 * rng.normal(size=(N, T))
Y[:, :3] = Y[:, :3] > 0
Y[rng.random(Y.shape) < 0.6] = np.nan
DENSE = Targets({str(task): column for task, column in enumerate(Y.T)})
WEIGHT = np.where(np.arange(N) < 20, 0.0, rng.random(N))


def sparse(Y=Y, **options):
    rows, tasks = np.nonzero(~np.isnan(Y))
    return Targets.from_sparse(coo_array((Y[rows, tasks], (rows, tasks)), shape=Y.shape), **options)


def net(**params):
    given = {"trunk": MLP((16,)), "n_members": 1, "ensemble": "deep", "max_epochs": 3, "early_stopping": False}
    return MultiTaskNetEstimator(**given | params, dtype="float64", random_state=0)


def assert_equal_fits(a, b, sample_weight=None):
    of_a, of_b = a.predict(X), b.predict(X)
    for name in of_a:
        np.testing.assert_allclose(of_b[name].astype(float), of_a[name].astype(float), rtol=1e-8, atol=1e-10)
    of_a, of_b = a.predict_proba(X), b.predict_proba(X)
    for name in of_a:
        np.testing.assert_allclose(of_b[name], of_a[name], rtol=1e-8, atol=1e-10)
    scores = a.score_tasks(X, DENSE, sample_weight)
    assert b.score_tasks(X, sparse(), sample_weight) == pytest.approx(scores, nan_ok=True)
    assert list(a.history_.columns) == list(b.history_.columns)
    np.testing.assert_allclose(*(each.history_.drop(columns="dur", errors="ignore") for each in (a, b)), rtol=1e-8)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal weights", "weights"])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"early_stopping": True, "max_epochs": 6},
        {"early_stopping": "per_task", "metrics": {"0": "roc_auc"}},
        {"n_members": 2, "early_stopping": True},
        {"n_members": 2, "ensemble": "batch"},
        {"architecture": HardSharing(tower_sizes=(4,)), "weighting": "uncertainty"},
        {"weighting": "pcgrad"},
        {"task_weights": {"1": 0.0, "2": 3.0}},
    ],
    ids=str,
)
def test_the_fit_equals_one_to_arrays_with_nan(params, weight):
    fits = [net(**params).fit(X, y, sample_weight=weight) for y in (DENSE, sparse())]
    assert_equal_fits(*fits, weight)


def test_separate_validation_rows_and_groups():
    held = {"X_val": X[:60], "y_val": DENSE[np.arange(60)]}
    a = net(early_stopping=True).fit(X, DENSE, **held)
    assert_equal_fits(a, net(early_stopping=True).fit(X, sparse(), **{**held, "y_val": sparse()[:60]}))
    groups = np.arange(N) // 4
    a, b = (net(early_stopping=True).fit(X, y, groups=groups) for y in (DENSE, sparse()))
    assert_equal_fits(a, b)


def test_training_continues_in_batches_and_by_warm_start():
    a, b = (net().partial_fit(X, y).partial_fit(X, y) for y in (DENSE, sparse()))
    assert_equal_fits(a, b)
    a, b = (net(warm_start=True).fit(X, y).fit(X, y) for y in (DENSE, sparse()))
    assert_equal_fits(a, b)


def test_more_classes_are_computed_beside_the_pairs():
    classes = Y.copy()
    classes[:, 5] = np.where(np.isnan(Y[:, 5]), np.nan, rng.integers(3, size=N))
    dense = Targets({str(task): column for task, column in enumerate(classes.T)})
    params = {"early_stopping": True, "tasks": {"5": "classification"}}
    fits = [net(**params).fit(X, y) for y in (dense, sparse(classes))]
    np.testing.assert_allclose(*(fit.predict_proba(X)["5"] for fit in fits), rtol=1e-8)
    scores = fits[0].score_tasks(X, dense)
    assert fits[1].score_tasks(X, sparse(classes)) == pytest.approx(scores)


def test_no_output_is_computed_without_a_label(monkeypatch):
    seen = []
    original = _pairs.pair_outputs
    monkeypatch.setattr(
        "sklearn_mtl.architectures._outputs.pair_outputs",
        lambda x, weight, bias, pairs: seen.append(len(pairs)) or original(x, weight, bias, pairs),
    )
    monkeypatch.setattr("sklearn_mtl.architectures._outputs.affine", None)  # computes all outputs
    net(max_epochs=2).fit(X, sparse())
    assert sum(seen) == 2 * (~np.isnan(Y)).sum()


def test_the_defaults_train_one_network():
    fitted = MultiTaskNetEstimator(max_epochs=2, random_state=0).fit(X, sparse())
    assert not hasattr(fitted, "recipe_weights_")
    assert fitted.score(X, sparse()) > 0


def test_predictions_are_targets_and_models_are_saved(tmp_path):
    fitted = net().fit(X, sparse(names="abcdef"))
    labels = fitted.predict(X[:3])
    assert isinstance(labels, Targets)
    assert list(labels) == list("abcdef")
    assert labels["f"].shape == (3,)
    save_model(fitted, tmp_path / "model.zip")
    assert load_model(tmp_path / "model.zip").predict(X[:3]) == labels


def test_texts_of_long_labels_are_classes():
    y = Targets.from_long(np.repeat(np.arange(N), 2), ["a", "b"] * N, np.where(X[:, :2] > 0, "on", "off").ravel())
    fitted = MultiTaskNetClassifier(trunk=MLP((16,)), max_epochs=20, random_state=0).fit(X, y)
    assert fitted.classes_["a"].tolist() == ["off", "on"]
    assert fitted.score(X, y) > 0.9


def test_folds_are_scored_on_their_labels():
    scores = cross_val_score(net(max_epochs=20, learning_rate=1e-2), X, sparse(), cv=3)
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


# -- thousands of tasks


def many(n_rows=400, n_tasks=1500, labels_of_row=20):
    generator = np.random.default_rng(1)
    inputs = generator.normal(size=(n_rows, 4))
    tasks = (generator.integers(n_tasks, size=(n_rows, 1)) + np.arange(labels_of_row) * 71) % n_tasks
    rows = np.repeat(np.arange(n_rows), labels_of_row)
    labels = (inputs[rows, tasks.ravel() % 4] > 0).astype(int)
    return inputs, Targets.from_long(rows, tasks.ravel(), labels, n_rows=n_rows, names=range(n_tasks))


@pytest.mark.filterwarnings("ignore::sklearn_mtl.exceptions.SingleClassWarning")
@pytest.mark.filterwarnings("ignore:early stopping does not watch:UserWarning")
def test_thousands_of_tasks_are_fitted_stopped_and_scored(monkeypatch):
    monkeypatch.setattr(_pair_strata, "MOST_CODES", 0)
    inputs, y = many()
    keep = [name for name in y if len(set(y.labels_of(name)[0].tolist())) == 2]
    y = y._select(keep)
    fitted = net(early_stopping=True, max_epochs=4, learning_rate=1e-2).fit(inputs, y)
    assert "valid_loss" in fitted.history_
    assert "valid_score" not in fitted.history_
    scores = fitted.score_tasks(inputs, y)
    assert list(scores) == keep
    assert np.mean(list(scores.values())) > 0.55
    assert list(fitted.predict(inputs[:2], tasks=keep[:3])) == keep[:3]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"architecture": "mmoe"}, r"more than 1000.*architecture=MMoE\(\).*use HardSharing\(\)"),
        ({"weighting": "pcgrad"}, "weighting=.*compares the gradients"),
        ({"n_members": 2, "ensemble": "batch"}, "use ensemble='deep'"),
        ({"label_inputs": True}, "label_inputs=True"),
        ({"task_sampling": "temperature"}, "task_sampling=.*'all'"),
        ({"ensemble": Portfolio(), "n_members": "auto"}, "ensemble=.*use ensemble='deep'"),
    ],
    ids=str,
)
def test_what_does_not_fit_in_memory_is_refused_by_name(params, message):
    with pytest.raises(ValueError, match=message):
        net(**params).fit(*many(n_rows=100))


@pytest.mark.filterwarnings("ignore::sklearn_mtl.exceptions.SingleClassWarning")
def test_many_tasks_of_several_classes_are_refused_by_name():
    inputs, y = many()
    labels = np.arange(len(y._labels)) % 3
    y = Targets.from_long(y._rows, np.repeat(np.arange(1500), y.n_labels), labels, n_rows=400, names=range(1500))
    y = y._select([name for name in y if len(y.labels_of(name)[0])])
    with pytest.raises(
        ValueError, match=r"1\d\d\d tasks such as '0', a Classification of 3 classes.*tasks=\{'0': 'regression'\}"
    ):
        net().fit(inputs, y)


def test_rows_drawn_at_random_leave_every_class_to_training(monkeypatch):
    labels = np.full((100, 2), np.nan)
    labels[:60, 0] = np.arange(60) % 2
    labels[:4, 1] = [1, 1, 1, 0]
    monkeypatch.setattr(_pair_strata, "MOST_CODES", 0)
    for seed in range(8):
        fitted = net(early_stopping=True, max_epochs=1).set_params(random_state=seed, validation=0.3)
        y = sparse(labels)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the second task may have no label to validate on
            fitted.fit(X[:100], y)
        held = fitted._model.validation_rows
        left = np.delete(labels, held, axis=0)
        assert {0.0, 1.0} <= set(left[:, 1])
        assert 20 <= len(held) <= 30


def test_splits_of_many_tasks_name_what_they_leave_without_labels(monkeypatch):
    monkeypatch.setattr(_pair_strata, "MOST_CODES", 0)
    labels = np.full((100, 2), np.nan)
    labels[:, 0] = np.arange(100) % 2
    labels[:5, 1] = [0, 1, 0, 1, 0]
    groups = np.arange(100) // 5
    with pytest.raises(ValueError, match="GroupShuffleSplit"):
        net(early_stopping=True).fit(X[:100], sparse(labels), groups=groups)
    split = GroupShuffleSplit(1, test_size=0.2, random_state=0)
    with pytest.warns(UserWarning, match=r"'1'"):
        net(early_stopping=True, validation=split, max_epochs=1).fit(X[:100], sparse(labels), groups=groups)


# -- the products


@pytest.mark.parametrize("has_kernels", [True, False], ids=["sparse products", "gathered"])
def test_outputs_of_pairs_and_their_gradients_are_those_of_the_product(has_kernels, monkeypatch):
    if has_kernels and not torch.backends.mkl.is_available():
        pytest.skip("torch has no sparse products here")
    monkeypatch.setattr(_pairs, "_has_kernels", lambda device: has_kernels)
    generator = torch.Generator().manual_seed(0)
    shapes = (5, 4), (7, 4), (7,)
    x, weight, bias = (
        torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True) for s in shapes
    )
    pairs = Pairs(torch.tensor([0, 2, 2, 3, 6, 6]), torch.tensor([0, 6, 3, 1, 2, 6]))
    whole = x @ weight.T + bias
    torch.testing.assert_close(pair_outputs(x, weight, bias, pairs), whole[pairs.row, pairs.column])
    assert torch.autograd.gradcheck(lambda *tensors: pair_outputs(*tensors, pairs), (x, weight, bias))
    nothing = Pairs(torch.zeros(6, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    pair_outputs(x, weight, bias, nothing).sum().backward()
    assert x.grad.abs().sum() == 0


def test_strata_of_pairs_are_those_of_arrays():
    tasks = net(max_epochs=1).fit(X, DENSE).tasks_
    groups = group_tasks(tasks)
    found = []
    for y in (DENSE, sparse()):
        data = Dataset({}, *encode_targets(groups, tasks, y, None, torch.float64))
        found.append(list(strata(data, groups, tasks)))
    for (name, column), (other, same) in zip(*found, strict=True):
        assert name == other
        np.testing.assert_array_equal(column, same)
