"""Display of what tasks gain and lose by sharing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..utils._optional import import_optional
from ..utils._types import AxesLike

COLORS = {"gains": "C0", "loses": "C3", "no difference": "0.6"}
# Half the width of a confidence interval in standard errors, as one reads it off a picture.
INTERVAL = 2.0


class SharingDisplay:
    """Forest plot of the difference between the shared network and a network for each task.

    A task is a point with a bar of two standard errors on either side; right of the line at 0, it gains by
    sharing. Create it with `from_comparison`; `plot` draws it.

    Parameters
    ----------
    comparison : DataFrame
        Returned by `compare_sharing <sklearn_mtl.model_selection.compare_sharing>`.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    points_ : list of matplotlib ErrorbarContainer
        The tasks from top to bottom, by their difference.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_mtl.inspection import SharingDisplay
    >>> row = {"shared": 0.9, "separate": 0.8, "searched": 0.9, "dummy": 0.5, "linear": 0.7}
    >>> comparison = pd.DataFrame([{**row, "difference": 0.1, "std_error": 0.01, "verdict": "gains"}], index=["a"])
    >>> SharingDisplay.from_comparison(comparison).ax_.get_xlabel()
    'score of the shared network minus that of a network per task'
    """

    def __init__(self, comparison: Any) -> None:
        self.comparison = comparison

    @classmethod
    def from_comparison(cls, comparison: Any, *, most: int | None = 40, ax: AxesLike = None) -> SharingDisplay:
        """Draw the result of `compare_sharing`.

        Parameters
        ----------
        comparison : DataFrame
            Returned by `compare_sharing <sklearn_mtl.model_selection.compare_sharing>`.
        most : int or None, default=40
            Maximum number of tasks; of more, those with the greatest differences are drawn. None draws all.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        SharingDisplay
        """
        lacking = {"difference", "std_error", "verdict"} - set(comparison.columns)
        if lacking:
            raise ValueError(
                f"comparison lacks the columns {sorted(lacking)}; pass what compare_sharing returned."
            )
        if most is not None and len(comparison) > most:
            largest = comparison["difference"].abs().sort_values(ascending=False).index[:most]
            comparison = comparison.loc[largest]
        return cls(comparison).plot(ax=ax)

    def plot(self, *, ax: AxesLike = None) -> SharingDisplay:
        """Draw the tasks.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        pyplot = import_optional("matplotlib.pyplot", "plots", "SharingDisplay")
        table = self.comparison.sort_values("difference", ascending=False)
        if ax is None:
            _, ax = pyplot.subplots(figsize=(6.4, 1.4 + 0.26 * len(table)), layout="constrained")
        ax.axvline(0.0, color="0.7", linewidth=1, linestyle=":")
        self.points_ = []
        shown: set[str] = set()
        for place, (_, row) in enumerate(table.iterrows()):
            verdict = row["verdict"]
            error = None if np.isnan(row["std_error"]) else INTERVAL * row["std_error"]
            self.points_.append(
                ax.errorbar(
                    row["difference"],
                    place,
                    xerr=error,
                    fmt="o",
                    color=COLORS[verdict],
                    capsize=2,
                    markersize=5,
                    label=None if verdict in shown else verdict,
                )
            )
            shown.add(verdict)
        ax.set(
            yticks=range(len(table)), yticklabels=table.index.tolist(),
            xlabel="score of the shared network minus that of a network per task",
        )  # fmt: skip
        ax.invert_yaxis()
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
        self.ax_, self.figure_ = ax, ax.figure
        return self
