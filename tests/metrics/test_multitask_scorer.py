"""Values of chosen metrics, compared with scikit-learn's functions on the predictions."""

import copy
import math
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    cohen_kappa_score,
    explained_variance_score,
    f1_score,
    fbeta_score,
    get_scorer,
    log_loss,
    make_scorer,
    matthews_corrcoef,
    max_error,
    mean_absolute_error,
    median_absolute_error,
    precision_score,
    r2_score,
    roc_auc_score,
    top_k_accuracy_score,
)
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetRegressor, Targets
from sklearn_mtl.metrics import make_multitask_scorer, multitask_scorer
from sklearn_mtl.tasks import Count, Ordinal, Regression

from .._helpers import column, inputs, mixed_targets, net

X = inputs(150)
Y = mixed_targets(X)
PARTLY = mixed_targets(X, missing=0.2)
WEIGHTS = np.random.default_rng(5).choice([0.0, 0.5, 2.0, 3.0], len(X))
POINT = pytest.approx


def share_right(y_true, y_pred):
    return np.mean(y_true == y_pred)


def weighted_share_right(y_true, y_pred, sample_weight=None):
    return np.average(y_true == y_pred, weights=sample_weight)


@pytest.fixture(scope="module")
def fitted():
    return net(max_epochs=5).fit(X, Y)


@pytest.fixture(scope="module")
def proba(fitted):
    return fitted.predict_proba(X)


@pytest.fixture(scope="module")
def predicted(fitted):
    return fitted.predict(X)


def auc_of_classes(true, proba, weight):
    return roc_auc_score(true, proba, multi_class="ovr", sample_weight=weight)


PROBABILITIES = {
    # three classes, texts
    ("species", "roc_auc"): auc_of_classes,
    ("species", "roc_auc_ovr"): auc_of_classes,
    ("species", "neg_log_loss"): lambda t, p, w: -log_loss(t, p, sample_weight=w),
    ("species", "neg_brier_score"): lambda t, p, w: -brier_score_loss(t, p, sample_weight=w),
    ("species", "average_precision"): lambda t, p, w: average_precision_score(t, p, sample_weight=w),
    ("species", "top_k_accuracy"): lambda t, p, w: top_k_accuracy_score(t, p, sample_weight=w),
    # two classes, 0 and 1
    ("sick", "roc_auc"): lambda t, p, w: roc_auc_score(t, p[:, 1], sample_weight=w),
    ("sick", "neg_log_loss"): lambda t, p, w: -log_loss(t, p, sample_weight=w),
    ("sick", "neg_brier_score"): lambda t, p, w: -brier_score_loss(t, p[:, 1], sample_weight=w),
    ("sick", "average_precision"): lambda t, p, w: average_precision_score(t, p[:, 1], sample_weight=w),
}
LABELS = {
    ("species", "accuracy"): lambda t, p, w: np.average(t == p, weights=w),
    ("species", "f1_macro"): lambda t, p, w: f1_score(t, p, average="macro", sample_weight=w),
    ("species", "precision_weighted"): lambda t, p, w: precision_score(
        t, p, average="weighted", sample_weight=w, zero_division=0.0
    ),
    ("species", "matthews_corrcoef"): lambda t, p, w: matthews_corrcoef(t, p, sample_weight=w),
    ("sick", "f1"): lambda t, p, w: f1_score(t, p, sample_weight=w),
    ("mass", "r2"): lambda t, p, w: r2_score(t, p, sample_weight=w),
    ("mass", "neg_mean_absolute_error"): lambda t, p, w: -mean_absolute_error(t, p, sample_weight=w),
    ("mass", "neg_median_absolute_error"): lambda t, p, w: -median_absolute_error(t, p, sample_weight=w),
    ("mass", "explained_variance"): lambda t, p, w: explained_variance_score(t, p, sample_weight=w),
}


def known(labels):
    return ~pd.isna(pd.Series(list(labels))).to_numpy()


