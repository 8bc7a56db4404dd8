"""How the estimator behaves, apart from what it refuses."""

import contextlib
import copy
import io

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import accuracy_score, r2_score

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, MultiTaskNetRegressor, Targets
from sklearn_mtl.tasks import Classification, MultilabelClassification, Regression
from sklearn_mtl.trunks import MLP
from sklearn_mtl.utils._random import Streams

from ._helpers import (
    assert_finite,
    assert_same,
    assert_same_model,
    head_in,
    head_of,
    inputs,
    mixed_targets,
    net,
    weights_of,
)

X = inputs()
N = len(X)
SPECIES = np.array(["ape", "bee", "cat"])[np.digitize(X[:, 0], [-0.5, 0.5])]
MASS = 100 + 20 * X[:, 1]
SICK = (X[:, 2] > 0).astype(int)


def outputs(estimator, rows=X):
    """Give the raw outputs of all tasks."""
    return estimator._model.outputs(rows, estimator.task_names_, estimator._fitted_view())


def assert_close(a, b, tolerance=1e-10):
    assert list(a) == list(b)
    for name, values in a.items():
        np.testing.assert_allclose(values, b[name], rtol=tolerance, atol=tolerance, err_msg=name)


# -- the kind of y comes back


def test_array_comes_back_as_array():
    estimator = net().fit(X, SPECIES)
    assert isinstance(estimator.predict(X), np.ndarray)
    assert estimator.predict(X).shape == (N,)
    assert estimator.task_names_ == ["y"]
    assert estimator.classes_.tolist() == ["ape", "bee", "cat"]
    assert estimator.predict_proba(X).shape == (N, 3)


def test_list_comes_back_as_array():
    assert_same(net().fit(X, SPECIES.tolist()).predict(X), net().fit(X, SPECIES).predict(X))


@pytest.mark.parametrize("library", [pd, pl])
def test_series_names_its_task(library):
    estimator = net().fit(X, library.Series(name="species", **_series_data(library)))
    assert estimator.task_names_ == ["species"]
    assert isinstance(estimator.predict(X), np.ndarray)


def _series_data(library):
    return {"data": SPECIES} if library is pd else {"values": SPECIES.tolist()}


def test_matrix_of_numbers_comes_back_as_matrix():
    estimator = net().fit(X, np.column_stack([MASS, X[:, 0]]))
    assert estimator.predict(X).shape == (N, 2)
    assert estimator.predict(X).dtype == np.float64
    assert estimator.task_names_ == ["0", "1"]
    assert not hasattr(estimator, "classes_")


def test_matrix_of_classes_has_lists_of_classes():
    estimator = net().fit(X, np.column_stack([SICK, 1 + 2 * SICK]))
    assert estimator.predict(X).shape == (N, 2)
    assert estimator.predict(X).dtype.kind == "i"
    assert [classes.tolist() for classes in estimator.classes_] == [[0, 1], [1, 3]]
    assert [proba.shape for proba in estimator.predict_proba(X)] == [(N, 2), (N, 2)]


def test_matrix_of_mixed_kinds_keeps_text_and_numbers():
    y = np.column_stack([SPECIES.astype(object), MASS.astype(object)])
    estimator = net().fit(X, y)
    predictions = estimator.predict(X)
    assert predictions.dtype == object
    assert set(predictions[:, 0]) <= set(SPECIES)
    assert all(isinstance(value, float) for value in predictions[:, 1])
    assert estimator.classes_[1] is None
    assert [proba.shape for proba in estimator.predict_proba(X)] == [(N, 3)]


def test_pandas_comes_back_as_pandas_with_the_index_of_X():
    index = np.arange(N)[::-1] * 10
    y = pd.DataFrame({"species": SPECIES, "mass": MASS}, index=index)
    frame = pd.DataFrame(X, columns=list("abcd"), index=index)
    predictions = net().fit(frame, y).predict(frame[5:9])
    assert isinstance(predictions, pd.DataFrame)
    assert list(predictions.columns) == ["species", "mass"]
    assert predictions.index.tolist() == index[5:9].tolist()
    assert predictions["mass"].dtype == np.float64


def test_integer_labels_of_a_frame_are_kept():
    predictions = net().fit(X, pd.DataFrame({7: MASS, 8: X[:, 0]})).predict(X)
    assert list(predictions.columns) == [7, 8]


def test_polars_comes_back_as_polars():
    y = pl.DataFrame({"species": SPECIES.tolist(), "mass": MASS})
    predictions = net().fit(X, y).predict(X)
    assert isinstance(predictions, pl.DataFrame)
    assert predictions.columns == ["species", "mass"]
    assert predictions.height == N


def test_structured_array_comes_back_as_structured_array():
    y = np.empty(N, dtype=[("mass", "f8"), ("sick", "i8"), ("size", "f8", (2,))])
    y["mass"], y["sick"], y["size"] = MASS, SICK, X[:, :2]
    predictions = net().fit(X, y).predict(X)
    assert predictions.dtype.names == ("mass", "sick", "size")
    assert predictions.shape == (N,)
    assert predictions["size"].shape == (N, 2)
    assert predictions["sick"].dtype == np.int64


@pytest.mark.parametrize("kind", [dict, Targets])
def test_mapping_comes_back_as_targets(kind):
    predictions = net().fit(X, kind(mixed_targets(X))).predict(X)
    assert isinstance(predictions, Targets)
    assert predictions.shape == (N, 5)
    shapes = {name: values.shape for name, values in predictions.items()}
    assert shapes == {"species": (N,), "sick": (N,), "mass": (N,), "size": (N, 2), "tags": (N, 3)}


def test_sets_of_labels_come_back_as_sets():
    labels = labels_of_sets()
    estimator = net(max_epochs=40, learning_rate=0.02).fit(X, {"tags": labels})
    predictions = estimator.predict(X)["tags"]
    assert all(isinstance(row, set) for row in predictions)
    assert np.mean([row == true for row, true in zip(predictions, labels, strict=True)]) > 0.7


KINDS_OF_Y = {
    "dict": lambda y: dict(y),
    "targets": lambda y: Targets(y),
    "pandas": lambda y: pd.DataFrame(dict(y)),
    "polars": lambda y: pl.DataFrame({name: values.tolist() for name, values in y.items()}),
    "structured": lambda y: _structured(y),
}


def _structured(y):
    array = np.empty(len(y), dtype=[(name, values.dtype) for name, values in y.items()])
    for name, values in y.items():
        array[name] = values
    return array


@pytest.mark.parametrize("kind", KINDS_OF_Y.values(), ids=KINDS_OF_Y)
def test_kind_of_y_does_not_change_the_model(kind):
    y = mixed_targets(X, missing=0.2)
    y = Targets({name: y[name] for name in ("species", "sick", "mass")})
    assert_same_model(net().fit(X, kind(y)), net().fit(X, y))


def test_one_task_by_any_name_of_position_is_one_model():
    assert_same_model(net().fit(X, MASS), net().fit(X, MASS[:, None]))


# -- conventions of predict, predict_proba and classes_


