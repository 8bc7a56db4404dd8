"""What the studies of tasks have in common: their arguments, folds, and judgements of differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import t as student
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils.validation import indexable

from ..config import resolve_auxiliary
from ..estimator import MultiTaskNetEstimator
from ..targets import Targets, read_targets
from ..utils._types import RowsLike, TargetsLike
from ._group_split import MultiTaskStratifiedGroupKFold
from ._search import with_types
from ._split import MultiTaskStratifiedKFold
from ._stack import last_step


class Fold(NamedTuple):
    train: np.ndarray
    test: np.ndarray


def check_study(net: Any, X: RowsLike, y: TargetsLike) -> tuple[Any, Any, Targets, tuple[str, ...]]:
    """Check the arguments of a study of tasks; return the net with types of tasks, rows, targets and tasks.

    Tasks of weight 0 are left out, and auxiliary ones, which are not scored.
    """
    last, _ = last_step(net)
    if not isinstance(last, MultiTaskNetEstimator):
        raise TypeError(
            f"net should be a MultiTaskNetEstimator, or a Pipeline that ends in one; got {type(last).__name__}."
        )
    targets, _ = read_targets(y)
    X, _ = indexable(Targets(X) if isinstance(X, dict) else X, targets)
    weights = last.task_weights or {}
    helpers = auxiliary_of(net, targets)
    names = tuple(name for name in targets if weights.get(name, 1.0) != 0 and name not in helpers)
    if len(names) < 2:
        raise ValueError(f"y should have two or more tasks that are trained, got {list(names)}.")
    return with_types(clone(net), targets), X, targets, names


def auxiliary_of(net: Any, y: Targets) -> tuple[str, ...]:
    """Return the auxiliary tasks of a net."""
    return resolve_auxiliary(last_step(net)[0].auxiliary).names_among(list(y))


def refuse_auxiliary(net: Any, y: Targets, study: str) -> None:
    """Refuse a net with auxiliary tasks, in a study that finds out which tasks help."""
    helpers = auxiliary_of(net, y)
    if helpers:
        raise ValueError(
            f"net has auxiliary={list(helpers)}, but {study} finds out itself which tasks help which; leave out "
            "auxiliary."
        )


def with_one_member(net: Any) -> Any:
    """Clone a net so that it trains one network, and no ensemble."""
    _, path = last_step(net)
    params = {"n_members": 1, "ensemble": "auto"}
    return clone(net).set_params(**{"__".join([*path, name]): value for name, value in params.items()})


def folds_of(cv: Any, X: RowsLike, y: Targets, groups: Any, random_state: int | None) -> list[Fold]:
    """Return the folds of a study; an int makes stratified ones, of whole groups if there are any."""
    if isinstance(cv, int | np.integer):
        kind = MultiTaskStratifiedKFold if groups is None else MultiTaskStratifiedGroupKFold
        cv = kind(int(cv), shuffle=True, random_state=random_state)
    folds = [Fold(np.asarray(train), np.asarray(test)) for train, test in check_cv(cv).split(X, y, groups)]
    if len(folds) < 2:
        raise ValueError(f"cv={cv!r} makes {len(folds)} fold; differences need two or more.")
    return folds


def params_with_groups(net: Any, groups: Any) -> dict[str, Any]:
    """Return the arguments of ``fit`` that pass the groups to the network."""
    _, path = last_step(net)
    return {} if groups is None else {"__".join([*path, "groups"]): np.asarray(groups)}


class Judgement(NamedTuple):
    """A mean difference over folds, its standard error, and what they say."""

    difference: float
    std_error: float
    verdict: str


def judge(differences: np.ndarray, folds: Sequence[Fold], confidence: float = 0.95) -> Judgement:
    """Judge the differences of two models by fold; folds without a score are left out.

    The variance of the mean is that of independent folds times 1 + K n_test / n_train, because the training rows
    of K folds overlap.
    """
    known = np.isfinite(differences)
    values = differences[known]
    if len(values) < 2:
        return Judgement(float(values.mean()) if len(values) else math.nan, math.nan, "no difference")
    ratio = np.mean([len(fold.test) / len(fold.train) for fold, has in zip(folds, known, strict=True) if has])
    mean, error = float(values.mean()), float(np.sqrt(values.var(ddof=1) * (1 / len(values) + ratio)))
    bound = error * student.ppf(0.5 + confidence / 2, len(values) - 1)
    verdict = "gains" if mean > bound else "loses" if mean < -bound else "no difference"
    return Judgement(mean, error, verdict)