@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["", "weights"])
@pytest.mark.parametrize("targets", [Y, PARTLY], ids=["", "missing"])
@pytest.mark.parametrize(("task", "name"), [*PROBABILITIES, *LABELS])
def test_values_are_those_of_scikit_learn_on_labelled_rows(task, name, targets, weight, fitted, proba, predicted):
    scores = make_multitask_scorer({task: name})(fitted, X, targets, weight)
    rows = known(targets[task]) if weight is None else known(targets[task]) & (weight > 0)
    true = targets[task][rows]
    true = true.astype(str) if task == "species" else true
    response = (proba if (task, name) in PROBABILITIES else predicted)[task][rows]
    expected = {**PROBABILITIES, **LABELS}[task, name](true, response, None if weight is None else weight[rows])
    assert scores[f"{task}_{name}"] == POINT(expected, rel=1e-9)
    assert list(scores)[-1] == "score"


@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["", "weights"])
def test_sets_of_labels(weight, fitted, proba, predicted):
    names = ["roc_auc", "average_precision", "neg_log_loss", "neg_brier_score", "accuracy", "precision_macro"]
    scores = make_multitask_scorer({"tags": names})(fitted, X, Y, weight)
    rows = slice(None) if weight is None else weight > 0
    w = None if weight is None else weight[rows]
    true, p, pred = Y["tags"][rows].astype(int), proba["tags"][rows], predicted["tags"][rows]
    assert scores["tags_roc_auc"] == POINT(roc_auc_score(true, p, sample_weight=w))
    assert scores["tags_average_precision"] == POINT(average_precision_score(true, p, sample_weight=w))
    by_label = [-log_loss(true[:, i], p[:, i], sample_weight=w) for i in range(3)]
    assert scores["tags_neg_log_loss"] == POINT(np.mean(by_label))
    by_label = [-brier_score_loss(true[:, i], p[:, i], sample_weight=w) for i in range(3)]
    assert scores["tags_neg_brier_score"] == POINT(np.mean(by_label))
    assert scores["tags_accuracy"] == POINT(np.average((true == pred).all(axis=1), weights=w))
    expected = precision_score(true, pred, average="macro", sample_weight=w, zero_division=0.0)
    assert scores["tags_precision_macro"] == POINT(expected)


def test_sets_of_labels_that_are_missing_in_part(fitted, proba, predicted):
    names = ["roc_auc", "average_precision", "precision_macro", "accuracy"]
    scores = make_multitask_scorer({"tags": names})(fitted, X, PARTLY)
    true, p, pred = PARTLY["tags"], proba["tags"], predicted["tags"]
    for name, function, values in (
        ("roc_auc", roc_auc_score, p),
        ("average_precision", average_precision_score, p),
        ("precision_macro", precision_score, pred),
    ):
        by_label = [
            function(column[k], values[k, i]) for i, column in enumerate(true.T) for k in [~np.isnan(column)]
        ]
        assert scores[f"tags_{name}"] == POINT(np.mean(by_label)), name
    rows = ~np.isnan(true).any(axis=1)
    assert scores["tags_accuracy"] == POINT((true[rows] == pred[rows]).all(axis=1).mean())


@pytest.mark.parametrize("targets", [Y, PARTLY], ids=["", "missing"])
def test_several_numbers_are_averaged_over_columns(targets, fitted, predicted):
    names = ["neg_median_absolute_error", "explained_variance", "neg_max_error"]
    scores = make_multitask_scorer({"size": names})(fitted, X, targets)
    true, pred = targets["size"], predicted["size"]
    rows = ~np.isnan(true)
    for name, function in (
        ("neg_median_absolute_error", lambda t, p: -median_absolute_error(t, p)),
        ("explained_variance", explained_variance_score),
        ("neg_max_error", lambda t, p: -max_error(t, p)),
    ):
        by_column = [function(true[rows[:, i], i], pred[rows[:, i], i]) for i in range(2)]
        assert scores[f"size_{name}"] == POINT(np.mean(by_column)), name


