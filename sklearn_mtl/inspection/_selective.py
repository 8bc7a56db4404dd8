"""Display of the risk of the predictions that remain when the least certain are withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..uncertainty import selective_curve
from ..utils._types import AxesLike, RowsLike, TargetsLike
from ._lines import LinesDisplay


class SelectiveDisplay(LinesDisplay):
    """Risk against coverage: how wrong predictions are if only the most certain ones are made.

    The risk of each task is divided by that of all its predictions, so that numbers and classes have one axis. A
    line that rises to the right means that the network knows which predictions are bad. Create it with
    `from_estimator`; `plot` draws it.

    Parameters
    ----------
    curves : mapping of str to DataFrame
        Returned by `selective_curve <sklearn_mtl.uncertainty.selective_curve>`.

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
    >>> from sklearn_mtl.inspection import SelectiveDisplay
    >>> curve = pd.DataFrame({"coverage": [0.5, 1.0], "risk": [0.1, 0.2], "confidence": [0.9, 0.6]})
    >>> SelectiveDisplay({"species": curve}).plot().lines_["species"].get_ydata().tolist()
    [0.5, 1.0]
    """

    _size = None

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
        ax: AxesLike = None,
    ) -> SelectiveDisplay:
        """Draw the tasks of a network.

        Parameters
        ----------
        net : MultiTaskNetEstimator, FrozenEstimator or Pipeline
            Fitted.
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs, which the network did not learn.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets; rows without a label of a task are left out of it.
        tasks : sequence of str or None, default=None
            Tasks to draw; None draws all that have a measure of certainty.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        SelectiveDisplay
        """
        return cls(selective_curve(net, X, y, tasks=tasks)).plot(ax=ax)

    def _draw(self, ax: Any) -> dict[Any, Any]:
        ax.axhline(1.0, color="0.7", linewidth=1, linestyle=":")
        ax.set(xlim=(0, 1), xlabel="coverage", ylabel="risk, in units of that of all predictions")
        lines = {}
        for name, curve in self.curves.items():
            whole = curve["risk"].iloc[-1]
            # without any error all risks are 0
            (lines[name],) = ax.plot(curve["coverage"], curve["risk"] / (whole or 1.0), label=name)
        ax.set_ylim(bottom=0)
        return lines
