"""Comparison of a shared network with a network for each task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import _num_samples

from ..estimator._recipes import is_table
from ..metrics import weighted_mean
from ..targets import Targets
from ..trunks import MLP
from ..utils._optional import import_optional
from ..utils._types import RowsLike, TargetsLike
from ..utils._warn import warn
from ._simplex import task_weight_simplex
from ._stack import last_step
from ._study import Fold, Judgement, auxiliary_of, check_study, folds_of, judge, params_with_groups
from ._task_fits import Scores, TaskFits, score_fits

# Parameters of a baseline that are those of the network.
_OF_BASELINE = ("tasks", "metrics", "score_weights", "dtype", "categorical_features", "device", "random_state")
# Share of the training rows of a fold on which task weights are compared.
_WEIGHT_FOLDS = 4


def compare_sharing(
    net: Any,
    X: RowsLike,
    y: TargetsLike,
    *,
    cv: Any = 5,
    groups: Any = None,
    n_weights: int = 4,
    n_jobs: int | None = None,
    random_state: int | None = 0,
) -> Any:
    """Compare one network for all tasks with a network for each task, on the same folds.

    The separate networks have the trunk, ensemble and training of the shared one, and are fitted to the rows that
    have a label of their task. Networks of one structure are trained as one stack.

    Parameters
    ----------
    net : MultiTaskNetEstimator, or a Pipeline that ends in one
        It is not changed.
    X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
        Inputs.
    y : array-like, frame, mapping, structured array or Targets with n_samples rows
        Targets; labels may be missing.
    cv : int, splitter or iterable of (train, test), default=5
        Folds. An int makes `MultiTaskStratifiedKFold` with shuffled rows, or `MultiTaskStratifiedGroupKFold` if
        there are groups.
    groups : array-like of shape (n_samples,), default=None
        The group of each row, which folds and early stopping keep together.
    n_weights : int >= 0, default=4
        Number of random task weights that are tried within each training fold; 0 tries none.
    n_jobs : int or None, default=None
        Number of processes.
    random_state : int or None, default=0
        Seed of the folds and of the weights.

    Returns
    -------
    DataFrame
        Its rows are the tasks, and its columns:

        - "shared", "separate": mean score of the shared network and of the network of the task;
        - "searched": that of the shared network with the best of the random task weights and the weights of
          ``net``, chosen within the training fold by single networks;
        - "dummy": that of a constant, and "linear": that of a linear model of all tasks; NaN for inputs that are
          no table;
        - "difference": shared minus separate;
        - "std_error": its standard error, corrected for folds that have training rows in common [1]_;
        - "verdict": "gains" if the task gains by sharing, "loses" if it loses, and otherwise "no difference",
          where the 95 % confidence interval contains 0.

        Scores are those of ``score_tasks``: greater is better. ``attrs["mean"]`` has "difference", "std_error" and
        "verdict" of the mean score of all tasks, under the ``score_weights`` of ``net``: many tasks together may
        say what none says alone.

    Raises
    ------
    TypeError
        If ``net`` is no multi-task network.
    ValueError
        If there is only one task or one fold.

    Warns
    -----
    UserWarning
        If a task has a score on fewer than two folds, so that it has no standard error.

    See Also
    --------
    sharing_report : The comparison as text.
    sklearn_mtl.inspection.SharingDisplay : The comparison as a picture.
    task_affinity : Which task helps which.

    References
    ----------
    .. [1] Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning, 2003.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.model_selection import compare_sharing
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> regressor = MultiTaskNetRegressor(trunk="mlp", max_epochs=5, random_state=0)
    >>> comparison = compare_sharing(regressor, X, y, cv=3)
    >>> comparison["verdict"].tolist()
    ['no difference', 'no difference', 'no difference']
    """
    pandas = import_optional("pandas", "frames", "compare_sharing")
    net, X, targets, names = check_study(net, X, y)
    folds = folds_of(cv, X, targets, groups, random_state)
    fit_params = params_with_groups(net, groups)
    shared, separate, searched = _of_networks(
        net, X, targets, names, folds, fit_params, n_weights, n_jobs, random_state
    )
    scores = {"shared": shared, "separate": separate, "searched": searched}
    scores |= _of_baselines(net, X, targets, names, folds, n_jobs)
    table = {kind: _mean(each, names) for kind, each in scores.items()}
    judged = [judge(_by_fold(shared, name) - _by_fold(separate, name), folds) for name in names]
    table |= {field: [getattr(one, field) for one in judged] for field in Judgement._fields}
    unknown = [name for name, one in zip(names, judged, strict=True) if math.isnan(one.std_error)]
    if unknown:
        warn(
            f"the tasks {unknown} have a score on fewer than two folds, so their difference has no standard "
            "error; use fewer folds, or a splitter that gives every fold labels of each task.",
        )
    comparison = pandas.DataFrame(table, index=pandas.Index(names, name="task"))
    comparison.attrs["mean"] = _judged_mean(net, shared, separate, folds)._asdict()
    return comparison


def sharing_report(comparison: Any, digits: int = 3) -> str:
    """Write the result of `compare_sharing` as text.

    Parameters
    ----------
    comparison : DataFrame
        Returned by `compare_sharing`.
    digits : int, default=3
        Decimal places.

    Returns
    -------
    str
        A table, a sentence about which tasks gain and which lose, and one about the mean of all tasks.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_mtl.model_selection import sharing_report
    >>> row = {"shared": 0.9, "separate": 0.8, "searched": 0.9, "dummy": 0.5, "linear": 0.7}
    >>> comparison = pd.DataFrame([{**row, "difference": 0.1, "std_error": 0.01, "verdict": "gains"}], index=["a"])
    >>> print(sharing_report(comparison))
       shared  separate  searched  dummy  linear  difference  std_error verdict
    a     0.9       0.8       0.9    0.5     0.7         0.1       0.01   gains
    <BLANKLINE>
    Sharing helps 1 task (a), harms none, and makes no difference to none.
    """
    tasks = {
        kind: list(comparison.index[comparison["verdict"] == kind]) for kind in ("gains", "loses", "no difference")
    }
    return (
        f"{comparison.round(digits).to_string()}\n\n"
        f"Sharing helps {_listed(tasks['gains'])}, harms {_listed(tasks['loses'])}, and makes no difference to "
        f"{_listed(tasks['no difference'])}.{_on_mean(comparison, digits)}"
    )


def _on_mean(comparison: Any, digits: int) -> str:
    mean = comparison.attrs.get("mean")
    if mean is None:  # rows of a comparison that were put together
        return ""
    difference, error = (f"{mean[name]:.{digits}f}" for name in ("difference", "std_error"))
    return f"\nThe mean score differs by {difference} (standard error {error}): {mean['verdict']}."


def _listed(names: Sequence[Any], most: int = 10) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{len(names)} task{'s' * (len(names) > 1)} ({', '.join(map(str, names[:most]))}{more})"


# -- networks


def _of_networks(
    net: Any,
    X: RowsLike,
    y: Targets,
    names: tuple[str, ...],
    folds: Sequence[Fold],
    fit_params: Mapping[str, Any],
    n_weights: int,
    n_jobs: int | None,
    random_state: int | None,
) -> tuple[list[Scores], list[Scores], list[Scores]]:
    """Score the shared network, the separate ones, and the shared one with searched weights, by fold."""
    weights = _candidates(net, names, n_weights, random_state)
    trained = names + auxiliary_of(net, y)
    together = [TaskFits(trained, *fold) for fold in folds]
    alone = [TaskFits((name,), fold.train, fold.test) for fold in folds for name in names]
    n_members = "__".join([*last_step(net)[1], "n_members"])
    single = [{**candidate, n_members: 1} for candidate in weights]  # the search need not train ensembles
    inner = [_inner(fold, y, trained, single, fit_params, random_state) for fold in folds] if n_weights else []
    found = score_fits(net, [*together, *alone, *inner], X, y, fit_params, n_jobs=n_jobs)
    shared = [scores for (scores,) in found[: len(folds)]]
    each = found[len(folds) : len(folds) * (1 + len(names))]
    separate = [
        {task: score for (scores,) in each[start : start + len(names)] for task, score in scores.items()}
        for start in range(0, len(each), len(names))
    ]
    if not n_weights:
        return shared, separate, [dict.fromkeys(names, math.nan) for _ in folds]
    given = last_step(net)[0].score_weights or {}
    shares = {name: given.get(name, 1.0) for name in names}
    means = np.array([[weighted_mean(scores, shares) for scores in tried] for tried in found[-len(folds) :]])
    best = np.nan_to_num(means, nan=-np.inf).argmax(axis=1).tolist()
    again = {fold: chosen for fold, chosen in enumerate(best) if chosen > 0}
    parts = [TaskFits(trained, *folds[fold], (weights[chosen],)) for fold, chosen in again.items()]
    refitted = score_fits(net, parts, X, y, fit_params, n_jobs=n_jobs)
    searched = list(shared)
    for fold, (scores,) in zip(again, refitted, strict=True):
        searched[fold] = scores
    return shared, separate, searched


def _candidates(net: Any, names: Sequence[str], n_weights: int, random_state: int | None) -> list[dict[str, Any]]:
    """Return task weights to try: those of the net first, then random ones."""
    _, path = last_step(net)
    param = "__".join([*path, "task_weights"])
    rng, simplex = np.random.RandomState(random_state), task_weight_simplex(names)
    return [{}, *({param: simplex.rvs(rng)} for _ in range(n_weights))]


def _inner(
    fold: Fold,
    y: Targets,
    names: tuple[str, ...],
    weights: Sequence[dict[str, Any]],
    fit_params: Mapping[str, Any],
    random_state: int | None,
) -> TaskFits:
    """Return the fits that compare task weights on rows of a training fold."""
    groups = next(iter(fit_params.values()), None)
    inside = None if groups is None else groups[fold.train]
    rows = np.zeros((len(fold.train), 1))
    train, test = folds_of(_WEIGHT_FOLDS, rows, y[fold.train], inside, random_state)[0]
    return TaskFits(names, fold.train[train], fold.train[test], weights)


# -- baselines


def _of_baselines(
    net: Any, X: RowsLike, y: Targets, names: tuple[str, ...], folds: Sequence[Fold], n_jobs: int | None
) -> dict[str, list[Scores]]:
    """Score a constant and a linear model by fold; NaN where there is none."""
    last, path = last_step(net)
    found = {kind: [dict.fromkeys(names, math.nan) for _ in folds] for kind in ("dummy", "linear")}
    parts = [TaskFits(names, *fold) for fold in folds]
    if is_table(X) or all(_has_one_label(y, name) for name in names):
        blank = np.zeros((_num_samples(X), 1), dtype=np.float32)
        found["dummy"] = [scores for (scores,) in score_fits(_baseline(last), parts, blank, y, {}, n_jobs=n_jobs)]
    if is_table(X):
        linear = clone(net).set_params(**{"__".join(path): _baseline(last)}) if path else _baseline(last)
        found["linear"] = [scores for (scores,) in score_fits(linear, parts, X, y, {}, n_jobs=n_jobs)]
    return found


def _has_one_label(y: Targets, name: str) -> bool:
    """Return whether the labels are one for each row, and neither lists nor maps of positions."""
    return y[name].ndim <= 2 and y.facts_of(name).kind != "object"


def _baseline(last: Any) -> Any:
    """Return a network without hidden layers: of a constant input it learns the best constant."""
    kept = {name: getattr(last, name) for name in _OF_BASELINE}
    return clone(
        type(last)(trunk=MLP(hidden_sizes=(), scaling="standard"), learning_rate=3e-2, weight_decay=0.1, **kept)
    )


def _judged_mean(
    net: Any, shared: Sequence[Scores], separate: Sequence[Scores], folds: Sequence[Fold]
) -> Judgement:
    """Judge the difference of the mean scores of all tasks."""
    given = last_step(net)[0].score_weights or {}
    together, alone = (
        np.array([weighted_mean(scores, {name: given.get(name, 1.0) for name in scores}) for scores in kind])
        for kind in (shared, separate)
    )
    return judge(together - alone, folds)


def _by_fold(scores: Sequence[Scores], name: str) -> np.ndarray:
    return np.array([of_fold[name] for of_fold in scores], dtype=np.float64)


def _mean(scores: Sequence[Scores], names: Sequence[str]) -> list[float]:
    values = [_by_fold(scores, name) for name in names]
    return [float(np.nanmean(each)) if np.isfinite(each).any() else math.nan for each in values]