def test_scorers_and_functions_of_the_user(fitted, proba, predicted):
    scorer = make_multitask_scorer(
        {
            "species": {
                "right": share_right,
                "weighted": weighted_share_right,
                "cat": make_scorer(average_precision_score, pos_label="cat", response_method="predict_proba"),
                "kappa": make_scorer(cohen_kappa_score),
            },
            "sick": {
                "f2": make_scorer(fbeta_score, beta=2),
                "well": make_scorer(f1_score, pos_label=0),
                "well_ap": make_scorer(average_precision_score, pos_label=0, response_method="predict_proba"),
                "top": make_scorer(lambda t, p: np.mean(p[t == 1]), response_method="predict_proba"),
            },
        }
    )
    del scorer.metrics["species"]["cat"]  # more than two classes have no positive one
    scores = scorer(fitted, X, Y)
    right = np.mean(Y["species"] == predicted["species"])
    assert scores["species_right"] == scores["species_weighted"] == right
    expected = cohen_kappa_score(Y["species"].astype(str), predicted["species"].astype(str))
    assert scores["species_kappa"] == POINT(expected)
    true, pred, p = Y["sick"], predicted["sick"], proba["sick"]
    assert scores["sick_f2"] == POINT(fbeta_score(true, pred, beta=2))
    assert scores["sick_well"] == POINT(f1_score(true, pred, pos_label=0))
    assert scores["sick_well_ap"] == POINT(average_precision_score(1 - true, p[:, 0]))
    assert scores["sick_top"] == POINT(p[true == 1, 1].mean())


@pytest.mark.parametrize("classes", [["no", "yes"], [1, 2], [2, 3], [-1, 1], [False, True]], ids=str)
def test_positive_classes_of_any_two_labels(classes):
    labels = np.array(classes)[(X[:, 1] > 0).astype(int)]
    classifier = MultiTaskNetClassifier(max_epochs=3, early_stopping=False, random_state=0, n_members=1).fit(
        X, labels
    )
    names = ["roc_auc", "average_precision", "neg_log_loss", "neg_brier_score", "f1"]
    scores = make_multitask_scorer({"y": names})(classifier, X, labels)
    p, pred = classifier.predict_proba(X), classifier.predict(X)
    assert scores["y_roc_auc"] == POINT(get_scorer("roc_auc")(classifier, X, labels))
    assert scores["y_neg_log_loss"] == POINT(-log_loss(labels, p))
    assert scores["y_neg_brier_score"] == POINT(-brier_score_loss(labels == classes[1], p[:, 1]))
    positive = classes[0] if classes == [1, 2] else classes[1]  # 1, where it is a class, as in scikit-learn
    column_of = classes.index(positive)
    assert scores["y_average_precision"] == POINT(average_precision_score(labels == positive, p[:, column_of]))
    assert scores["y_f1"] == POINT(f1_score(labels, pred, pos_label=positive))
    if positive == 1:
        assert scores["y_f1"] == POINT(get_scorer("f1")(classifier, X, labels))
        assert scores["y_average_precision"] == POINT(get_scorer("average_precision")(classifier, X, labels))


def test_other_tasks_have_their_own_metric_or_the_default(fitted):
    scores = make_multitask_scorer({"sick": "roc_auc"})(fitted, X, Y)
    assert list(scores) == [
        "species_accuracy", "sick_roc_auc", "mass_r2", "size_r2", "tags_f1_samples", "score",
    ]  # fmt: skip
    of_tasks = fitted.score_tasks(X, Y)
    assert {name: scores[f"{name}_{own}"] for name, own in (("species", "accuracy"), ("mass", "r2"))} == {
        name: of_tasks[name] for name in ("species", "mass")
    }
    numbers = {name: Y[name] for name in ("mass", "size")}
    two = net().fit(X, numbers)
    assert list(make_multitask_scorer({"mass": "r2"}, default="neg_max_error")(two, X, numbers)) == [
        "mass_r2", "size_neg_max_error", "score",
    ]  # fmt: skip