@pytest.fixture(scope="module")
def mixed():
    return net(max_epochs=30, learning_rate=0.02).fit(X, mixed_targets(X, missing=0.2))


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


def test_companions_are_what_they_are():
    assert is_classifier(MultiTaskNetClassifier())
    assert is_regressor(MultiTaskNetRegressor())
    assert not is_classifier(MultiTaskNetEstimator())
    assert not is_regressor(MultiTaskNetEstimator())
    assert hasattr(MultiTaskNetClassifier(), "predict_proba")
    assert hasattr(MultiTaskNetEstimator(), "predict_proba")
    assert not hasattr(MultiTaskNetRegressor(), "predict_proba")
    assert not hasattr(net().fit(X, MASS), "predict_proba")


def test_companions_read_numbers_as_their_kind():
    counts = np.digitize(X[:, 0], [-1, 0, 1])
    settings = {"trunk": MLP((8,)), "max_epochs": 2, "random_state": 0}
    assert MultiTaskNetRegressor(**settings).fit(X, counts).predict(X).dtype.kind == "f"
    assert MultiTaskNetClassifier(**settings).fit(X, counts.astype(float)).classes_.tolist() == [0, 1, 2, 3]


def test_columns_of_y_at_score_may_be_in_another_order():
    y = pd.DataFrame({"mass": MASS, "sick": SICK})
    estimator = net().fit(X, y)
    assert estimator.score_tasks(X, y[["sick", "mass"]]) == estimator.score_tasks(X, y)


# -- missing labels


def test_row_without_any_label_has_no_influence():
    y = mixed_targets(X, missing=0.2)
    for values in y.values():
        values[3] = None if values.dtype == object else np.nan
    exact = {"dtype": "float64", "max_epochs": 5, "trunk": MLP((8,))}
    everything = net(batch_size=N, **exact).fit(X, y)
    kept = np.delete(np.arange(N), 3)
    without = net(batch_size=N - 1, **exact).fit(X[kept], y[kept])
    assert_close(outputs(everything), outputs(without))


def test_inputs_of_unlabelled_rows_have_no_influence_beyond_the_scale():
    y = mixed_targets(X)
    for values in y.values():
        values[:10] = None if values.dtype == object else np.nan
    other = X.copy()
    other[:10] = 50 * inputs(10, seed=9)
    assert_same_model(net(trunk=MLP((8,))).fit(X, y), net(trunk=MLP((8,))).fit(other, y))


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA, pd.NaT], ids=str)
def test_every_sign_of_a_missing_label_is_one(missing):
    species = SPECIES.astype(object)
    species[::3] = None
    others = species.copy()
    others[::3] = missing
    assert_same_model(net().fit(X, {"s": others}), net().fit(X, {"s": species}))


def test_nullable_columns_of_pandas_are_read():
    y = pd.DataFrame({"sick": SICK, "mass": MASS})
    nullable = y.astype({"sick": "Int64", "mass": "Float64"})
    nullable.loc[nullable.index[:5], ["sick", "mass"]] = pd.NA
    gone = {"sick": [None] * 5 + SICK[5:].tolist(), "mass": np.where(np.arange(N) < 5, np.nan, MASS)}
    estimator = net().fit(X, nullable)
    assert_same_model(estimator, net().fit(X, gone))
    assert estimator.classes_["sick"].tolist() == [0, 1]


def test_all_labels_of_a_batch_may_be_missing():
    y = Targets(mass=np.where(np.arange(N) < 3, MASS, np.nan), sick=SICK)
    estimator = net(batch_size=8).fit(X, y)  # most batches have no mass
    assert_finite(estimator, X)
    assert np.isfinite(estimator.history_.to_numpy(dtype=float)).all()


def test_missing_elements_of_a_block_are_masked_one_by_one():
    size = X[:, :2].copy()
    size[::2, 0] = np.nan
    estimator = net(max_epochs=60, learning_rate=0.02).fit(X, {"size": size})
    assert r2_score(X[:, :2], estimator.predict(X)["size"]) > 0.9


# -- a task of weight 0

SETTINGS = {
    "adamw": {"weight_decay": 0.5},
    "adam": {"optimizer": "adam", "weight_decay": 0.1},
    "sgd with momentum": {"optimizer": "sgd", "weight_decay": 0.1, "net_params": {"optimizer__momentum": 0.9}},
    "a class": {"optimizer": torch.optim.RMSprop},
    "clipping": {"clip_norm": 0.01},
    "dropout": {"trunk": MLP((8, 8), dropout=0.5)},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2, "max_epochs": 30, "learning_rate": 0.05},
    "score watched": {"early_stopping": True, "monitor": "score", "max_epochs": 8, "n_iter_no_change": 2},
    "schedule": {"schedule": "one_cycle"},
    "float64": {"dtype": "float64"},
}


