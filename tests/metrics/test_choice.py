"""What may be chosen as a metric, and what is refused."""

import functools

import numpy as np
import pytest
from sklearn.metrics import (
    f1_score,
    fbeta_score,
    get_scorer,
    get_scorer_names,
    make_scorer,
    mean_absolute_error,
    roc_auc_score,
)

from sklearn_mtl.metrics import make_multitask_scorer
from sklearn_mtl.metrics._choice import read_metrics


def share_right(y_true, y_pred):
    return np.mean(y_true == y_pred)


def cost_error(y_true, y_pred):
    return 1.0


def of_scores(y_true, y_score):
    return 1.0


def of_rows(estimator, X, y):
    return 1.0


@pytest.mark.parametrize("name", get_scorer_names())
def test_every_scorer_of_scikit_learn_is_read_by_its_name(name):
    (metric,) = read_metrics(name, "metrics")
    assert (metric.name, metric.asked, metric.sign) == (name, name, get_scorer(name)._sign)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("roc_auc", ["roc_auc"]),
        (["roc_auc", "accuracy"], ["roc_auc", "accuracy"]),
        ({"auc": "roc_auc", "right": share_right}, ["auc", "right"]),
        (share_right, ["share_right"]),
        (make_scorer(fbeta_score, beta=2), ["fbeta_score"]),
        (make_scorer(mean_absolute_error, greater_is_better=False), ["neg_mean_absolute_error"]),
        ({"right": lambda y_true, y_pred: 1.0}, ["right"]),
        ({"right": functools.partial(share_right)}, ["right"]),
        ("entity_f1", ["entity_f1"]),
    ],
)
def test_names_of_metrics(given, names):
    assert [metric.name for metric in read_metrics(given, "metrics")] == names


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "has no metric"),
        ({}, "has no metric"),
        (["r2", "r2"], "each name may occur once"),
        ({"loss": "r2"}, r"a str other than \['loss', 'score'\]"),
        ({3: "r2"}, "a str other than"),
        (3, "is not a metric"),
        (float, "is not a metric"),
        ({"a": ["r2"]}, "is not a metric"),
        (lambda y_true, y_pred: 1.0, "without a name needs one"),
        (roc_auc_score, "roc_auc_score of scikit-learn does not say whether greater is better"),
        (cost_error, "smaller values of cost_error seem to be better"),
        (of_scores, "takes y_score; pass sklearn.metrics.make_scorer"),
        (of_rows, r"takes \['estimator', 'X', 'y'\]; it should be metric\(y_true, y_pred\)"),
    ],
)
def test_what_is_no_metric_is_refused_when_the_scorer_is_made(given, message):
    for make in (lambda: make_multitask_scorer({"a": given}), lambda: make_multitask_scorer(default=given)):
        with pytest.raises((TypeError, ValueError), match=message):
            make()


@pytest.mark.parametrize("options", [{"metrics": ["roc_auc"]}, {"metrics": "roc_auc"}, {"weights": 3}])
def test_metrics_and_weights_are_mappings(options):
    with pytest.raises(TypeError, match="should be a mapping from task to"):
        make_multitask_scorer(**options)


def test_the_repr_makes_the_scorer_again():
    assert repr(make_multitask_scorer()) == "make_multitask_scorer()"
    scorer = make_multitask_scorer({"a": ["r2", "neg_max_error"]}, weights={"a": 2.0}, default="r2")
    assert (
        repr(scorer) == "make_multitask_scorer({'a': ['r2', 'neg_max_error']}, weights={'a': 2.0}, default='r2')"
    )
    assert repr(eval(repr(scorer))) == repr(scorer)
    assert "f1_score" in repr(make_multitask_scorer({"a": make_scorer(f1_score, pos_label="yes")}))