def test_the_score_is_the_mean_of_first_metrics_under_weights():
    both = {name: Y[name] for name in ("sick", "mass")}
    fitted = net(score_weights={"sick": 3.0}).fit(X, both)
    metrics = {"sick": ["roc_auc", "accuracy"], "mass": "neg_max_error"}
    scores = make_multitask_scorer(metrics)(fitted, X, both)
    first = [scores["sick_roc_auc"], scores["mass_neg_max_error"]]
    assert scores["score"] == POINT(np.average(first, weights=[3, 1]))
    weighted = make_multitask_scorer(metrics, weights={"mass": 9.0})(fitted, X, both)
    assert weighted["score"] == POINT(np.average(first, weights=[1, 9]))


def test_one_forward_pass_serves_all(fitted, monkeypatch):
    calls = []
    outputs = type(fitted._model).outputs
    monkeypatch.setattr(type(fitted._model), "outputs", lambda *args: calls.append(1) or outputs(*args))
    make_multitask_scorer({"sick": ["roc_auc", "f1", "neg_log_loss"], "species": "roc_auc"})(fitted, X, Y)
    multitask_scorer(fitted, X, Y)
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"weight": "r2"}, r"names unknown tasks \['weight'\]; the tasks are"),
        ({"mass": "roc_auc"}, "does not suit the task 'mass', a Regression: it needs probabilities"),
        ({"sick": "roc_acu"}, r"'roc_acu' is not a metric: .*did you mean 'roc_auc'"),
        ({"sick": "r3"}, "'r3' is not a metric"),
        ({"mass": "accuracy"}, "task 'mass': metric 'accuracy' cannot be computed"),
        ({"sick": make_scorer(roc_auc_score, response_method="decision_function")}, "may ask for"),
        ({"species": {"pair": lambda t, p: (1, 2)}}, "metric 'pair' should return a number"),
        ({"species": make_scorer(precision_score, average=None)}, "should return a number"),
    ],
)
def test_metrics_that_do_not_suit_are_refused(metrics, message, fitted):
    with pytest.raises(ValueError, match=message):
        make_multitask_scorer(metrics)(fitted, X, Y)


def test_a_metric_without_weights_takes_equal_ones_only(fitted):
    scorer = make_multitask_scorer({"species": share_right, "mass": "neg_max_error"})
    rows = WEIGHTS > 0
    scores = scorer(fitted, X, Y, rows.astype(float))
    assert scores["species_share_right"] == share_right(Y["species"][rows], fitted.predict(X)["species"][rows])
    with pytest.raises(ValueError, match=r"task 'species': metric 'share_right' takes no sample_weight"):
        scorer(fitted, X, Y, WEIGHTS)


def one_class(targets):
    return Targets({**targets, "species": column(["ape"] * len(X)), "sick": np.zeros(len(X))})


def test_labels_of_one_class_give_nan_and_one_warning(fitted, proba):
    names = ["roc_auc", "average_precision", "neg_log_loss", "neg_brier_score"]
    with pytest.warns(UndefinedMetricWarning, match="'species': roc_auc, average_precision; 'sick'") as told:
        scores = make_multitask_scorer({"species": names, "sick": names})(fitted, X, one_class(Y))
    assert len(told) == 1
    assert math.isnan(scores["species_roc_auc"])
    assert math.isnan(scores["sick_roc_auc"])
    assert scores["sick_average_precision"] == 0.0
    expected = log_loss(one_class(Y)["species"].astype(str), proba["species"], labels=["ape", "bee", "cat"])
    assert scores["species_neg_log_loss"] == POINT(-expected)
    assert scores["sick_neg_brier_score"] == POINT(-np.mean(proba["sick"][:, 1] ** 2))
    assert not math.isnan(scores["score"])
    # nobody has chosen these
    assert math.isnan(multitask_scorer(fitted, X, one_class(Y))["species_roc_auc"])


