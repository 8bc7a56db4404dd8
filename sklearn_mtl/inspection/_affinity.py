"""Display of which tasks help which."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

from ..utils._optional import import_optional
from ..utils._types import AxesLike
from ._heat_map import name_cells, write_numbers

# With more tasks the cells are too small for numbers.
MOST_NUMBERS = 15


class TaskAffinityDisplay:
    """Heat map of task affinities, beside a dendrogram that joins the tasks that help each other.

    Row i says what helps task i. In the dendrogram, which is that of average linkage, two tasks are the closer the
    more they help each other. Create it with `from_affinity`; `plot` draws it.

    Parameters
    ----------
    affinity : DataFrame of shape (n_tasks, n_tasks)
        Returned by `task_affinity <sklearn_mtl.model_selection.task_affinity>`.

    Attributes
    ----------
    order_ : ndarray of int of shape (n_tasks,)
        The order of the tasks in the picture.
    figure_ : matplotlib Figure
        The figure.
    axes_ : ndarray of matplotlib Axes
        Axes of the dendrogram and of the heat map.
    im_ : matplotlib AxesImage
        The heat map.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_mtl.inspection import TaskAffinityDisplay
    >>> names = ["a", "b", "c"]
    >>> affinity = pd.DataFrame([[0, 0, 2], [0, 0, -1], [1, -1, 0]], index=names, columns=names, dtype=float)
    >>> display = TaskAffinityDisplay.from_affinity(affinity)
    >>> [names[task] for task in display.order_]
    ['b', 'a', 'c']
    """

    def __init__(self, affinity: Any) -> None:
        self.affinity = affinity

    @classmethod
    def from_affinity(cls, affinity: Any, *, ax: AxesLike = None) -> TaskAffinityDisplay:
        """Draw the result of `task_affinity`.

        Parameters
        ----------
        affinity : DataFrame of shape (n_tasks, n_tasks)
            Returned by `task_affinity <sklearn_mtl.model_selection.task_affinity>`.
        ax : pair of matplotlib Axes or None, default=None
            Axes for the dendrogram and the heat map; None creates a figure.

        Returns
        -------
        TaskAffinityDisplay
        """
        return cls(affinity).plot(ax=ax)

    def plot(
        self, *, ax: AxesLike = None, cmap: Any = "RdBu", values_format: str | None = None
    ) -> TaskAffinityDisplay:
        """Draw the dendrogram and the heat map.

        Parameters
        ----------
        ax : pair of matplotlib Axes or None, default=None
            Axes for the dendrogram and the heat map; None creates a figure.
        cmap : str or matplotlib Colormap, default="RdBu"
            Colours, symmetric about 0.
        values_format : str or None, default=None
            Format of the numbers, which are written for up to 15 tasks; None writes two digits of the largest.

        Returns
        -------
        self
        """
        pyplot = import_optional("matplotlib.pyplot", "plots", "TaskAffinityDisplay")
        values = self.affinity.to_numpy(dtype=float)
        if values.ndim != 2 or values.shape[0] != values.shape[1] or len(values) < 2:
            raise ValueError(f"affinity should be a square frame of two or more tasks, got shape {values.shape}.")
        if ax is None:
            side = 1.6 + 0.5 * len(values)
            _, ax = pyplot.subplots(
                1, 2, figsize=(side + 2.4, side), layout="constrained", width_ratios=[1.2, side]
            )
        self.axes_ = np.asarray(ax)
        self.figure_ = self.axes_[0].figure
        self._draw_tree(self.axes_[0], values)
        self._draw_map(self.axes_[1], values, cmap, values_format)
        return self

    def _draw_tree(self, ax: AxesLike, values: np.ndarray) -> None:
        mutual = squareform((values + values.T) / 2, checks=False)
        most, least = mutual.max(), mutual.min()
        # a tenth of the range, so that the closest tasks are joined at a height that can be seen
        tree = linkage(most - mutual + (0.1 * (most - least) or 1.0), "average")
        drawn = dendrogram(
            tree, ax=ax, orientation="left", no_labels=True, color_threshold=0, above_threshold_color="0.4"
        )
        self.order_ = np.array(drawn["leaves"])
        ax.invert_yaxis()
        ax.axis("off")

    def _draw_map(self, ax: AxesLike, values: np.ndarray, cmap: Any, values_format: str | None) -> None:
        shown = values[np.ix_(self.order_, self.order_)].copy()
        np.fill_diagonal(shown, np.nan)
        bound = np.nanmax(np.abs(shown)) or 1.0
        self.im_ = ax.imshow(shown, cmap=cmap, vmin=-bound, vmax=bound)
        names = [self.affinity.index[task] for task in self.order_]
        name_cells(ax, names, names)
        if len(values) <= MOST_NUMBERS:
            decimals = max(0, 1 - math.floor(math.log10(bound)))
            write_numbers(ax, self.im_, shown, values_format or f"z.{decimals}f")
        ax.set(xlabel="trained with", ylabel="gain of")
        self.figure_.colorbar(self.im_, ax=ax, shrink=0.8)
