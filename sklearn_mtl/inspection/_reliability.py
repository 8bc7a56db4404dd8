"""Display of how far probabilities of classes agree with frequencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from ..uncertainty._delegation import require_fitted
from ..uncertainty._kinds import kind_of
from ..uncertainty._methods import chosen_tasks, labels_of
from ..uncertainty._said import Asked, inner_net, said_by
from ..uncertainty._scorers import Classes
from ..utils._optional import import_optional
from ..utils._types import AxesLike, RowsLike, TargetsLike
from ._lines import LinesDisplay


class ReliabilityDisplay(LinesDisplay):
    """Reliability diagram: the accuracy of predicted classes against their probability, for each task.

    Rows are put into bins of equal width by the largest probability. A task on the diagonal is calibrated; below
    it, the network is too certain. Create it with `from_estimator`; `plot` draws it.

    Parameters
    ----------
    curves : mapping of str to DataFrame
        For each task a row for each bin that is not empty: the mean "confidence", the "accuracy" and "n_rows".

    Attributes
    ----------
    errors_ : dict of str to float
        The expected calibration error of each task, the mean distance of accuracy and confidence over rows [1]_.
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    lines_ : dict of str to matplotlib Line2D
        The line of each task.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_mtl.inspection import ReliabilityDisplay
    >>> curve = pd.DataFrame({"confidence": [0.6, 0.9], "accuracy": [0.5, 0.9], "n_rows": [10, 30]})
    >>> display = ReliabilityDisplay({"species": curve}).plot()
    >>> round(display.errors_["species"], 3)
    0.025
    """

    def __init__(self, curves: Mapping[str, Any]) -> None:
        self.curves = curves

    @classmethod
    def from_estimator(
        cls,
        net: Any,
        X: RowsLike,
        y: TargetsLike,
        *,
        tasks: Sequence[str] | None = None,
        n_bins: int = 10,
        ax: AxesLike = None,
    ) -> ReliabilityDisplay:
        """Draw the tasks of classes of a network.

        Parameters
        ----------
        net : MultiTaskNetEstimator, CalibratedMultiTask, FrozenEstimator or Pipeline
            Fitted.
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs, which the network did not learn.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets; rows without a label of a task are left out of it.
        tasks : sequence of str or None, default=None
            Tasks to draw; None draws all with one class for each row.
        n_bins : int >= 1, default=10
            Number of bins between 0 and 1.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            If a task that is named has no single class for each row, or no task has one and a label.
        """
        if isinstance(n_bins, bool) or not isinstance(n_bins, Integral) or n_bins < 1:
            raise ValueError(f"n_bins={n_bins!r} should be an int of at least 1.")
        require_fitted(net, "ReliabilityDisplay")
        known = inner_net(net).tasks_
        names = chosen_tasks(list(known), tasks)
        suited = [name for name in names if kind_of(known[name]) is Classes]
        if tasks is not None and len(suited) < len(names):
            raise ValueError(f"tasks={list(tasks)!r} should name tasks with one class for each row only.")
        truth = labels_of(y, suited, list(known))
        asked = {name: Asked(("probabilities",), known[name], (0.0, 1.0)) for name in suited}
        curves = {}
        for name, said in (said_by(net, X, asked) if asked else {}).items():
            codes = Classes(name, known[name], "lac").codes(truth[name])
            assert said.probabilities is not None
            if (codes != -1).any():
                curves[name] = _curve(said.probabilities[codes != -1], codes[codes != -1], int(n_bins))
        if not curves:
            raise ValueError("No task has one class for each row, and a label in these rows.")
        return cls(curves).plot(ax=ax)

    def _draw(self, ax: Any) -> dict[Any, Any]:
        ax.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle=":")
        ax.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="probability of the predicted class", ylabel="accuracy")
        self.errors_, lines = {}, {}
        for name, curve in self.curves.items():
            gaps = (curve["accuracy"] - curve["confidence"]).abs()
            self.errors_[name] = float(np.average(gaps, weights=curve["n_rows"]))
            label = f"{name} (error {self.errors_[name]:.3f})"
            (lines[name],) = ax.plot(curve["confidence"], curve["accuracy"], "o-", markersize=4, label=label)
        return lines


def _curve(probabilities: np.ndarray, codes: np.ndarray, n_bins: int) -> Any:
    pandas = import_optional("pandas", "plots", "ReliabilityDisplay")
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == codes
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    table = pandas.DataFrame({"confidence": confidence, "accuracy": right.astype(float), "n_rows": 1})
    return table.groupby(bins).agg({"confidence": "mean", "accuracy": "mean", "n_rows": "sum"})
