"""How much training with one task helps another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import RidgeCV

from ..targets import Targets
from ..utils._optional import import_optional
from ..utils._types import RowsLike, TargetsLike
from ._affinity_steps import of_gradients, of_lookahead
from ._stack import last_step
from ._study import Fold, check_study, folds_of, params_with_groups, refuse_auxiliary
from ._task_fits import TaskFits, score_fits

# A random subset has half of the tasks, but no more than this, so that pairs of many tasks can be told apart.
LARGEST_SUBSET = 8
# Default number of subsets for each task.
SUBSETS_PER_TASK = 5


#: tasks that are trained together
Subset = tuple[str, ...]


class Study(NamedTuple):
    """What the affinities of tasks are computed from."""

    net: Any
    X: Any
    y: Targets
    names: tuple[str, ...]
    folds: Sequence[Fold]
    fit_params: Mapping[str, Any]
    n_subsets: int | None
    n_jobs: int | None
    random_state: int | None


def task_affinity(
    net: Any,
    X: RowsLike,
    y: TargetsLike,
    *,
    method: str = "pairs",
    cv: Any = 3,
    groups: Any = None,
    n_subsets: int | None = None,
    n_jobs: int | None = None,
    random_state: int | None = 0,
) -> Any:
    """Estimate how much training with each task helps each other task.

    Parameters
    ----------
    net : MultiTaskNetEstimator, or a Pipeline that ends in one
        It is not changed.
    X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
        Inputs.
    y : array-like, frame, mapping, structured array or Targets with n_samples rows
        Targets of T >= 2 tasks; labels may be missing.
    method : {"pairs", "subsets", "lookahead", "gradient"}, default="pairs"
        - "pairs": the score of a network of two tasks minus that of a network of one, on the same folds. It is the
          reference, and trains T (T + 1) / 2 networks for each fold.
        - "subsets": networks of random subsets of the tasks, and for each task a ridge regression of its score on
          the tasks that were trained with it [1]_. It is meant for up to some fifty tasks.
        - "lookahead": one training, in which the relative decrease of the loss of a task by a step on another
          task is averaged over steps [2]_, as a share of the decrease by a step on the task itself.
        - "gradient": one training, over which the cosines of the gradients of the shared layers are averaged.
    cv : int, splitter or iterable of (train, test), default=3
        Folds of "pairs" and "subsets", as in `compare_sharing`.
    groups : array-like of shape (n_samples,), default=None
        The group of each row, which folds and early stopping keep together.
    n_subsets : int or None, default=None
        Number of subsets; None draws five for each task.
    n_jobs : int or None, default=None
        Number of processes.
    random_state : int or None, default=0
        Seed of folds and subsets.

    Returns
    -------
    DataFrame of shape (T, T)
        Row i says what helps task i: the entry in column j is the gain of task i by training with task j, and the
        diagonal is 0. Gains are in units of the score for "pairs" and "subsets", shares for "lookahead",
        and cosines for "gradient". It is symmetric for "gradient" only.

    Raises
    ------
    ValueError
        If the method is unknown, or there are fewer than two tasks.

    See Also
    --------
    TaskGrouping : Train groups of tasks that help each other.
    sklearn_mtl.inspection.TaskAffinityDisplay : A picture of the affinities.

    References
    ----------
    .. [1] Li, Nguyen and Zhang, "Identification of Negative Transfers in Multitask Learning Using Surrogate
       Models", TMLR 2023.
    .. [2] Fifty et al., "Efficiently Identifying Task Groupings for Multi-Task Learning", NeurIPS 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.model_selection import task_affinity
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> regressor = MultiTaskNetRegressor(trunk="mlp", max_epochs=5, random_state=0)
    >>> affinity = task_affinity(regressor, X, y, method="gradient")
    >>> affinity.index.tolist() == affinity.columns.tolist() == ["Weight", "Waist", "Pulse"]
    True
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r} should be one of {list(METHODS)}.")
    import_optional("pandas", "frames", "task_affinity")
    net, X, targets, names = check_study(net, X, y)
    refuse_auxiliary(net, targets, "task_affinity")
    folds = folds_of(cv, X, targets, groups, random_state) if method in ("pairs", "subsets") else []
    fit_params = params_with_groups(net, groups)
    study = Study(net, X, targets, names, folds, fit_params, n_subsets, n_jobs, random_state)
    return frame_of_affinities(METHODS[method](study), names, "task_affinity")


