"""The rows of a fit, and networks that are fitted to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from ..columns._missing import has_label
from ..targets import Container, Targets
from ..trunks import rows_of


class PseudoLabels(NamedTuple):
    """Predictions for one task that a network is taught as labels.

    Parameters
    ----------
    rows : ndarray of int of shape (n_pseudo,)
        Positions of the rows, none of which has a label of the task.
    labels : ndarray of shape (n_pseudo, ...)
        The predictions, in the form of the labels.
    weights : ndarray of shape (n_pseudo,)
        Their weights, below 1; the weight of the row in the fit is not part of them.
    """

    rows: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class FitRows:
    """Inputs, labels, weights and groups of the rows of a fit.

    Parameters
    ----------
    X : object
        Inputs with the indexing of rows.
    y : Targets
    weights : dict of str to ndarray of shape (n_rows,), or None
        Weights of the rows by task; None if all are 1.
    groups : ndarray of shape (n_rows,), or None
    """

    X: Any
    y: Targets
    weights: Mapping[str, np.ndarray] | None = None
    groups: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> FitRows:
        """Return the rows at some positions."""
        weights = None if self.weights is None else {name: each[rows] for name, each in self.weights.items()}
        return FitRows(rows_of(self.X, rows), self.y[rows], weights, _at(self.groups, rows))

    def labelled(self, task: str) -> np.ndarray:
        """Return which rows have a label of a task, or a part of one, as bool of shape (n_rows,)."""
        return has_label(self.y[task])

    def weight(self, task: str) -> np.ndarray:
        """Return the weights of the rows for a task, of shape (n_rows,)."""
        return np.ones(len(self.y)) if self.weights is None else self.weights[task]


def fitted(
    estimator: Any, rows: FitRows, pseudo: Mapping[str, PseudoLabels], container: Container | None = None
) -> Any:
    """Fit a clone of an estimator to real labels and pseudo-labels.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator
    rows : FitRows
    pseudo : mapping of str to PseudoLabels
        By task.
    container : Container or None, default=None
        What the network returns predictions in; None for `Targets`.
    """
    labels = {name: _filled(rows.y[name], each) for name, each in pseudo.items()}
    weights = None if rows.weights is None and not pseudo else {name: rows.weight(name) for name in rows.y}
    for name, each in pseudo.items():
        assert weights is not None
        weights[name] = _weighted(weights[name], each)
    y = rows.y._filled(labels, container)
    return clone(estimator).fit(rows.X, y, sample_weight=weights, groups=rows.groups)


def _filled(labels: np.ndarray, pseudo: PseudoLabels) -> np.ndarray:
    filled = labels.copy()
    filled[pseudo.rows] = pseudo.labels
    return filled


def _weighted(weights: np.ndarray, pseudo: PseudoLabels) -> np.ndarray:
    weighted = weights.astype(np.float64)
    weighted[pseudo.rows] *= pseudo.weights
    return weighted


def _at(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[rows]