@pytest.mark.parametrize("params", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("idle", ["species", "sick", "mass", "size", "tags"])
def test_task_of_weight_zero_is_as_if_it_were_not_there(params, idle):
    y = mixed_targets(X, missing=0.1)
    without = Targets({name: values for name, values in y.items() if name != idle})
    with_idle = net(**{**params, "task_weights": {idle: 0}}).fit(X, y)
    alone = net(**params).fit(X, without)

    assert with_idle.n_iter_ == alone.n_iter_
    raw, expected = outputs(with_idle), outputs(alone)
    for name in without:
        assert_same(raw[name], expected[name])
    for values, initial in zip(head_of(with_idle, idle), _initial_head(with_idle, idle), strict=True):
        assert_same(values, initial)


def _initial_head(estimator, task):
    """Copy the head that the estimator's network starts from."""
    return head_in(estimator._model.blueprint.network(), task)


def test_trained_heads_leave_their_initial_weights():
    estimator = net().fit(X, mixed_targets(X))
    for name in estimator.task_names_:
        assert np.abs(head_of(estimator, name)[0] - _initial_head(estimator, name)[0]).max() > 1e-4


def test_task_of_weight_zero_with_weights_of_rows():
    y = Targets(mass=MASS, sick=SICK)
    weight = np.random.default_rng(0).random(N)
    idle = net(task_weights={"sick": 0}).fit(X, y, {"mass": weight})
    alone = net().fit(X, {"mass": MASS}, {"mass": weight})
    assert_same(outputs(idle)["mass"], outputs(alone)["mass"])


def test_task_of_weight_zero_is_left_out_of_history():
    estimator = net(task_weights={"mass": 0}, early_stopping=True).fit(X, {"mass": MASS, "sick": SICK})
    assert not [column for column in estimator.history_ if column.endswith("__mass")]


def test_names_of_tasks_do_not_change_a_fit():
    y = mixed_targets(X)
    renamed = Targets({f"{name} of old": values for name, values in y.items()})
    one, other = outputs(net().fit(X, y)), outputs(net().fit(X, renamed))
    for name in y:
        np.testing.assert_array_equal(one[name], other[f"{name} of old"])


def test_doubled_weights_and_half_the_rate_are_the_same_sgd():
    y = mixed_targets(X, missing=0.2)
    exact = {"optimizer": "sgd", "weight_decay": 0.0, "dtype": "float64", "max_epochs": 10}
    weights = {"species": 1.0, "sick": 0.3, "mass": 2.0, "size": 1.0, "tags": 0.7}
    once = net(task_weights=weights, learning_rate=0.1, **exact).fit(X, y)
    twice = net(task_weights={k: 2 * v for k, v in weights.items()}, learning_rate=0.05, **exact).fit(X, y)
    assert_close(outputs(once), outputs(twice))
    other = net(task_weights=weights, learning_rate=0.05, **exact).fit(X, y)
    assert np.abs(outputs(once)["mass"] - outputs(other)["mass"]).max() > 1e-3


def test_larger_weight_fits_its_task_better():
    y = Targets(a=np.sin(3 * X[:, 0]), b=np.cos(3 * X[:, 1]))
    small = {"trunk": MLP((3,)), "max_epochs": 150, "learning_rate": 0.03}
    a = net(task_weights={"a": 20.0, "b": 0.1}, **small).fit(X, y).history_["train_loss__a"].iloc[-1]
    b = net(task_weights={"a": 0.1, "b": 20.0}, **small).fit(X, y).history_["train_loss__a"].iloc[-1]
    assert a < b


# -- what the tasks can do


def test_class_weight_is_weight_of_rows():
    exact = {"dtype": "float64", "batch_size": N, "trunk": MLP((8,))}
    by_class = net(tasks={"s": Classification(class_weight={"bee": 3.0})}, **exact).fit(X, {"s": SPECIES})
    by_row = net(**exact).fit(X, {"s": SPECIES}, np.where(SPECIES == "bee", 3.0, 1.0))
    assert_close(outputs(by_class), outputs(by_row))


def test_balanced_classes_find_the_rare_one():
    rare = np.where(X[:, 0] + 0.8 * inputs(seed=5)[:, 0] > 1.6, "rare", "common")
    fits = {
        class_weight: net(tasks={"s": Classification(class_weight=class_weight)}, max_epochs=40).fit(
            X, {"s": rare}
        )
        for class_weight in (None, "balanced")
    }
    found = {key: (estimator.predict(X)["s"] == "rare").sum() for key, estimator in fits.items()}
    assert found["balanced"] > found[None]


@pytest.mark.parametrize("labels", [SPECIES, np.where(SICK, "yes", "no")], ids=["three classes", "two classes"])
def test_certain_probabilities_are_labels(labels):
    classes, codes = np.unique(labels, return_inverse=True)
    soft = np.eye(len(classes))[codes]
    exact = {"dtype": "float64", "max_epochs": 5}
    hard_fit = net(**exact).fit(X, {"s": labels})
    soft_fit = net(tasks={"s": Classification(classes=classes)}, **exact).fit(X, {"s": soft})
    assert_close(outputs(hard_fit), outputs(soft_fit))
    assert_same(hard_fit.predict(X)["s"], soft_fit.predict(X)["s"])


def test_uncertain_probabilities_are_learned():
    soft = np.tile([0.2, 0.3, 0.5], (N, 1))
    task = Classification(classes=["a", "b", "c"])
    estimator = net(tasks={"s": task}, max_epochs=150, learning_rate=0.02).fit(X, {"s": soft})
    np.testing.assert_allclose(estimator.predict_proba(X)["s"].mean(axis=0), soft[0], atol=0.02)
    assert set(estimator.predict(X)["s"]) == {"c"}


@pytest.mark.parametrize("labels", [SPECIES, SICK], ids=["three classes", "two classes"])
def test_label_smoothing_is_smooth_probabilities(labels):
    classes, codes = np.unique(labels, return_inverse=True)
    smooth = 0.8 * np.eye(len(classes))[codes] + 0.2 / len(classes)
    exact = {"dtype": "float64", "max_epochs": 5}
    by_parameter = net(tasks={"s": Classification(label_smoothing=0.2)}, **exact).fit(X, {"s": labels})
    by_hand = net(tasks={"s": Classification(classes=classes)}, **exact).fit(X, {"s": smooth})
    assert_close(outputs(by_parameter), outputs(by_hand))


LOSSES = {
    "squared_error": (np.mean, Regression()),
    "absolute_error": (np.median, Regression(loss="absolute_error")),
    "huber": (None, Regression(loss="huber", epsilon=1e6)),
    "quantile": (lambda y: np.quantile(y, 0.9), Regression(loss="quantile", quantile=0.9)),
}


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile"])
def test_regression_loss_learns_its_statistic(loss):
    statistic, task = LOSSES[loss]
    skewed = np.exp(1.2 * inputs(200, seed=4)[:, 0])
    constant = np.zeros((200, 1))
    trained = {"max_epochs": 400, "learning_rate": 0.02, "schedule": "cosine", "batch_size": 200}
    estimator = net(tasks={"y": task}, trunk=MLP((2,)), weight_decay=0, **trained).fit(constant, {"y": skewed})
    learned = estimator.predict(constant[:1])["y"][0]
    assert learned == pytest.approx(statistic(skewed), rel=0.03)


def test_wide_huber_is_half_of_squares():
    exact = {"dtype": "float64", "optimizer": "sgd", "weight_decay": 0}
    huber = net(tasks={"y": LOSSES["huber"][1]}, learning_rate=0.1, **exact).fit(X, {"y": MASS})
    squared = net(learning_rate=0.05, **exact).fit(X, {"y": MASS})
    assert_close(outputs(huber), outputs(squared))


def test_units_of_a_regression_do_not_matter():
    exact = {"dtype": "float64", "max_epochs": 5}
    grams = net(**exact).fit(X, {"mass": 1000 * MASS, "sick": SICK}).predict(X)
    kilos = net(**exact).fit(X, {"mass": MASS, "sick": SICK}).predict(X)
    np.testing.assert_allclose(grams["mass"], 1000 * kilos["mass"], rtol=1e-8)


def test_unstandardised_regression_learns_the_target_as_it_is():
    estimator = net(tasks={"y": Regression(standardize=False)}).fit(X, {"y": MASS})
    assert estimator.history_["train_loss__y"].iloc[0] > 1000


# -- weights of rows


BY_TASK = {
    "dict": lambda w: w,
    "targets": lambda w: Targets(w),
    "pandas": lambda w: pd.DataFrame(w),
    "polars": lambda w: pl.DataFrame(w),
}


@pytest.mark.parametrize("kind", BY_TASK.values(), ids=BY_TASK)
def test_weights_of_rows_by_task(kind):
    y = Targets(mass=MASS, sick=SICK)
    weight = np.where(np.arange(N) < 20, 0.0, 1.0)
    gone = Targets(mass=np.where(weight > 0, MASS, np.nan), sick=SICK)
    exact = {"dtype": "float64", "trunk": MLP((8,)), "batch_size": N}
    by_weight = net(**exact).fit(X, y, kind({"mass": weight}))
    by_gap = net(**exact).fit(X, gone)
    assert_close(outputs(by_weight), outputs(by_gap))


def test_weight_of_a_row_for_all_tasks_is_the_same_for_each():
    y = Targets(mass=MASS, sick=SICK)
    weight = np.random.default_rng(0).random(N)
    exact = {"dtype": "float64", "trunk": MLP((8,))}
    common = net(**exact).fit(X, y, weight)
    each = net(**exact).fit(X, y, {"mass": weight, "sick": weight})
    assert_close(outputs(common), outputs(each))


def test_weight_of_rows_counts_in_score(mixed):
    y = mixed_targets(X)
    weight = np.where(np.arange(N) < 20, 1.0, 0.0)
    assert mixed.score_tasks(X, y, weight) == pytest.approx(mixed.score_tasks(X[:20], y[:20]))


def labels_of_sets():
    labels = np.empty(N, dtype=object)
    for row in range(N):
        labels[row] = {name for name, value in zip("abc", X[row, :3], strict=True) if value > 0}
    return labels


def test_label_that_fit_did_not_see_is_a_miss():
    estimator = net(max_epochs=60, learning_rate=0.03).fit(X, {"tags": labels_of_sets()})
    strange = labels_of_sets()
    strange[:40] = [row | {"rare"} for row in strange[:40]]
    known = estimator.score_tasks(X[:40], {"tags": labels_of_sets()[:40]})["tags"]
    assert 0 < estimator.score_tasks(X[:40], {"tags": strange[:40]})["tags"] < known


@pytest.mark.parametrize("kind", ["class", "set"])
def test_label_of_a_row_of_weight_zero_does_not_disturb_the_validation(kind):
    y = SPECIES.astype(object) if kind == "class" else labels_of_sets()
    y[:20] = ["rare"] * 20 if kind == "class" else [{"rare"}] * 20
    weight = np.where(np.arange(N) < 20, 0.0, 1.0)
    estimator = net(early_stopping=True, validation_fraction=0.5).fit(X, {"y": y}, weight)
    assert "rare" not in estimator.classes_["y"]
    assert np.isfinite(estimator.history_["valid_score"]).all()


# -- partial_fit and warm_start


def test_partial_fit_knows_the_classes_of_later_batches():
    first = SPECIES != "cat"
    estimator = net().partial_fit(X[first], SPECIES[first], classes=["ape", "bee", "cat"])
    assert estimator.classes_.tolist() == ["ape", "bee", "cat"]
    for _ in range(60):
        estimator.partial_fit(X, SPECIES)
    assert estimator.n_iter_ == 61
    assert estimator.score(X, SPECIES) > 0.8


@pytest.mark.parametrize("kind", ["matrix", "dict"])
def test_classes_of_partial_fit_by_task(kind):
    y = {"0": SICK, "1": 2 * SICK}
    classes = {"0": [0, 1, 5], "1": [0, 2]}
    if kind == "matrix":
        y, classes = np.column_stack(list(y.values())), list(classes.values())
    found = net().partial_fit(X, y, classes=classes).classes_
    by_task = list(found.values()) if isinstance(found, dict) else found
    assert [values.tolist() for values in by_task] == [[0, 1, 5], [0, 2]]


def test_columns_of_y_in_partial_fit_may_be_in_another_order():
    y = pd.DataFrame({"mass": MASS, "sick": SICK})
    same = net().partial_fit(X, y).partial_fit(X, y)
    turned = net().partial_fit(X, y).partial_fit(X, y[["sick", "mass"]])
    assert_same_model(same, turned)
    assert list(turned.predict(X).columns) == ["mass", "sick"]


def test_columns_of_X_in_partial_fit_keep_their_order():
    frame = pd.DataFrame(X, columns=list("abcd"))
    estimator = net().partial_fit(frame, MASS)
    with pytest.raises(ValueError, match="same order"):
        estimator.partial_fit(frame[list("dcba")], MASS)


def test_partial_fit_keeps_scales_and_optimiser():
    estimator = net().partial_fit(X, MASS)
    scale = estimator.tasks_["y"].scale_.copy()
    steps = _steps(estimator)
    estimator.partial_fit(X, 1000 * MASS)
    assert_same(estimator.tasks_["y"].scale_, scale)
    assert _steps(estimator) == 2 * steps


@pytest.mark.parametrize(
    "change", [{"learning_rate": 0.5}, {"optimizer": "sgd"}, {"optimizer": "adam", "weight_decay": 0.0}], ids=str
)
def test_parameters_of_the_step_may_change_between_partial_fits(change):
    estimator = net().partial_fit(X, MASS).set_params(**change).partial_fit(X, MASS)
    group = estimator.net_.optimizer_.param_groups[0]
    assert group["lr"] == estimator.learning_rate
    assert group["weight_decay"] == estimator.weight_decay
    assert estimator.n_iter_ == 2


def test_schedule_starts_anew_with_each_partial_fit():
    recorders = [RateRecorder(), RateRecorder()]
    estimator = net(schedule="cosine", batch_size=20)
    for recorder in recorders:
        estimator.set_params(callbacks=[recorder]).partial_fit(X, MASS)
    assert recorders[0].rates_ == recorders[1].rates_
    assert recorders[0].rates_[0] == estimator.learning_rate


def _steps(estimator):
    return max(int(state["step"]) for state in estimator.net_.optimizer_.state.values())


def test_epochs_of_partial_fit_are_those_of_fit():
    settings = {"max_epochs": 3, "batch_size": 16, "trunk": MLP((8,), dropout=0.2)}
    stepwise = net(**settings)
    for _ in range(3):
        stepwise.partial_fit(X, MASS)
    assert_same_model(stepwise, net(**settings).fit(X, MASS))


def test_warm_start_goes_on():
    y = mixed_targets(X)
    estimator = net(warm_start=True, optimizer="sgd", max_epochs=4).fit(X, y).set_params(max_epochs=3).fit(X, y)
    assert estimator.n_iter_ == 7
    assert len(estimator.history_) == 7
    assert_same_model(estimator, net(optimizer="sgd", max_epochs=7).fit(X, y))


def test_cold_start_begins_anew():
    estimator = net().fit(X, MASS)
    before = weights_of(estimator)
    estimator.fit(X, MASS)
    for name, values in weights_of(estimator).items():
        assert_same(values, before[name])
    assert estimator.n_iter_ == 3


def test_warm_start_takes_new_task_weights_but_no_other_set_of_tasks():
    y = Targets(mass=MASS, sick=SICK)
    estimator = net(warm_start=True).fit(X, y)
    estimator.set_params(task_weights__mass=3.0).fit(X, y)
    with pytest.raises(ValueError, match="a task can be taken out or in by a new fit only"):
        estimator.set_params(task_weights__mass=0).fit(X, y)


def test_refit_with_other_targets_forgets_the_old_ones():
    estimator = net().fit(X, SPECIES)
    estimator.fit(X[:, :2], pd.DataFrame({"mass": MASS}))
    assert not hasattr(estimator, "classes_")
    assert estimator.n_features_in_ == 2
    assert estimator.task_names_ == ["mass"]


def test_refit_with_an_array_forgets_the_names_of_columns():
    estimator = net().fit(pd.DataFrame(X, columns=list("abcd")), MASS)
    assert estimator.feature_names_in_.tolist() == list("abcd")
    assert not hasattr(estimator.fit(X, MASS), "feature_names_in_")


# -- early stopping, schedules, clipping


@pytest.mark.parametrize("monitor", ["loss", "score"])
def test_early_stopping_restores_the_best_epoch(monitor):
    y = Targets(mass=MASS + 30 * inputs(seed=7)[:, 0], sick=(X[:, 2] + inputs(seed=8)[:, 1] > 0).astype(int))
    settings = {"max_epochs": 60, "learning_rate": 0.05, "early_stopping": True, "monitor": monitor}
    estimator = net(n_iter_no_change=5, **settings).fit(X, y)
    watched = estimator.history_[f"valid_{monitor}"]
    best = watched.idxmin() if monitor == "loss" else watched.idxmax()
    assert estimator.n_iter_ < 60
    assert estimator.n_iter_ == best + 5

    until_best = net(n_iter_no_change=1000, **{**settings, "max_epochs": int(best)}).fit(X, y)
    assert_same_model(estimator, until_best)


def test_validation_loss_is_that_of_the_restored_network():
    y = Targets(mass=MASS, size=X[:, :2])
    estimator = net(early_stopping=True, validation_fraction=0.25, max_epochs=6, dtype="float64").fit(X, y)
    rows = _validation_rows(estimator, N, 20)
    task, raw = estimator.tasks_["mass"], outputs(estimator, X[rows])["mass"]
    loss = np.mean((raw[:, 0] - (MASS[rows] - task.mean_) / task.scale_) ** 2)
    assert loss == pytest.approx(
        estimator.history_.loc[estimator.history_["valid_loss"].idxmin(), "valid_loss__mass"]
    )


def _validation_rows(estimator, n_rows, n_valid):
    """Give those of complete labels of numbers: the first ones of a random order."""
    generator = Streams(estimator._model.blueprint.seed).generator("validation", 0)
    return torch.randperm(n_rows, generator=generator)[:n_valid].sort().values.numpy()


def test_validation_rows_are_not_trained_on():
    y = Targets(mass=MASS)
    first = net(early_stopping=True, max_epochs=2, n_iter_no_change=99, trunk=MLP((8,)), learning_rate=1e-4).fit(
        X, y
    )
    rows = _validation_rows(first, N, 8)
    other = X.copy()
    other[rows] *= 1.01
    again = clone(first).fit(other, y)
    assert_same_model(first, again)
    assert (first.history_["valid_loss"] != again.history_["valid_loss"]).all()


def test_early_stopping_is_automatic_from_100_rows_on():
    few, many = inputs(99), inputs(100)
    auto = {"early_stopping": "auto", "max_epochs": 1}
    assert "valid_loss" not in net(**auto).fit(few, few[:, 0]).history_
    assert "valid_loss" in net(**auto).fit(many, many[:, 0]).history_


def test_score_weights_decide_what_early_stopping_watches():
    y = Targets(mass=MASS, sick=SICK)
    estimator = net(early_stopping=True, score_weights={"mass": 3.0}).fit(X, y)
    history = estimator.history_
    mean = (3 * history["valid_loss__mass"] + history["valid_loss__sick"]) / 4
    np.testing.assert_allclose(history["valid_loss"], mean)


def test_without_early_stopping_all_epochs_are_trained():
    assert net(max_epochs=7).fit(X, MASS).n_iter_ == 7


class RateRecorder:
    """Make a skorch callback that keeps the learning rate of each step."""

    def __new__(cls):
        from skorch.callbacks import Callback

        class Recorder(Callback):
            def initialize(self):
                self.rates_ = []

            def on_batch_end(self, net, **kwargs):
                self.rates_.append(net.optimizer_.param_groups[0]["lr"])

        return Recorder()


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_schedule_of_the_learning_rate(schedule):
    recorder = RateRecorder()
    settings = {"max_epochs": 10, "batch_size": 20, "learning_rate": 0.4}
    net(schedule=schedule, callbacks=[recorder], **settings).fit(X, MASS)
    rates = np.array(recorder.rates_)
    assert len(rates) == 40
    if schedule == "constant":
        assert (rates == 0.4).all()
    elif schedule == "cosine":
        np.testing.assert_allclose(rates, 0.2 * (1 + np.cos(np.pi * np.arange(40) / 40)))
    else:
        assert rates.argmax() == 4
        assert rates.max() == pytest.approx(0.4)
        assert (np.diff(rates[:5]) > 0).all()
        assert (np.diff(rates[4:]) < 0).all()


def test_clipping_bounds_the_step():
    one_step = {"optimizer": "sgd", "weight_decay": 0, "max_epochs": 1, "batch_size": N, "learning_rate": 1.0}
    estimator = net(clip_norm=0.01, dtype="float64", **one_step).fit(X, mixed_targets(X))
    start = estimator._model.blueprint.network().state_dict()
    moved = sum(((values - start[name].numpy()) ** 2).sum() for name, values in weights_of(estimator).items())
    assert np.sqrt(moved) == pytest.approx(0.01, rel=1e-4)


def test_wide_clipping_changes_nothing():
    assert_same_model(net(clip_norm=1e9).fit(X, MASS), net().fit(X, MASS))


def test_batch_size_is_the_number_of_rows_of_a_step():
    recorder = RateRecorder()
    net(batch_size=32, max_epochs=2, callbacks=[recorder]).fit(X, MASS)
    assert len(recorder.rates_) == 2 * 3  # 80 rows: 32, 32 and 16


def test_watching_batches_does_not_change_the_fit():
    assert_same_model(net(callbacks=[RateRecorder()]).fit(X, MASS), net().fit(X, MASS))


# -- inputs


def test_sparse_inputs_are_dense_inputs():
    dense = np.where(np.abs(X) > 0.7, X, 0)
    trunk = MLP((8,))
    sparse_fit, dense_fit = net(trunk=trunk).fit(csr_matrix(dense), MASS), net(trunk=trunk).fit(dense, MASS)
    assert_same_model(sparse_fit, dense_fit)
    assert_same(sparse_fit.predict(csr_matrix(dense)), dense_fit.predict(dense))
    assert_same(sparse_fit.predict(dense), dense_fit.predict(dense))


@pytest.mark.parametrize("form", ["csc", "coo", "lil"])
def test_sparse_formats_are_one(form):
    dense = np.where(np.abs(X) > 0.7, X, 0)
    expected = net().fit(csr_matrix(dense), MASS)
    assert_same_model(net().fit(csr_matrix(dense).asformat(form), MASS), expected)


def table(n_rows=N, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "size": rng.normal(size=n_rows),
        "colour": rng.choice(["red", "green", "blue"], size=n_rows).tolist(),
        "age": rng.integers(0, 9, size=n_rows),
    }


COLOURS = np.array([{"red": 0.5, "green": 5.5, "blue": 10.5}[colour] for colour in table()["colour"]])


def test_pandas_and_polars_give_the_same_model():
    from_pandas = net().fit(pd.DataFrame(table()), COLOURS)
    from_polars = net().fit(pl.DataFrame(table()), COLOURS)
    assert_same_model(from_pandas, from_polars)
    assert_same(from_pandas.predict(pd.DataFrame(table())), from_polars.predict(pl.DataFrame(table())))
    assert from_polars.feature_names_in_.tolist() == ["size", "colour", "age"]


COLUMN_TYPES = {
    "object": lambda frame: frame.astype({"colour": object}),
    "category": lambda frame: frame.astype({"colour": "category"}),
    "string": lambda frame: frame.astype({"colour": "string"}),
}


@pytest.mark.parametrize("kind", COLUMN_TYPES.values(), ids=COLUMN_TYPES)
def test_types_of_text_columns_give_the_same_model(kind):
    frame = pd.DataFrame(table())
    assert_same_model(net().fit(kind(frame), COLOURS), net().fit(frame, COLOURS))


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["red", "green", "blue"]), pl.String], ids=str)
def test_types_of_polars_columns_give_the_same_model(dtype):
    frame = pl.DataFrame(table()).with_columns(pl.col("colour").cast(dtype))
    assert_same_model(net().fit(frame, COLOURS), net().fit(pd.DataFrame(table()), COLOURS))