def frame_of_affinities(values: np.ndarray, names: Sequence[str], purpose: str) -> Any:
    """Return affinities as a DataFrame, with the tasks as rows and columns."""
    pandas = import_optional("pandas", "frames", purpose)
    return pandas.DataFrame(
        values, index=pandas.Index(names, name="task"), columns=pandas.Index(names, name="with")
    )


def _of_pairs(study: Study) -> np.ndarray:
    """Subtract the score of a task alone from its score with each other task."""
    singles = [(name,) for name in study.names]
    scores = subset_scores(study, [*singles, *combinations(study.names, 2)])
    place = {name: position for position, name in enumerate(study.names)}
    affinity = np.zeros((len(place), len(place)))
    alone = {name: scores[(name,)][name] for name in study.names}
    for pair in combinations(study.names, 2):
        for one, other in (pair, pair[::-1]):
            affinity[place[one], place[other]] = mean_of_known(scores[pair][one] - alone[one])
    return affinity


def _of_subsets(study: Study) -> np.ndarray:
    """Regress the score of each task on the presence of the others, over random subsets."""
    n_tasks = len(study.names)
    if n_tasks < 3:
        return _of_pairs(study)
    n_subsets = SUBSETS_PER_TASK * n_tasks if study.n_subsets is None else study.n_subsets
    subsets = random_subsets(study.names, n_subsets, study.random_state)
    scores = subset_scores(study, subsets)
    affinity = np.zeros((n_tasks, n_tasks))
    for row, name in enumerate(study.names):
        inside = [subset for subset in scores if name in subset]
        others = [position for position in range(n_tasks) if position != row]
        present = np.array([[study.names[position] in subset for position in others] for subset in inside], float)
        values = np.array([mean_of_known(scores[subset][name]) for subset in inside])
        known = np.isfinite(values)
        if known.sum() > 2:
            surrogate = RidgeCV(alphas=np.logspace(-2, 2, 9)).fit(present[known], values[known])
            affinity[row, others] = surrogate.coef_
    return affinity


def random_subsets(names: Sequence[str], n_subsets: int, random_state: int | None) -> list[tuple[str, ...]]:
    """Draw different subsets of half of the tasks, in which each task is about as often as every other."""
    size = min(LARGEST_SUBSET, max(2, len(names) // 2))
    rng = np.random.RandomState(random_state)
    found: dict[tuple[str, ...], None] = {}
    waiting: list[int] = []
    for _ in range(20 * n_subsets):  # with few tasks there may not be as many different subsets
        if len(found) == n_subsets:
            break
        if len(waiting) < size:
            waiting += list(rng.permutation(len(names)))
        chosen = list(dict.fromkeys(waiting))[:size]
        for position in chosen:
            waiting.remove(position)
        found[tuple(names[position] for position in sorted(chosen))] = None
    return list(found)


def subset_scores(study: Study, subsets: Sequence[Subset]) -> dict[Subset, dict[str, np.ndarray]]:
    """Train a network for each subset of tasks and fold.

    Returns
    -------
    dict of tuple to dict of str to ndarray of shape (n_folds,)
        The scores of the tasks of each subset.
    """
    parts = [TaskFits(subset, fold.train, fold.test) for subset in subsets for fold in study.folds]
    found = score_fits(study.net, parts, study.X, study.y, study.fit_params, n_jobs=study.n_jobs)
    scores: dict[Subset, dict[str, np.ndarray]] = {}
    for number, subset in enumerate(subsets):
        of_folds = [of_part[0] for of_part in found[number * len(study.folds) : (number + 1) * len(study.folds)]]
        scores[subset] = {name: np.array([of_fold[name] for of_fold in of_folds]) for name in subset}
    return scores


def _of_one_training(function: Callable[..., np.ndarray]) -> Callable[[Study], np.ndarray]:
    def affinity(study: Study) -> np.ndarray:
        _, path = last_step(study.net)
        return function(study.net, path, study.X, study.y._select(study.names), study.names, study.fit_params)

    return affinity


def mean_of_known(values: np.ndarray) -> float:
    """Average the values that are not NaN; 0 without any."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


METHODS: dict[str, Callable[[Study], np.ndarray]] = {
    "pairs": _of_pairs,
    "subsets": _of_subsets,
    "lookahead": _of_one_training(of_lookahead),
    "gradient": _of_one_training(of_gradients),
}