def test_labels_that_fit_did_not_see(fitted):
    new = Targets({**Y, "species": np.where(np.arange(len(X)) == 3, "dog", Y["species"].astype(str))})
    with pytest.warns(UndefinedMetricWarning, match="fit did not see"):
        scores = make_multitask_scorer({"species": ["accuracy", "roc_auc", "f1_macro"]})(fitted, X, new)
    assert math.isnan(scores["species_roc_auc"])
    assert 0 < scores["species_accuracy"] < 1


def test_a_task_without_labels_is_nan(fitted):
    nothing = Targets({**Y, "sick": np.full(len(X), np.nan), "tags": np.full((len(X), 3), np.nan)})
    scores = make_multitask_scorer({"sick": ["roc_auc", "f1"], "tags": ["roc_auc", "accuracy"]})(
        fitted, X, nothing
    )
    assert all(math.isnan(scores[name]) for name in ("sick_roc_auc", "sick_f1", "tags_roc_auc", "tags_accuracy"))


def test_metrics_of_the_own_take_precedence():
    ranks = np.array(["low", "mid", "high"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    y = {"rank": ranks, "count": np.floor(np.exp(X[:, 1]))}
    tasks = {"rank": Ordinal(classes=["low", "mid", "high"]), "count": Count()}
    fitted = net(tasks=tasks).fit(X, y)
    names = {
        "rank": ["quadratic_kappa", "neg_mean_absolute_error", "roc_auc"],
        "count": ["d2_poisson", "neg_max_error"],
    }
    scores, all_scores = make_multitask_scorer(names)(fitted, X, y), multitask_scorer(fitted, X, y)
    for name in ("rank_quadratic_kappa", "rank_neg_mean_absolute_error", "rank_roc_auc", "count_d2_poisson"):
        assert scores[name] == all_scores[name]
    order = {label: rank for rank, label in enumerate(["low", "mid", "high"])}
    codes, p = np.array([order[label] for label in ranks]), fitted.predict_proba(X)["rank"]
    assert scores["rank_roc_auc"] == POINT(roc_auc_score(codes, p, multi_class="ovr"))
    assert scores["count_neg_max_error"] == POINT(-max_error(y["count"], fitted.predict(X)["count"]))


def first_column(predictions):
    if isinstance(predictions, pd.DataFrame | pl.DataFrame) or predictions.dtype.names:
        return np.asarray(predictions["0"])
    return predictions.reshape(len(predictions), -1)[:, 0]


@pytest.mark.parametrize("kind", ["1-D", "2-D", "pandas", "polars", "structured", "list"])
def test_every_kind_of_y(kind):
    numbers = np.column_stack([X[:, 0] - X[:, 1], 3 * X[:, 2]])
    y = {
        "1-D": numbers[:, 0],
        "2-D": numbers,
        "pandas": pd.DataFrame(numbers, columns=["0", "1"]),
        "polars": pl.DataFrame(numbers, schema=["0", "1"]),
        "structured": np.array([tuple(row) for row in numbers], dtype=[("0", float), ("1", float)]),
        "list": numbers.tolist(),
    }[kind]
    fitted = MultiTaskNetRegressor(max_epochs=2, early_stopping=False, random_state=0, n_members=1).fit(X, y)
    first = fitted.task_names_[0]
    for key in (first, 0) if kind != "1-D" else (first,):
        scores = make_multitask_scorer({key: "neg_max_error"})(fitted, X, y)
        pred = first_column(fitted.predict(X))
        assert scores[f"{first}_neg_max_error"] == POINT(-max_error(numbers[:, 0], pred))


def test_real_data_by_every_route():
    X, sick = load_breast_cancer(return_X_y=True)
    y = pd.DataFrame({"sick": np.where(sick == 1, "no", "yes"), "area": X[:, 3]})
    X = np.delete(X, 3, axis=1)
    metrics = {"sick": ["roc_auc", "average_precision", "neg_log_loss"], "area": "neg_median_absolute_error"}
    scorer = make_multitask_scorer(metrics)
    pipeline = make_pipeline(StandardScaler(), net(max_epochs=4))
    grid = {"multitasknetestimator__task_weights__area": [0.1, 10.0]}
    cv = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(pipeline, grid, scoring=scorer, refit="sick_roc_auc", cv=cv).fit(X, y)
    assert search.scoring is scorer
    clone(search).fit(X, y)
    for number, params in enumerate(search.cv_results_["params"]):
        for fold, (train, test) in enumerate(cv.split(X)):
            fitted = clone(pipeline).set_params(**params).fit(X[train], y.iloc[train])
            p, pred = fitted.predict_proba(X[test])["sick"][:, 1], fitted.predict(X[test])
            true = y.iloc[test]
            for name, expected in {
                "sick_roc_auc": roc_auc_score(true["sick"], p),
                "sick_average_precision": average_precision_score(true["sick"], p, pos_label="yes"),
                "sick_neg_log_loss": -log_loss(true["sick"], p),
                "area_neg_median_absolute_error": -median_absolute_error(true["area"], pred["area"]),
            }.items():
                assert search.cv_results_[f"split{fold}_test_{name}"][number] == POINT(expected)
    assert scorer(search, X, y)["sick_roc_auc"] == POINT(
        roc_auc_score(y["sick"], search.predict_proba(X)["sick"][:, 1])
    )


def test_weights_reach_the_scorer_of_a_search():
    X, species = load_iris(return_X_y=True)
    weight = np.random.default_rng(0).choice([0.5, 2.0], len(X))
    cv = KFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(
        net(), {"max_epochs": [2]}, scoring=make_multitask_scorer({"y": "roc_auc"}), refit=False, cv=cv
    )
    search.fit(X, species, sample_weight=weight)
    train, test = next(cv.split(X))
    p = net(max_epochs=2).fit(X[train], species[train], sample_weight=weight[train]).predict_proba(X[test])
    expected = roc_auc_score(species[test], p, multi_class="ovr", sample_weight=weight[test])
    assert search.cv_results_["split0_test_y_roc_auc"][0] == POINT(expected)


def test_scorers_are_copied_and_pickled(fitted):
    scorer = make_multitask_scorer({"sick": "roc_auc", "species": {"right": share_right}}, weights={"mass": 2.0})
    expected = scorer(fitted, X, Y)
    for other in (copy.deepcopy(scorer), pickle.loads(pickle.dumps(scorer)), clone(scorer, safe=False)):
        assert other(fitted, X, Y) == expected
        assert repr(other) == repr(scorer)
    results = cross_validate(net(max_epochs=1), X, Y, scoring=scorer, cv=2, n_jobs=2)
    assert results["test_sick_roc_auc"].shape == (2,)


def test_probabilities_are_among_all_metrics(fitted, proba):
    scores = multitask_scorer(fitted, X, Y)
    for task in ("species", "sick", "tags"):
        for name in ("roc_auc", "average_precision", "neg_log_loss", "neg_brier_score"):
            assert scores[f"{task}_{name}"] == make_multitask_scorer({task: name})(fitted, X, Y)[f"{task}_{name}"]
    assert not [name for name in scores if name.startswith("mass") and name.endswith("roc_auc")]
    assert scores["sick_roc_auc"] == POINT(roc_auc_score(Y["sick"], proba["sick"][:, 1]))


def test_a_fold_of_two_rows_has_no_r2(fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = make_multitask_scorer({"mass": ["d2_absolute_error_score", "neg_max_error"]})(fitted, X[:1], Y[[0]])
    assert math.isnan(one["mass_d2_absolute_error_score"])
    assert not math.isnan(one["mass_neg_max_error"])


def test_numbers_of_any_size(fitted):
    y = {"mass": 1e200 * X[:, 0]}
    fitted = net(tasks={"mass": Regression()}).fit(X, y)
    assert make_multitask_scorer({"mass": "r2"})(fitted, X, y)["mass_r2"] == fitted.score(X, y)