def test_categories_are_learned():
    frame = pd.DataFrame(table())
    estimator = net(max_epochs=60, learning_rate=0.03).fit(frame, COLOURS)
    assert estimator.score(frame, COLOURS) > 0.95


def test_unseen_category_is_allowed_and_has_a_row_of_its_own():
    frame = pd.DataFrame(table())
    estimator = net().fit(frame, COLOURS)
    unseen, other = frame.assign(colour="violet"), frame.assign(colour="mauve")
    assert_same(estimator.predict(unseen), estimator.predict(other))
    assert (estimator.predict(unseen) != estimator.predict(frame.assign(colour="red"))).any()


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA], ids=str)
def test_missing_category_is_a_category(missing):
    frame = pd.DataFrame(table()).astype({"colour": object})
    frame.loc[::4, "colour"] = missing
    y = np.where(np.arange(N) % 4 == 0, 50.0, COLOURS)
    estimator = net(max_epochs=80, learning_rate=0.03).fit(frame, y)
    assert estimator.score(frame, y) > 0.95
    unseen = estimator.predict(frame.assign(colour="violet"))
    assert np.abs(unseen - estimator.predict(frame))[::4].max() > 1


def test_missing_category_at_predict_only_is_an_unseen_one():
    frame = pd.DataFrame(table()).astype({"colour": object})
    estimator = net().fit(frame, COLOURS)
    assert_same(estimator.predict(frame.assign(colour=None)), estimator.predict(frame.assign(colour="violet")))


