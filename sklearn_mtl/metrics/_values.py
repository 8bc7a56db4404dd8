"""Values of scikit-learn's metrics on the labelled rows of a task, even if classes have no rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from ._choice import Metric

NAN = math.nan


def value_of(
    metric: Metric, true: np.ndarray, pred: np.ndarray, weight: np.ndarray | None = None, **more: Any
) -> float:
    """Compute a metric of labelled rows; NaN if there are too few of them.

    Parameters
    ----------
    metric : Metric
        With a function.
    true, pred : ndarray
    weight : ndarray of shape (n,) or None, default=None
        Above 0.
    **more : dict
        Further arguments of the function, which replace those of the metric.

    Raises
    ------
    ValueError
        If the function fails, does not take weights that differ, or returns no number.
    """
    function: Any = metric.function
    needs_two = metric.is_of_scikit_learn and function.__name__.startswith(("r2_", "d2_"))
    if len(true) < 1 + needs_two:
        return NAN
    kwargs = {**metric.kwargs, **more}
    if metric.is_of_scikit_learn and metric.takes("zero_division"):
        kwargs["zero_division"] = 0.0  # the default value, without its warning in each epoch
    if weight is not None and metric.takes("sample_weight"):
        kwargs["sample_weight"] = weight
    elif weight is not None and (weight != weight[0]).any():
        raise ValueError(f"metric {metric.name!r} takes no sample_weight; choose another, or pass no weights")
    try:
        value = function(true, pred, **kwargs)
    except (TypeError, ValueError) as error:
        raise ValueError(f"metric {metric.name!r} cannot be computed: {error}") from error
    if np.ndim(value) != 0 or isinstance(value, str):
        raise ValueError(f"metric {metric.name!r} should return a number, got {type(value).__name__}")
    return metric.sign * float(value)


def uses_codes(metric: Metric, classes: np.ndarray, is_ordered: bool) -> bool:
    """Return whether a metric gets the numbers of the classes instead of the labels.

    By default, scikit-learn's functions assume that 1 is the positive class and sort the classes, and some reject
    str. Functions of the user, and those with an argument ``labels`` or ``pos_label``, get the labels.
    """
    if not metric.is_of_scikit_learn or {"labels", "pos_label"} & metric.kwargs.keys():
        return False
    if len(classes) == 2 and "pos_label" in metric.parameters:
        positive = metric.parameters["pos_label"].default
        return positive is None or positive not in classes.tolist()
    return metric.takes_probabilities or is_ordered


def value_of_probabilities(
    metric: Metric,
    true: np.ndarray,
    codes: np.ndarray,
    proba: np.ndarray,
    classes: np.ndarray,
    weight: np.ndarray | None,
) -> float:
    """Compute a metric of the probabilities of classes.

    Parameters
    ----------
    metric : Metric
    true, codes : ndarray of shape (n,)
        True labels, and the numbers of their classes; -1 for a label that is no class.
    proba : ndarray of shape (n, n_classes)
    classes : ndarray of shape (n_classes,)
    weight : ndarray of shape (n,) or None
    """
    if is_undefined(metric, codes, len(classes)):
        return NAN
    as_codes = uses_codes(metric, classes, is_ordered=False)
    known: np.ndarray = np.arange(len(classes)) if as_codes else classes
    target = codes if as_codes else true
    if len(classes) == 2:
        positive = metric.kwargs.get("pos_label")
        if positive is None and "pos_label" in metric.parameters:
            positive = metric.parameters["pos_label"].default
        found = [1] if positive is None or as_codes else np.flatnonzero(known == positive).tolist()
        if not found:
            raise ValueError(
                f"metric {metric.name!r} has pos_label={positive!r}, but the classes are {classes.tolist()}"
            )
        proba = proba[:, found[0]]
        if metric.function is average_precision_score:
            return _average_precision(metric, (codes == found[0])[:, None], proba[:, None], weight)
    elif metric.function is average_precision_score:
        return _average_precision(metric, codes[:, None] == np.arange(len(classes)), proba, weight)
    more: dict[str, Any] = {}
    if metric.is_of_scikit_learn and metric.takes("labels"):
        more["labels"] = known if as_codes else np.sort(known)
    if metric.function is roc_auc_score and len(classes) > 2:
        more["multi_class"] = metric.kwargs.get("multi_class", "ovr")
    return value_of(metric, target, proba, weight, **more)


def is_undefined(metric: Metric, codes: np.ndarray, n_classes: int) -> bool:
    """Return whether a metric of probabilities is undefined because a class has no rows or is unknown."""
    if n_classes < 2 or (codes < 0).any():
        return True
    needs_all = _needs_all(metric) or (n_classes == 2 and metric.function is roc_auc_score)
    return needs_all and len(np.unique(codes)) < n_classes


def _needs_all(metric: Metric) -> bool:
    return metric.function is roc_auc_score and metric.kwargs.get("average", "macro") in ("macro", "weighted")


def value_of_label_probabilities(
    metric: Metric, true: np.ndarray, proba: np.ndarray, weight: np.ndarray | None
) -> float:
    """Compute a metric of the probabilities of sets of labels, from indicators (n, n_labels)."""
    if lacks_a_side(metric, true):
        return NAN
    if metric.function is average_precision_score:
        return _average_precision(metric, true.astype(bool), proba, weight)
    takes_labels = true.ndim == 1 and metric.is_of_scikit_learn and metric.takes("labels")
    more = {"labels": np.arange(2)} if takes_labels else {}
    return value_of(metric, true, proba, weight, **more)


def lacks_a_side(metric: Metric, true: np.ndarray) -> bool:
    """Return whether a metric is undefined because a label is in all sets or in none."""
    return _needs_all(metric) and len(true) > 0 and bool((true == true[0]).all(axis=0).any())


def _average_precision(metric: Metric, true: np.ndarray, proba: np.ndarray, weight: np.ndarray | None) -> float:
    """Average the average precision over columns; 0 for a class without rows, as in scikit-learn."""
    if not len(true):
        return NAN
    if true.ndim == 1:
        true, proba = true[:, None], proba[:, None]
    average = metric.kwargs.get("average", "macro")
    has_rows = true.any(axis=0)
    if average not in ("macro", "weighted") or (has_rows.all() and true.shape[1] > 1):
        more = {"pos_label": 1} if "pos_label" in metric.kwargs else {}
        return value_of(metric, true.astype(int), proba, weight, **more)
    values = [
        value_of(metric, true[:, column].astype(int), proba[:, column], weight, pos_label=1)
        for column in np.flatnonzero(has_rows)
    ]
    if not values:
        return 0.0
    if average == "macro":
        return float(np.sum(values) / true.shape[1])
    return float(np.average(values, weights=np.average(true[:, has_rows], axis=0, weights=weight)))
