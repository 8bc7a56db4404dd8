"""The contract of stacked training: member m equals the same fit alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from sklearn_mtl import EarlyStopping, MultiTaskNetEstimator, Optimizer, Targets
from sklearn_mtl.exceptions import DivergenceError
from sklearn_mtl.tasks import Classification, MultilabelClassification, Regression
from sklearn_mtl.training._members import member_of, structure_key
from sklearn_mtl.training._stacked import train_stacked
from sklearn_mtl.trunks import MLP

from .._helpers import as_member

CPU = torch.device("cpu")
ROWS = 97
BASE = MultiTaskNetEstimator(
    trunk=MLP(hidden_sizes=(12, 8), dropout=0.3, scaling="squash", ranks=True),
    dtype="float64",
    batch_size=16,
    max_epochs=12,
    early_stopping=EarlyStopping(True, n_iter_no_change=3),
    validation=0.2,
    random_state=0,
)


def mixed_rows(seed=0):
    """Numbers and a category; four tasks of all types, each with missing labels."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.standard_normal((ROWS, 4)), columns=list("abcd"))
    X["kind"] = pd.Categorical(rng.choice(["u", "v", "w"], ROWS), categories=["u", "v", "w"])
    missing = rng.random((ROWS, 4)) < 0.2
    signal = X[["a", "b", "c", "d"]].to_numpy()
    labels = np.where(missing[:, 0], None, np.array(["x", "y", "z"], dtype=object)[signal[:, :3].argmax(1)])
    binary = np.where(missing[:, 1], None, (signal[:, 0] > 0).astype(object))
    number = np.where(missing[:, 2], np.nan, signal[:, 1] ** 2)
    tags = np.where(missing[:, 3:], np.nan, (signal[:, :2] > 0).astype(float))
    return X, Targets(three=labels, two=binary, number=number, tags=tags)


def alone(estimator, X, y):
    """The same fit by itself: its history without times, its weights, or its error."""
    try:
        fitted = clone(estimator).fit(X, y)
    except DivergenceError as error:
        return None, None, str(error)
    history = fitted.history_.drop(columns="dur")
    return history, fitted.net_.module_.state_dict(), None


def assert_stacked_equals_alone(fits):
    """Train stacked estimators on their rows, and compare each with the fit alone."""
    members = [member_of(estimator._config(), clone(estimator), X, y) for estimator, X, y in fits]
    assert len({structure_key(member) for member in members}) == 1
    for trained, (estimator, X, y) in zip(train_stacked(members, CPU), fits, strict=True):
        history, weights, error = alone(estimator, X, y)
        assert (None if trained.error is None else str(trained.error)) == error
        if error is not None:
            continue
        stacked = pd.DataFrame(trained.history).set_index("epoch")
        pd.testing.assert_frame_equal(stacked[history.columns], history, rtol=0, atol=1e-8, check_dtype=False)
        assert set(trained.weights) == set(weights)
        for name, tensor in weights.items():
            torch.testing.assert_close(trained.weights[name], tensor, rtol=0, atol=1e-8)


def variants(**params):
    """One fit per value of the parameters, on the same rows."""
    X, y = mixed_rows()
    names = list(params)
    values = list(zip(*params.values(), strict=True))
    return [(clone(BASE).set_params(**dict(zip(names, value, strict=True))), X, y) for value in values]


@pytest.mark.parametrize(
    "params",
    [
        {"task_weights__three": [1.0, 0.1, 3.0], "task_weights__number": [2.0, 1.0, 0.5]},
        {"learning_rate": [1e-3, 1e-2, 3e-2]},
        {"weight_decay": [0.0, 0.1, 1.0]},
        {"learning_rate": [1e-2, 3e-2], "task_weights__two": [0.2, 4.0], "weight_decay": [0.01, 0.3]},
        {"optimizer__clip_norm": [None, 0.1, 1.0]},
        {"trunk__dropout": [0.1, 0.5, 0.3]},
        {"random_state": [0, 1, 2]},
        {"max_epochs": [2, 9, 5]},
        {"early_stopping__n_iter_no_change": [1, 2, 5], "learning_rate": [0.05, 0.05, 0.05]},
        {"score_weights__three": [1.0, 0.0, 5.0]},
    ],
    ids=lambda params: "+".join(params),
)
def test_a_member_equals_the_fit_alone(params):
    assert_stacked_equals_alone(variants(**params))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
@pytest.mark.parametrize("rates", [(1e-2, 1e-2), (1e-2, 3e-2)], ids=["one rate", "rates"])
def test_optimizers_and_schedules(optimizer, schedule, rates):
    fits = variants(learning_rate=list(rates), task_weights__number=[1.0, 2.0], max_epochs=[6, 9])
    for estimator, _, _ in fits:
        estimator.set_params(optimizer=Optimizer(optimizer, schedule=schedule))
    assert_stacked_equals_alone(fits)


@pytest.mark.parametrize(
    ("task", "param", "values"),
    [
        ("three", Classification, {"label_smoothing": [0.0, 0.1, 0.3]}),
        ("two", Classification, {"label_smoothing": [0.0, 0.2, 0.05]}),
        ("number", lambda **p: Regression(loss="huber", **p), {"epsilon": [0.2, 1.0, 2.0]}),
        ("number", lambda **p: Regression(loss="quantile", **p), {"quantile": [0.1, 0.5, 0.9]}),
        ("tags", MultilabelClassification, {"label_smoothing": [0.0, 0.1, 0.2]}),
    ],
    ids=["smoothed classes", "smoothed binary", "huber", "quantile", "smoothed labels"],
)
def test_hyperparameters_of_the_losses(task, param, values):
    ((name, several),) = values.items()
    X, y = mixed_rows()
    # the other binary task would share a product with this one as long as their losses agree
    y = Targets({key: y[key] for key in y if key == task or key == "number"})
    fits = [(clone(BASE).set_params(tasks={task: param(**{name: value})}), X, y) for value in several]
    assert_stacked_equals_alone(fits)