@pytest.mark.parametrize(
    ("categorical", "columns"),
    [([1], [1]), ([False, True, True], [1, 2]), (["colour", "age"], [1, 2]), ("from_dtype", [1])],
    ids=str,
)
def test_columns_chosen_as_categories(categorical, columns):
    estimator = net(categorical_features=categorical).fit(pd.DataFrame(table()), COLOURS)
    assert estimator._model.blueprint.trunk.table_.categorical_ == columns


def test_categories_of_an_array():
    codes = np.column_stack([X[:, 0], np.arange(N) % 3])
    y = 9.5 * (np.arange(N) % 3 == 1)
    estimator = net(categorical_features=[1], max_epochs=60, learning_rate=0.03).fit(codes, y)
    assert estimator.score(codes, y) > 0.95
    assert np.isfinite(estimator.predict([[0.0, 17.0]])).all()


def test_table_of_categories_only():
    frame = pd.DataFrame(table())[["colour"]]
    estimator = net(max_epochs=60, learning_rate=0.03).fit(frame, COLOURS)
    assert estimator.score(frame, COLOURS) > 0.95


def test_bool_columns_are_numbers():
    frame = pd.DataFrame({"flag": X[:, 0] > 0, "size": X[:, 1]})
    assert_same_model(net().fit(frame, MASS), net().fit(frame.astype(float), MASS))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_of_what_comes_out(dtype):
    estimator = net(dtype=dtype).fit(X, {"mass": MASS, "size": X[:, :2], "species": SPECIES})
    # large numbers, and probabilities close to 1, keep their digits
    assert {values.dtype.name for k, values in estimator.predict(X).items() if k != "species"} == {"float64"}
    assert estimator.predict_proba(X)["species"].dtype == np.float64
    assert estimator.transform(X).dtype == dtype
    assert {values.dtype.name for values in weights_of(estimator).values()} == {dtype}


