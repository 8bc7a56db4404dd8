"""Scores of calibration rows, each by the predictor that did not learn it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..data._hold_out_groups import number_groups
from ..estimator._learning import indexed_by_rows
from ..targets import Targets
from ..trunks import rows_of
from ..utils._types import RowsLike
from ._calibration import Calibration
from ._said import Asked
from ._scorers import Classes, Labels, Scorer, Scores
from ._sources import Source
from ._strata import coded, column_of, group_names


class Rows(NamedTuple):
    """Calibration rows.

    Parameters
    ----------
    X : object
        Inputs.
    y : Targets
    sources : ndarray of int of shape (n_rows,)
        The predictor of each row; -1 for a row that is not used.
    weights : ndarray of shape (n_rows,)
    groups : ndarray of shape (n_rows,) or None
    """

    X: RowsLike
    y: Targets
    sources: np.ndarray
    weights: np.ndarray
    groups: np.ndarray | None


def calibrated(
    rows: Rows,
    scorers: Mapping[str, Scorer],
    source: Source,
    asked: Mapping[str, Asked],
    by: str | int | None,
    joint: str | None,
) -> Calibration:
    """Score the rows, and code their groups."""
    scores = _scored(rows, scorers, source, asked)
    strata, names = _strata(rows, scorers, by, joint)
    groups = None if rows.groups is None else number_groups(rows.groups)
    return Calibration(scores, rows.sources, rows.weights, groups, strata, names)


def _scored(
    rows: Rows, scorers: Mapping[str, Scorer], source: Source, asked: Mapping[str, Asked]
) -> dict[str, list[Scores]]:
    X, n_rows = indexed_by_rows(rows.X), len(rows.sources)
    parts: dict[str, list[tuple[np.ndarray, list[Scores]]]] = {name: [] for name in scorers}
    for number in range(source.n_predictors):
        own = np.flatnonzero(rows.sources == number)
        if not len(own):
            continue
        said = source.at(rows_of(X, own) if len(own) < n_rows else rows.X, asked)(number)
        for name, scorer in scorers.items():
            parts[name].append((own, scorer.scores(said[name], rows.y[name][own])))
    return {name: _joined(each, n_rows) for name, each in parts.items()}


def _joined(parts: list[tuple[np.ndarray, list[Scores]]], n_rows: int) -> list[Scores]:
    """Join the scores by several predictors, for each column of a task, in ascending order."""
    joined = []
    for column in zip(*(scores for _, scores in parts), strict=True):
        labelled = np.zeros(n_rows, dtype=bool)
        for (own, _), scores in zip(parts, column, strict=True):
            labelled[own] = scores.labelled
        rows = np.concatenate([own[scores.rows] for (own, _), scores in zip(parts, column, strict=True)])
        values = np.concatenate([scores.values for scores in column])
        shares = np.concatenate([scores.shares for scores in column])
        order = np.argsort(values, kind="stable")  # sorting them again in predict_set takes no time
        joined.append(Scores(labelled, rows[order], values[order], shares[order]))
    return joined


def _strata(
    rows: Rows, scorers: Mapping[str, Scorer], by: str | int | None, joint: str | None
) -> tuple[dict[str, np.ndarray], list[Any]]:
    """Return the codes of the groups of rows, by task, and the groups."""
    if by is None:
        return {}, []
    if by not in scorers:
        values, missing = column_of(rows.X, by)
        names = group_names(values, missing)
        codes = coded(values, missing, names)
        return dict.fromkeys(scorers, codes), names
    scorer = scorers[str(by)]
    if not isinstance(scorer, Classes) or isinstance(scorer, Labels):
        raise ValueError(f"by={by!r} names a task without one class for each row; name a task of classes.")
    if joint == "max":
        raise ValueError("joint='max' takes no thresholds by class; use joint='bonferroni', or a column of X.")
    return {scorer.name: scorer.codes(rows.y[scorer.name])}, scorer.task.classes_.tolist()


def checked_weights(weights: Any, n_rows: int) -> np.ndarray:
    """Return the weights of rows; raise ValueError if they are not one finite number >= 0 for each row."""
    checked = np.asarray(weights, dtype=np.float64)
    if checked.shape != (n_rows,) or not np.isfinite(checked).all() or (checked < 0).any():
        raise ValueError(
            f"weights should be finite numbers of at least 0, one for each of the {n_rows} rows, got shape "
            f"{checked.shape}."
        )
    return checked
