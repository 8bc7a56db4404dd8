"""Fits that leave rows for calibration: those that members hold out, a share of all, or folds."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, KFold, ShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import _num_samples

from ..data import check_groups
from ..estimator._learning import indexed_by_rows
from ..targets import read_targets
from ..trunks import rows_of
from ..utils._types import RowsLike, TargetsLike
from ._said import inner_net
from ._sources import teams_of


class Fitted(NamedTuple):
    """A fitted network, and who scores the calibration rows.

    Parameters
    ----------
    net : object
        Maybe frozen, or at the end of a pipeline.
    sources : ndarray of int of shape (n_rows,)
        The predictor that scores each row; -1 for a row that is learned.
    estimators : list or None
        The networks of folds, which score.
    teams : ndarray of bool of shape (n_teams, n_members) or None
        The members that score together.
    """

    net: Any
    sources: np.ndarray
    estimators: list[Any] | None = None
    teams: np.ndarray | None = None


def fit_and_hold_out(net: Any, X: RowsLike, y: TargetsLike, groups: Any, cv: Any, random_state: Any) -> Fitted:
    """Fit a network as ``cv`` says, see `ConformalMultiTask`."""
    _require_learner(net)
    rows = indexed_by_rows(X)
    n_rows = _num_samples(rows)
    groups = None if groups is None else check_groups(groups, n_rows)
    if cv is None:
        return _by_members(net, X, y, groups, n_rows)
    if getattr(inner_net(net), "checkpoint", None) is not None:
        raise ValueError(
            f"The net has a checkpoint, which all fits of cv={cv!r} would write; set checkpoint=None of the net."
        )
    targets, container = read_targets(y)
    if len(targets) != n_rows:
        raise ValueError(f"X has {n_rows} rows, and y has {len(targets)}.")
    sources, nets = np.full(n_rows, -1), []
    splits = list(_splits(cv, rows, targets, groups, random_state))
    for number, (train, held) in enumerate(splits):
        if (sources[held] >= 0).any():
            raise ValueError(f"cv={cv!r} holds out some rows more than once; each should be in one fold at most.")
        sources[held] = number
        learned = targets[train]._filled({}, container)
        own = None if groups is None else groups[train]
        nets.append(_fit(net, rows_of(rows, train), learned, own))
    if isinstance(cv, float):
        return Fitted(nets[0], sources)
    return Fitted(_fit(net, X, y, groups), sources, estimators=nets)


def _by_members(net: Any, X: RowsLike, y: TargetsLike, groups: np.ndarray | None, n_rows: int) -> Fitted:
    fitted = _fit(net, X, y, groups)
    inner = inner_net(fitted)
    if not hasattr(inner, "validation_rows_"):
        raise TypeError(f"With cv=None, net={net!r} should be a MultiTaskNetEstimator; set cv=5, for instance.")
    teams, sources = teams_of(inner, n_rows)
    if not len(teams):
        raise ValueError(
            f"The net held out none of the {n_rows} rows, as it stops early only with enough of them. Set cv=5 "
            "to fit folds, set early_stopping=True of the net, or fit the net and call conformalize with "
            "other rows."
        )
    return Fitted(fitted, sources, teams=teams)


def _require_learner(net: Any) -> None:
    if not hasattr(_last(net), "fit"):
        raise TypeError(f"net={net!r} cannot be fitted; call conformalize with rows that it did not learn.")
    if isinstance(net, FrozenEstimator) or isinstance(_last(net), FrozenEstimator):
        raise ValueError("fit cannot train a frozen net; call conformalize with rows that it did not learn.")


def _last(net: Any) -> Any:
    return _last(net.steps[-1][1]) if isinstance(net, Pipeline) else net


def _fit(net: Any, X: RowsLike, y: Any, groups: np.ndarray | None) -> Any:
    if groups is None:
        return clone(net).fit(X, y)
    name = "__".join([*_names(net), "groups"])
    return clone(net).fit(X, y, **{name: groups})


def _names(net: Any) -> list[str]:
    """Return the names of the last steps of pipelines within each other."""
    return [net.steps[-1][0], *_names(net.steps[-1][1])] if isinstance(net, Pipeline) else []


def _splits(
    cv: Any, X: Any, y: Any, groups: np.ndarray | None, random_state: Any
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    if isinstance(cv, Integral):
        many = {"n_splits": int(cv), "shuffle": True, "random_state": random_state}
        cv = KFold(**many) if groups is None else GroupKFold(**many)
    elif isinstance(cv, float):
        one = {"n_splits": 1, "test_size": cv, "random_state": random_state}
        cv = ShuffleSplit(**one) if groups is None else GroupShuffleSplit(**one)
    positions = np.arange(_num_samples(X))
    for train, held in cv.split(positions, y, groups):
        yield positions[train], positions[held]