def test_wide_numbers_need_float64():
    assert np.isfinite(net(dtype="float64").fit(1e60 * X, MASS).predict(1e60 * X)).all()


def test_inputs_are_not_written_to():
    frozen, y = X.copy(), mixed_targets(X, missing=0.2)
    before = copy.deepcopy(y)
    frozen.flags.writeable = False
    for values in y.values():
        values.flags.writeable = False
    net(early_stopping=True).fit(frozen, y, np.ones(N)).predict(frozen)
    assert y == before


# -- random numbers


@pytest.mark.parametrize("random_state", [0, 123456789, np.random.RandomState(4)], ids=str)
def test_same_seed_same_model(random_state):
    settings = {"trunk": MLP((8,), dropout=0.3), "early_stopping": True}
    states = [copy.deepcopy(random_state) for _ in range(2)]
    one, other = (net(random_state=state, **settings).fit(X, mixed_targets(X)) for state in states)
    assert_same_model(one, other)


def test_other_seed_other_model():
    one, other = net(random_state=0).fit(X, MASS), net(random_state=1).fit(X, MASS)
    assert (one.predict(X) != other.predict(X)).all()


def test_no_seed_is_another_model_each_time():
    one, other = net(random_state=None).fit(X, MASS), net(random_state=None).fit(X, MASS)
    assert (one.predict(X) != other.predict(X)).any()


def test_global_generator_is_neither_read_nor_written():
    settings = {"trunk": MLP((8,), dropout=0.3), "early_stopping": True}
    frame = pd.DataFrame(table())
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = net(**settings).fit(frame, COLOURS)
    one.predict(frame)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    np.random.seed(3)  # noqa: NPY002
    assert_same_model(one, net(**settings).fit(frame, COLOURS))


def test_threads_of_torch_are_as_before():
    before = torch.get_num_threads()
    net().fit(X, MASS)
    assert torch.get_num_threads() == before


# -- the representation


def test_transform_is_the_last_hidden_layer(mixed):
    hidden = mixed.transform(X)
    assert hidden.shape == (N, 8)
    weight, bias = head_of(mixed, "mass")
    task = mixed.tasks_["mass"]
    by_hand = (hidden @ weight.T + bias)[:, 0] * task.scale_ + task.mean_
    np.testing.assert_allclose(by_hand, mixed.predict(X)["mass"], rtol=1e-4)


def test_names_of_the_representation(mixed):
    expected = [f"multitasknetestimator{column}" for column in range(8)]
    assert mixed.get_feature_names_out().tolist() == expected
    for container, kind in {"pandas": pd.DataFrame, "polars": pl.DataFrame}.items():
        frame = copy.copy(mixed).set_output(transform=container).transform(X)
        assert isinstance(frame, kind)
        assert list(frame.columns) == expected


