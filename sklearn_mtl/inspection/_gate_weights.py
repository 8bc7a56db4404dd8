"""Display of the gate weights of mixtures of experts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..estimator import MultiTaskNetEstimator
from ..utils._optional import import_optional
from ..utils._types import AxesLike, RowsLike
from ._heat_map import name_cells, write_numbers


class GateWeightsDisplay:
    """Mean gate weights of a mixture of experts: tasks as rows, experts as columns, level by level.

    The weights of a task sum to 1 in each level. An empty cell means that the task does not read the expert.
    Create it with `from_estimator`; `plot` draws it.

    Parameters
    ----------
    weights : DataFrame of shape (n_tasks, n_experts)
        Mean weights, with tasks as the index and columns by level and expert; NaN if the task does not read the
        expert.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    im_ : matplotlib AxesImage
        The heat map.
    text_ : ndarray of shape (n_tasks, n_experts), dtype=matplotlib Text
        The numbers in the heat map; None for empty cells.

    See Also
    --------
    NetworkFlowDisplay : The parts of a network and their connections.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.architectures import MMoE
    >>> from sklearn_mtl.inspection import GateWeightsDisplay
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> net = MultiTaskNetRegressor(architecture=MMoE(n_experts=3), max_epochs=5, random_state=0).fit(X, y)
    >>> display = GateWeightsDisplay.from_estimator(net, X)
    >>> display.weights.shape
    (3, 3)
    """

    def __init__(self, weights: Any) -> None:
        self.weights = weights

    @classmethod
    def from_estimator(
        cls,
        estimator: MultiTaskNetEstimator,
        X: RowsLike,
        *,
        tasks: Sequence[str] | None = None,
        ax: AxesLike = None,
    ) -> GateWeightsDisplay:
        """Draw the gates of a fitted estimator, averaged over rows.

        Parameters
        ----------
        estimator : MultiTaskNetEstimator
            Fitted, with an architecture that has gates.
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            The rows to average over.
        tasks : sequence of str or None, default=None
            Tasks to draw; None for all tasks with gates.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        GateWeightsDisplay

        Raises
        ------
        TypeError
            If the architecture has no gates.
        """
        if not hasattr(estimator, "gate_weights"):
            raise TypeError(f"architecture={estimator.architecture!r} has no gates to draw.")
        means = estimator.gate_weights(X, tasks).mean()
        order = list(dict.fromkeys(means.index.get_level_values("task")))
        table = means.unstack("task")[order].T
        return cls(table[_experts(means)]).plot(ax=ax)

    def plot(self, *, ax: AxesLike = None, cmap: Any = "Blues", values_format: str = ".2f") -> GateWeightsDisplay:
        """Draw the heat map.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.
        cmap : str or matplotlib Colormap, default="Blues"
            Colours from 0 to the largest weight.
        values_format : str, default=".2f"
            Format of the numbers.

        Returns
        -------
        self
        """
        pyplot = import_optional("matplotlib.pyplot", "plots", "GateWeightsDisplay")
        n_tasks, n_experts = self.weights.shape
        if ax is None:
            size = (max(3.6, 1.6 + 0.56 * n_experts), 1.7 + 0.42 * n_tasks)
            _, ax = pyplot.subplots(figsize=size, layout="constrained")
        values = self.weights.to_numpy()
        self.im_ = ax.imshow(values, cmap=cmap, vmin=0.0, aspect="auto")
        self.text_ = write_numbers(ax, self.im_, values, values_format)
        name_cells(ax, self.weights.index, [expert for _, expert in self.weights.columns])
        self._part_levels(ax)
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    def _part_levels(self, ax: AxesLike) -> None:
        """Draw a line between levels, and write the name of each level above it."""
        levels = [level for level, _ in self.weights.columns]
        if len(set(levels)) == 1:
            return
        for level in dict.fromkeys(levels):
            first, count = levels.index(level), levels.count(level)
            if first:
                ax.axvline(first - 0.5, color="0.4", linewidth=1.5)
            ax.annotate(
                f"level {level}", (first + count / 2 - 0.5, 1), (0, 5),
                xycoords=("data", "axes fraction"), textcoords="offset points", ha="center",
            )  # fmt: skip


def _experts(means: Any) -> list[tuple[int, str]]:
    """Return the columns level by level, those of one task before those of several."""
    users: dict[tuple[int, str], int] = {}
    for _, level, expert in means.index:
        users[level, expert] = users.get((level, expert), 0) + 1
    return sorted(users, key=lambda column: (column[0], users[column]))
