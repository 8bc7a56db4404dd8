"""Selective prediction: how wrong the most certain predictions are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tasks import Task
from ..utils._optional import import_optional
from ..utils._types import RowsLike, TargetsLike
from ..utils._warn import warn
from ._delegation import require_fitted
from ._kinds import kind_of
from ._methods import chosen_tasks, labels_of
from ._said import Asked, Said, inner_net
from ._scorers import Classes, Labels, Numbers, Scorer, scale_of
from ._sources import Nets


def selective_curve(
    net: Any, X: RowsLike, y: TargetsLike, *, tasks: Sequence[str] | None = None
) -> dict[str, Any]:
    """Compute, for each task, the risk of the predictions that remain when the least certain are withheld [1]_.

    Parameters
    ----------
    net : MultiTaskNetEstimator, FrozenEstimator or Pipeline
        Fitted, maybe frozen or at the end of a pipeline.
    X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
        Inputs, which the network did not learn.
    y : array-like, frame, mapping, structured array or Targets with n_samples rows
        True targets; rows without a label of a task are left out of it.
    tasks : sequence of str or None, default=None
        Tasks to compute it for; None is for all that have a measure of certainty.

    Returns
    -------
    dict of str to DataFrame
        For each task a row for each labelled row, from the most certain one. "coverage" is the share of rows that
        are predicted; "risk" their mean error: the share of wrong classes, the share of wrong labels of a set, or
        the mean absolute error in the units of the target, as the mean over columns; "confidence" the certainty of
        the least certain of them. This is the largest probability, for sets that of the least certain label, and
        for numbers minus the spread of the networks, in standard deviations of the target. ``attrs["area"]`` is
        the area under the curve, the mean risk over all coverages; lower is better.

    Raises
    ------
    ValueError
        If no task has a measure of certainty and a label, or a task that is named has none.

    Warns
    -----
    UserWarning
        If a task is left out because it has no measure of certainty, or no label.

    References
    ----------
    .. [1] Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> from sklearn_mtl.uncertainty import selective_curve
    >>> X, species = load_iris(return_X_y=True)
    >>> y = Targets(species=species, petal_width=X[:, 3])
    >>> net = MultiTaskNetEstimator(n_members=2, max_epochs=30, random_state=0).fit(X[::2, :3], y[::2])
    >>> curves = selective_curve(net, X[1::2, :3], y[1::2])
    >>> sorted(curves), curves["species"].columns.tolist()
    (['petal_width', 'species'], ['coverage', 'risk', 'confidence'])
    >>> bool(curves["species"].attrs["area"] < curves["species"]["risk"].iloc[-1])
    True
    """
    pandas = import_optional("pandas", "frames", "selective_curve")
    require_fitted(net, "selective_curve")
    known: dict[str, Task] = inner_net(net).tasks_
    source = Nets([net])
    names = chosen_tasks(list(known), tasks)
    truth = labels_of(y, names, list(known))
    reasons, scorers = {}, {}
    for name in names:
        kind = kind_of(known[name])
        if kind is None or known[name].labels_positions:
            reasons[name] = f"each {known[name].labelled_unit} has a label"
        elif kind is Numbers and not source.has_spread(name):
            reasons[name] = "one network has no spread; set n_members=4, for instance"
        else:
            scorers[name] = kind(name, known[name], "normalised" if kind is Numbers else next(iter(kind.fields)))
    asked = {name: Asked(each.fields[each.method], each.task, (0.0, 1.0)) for name, each in scorers.items()}
    said = source.at(X, asked)(0) if asked else {}
    curves = {}
    for name, scorer in scorers.items():
        errors, confidence = _errors(scorer, said[name], truth[name])
        if np.isnan(errors).all():
            reasons[name] = "no row has a label"
        else:
            curves[name] = _curve(pandas, errors, confidence)
    if reasons and (tasks is not None or not curves):
        raise ValueError("There is no selective curve of " + _listed(reasons))
    if reasons:
        warn("There is no selective curve of " + _listed(reasons))
    return curves


def _listed(reasons: dict[str, str]) -> str:
    return ", ".join(f"{name!r}: {reason}" for name, reason in reasons.items()) + "."


def _errors(scorer: Scorer, said: Said, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the error of each row, NaN without a label, and the certainty of its prediction."""
    if isinstance(scorer, Numbers):
        assert said.centre is not None
        assert said.spread is not None
        errors = np.abs(scorer.labels(y) - said.centre)
        return _mean_of_known(errors), -(said.spread / scale_of(scorer.task)).mean(axis=1)
    proba = said.probabilities
    assert proba is not None
    if isinstance(scorer, Labels):
        truth, known = scorer.truth(y)
        wrong = np.where(known, truth, np.nan)[:, : proba.shape[1]]
        chosen = proba > getattr(scorer.task, "threshold", 0.5)
        return _mean_of_known(np.where(np.isnan(wrong), np.nan, wrong != chosen)), _certainty_of_sets(proba)
    assert isinstance(scorer, Classes)
    codes = scorer.codes(y)
    return np.where(codes == -1, np.nan, codes != proba.argmax(axis=1)), proba.max(axis=1)


def _certainty_of_sets(probabilities: np.ndarray) -> np.ndarray:
    certainty: np.ndarray = np.maximum(probabilities, 1 - probabilities).min(axis=1)
    return certainty


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    sums = np.where(known, values, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), sums / np.maximum(known.sum(axis=1), 1), np.nan)


def _curve(pandas: Any, errors: np.ndarray, confidence: np.ndarray) -> Any:
    known = ~np.isnan(errors)
    errors, confidence = errors[known], confidence[known]
    order = np.argsort(-confidence, kind="stable")
    counts = np.arange(1, len(order) + 1)
    risk = errors[order].cumsum() / counts
    curve = pandas.DataFrame({"coverage": counts / len(order), "risk": risk, "confidence": confidence[order]})
    curve.attrs["area"] = float(risk.mean())
    return curve