def test_fit_transform_is_fit_and_transform():
    assert_same(net().fit_transform(X, MASS), net().fit(X, MASS).transform(X))


# -- history and output


def test_columns_of_history():
    y = Targets(mass=MASS, sick=SICK)
    plain = net().fit(X, y).history_
    assert {"train_loss", "train_loss__mass", "train_loss__sick"} <= set(plain.columns)
    assert not [column for column in plain if column.startswith("valid")]
    assert plain.index.tolist() == [1, 2, 3]
    assert plain.index.name == "epoch"
    watched = net(early_stopping=True).fit(X, y).history_
    wanted = {f"valid_{what}{task}" for what in ("loss", "score") for task in ("", "__mass", "__sick")}
    assert wanted <= set(watched.columns)


def test_training_loss_falls():
    history = net(max_epochs=30, learning_rate=0.02).fit(X, mixed_targets(X)).history_
    for column in [name for name in history if name.startswith("train_loss")]:
        assert history[column].iloc[-1] < 0.8 * history[column].iloc[0], column


def test_training_loss_is_the_mean_over_labelled_rows():
    y = Targets(mass=np.where(np.arange(N) < 70, MASS, np.nan))
    frozen = {"optimizer": "sgd", "learning_rate": 1e-30, "weight_decay": 0.0, "dtype": "float64", "batch_size": 9}
    estimator = net(max_epochs=1, **frozen).fit(X, y)
    task, raw = estimator.tasks_["mass"], outputs(estimator)["mass"][:70, 0]
    loss = np.mean((raw - (MASS[:70] - task.mean_) / task.scale_) ** 2)
    assert estimator.history_["train_loss__mass"].iloc[0] == pytest.approx(loss)


def test_verbose_prints_a_line_per_epoch():
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        net(verbose=1).fit(X, {"mass": MASS})
    lines = [line for line in output.getvalue().splitlines() if line.strip()[:1].isdigit()]
    assert len(lines) == 3
    assert "train_loss__mass" in output.getvalue()


def test_silent_by_default(capsys):
    net().fit(X, MASS).predict(X)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ""


# -- parameters inside parameters

ODD_NAMES = ["a.b", "type", "rate__2", "rate", "two words", "weight", "forward", "0"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_task_may_be_called_anything(name):
    estimator = net(tasks={name: "regression"}, early_stopping=True)
    estimator.set_params(**{f"task_weights__{name}": 0.5, f"tasks__{name}__loss": "huber"})
    estimator.fit(X, {name: MASS, "other": SICK})
    assert estimator.task_names_ == [name, "other"]
    assert estimator.get_params()[f"task_weights__{name}"] == 0.5
    assert estimator.tasks_[name].loss == "huber"
    assert f"valid_loss__{name}" in estimator.history_
    assert estimator.predict(X, tasks=[name])[name].shape == (N,)


def test_longest_task_name_wins():
    estimator = net(tasks={"rate": "regression", "rate__2": "regression"})
    estimator.set_params(tasks__rate__2__loss="huber", task_weights__rate__2=2.0, task_weights__rate=3.0)
    estimator.fit(X, {"rate": MASS, "rate__2": MASS})
    assert estimator.tasks_["rate"].loss == "squared_error"
    assert estimator.tasks_["rate__2"].loss == "huber"
    assert estimator.task_weights == {"rate__2": 2.0, "rate": 3.0}


def test_parameters_are_listed_by_name():
    estimator = net(
        tasks={"mass": Regression(loss="huber"), "sick": "classification"},
        task_weights={"mass": 2.0},
        score_weights={"sick": 3.0},
    )
    params = estimator.get_params()
    assert params["task_weights__mass"] == 2.0
    assert params["score_weights__sick"] == 3.0
    assert params["tasks__mass__loss"] == "huber"
    assert params["tasks__sick"] == "classification"
    assert params["trunk__hidden_sizes"] == (8,)
    assert "task_weights__mass" not in estimator.get_params(deep=False)


def test_parameters_are_set_by_name():
    estimator = net(trunk="mlp").set_params(
        task_weights__mass=2.0,
        score_weights__sick=3.0,
        tasks__mass="regression",
        tasks__mass__loss="huber",
        trunk__hidden_sizes=(4,),
    )
    assert estimator.task_weights == {"mass": 2.0}
    assert estimator.score_weights == {"sick": 3.0}
    assert estimator.tasks["mass"].loss == "huber"
    assert estimator.trunk.hidden_sizes == (4,)
    estimator.fit(X, {"mass": MASS, "sick": SICK})
    assert estimator.transform(X).shape == (N, 4)


def test_whole_mapping_is_set_before_its_entries():
    estimator = net().set_params(task_weights__a=5.0, task_weights={"a": 1.0, "b": 2.0})
    assert estimator.task_weights == {"a": 5.0, "b": 2.0}


def test_mappings_of_the_caller_are_never_written_to():
    weights, scores, tasks = {"mass": 1.0}, {"mass": 1.0}, {"mass": Regression(), "sick": "classification"}
    trunk = MLP((8,))
    estimator = MultiTaskNetEstimator(tasks, weights, scores, trunk=trunk, max_epochs=1)
    assert estimator.task_weights is weights
    assert estimator.tasks is tasks
    estimator.set_params(
        task_weights__mass=9.0,
        score_weights__mass=9.0,
        tasks__mass__loss="huber",
        tasks__sick__label_smoothing=0.1,
    )
    estimator.fit(X, {"mass": MASS, "sick": SICK})
    assert weights == {"mass": 1.0}
    assert scores == {"mass": 1.0}
    assert tasks["mass"].loss == "squared_error"
    assert tasks["sick"] == "classification"
    assert not [name for name in vars(tasks["mass"]) if name.endswith("_")]
    assert not [name for name in vars(trunk) if name.endswith("_")]
    assert estimator.tasks_["mass"].loss == "huber"


def test_clone_keeps_parameters_and_shares_nothing():
    original = net(
        tasks={"mass": Regression(loss="huber")}, task_weights={"mass": 2.0}, callbacks=[RateRecorder()]
    )
    original.fit(X, {"mass": MASS})
    copied = clone(original)
    assert copied.task_weights == {"mass": 2.0}
    assert copied.task_weights is not original.task_weights
    assert copied.tasks["mass"] is not original.tasks["mass"]
    assert copied.tasks["mass"].loss == "huber"
    assert not hasattr(copied, "net_")
    assert_same_model(copied.fit(X, {"mass": MASS}), original)


def test_fit_does_not_write_to_parameters():
    estimator = net(tasks={"mass": "regression"}, device="auto", trunk="auto")
    before = dict(estimator.get_params(deep=False))
    estimator.fit(X, {"mass": MASS, "sick": SICK})
    assert estimator.get_params(deep=False) == before


def test_copy_shares_the_model_and_nothing_else():
    estimator = net().fit(X, MASS)
    twin = copy.copy(estimator)
    predictions = twin.predict(X)
    estimator.fit(X, -MASS)
    assert_same(twin.predict(X), predictions)


def test_parameters_of_a_task_that_is_inferred_are_set_by_name():
    y = Targets(rare=(X[:, 0] > 1).astype(int), mass=MASS)
    inferred = net().set_params(tasks__rare__class_weight="balanced")
    stated = net(tasks={"rare": Classification(class_weight="balanced")})
    assert_same_model(inferred.fit(X, y), stated.fit(X, y))
    assert inferred.get_params()["tasks__rare__class_weight"] == "balanced"
    assert_same_model(clone(inferred).fit(X, y), stated)
    assert inferred.set_params(warm_start=True).fit(X, y).n_iter_ == 2 * stated.n_iter_
    with pytest.raises(ValueError, match="tasks"):
        inferred.set_params(tasks__rare__class_weight=None).fit(X, y)


def test_the_picture_names_a_task_of_which_a_parameter_is_set():
    shown = net().set_params(tasks__rare__class_weight="balanced")._repr_html_()
    assert "rare__class_weight" not in shown.split("How the data goes to", 1)[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tasks__nope__class_weight", r"tasks names \['nope__class_weight'\], but y has the targets"),
        ("tasks__rare__nope", "task 'rare': Invalid parameter 'nope'"),
        ("tasks__mass__class_weight", "task 'mass': Invalid parameter 'class_weight' for estimator Regression"),
    ],
)
def test_parameters_that_no_task_has_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        net().set_params(**{name: 1}).fit(X, {"rare": SICK, "mass": MASS})


