"""Display of task weights and gradient conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..diagram._layout import shortened
from ..estimator import MultiTaskNetEstimator
from ..utils._optional import import_optional
from ..utils._types import AxesLike
from ._heat_map import name_cells, write_numbers

# line styles for more than ten tasks, because there are ten colours
STYLES = ("-", "--", "-.")


class TaskBalanceDisplay:
    """Task weights over the epochs, and conflicts between the gradients of the tasks.

    The dotted line at 1 is the weight of every task in the plain sum of losses. If the weighting compares
    gradients, a heat map shows the cosine between the gradients of each pair of tasks, averaged over the epochs;
    below 0 they conflict. Create it with `from_estimator`; `plot` draws it.

    Parameters
    ----------
    weights : DataFrame of shape (n_epochs, n_tasks)
        Mean weights by epoch.
    cosines : DataFrame of shape (n_tasks, n_tasks) or None, default=None
        Mean cosines; NaN on the diagonal, and for pairs without labels in the same batch.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    axes_ : ndarray of matplotlib Axes
        Axes of the weights, and of the cosines if there are any.
    lines_ : list of matplotlib Line2D
        The lines of the weights, by task.
    im_ : matplotlib AxesImage or None
        The heat map.
    text_ : ndarray of shape (n_tasks, n_tasks), dtype=matplotlib Text, or None
        The numbers in the heat map; None for empty cells.

    See Also
    --------
    LearningHistoryDisplay : Loss and score of each task over the epochs.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.inspection import TaskBalanceDisplay
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> net = MultiTaskNetRegressor(weighting="cagrad", max_epochs=5, random_state=0).fit(X, y)
    >>> display = TaskBalanceDisplay.from_estimator(net)
    >>> display.weights.shape, display.cosines.shape
    ((5, 3), (3, 3))
    """

    def __init__(self, weights: Any, cosines: Any = None) -> None:
        self.weights = weights
        self.cosines = cosines

    @classmethod
    def from_estimator(cls, estimator: MultiTaskNetEstimator, *, ax: AxesLike = None) -> TaskBalanceDisplay:
        """Draw the weights and conflicts of a fitted estimator; for an ensemble, the mean over its members.

        Parameters
        ----------
        estimator : MultiTaskNetEstimator
            Fitted, with a weighting other than "static".
        ax : matplotlib Axes, pair of matplotlib Axes or None, default=None
            Axes for the weights, or for weights and cosines; None creates a figure.

        Returns
        -------
        TaskBalanceDisplay

        Raises
        ------
        ValueError
            If the weighting records no weights.
        """
        check_is_fitted(estimator)
        history = estimator.history_
        names = [name for name in estimator.task_names_ if f"weight__{name}" in history]
        if not names:
            raise ValueError(
                f"weighting={estimator.weighting!r} records no weights to draw: only those of a "
                "WeightingModule are recorded, and static weights are constant."
            )
        if "member" in history:
            history = history.groupby(level=0).mean()
        weights = history[[f"weight__{name}" for name in names]].set_axis(names, axis=1)
        return cls(weights, _mean_cosines(history, names)).plot(ax=ax)

    def plot(self, *, ax: AxesLike = None, cmap: Any = "RdBu", values_format: str = "z.2f") -> TaskBalanceDisplay:
        """Draw the weights, and the cosines next to them.

        Parameters
        ----------
        ax : matplotlib Axes, pair of matplotlib Axes or None, default=None
            Axes for the weights, or for weights and cosines; None creates a figure.
        cmap : str or matplotlib Colormap, default="RdBu"
            Colours from -1 to 1.
        values_format : str, default="z.2f"
            Format of the cosines; "z" leaves out the sign of -0.00.

        Returns
        -------
        self
        """
        self.axes_ = self._make_axes() if ax is None else np.atleast_1d(ax)
        self.figure_ = self.axes_[0].figure
        self._draw_weights(self.axes_[0])
        self.im_: Any = None
        self.text_: Any = None
        if self.cosines is not None and len(self.axes_) > 1:
            self._draw_cosines(self.axes_[1], cmap, values_format)
        return self

    def _make_axes(self) -> Any:
        pyplot = import_optional("matplotlib.pyplot", "plots", "TaskBalanceDisplay")
        if self.cosines is None:
            _, axes = pyplot.subplots(1, 1, figsize=(5.2, 3.6), squeeze=False, layout="constrained")
        else:
            side = max(2.4, 1.2 + 0.56 * len(self.cosines))
            size = (5.2 + side + 1.2, max(3.6, side))
            ratios = {"width_ratios": [5.2, side + 1.2]}
            _, axes = pyplot.subplots(1, 2, figsize=size, squeeze=False, layout="constrained", gridspec_kw=ratios)
        return axes[0]

    def _draw_weights(self, ax: AxesLike) -> None:
        ax.axhline(1.0, color="0.7", linewidth=1, linestyle=":")
        # a line of one epoch would be invisible
        marker = "o" if len(self.weights) == 1 else None
        self.lines_ = []
        for number, name in enumerate(self.weights):
            look = {"color": f"C{number}", "linestyle": STYLES[number // 10 % len(STYLES)], "marker": marker}
            self.lines_ += ax.plot(self.weights.index, self.weights[name], **look)
        ticker = import_optional("matplotlib.ticker", "plots", "TaskBalanceDisplay")
        ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        ax.set(xlabel="epoch", ylabel="weight per task")
        ax.spines[["top", "right"]].set_visible(False)
        self._name_lines(ax)

    def _name_lines(self, ax: AxesLike) -> None:
        """Write the name of each task at the end of its line, without overlap."""
        ends = self.weights.ffill().iloc[-1].dropna()
        low, high = ax.get_ylim()
        order = ends.sort_values(kind="stable")
        points = 72 * ax.get_position().height * ax.get_figure(root=True).get_size_inches()[1]
        heights = _spread((order.to_numpy() - low) / (high - low), gap=min(14 / points, 1 / max(1, len(order))))
        for name, height in zip(order.index, heights, strict=True):
            line = self.lines_[self.weights.columns.get_loc(name)]
            ax.annotate(
                shortened(str(name)), (1, height), (4, 0), xycoords="axes fraction", textcoords="offset points",
                va="center", color=line.get_color(), parse_math=False, annotation_clip=False,
            )  # fmt: skip

    def _draw_cosines(self, ax: AxesLike, cmap: Any, values_format: str) -> None:
        values = self.cosines.to_numpy()
        self.im_ = ax.imshow(values, cmap=cmap, vmin=-1.0, vmax=1.0)
        self.text_ = write_numbers(ax, self.im_, values, values_format)
        name_cells(ax, self.cosines.index, self.cosines.columns)
        ax.set_title("mean cosine of gradients", fontsize="medium")


def _mean_cosines(history: Any, names: Sequence[str]) -> Any:
    """Average the cosines of a history over its epochs; None if it has no cosines."""
    pandas = import_optional("pandas", "plots", "TaskBalanceDisplay")
    cosines = pandas.DataFrame(np.nan, index=names, columns=names)
    found = False
    for one, other in combinations(names, 2):
        # the history may have them in a different order
        for column in (f"gradient_cosine__{one}__{other}", f"gradient_cosine__{other}__{one}"):
            if column in history:
                cosines.loc[one, other] = cosines.loc[other, one] = history[column].mean()
                found = True
    return cosines if found else None


def _spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """Move sorted heights apart as little as possible, each group of neighbours around its centre."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _edge(groups[-2], gap, 1) + gap > _edge(groups[-1], gap, -1):
            last = groups.pop()
            groups[-1] += last
    return np.array([_edge(group, gap, -1) + gap * i for group in groups for i in range(len(group))])


def _edge(group: list[float], gap: float, side: int) -> float:
    return float(np.mean(group)) + side * gap * (len(group) - 1) / 2
