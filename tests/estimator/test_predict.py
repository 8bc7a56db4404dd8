"""What `predict`, `predict_proba`, `classes_` and `score` return."""

import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, r2_score

from sklearn_mtl import MultiTaskNetEstimator, Targets

from .._helpers import (
    assert_same,
    inputs,
    mixed_targets,
    net,
)
from ._data import MASS, SICK, N, X, assert_close, outputs


def test_it_learns(mixed):
    scores = mixed.score_tasks(X, mixed_targets(X))
    assert min(scores.values()) > 0.5, scores
    assert mixed.score(X, mixed_targets(X)) == pytest.approx(np.mean(list(scores.values())))


def test_probabilities_are_distributions_and_agree_with_predict(mixed):
    proba, predictions = mixed.predict_proba(X), mixed.predict(X)
    assert list(proba) == ["species", "sick", "tags"]
    for name, width in {"species": 3, "sick": 2}.items():
        assert proba[name].shape == (N, width)
        np.testing.assert_allclose(proba[name].sum(axis=1), 1, rtol=1e-5)
        assert_same(mixed.classes_[name][proba[name].argmax(axis=1)], predictions[name])
    assert_same((proba["tags"] > 0.5).astype(int), predictions["tags"].astype(int))


def test_classes_of_a_mapping_are_a_dict_of_the_tasks_that_have_some(mixed):
    assert {name: classes.tolist() for name, classes in mixed.classes_.items()} == {
        "species": ["ape", "bee", "cat"],
        "sick": [0.0, 1.0],
        "tags": [0, 1, 2],
    }


def test_scores_are_those_of_sklearn(mixed):
    y, predictions = mixed_targets(X), mixed.predict(X)
    scores = mixed.score_tasks(X, y)
    assert scores["species"] == pytest.approx(
        accuracy_score(y["species"].tolist(), predictions["species"].tolist())
    )
    assert scores["mass"] == pytest.approx(r2_score(y["mass"], predictions["mass"]))
    assert scores["size"] == pytest.approx(r2_score(y["size"], predictions["size"]))


def test_score_leaves_out_missing_labels(mixed):
    y = mixed_targets(X)
    y["mass"][10:] = np.nan
    assert mixed.score_tasks(X, y)["mass"] == pytest.approx(
        r2_score(y["mass"][:10], mixed.predict(X)["mass"][:10])
    )


def test_score_without_any_label_of_a_task_is_the_mean_of_the_others(mixed):
    y = mixed_targets(X)
    y["mass"][:] = np.nan
    scores = mixed.score_tasks(X, y)
    assert np.isnan(scores["mass"])
    assert mixed.score(X, y) == pytest.approx(np.nanmean(list(scores.values())))


def test_score_weights_weigh_the_score(mixed):
    weighted = copy.copy(mixed).set_params(score_weights={"species": 3.0, "sick": 0, "size": 0, "tags": 0})
    scores = mixed.score_tasks(X, mixed_targets(X))
    assert weighted.score(X, mixed_targets(X)) == pytest.approx((3 * scores["species"] + scores["mass"]) / 4)


def test_task_weights_do_not_weigh_the_score(mixed):
    weighted = copy.copy(mixed).set_params(task_weights={"species": 100.0})
    assert weighted.score(X, mixed_targets(X)) == mixed.score(X, mixed_targets(X))


@pytest.mark.parametrize("tasks", [["mass"], ["sick", "species"], ("size", "tags")])
def test_some_tasks_are_predicted_as_all_are(mixed, tasks):
    some, every = mixed.predict(X, tasks=tasks), mixed.predict(X)
    assert set(some) == set(tasks)
    assert list(some) == [name for name in mixed.task_names_ if name in tasks]
    for name in tasks:
        if mixed.tasks_[name].kind == "regression":
            np.testing.assert_allclose(some[name], every[name], rtol=1e-5, atol=1e-5)
        else:
            assert_same(some[name], every[name])


def test_some_tasks_of_predict_proba(mixed):
    assert list(mixed.predict_proba(X, tasks=["mass", "sick"])) == ["sick"]


def test_order_of_rows_does_not_matter_to_predict(mixed):
    order = np.random.default_rng(0).permutation(N)
    assert_close(outputs(mixed, X[order]), {k: v[order] for k, v in outputs(mixed).items()}, 1e-5)
    one_by_one = np.vstack([mixed.transform(row[None]) for row in X[:5]])
    np.testing.assert_allclose(one_by_one, mixed.transform(X[:5]), rtol=1e-5, atol=1e-6)


def test_predict_of_more_rows_than_a_chunk():
    many = inputs(5000)
    estimator = net(dtype="float64").fit(X, mixed_targets(X))
    together = outputs(estimator, many)
    parts = [outputs(estimator, many[start : start + 500]) for start in range(0, 5000, 500)]
    assert_close(together, {name: np.vstack([part[name] for part in parts]) for name in together})


def test_columns_of_y_at_score_may_be_in_another_order():
    y = pd.DataFrame({"mass": MASS, "sick": SICK})
    estimator = net().fit(X, y)
    assert estimator.score_tasks(X, y[["sick", "mass"]]) == estimator.score_tasks(X, y)


def test_probabilities_of_a_regression_are_refused():
    X = np.random.default_rng(0).standard_normal((20, 3))
    net = MultiTaskNetEstimator(max_epochs=1, n_members=1).fit(X, Targets(number=X[:, 0], label=X[:, 1] > 0))
    with pytest.raises(ValueError, match="none of these tasks has probabilities"):
        net.predict_proba(X, tasks=["number"])
