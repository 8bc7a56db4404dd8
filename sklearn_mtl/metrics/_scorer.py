"""Metrics of several tasks at once, for scikit-learn's ``scoring``."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sklearn.base import BaseEstimator

from ..utils._types import RowsLike, TargetsLike, WeightsLike


def multitask_scorer(
    estimator: BaseEstimator, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None
) -> dict[str, float]:
    """Score a fitted estimator on every metric of every task, with one prediction.

    Pass it as ``scoring=multitask_scorer`` with ``refit="score"`` or the name of a metric. String scorers of
    scikit-learn support one kind of target and fail on mixed ones.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator, or a Pipeline or search that ends in one
        Fitted.
    X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
        Inputs.
    y : array-like, frame, mapping, structured array or Targets with n_samples rows
        True targets; rows without a label of a task are left out of its metrics.
    sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
        Weight of each row.

    Returns
    -------
    dict of str to float
        ``<task>_<metric>`` for each task and metric, greater is better, and ``score``, the mean of the task scores
        under the estimator's ``score_weights``. The separator is two underscores if a metric of another task would
        have the same name. The metrics are

        - classification: accuracy, balanced_accuracy, f1_macro, and those of probabilities;
        - regression: r2, neg_mean_absolute_error, neg_root_mean_squared_error;
        - multilabel: f1_samples, f1_micro, f1_macro, and those of probabilities;
        - tagging: token_accuracy, sequence_accuracy, and for entity labels entity_f1, entity_precision,
          entity_recall;
        - ordinal: accuracy, neg_mean_absolute_error (in ranks), quadratic_kappa, and those of probabilities;
        - count: d2_poisson, neg_mean_poisson_deviance, neg_mean_absolute_error;
        - segmentation: mean_iou, pixel_accuracy;
        - bounding boxes: mean_iou, iou_above_half, neg_mean_absolute_error.

        The metrics of probabilities are roc_auc, average_precision, neg_log_loss and neg_brier_score, for several
        classes the means of one class against the others. roc_auc is NaN if a class has no rows. Metrics in the
        estimator's ``metrics`` are added.

    See Also
    --------
    make_multitask_scorer : Chosen metrics.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn.model_selection import cross_validate
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.metrics import multitask_scorer
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> scores = cross_validate(MultiTaskNetRegressor(max_epochs=2), X, y, scoring=multitask_scorer, cv=2)
    >>> sorted(name for name in scores if name.startswith("test_W") or name == "test_score")
    ['test_Waist_neg_mean_absolute_error', 'test_Waist_neg_root_mean_squared_error', 'test_Waist_r2',
     'test_Weight_neg_mean_absolute_error', 'test_Weight_neg_root_mean_squared_error', 'test_Weight_r2',
     'test_score']
    """
    inputs, network = through_pipeline(estimator, X)
    metrics = network.metrics_of_tasks(inputs, y, sample_weight)
    names = network.main_metrics() if getattr(network, "metrics", None) else {}
    main = {task: scores[names.get(task, network.tasks_[task].metric)] for task, scores in metrics.items()}
    return {**named(metrics), "score": network.mean_score(main)}


def named(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Name each metric of each task uniquely; tasks "a" and "a_balanced" may collide with one underscore."""
    pairs = [(task, name) for task, of_task in metrics.items() for name in of_task]
    counts = Counter("_".join(pair) for pair in pairs)
    names = ["_".join(pair) if counts["_".join(pair)] == 1 else "__".join(pair) for pair in pairs]
    if len({*names, "score"}) <= len(names):
        raise ValueError(f"the metrics of the tasks {list(metrics)} have the same names; rename the tasks.")
    return dict(zip(names, (metrics[task][name] for task, name in pairs), strict=True))


def weighted_mean(scores: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Average the scores that are not NaN under weights.

    Parameters
    ----------
    scores : mapping of str to float
        By task; NaN for a task without labels.
    weights : mapping of str to float
        By task.

    Returns
    -------
    float
        NaN if all scores are NaN or have weight 0.

    Examples
    --------
    >>> from sklearn_mtl.metrics import weighted_mean
    >>> weighted_mean({"a": 1.0, "b": 0.5, "c": float("nan")}, {"a": 1.0, "b": 3.0, "c": 9.0})
    0.625
    """
    known = {name: weights[name] for name, score in scores.items() if not math.isnan(score)}
    total = sum(known.values())
    return sum(scores[name] * weight for name, weight in known.items()) / total if total else math.nan


def task_scores(
    estimator: BaseEstimator, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None
) -> dict[str, float]:
    """Score each task of a fitted estimator, which may be a Pipeline or a search."""
    inputs, network = through_pipeline(estimator, X)
    return network.score_tasks(inputs, y, sample_weight)


def through_pipeline(estimator: BaseEstimator, X: RowsLike, of: str = "multitask_scorer") -> tuple[Any, Any]:
    """Transform X up to the last step of a pipeline; return it and the network inside pipelines and searches.

    The network is also found inside an estimator that keeps it as ``estimator_``, as self-training does.
    """
    while not hasattr(estimator, "metrics_of_tasks"):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "estimator_"):
            estimator = estimator.estimator_
        elif hasattr(estimator, "steps"):
            # not estimator[:-1].transform, which rejects a last step without fitted attributes
            for _, step in estimator.steps[:-1]:
                X = X if step in (None, "passthrough") else step.transform(X)
            estimator = estimator[-1]
        else:
            raise TypeError(f"{of} requires a MultiTaskNetEstimator, got {type(estimator).__name__}.")
    return X, estimator