def test_rows_without_weight_have_no_score():
    estimator = net().fit(X, {"sick": SICK, "mass": MASS})
    scores = estimator.score_tasks(X, {"sick": SICK, "mass": MASS}, sample_weight=np.zeros(len(X)))
    assert np.isnan(list(scores.values())).all()
    by_task = {"sick": np.zeros(len(X))}
    scores = estimator.score_tasks(X, {"sick": SICK, "mass": MASS}, sample_weight=by_task)
    assert np.isnan(scores["sick"])
    assert scores["mass"] == estimator.score_tasks(X, {"sick": SICK, "mass": MASS})["mass"]


def test_net_params_reach_the_optimiser():
    estimator = net(net_params={"optimizer__betas": (0.5, 0.6)}).fit(X, MASS)
    assert estimator.net_.optimizer_.param_groups[0]["betas"] == (0.5, 0.6)


def test_parameters_of_the_optimiser_are_set():
    group = net(optimizer="sgd", learning_rate=0.3, weight_decay=0.2).fit(X, MASS).net_.optimizer_.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.3, 0.2)


def test_representation_of_the_estimator_is_short():
    assert repr(MultiTaskNetEstimator(max_epochs=3)) == "MultiTaskNetEstimator(max_epochs=3)"


# -- any mix of tasks with any gaps

SPECS = {
    "text": lambda rows, rng: rng.choice(np.array(["x", "y", "z"], dtype=object), size=rows),
    "integers": lambda rows, rng: rng.integers(3, 6, size=rows).astype(object),
    "number": lambda rows, rng: rng.normal(5, 100, size=rows),
    "numbers": lambda rows, rng: rng.normal(size=(rows, 2)),
    "block": lambda rows, rng: rng.integers(0, 2, size=(rows, 3)).astype(float),
}


@st.composite
def task_mixes(draw):
    kinds = draw(st.lists(st.sampled_from(sorted(SPECS)), min_size=1, max_size=4))
    rows = draw(st.integers(6, 30))
    seed = draw(st.integers(0, 2**16))
    missing = draw(st.sampled_from([0.0, 0.3, 0.8]))
    rng = np.random.default_rng(seed)
    y = {}
    for number, kind in enumerate(kinds):
        values = SPECS[kind](rows, rng)
        gone = rng.random(values.shape) < missing
        gone[:2] = False  # two different labels stay, so that there is something to learn
        values[:2] = [["x", "y"], [3, 4], [0.5, 1.5], [[0.5, 1.5], [2.5, 3.5]], [[0] * 3, [1] * 3]][
            ["text", "integers", "number", "numbers", "block"].index(kind)
        ]
        values[gone] = None if values.dtype == object else np.nan
        y[f"{kind} {number}"] = values
    return Targets(y), rng.normal(size=(rows, 3)), missing


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(task_mixes())
def test_any_mix_of_tasks_and_gaps(mix):
    y, rows, _ = mix
    estimator = net(max_epochs=2, trunk=MLP((4,)), batch_size=5).fit(rows, y)
    predictions = estimator.predict(rows)
    assert list(predictions) == list(y)
    for name, task in estimator.tasks_.items():
        assert predictions[name].shape == y[name].shape
        if isinstance(task, Classification):
            assert set(predictions[name].tolist()) <= set(task.classes_.tolist())
        elif isinstance(task, MultilabelClassification):
            assert set(predictions[name].ravel().tolist()) <= {0, 1}
        else:
            assert np.isfinite(predictions[name]).all()
    if hasattr(estimator, "predict_proba"):
        for proba in estimator.predict_proba(rows).values():
            assert ((proba >= 0) & (proba <= 1)).all()
    assert np.isfinite(estimator.score(rows, y))
    losses = estimator.history_.filter(like="train_loss").to_numpy(dtype=float)
    assert np.isfinite(losses).all()


def test_rows_of_weight_zero_do_not_move_the_validation_score():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((80, 4)), rng.integers(0, 2, 80)
    weight = np.repeat([0.0, 1.0], 40)
    other = np.where(weight > 0, y, 1 - y)
    net = MultiTaskNetEstimator(early_stopping=True, validation_fraction=0.5, max_epochs=2, random_state=0)
    histories = [net.fit(X, labels, sample_weight=weight).history_.drop(columns="dur") for labels in (y, other)]
    assert histories[0].equals(histories[1])


def test_the_order_in_memory_does_not_matter():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 5)).astype(np.float32), rng.standard_normal(60)
    net = MultiTaskNetEstimator(max_epochs=2, random_state=0)
    predictions = [net.fit(A, y).predict(A) for A in (X, np.asfortranarray(X))]
    assert np.array_equal(*predictions)


def test_what_is_masked_in_an_array_of_targets_is_missing():
    rng = np.random.default_rng(0)
    X, number = rng.standard_normal((40, 3)), rng.standard_normal(40)
    hidden = rng.random(40) < 0.3
    masked = Targets(number=np.ma.MaskedArray(number, hidden), label=np.ma.MaskedArray(number > 0, hidden))
    missing = Targets(
        number=np.where(hidden, np.nan, number), label=np.where(hidden, None, (number > 0).astype(object))
    )
    net = MultiTaskNetEstimator(max_epochs=2, random_state=0)
    assert net.fit(X, masked).predict(X) == net.fit(X, missing).predict(X)


def test_probabilities_of_a_regression_are_refused():
    X = np.random.default_rng(0).standard_normal((20, 3))
    net = MultiTaskNetEstimator(max_epochs=1).fit(X, Targets(number=X[:, 0], label=X[:, 1] > 0))
    with pytest.raises(ValueError, match="none of these tasks has probabilities"):
        net.predict_proba(X, tasks=["number"])
