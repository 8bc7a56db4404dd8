"""Display of the coverage of conformal sets against their nominal level."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..uncertainty import ConformalMultiTask
from ..utils._optional import import_optional
from ..utils._types import AxesLike, RowsLike, TargetsLike
from ._lines import LinesDisplay

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class CoverageDisplay(LinesDisplay):
    """Coverage of intervals and sets against the confidence level, for each task.

    A task on the diagonal, or above it, holds what its level says. Create it with `from_estimator`; `plot` draws
    it.

    Parameters
    ----------
    coverage : DataFrame
        A row for each level, which is the index, and a column for each task.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    lines_ : dict of str to matplotlib Line2D
        The line of each task.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_mtl.inspection import CoverageDisplay
    >>> coverage = pd.DataFrame({"mass": [0.79, 0.91]}, index=[0.8, 0.9])
    >>> CoverageDisplay(coverage).plot().ax_.get_ylabel()
    'coverage'
    """

    def __init__(self, coverage: Any) -> None:
        self.coverage = coverage

    @classmethod
    def from_estimator(
        cls,
        conformal: ConformalMultiTask,
        X: RowsLike,
        y: TargetsLike,
        *,
        levels: Sequence[float] = LEVELS,
        ax: AxesLike = None,
    ) -> CoverageDisplay:
        """Draw the coverage of the sets of new rows.

        Parameters
        ----------
        conformal : ConformalMultiTask
            Calibrated.
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs, neither learned nor calibrated by.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets; rows without a label of a task are left out of it.
        levels : sequence of float in (0, 1), default=(0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
            Confidence levels. Where there are too few calibration rows for a level, the coverage is 1.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        CoverageDisplay
        """
        pandas = import_optional("pandas", "plots", "CoverageDisplay")
        if not hasattr(conformal, "score_sets"):
            raise TypeError(f"conformal={conformal!r} should be a ConformalMultiTask.")
        columns = {}
        with warnings.catch_warnings():  # of few rows; the picture shows a coverage of 1
            warnings.simplefilter("ignore", UserWarning)
            for level in levels:
                columns[float(level)] = conformal.score_sets(X, y, confidence_level=level)["coverage"]
        return cls(pandas.DataFrame(columns).T.dropna(axis="columns")).plot(ax=ax)

    def _draw(self, ax: Any) -> dict[Any, Any]:
        levels = np.asarray(self.coverage.index, dtype=float)
        least = max(0.0, min(levels.min(), self.coverage.to_numpy().min()) - 0.03)
        ax.plot([least, 1], [least, 1], color="0.7", linewidth=1, linestyle=":")
        ax.set(xlim=(least, 1.01), ylim=(least, 1.01), xlabel="confidence level", ylabel="coverage")
        return {
            name: ax.plot(levels, self.coverage[name], "o-", markersize=4, label=str(name))[0]
            for name in self.coverage.columns
        }