def test_folds_have_rows_scales_and_masks_of_their_own():
    fits = []
    for seed in range(3):
        X, y = mixed_rows(seed)
        fits += [(clone(BASE).set_params(task_weights__two=weight), X, y) for weight in (0.3, 2.0)]
    assert_stacked_equals_alone(fits)


def steady(n_rows, seed=0, names=None, **params):
    """A fit without dropout to the first rows, which names its tasks anew."""
    X, y = mixed_rows(seed)
    names = names or list(y)
    y = Targets(dict(zip(names, y.values(), strict=True)))
    return clone(BASE).set_params(**{"trunk__dropout": 0.0, **params}), X[:n_rows], y[:n_rows]


def test_members_of_different_numbers_of_rows():
    assert_stacked_equals_alone(
        [
            steady(97, optimizer__clip_norm=0.5, early_stopping__n_iter_no_change=2),
            steady(96, seed=1),
            steady(93, seed=2, learning_rate=0.05),
            steady(93, seed=2, score_weights={"three": 0.0}),
        ]
    )


def test_members_without_validation_rows_of_different_numbers():
    assert_stacked_equals_alone([steady(n_rows, early_stopping=False) for n_rows in (89, 82, 96)])


def test_members_that_name_their_tasks_differently():
    other = {"task_weights": {"w": 0.5, "y": 2.0}, "score_weights": {"z": 3.0}}
    assert_stacked_equals_alone(
        [
            steady(97, max_epochs=3),  # the first to leave
            steady(97, names=["y", "x", "z", "w"], **other),
            steady(96, names=["x", "three", "w", "two"], metrics={"three": ["balanced_accuracy", "f1"]}),
        ]
    )


def test_rows_are_padded_only_where_padding_changes_nothing():
    def key(n_rows, **params):
        estimator, X, y = steady(n_rows, **params)
        return structure_key(member_of(estimator._config(), clone(estimator), X, y))

    assert key(97) == key(93)
    assert key(97) != key(70), "another number of batches"
    assert key(97, trunk__dropout=0.1) != key(93, trunk__dropout=0.1), "random numbers for each row"


def test_a_fold_without_missing_labels_beside_one_with():
    X, y = mixed_rows()
    number = np.where(np.isnan(y["number"]), 0.0, y["number"])
    complete, gaps = Targets(number=number), Targets(number=y["number"])
    assert_stacked_equals_alone([(BASE, X, complete), (BASE, X, gaps)])


def test_without_validation_rows_every_member_trains_to_its_end():
    fits = variants(learning_rate=[1e-2, 3e-2], max_epochs=[3, 7])
    assert_stacked_equals_alone([(e.set_params(early_stopping=False), X, y) for e, X, y in fits])


def test_monitoring_the_score():
    fits = variants(early_stopping__monitor=["score", "score"], learning_rate=[1e-2, 5e-2])
    assert_stacked_equals_alone(fits)


def test_a_task_of_weight_zero():
    fits = variants(task_weights__two=[0.0, 0.0], task_weights__number=[1.0, 3.0])
    assert_stacked_equals_alone(fits)


def test_more_than_200_steps():
    fits = variants(
        max_epochs=[60, 60, 60], early_stopping__n_iter_no_change=[60, 60, 8],
        task_weights__number=[1.0, 3.0, 1.0], learning_rate=[3e-3, 3e-3, 1e-2],
    )  # fmt: skip
    assert_stacked_equals_alone(fits)


def test_a_member_that_diverges_leaves_the_others_unharmed():
    fits = variants(learning_rate=[1e-2, 1e200, 3e-2], optimizer__clip_norm=[None, None, 1.0])
    assert_stacked_equals_alone([(e.set_params(optimizer__algorithm="sgd"), X, y) for e, X, y in fits])


def test_one_member_is_a_fit():
    assert_stacked_equals_alone(variants(random_state=[3]))


@pytest.mark.parametrize(
    "change",
    [
        {"trunk__hidden_sizes": (12, 9)},
        {"batch_size": 8},
        {"task_weights__two": 0.0},
        {"optimizer": "sgd"},
        {"optimizer__schedule": "cosine"},
        {"dtype": "float32"},
        {"trunk__dropout": 0.0},
        {"tasks__number": Regression(loss="huber")},
        {"validation": 0.3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_fits_of_another_structure_have_another_key(change):
    X, y = mixed_rows()
    keys = [structure_key(as_member(clone(e), X, y)) for e in (BASE, clone(BASE).set_params(**change))]
    assert keys[0] != keys[1]


def test_the_order_of_members_does_not_matter():
    fits = variants(learning_rate=[1e-3, 1e-2], task_weights__two=[0.5, 2.0])
    members = [member_of(estimator._config(), clone(estimator), X, y) for estimator, X, y in fits]
    there, back = train_stacked(members, CPU), train_stacked(members[::-1], CPU)[::-1]
    for one, other in zip(there, back, strict=True):
        for name, tensor in one.weights.items():
            torch.testing.assert_close(other.weights[name], tensor, rtol=0, atol=1e-10)


def test_scores_are_left_out_on_request():
    X, y = mixed_rows()
    member = as_member(clone(BASE), X, y)
    (trained,) = train_stacked([replace(member)], CPU, with_scores=False)
    assert not any("score" in name for epoch in trained.history for name in epoch)
    assert any("valid_loss" in name for name in trained.history[0])
