"""Display of the Pareto front of a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..model_selection import non_dominated
from ..utils._optional import import_optional
from ..utils._types import AxesLike

OTHERS = "0.75"
CHOSEN = "C3"


class ParetoFrontDisplay:
    """Task scores of the candidates of a search, and their Pareto front.

    For two tasks it is a scatter plot: candidates are points, and the front is a staircase that bounds the
    reachable scores. For more tasks it has parallel axes, one for each task: a candidate is a line, and lines of
    the front cross where tasks compete. Create it with `from_search`; `plot` draws it.

    Parameters
    ----------
    scores : array-like of shape (n_candidates, n_tasks)
        Greater is better; a candidate with a NaN is not drawn.
    task_names : sequence of str
        The tasks, in the order of the columns.
    chosen : int or None, default=None
        The candidate to mark.

    Attributes
    ----------
    front_ : ndarray of bool of shape (n_candidates,)
        Which candidates are on the front: no other is at least as good on every drawn task and better on one.
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.inspection import ParetoFrontDisplay
    >>> from sklearn_mtl.model_selection import TaskWeightSearchCV
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> regressor = MultiTaskNetRegressor(max_epochs=5, random_state=0)
    >>> grid = {"task_weights__Pulse": [0.1, 1.0, 10.0]}
    >>> search = TaskWeightSearchCV(regressor, grid, cv=2).fit(X, y)
    >>> display = ParetoFrontDisplay.from_search(search, tasks=["Pulse", "Waist"])
    >>> display.ax_.get_xlabel()
    'Pulse (validation score)'
    """

    def __init__(self, scores: ArrayLike, task_names: Sequence[str], chosen: int | None = None) -> None:
        self.scores = np.asarray(scores, dtype=np.float64)
        self.task_names = list(task_names)
        self.chosen = chosen

    @classmethod
    def from_search(
        cls, search: Any, tasks: Sequence[str] | None = None, *, chosen: int | None = None, ax: AxesLike = None
    ) -> ParetoFrontDisplay:
        """Draw the mean validation scores of a fitted search.

        Parameters
        ----------
        search : TaskWeightSearchCV or TaskWeightRandomSearchCV
            Fitted.
        tasks : sequence of str or None, default=None
            At least two tasks to draw; None for all. The front is computed for these tasks.
        chosen : int or None, default=None
            The candidate to mark, for instance ``search.choose(maximize="a")``; None marks the search's best.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        ParetoFrontDisplay

        Raises
        ------
        ValueError
            If a task is unknown, or there are fewer than two.
        """
        names = search.task_names_ if tasks is None else list(tasks)
        unknown = [name for name in names if name not in search.task_names_]
        if unknown or len(set(names)) < max(2, len(names)):
            raise ValueError(f"tasks={tasks!r} should be at least two different ones of {search.task_names_}.")
        scores = np.column_stack([search.cv_results_[f"mean_test_tasks_{name}"] for name in names])
        best = getattr(search, "best_index_", None)
        return cls(scores, names, best if chosen is None else chosen).plot(ax=ax)

    def plot(self, *, ax: AxesLike = None) -> ParetoFrontDisplay:
        """Draw the candidates.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        pyplot = import_optional("matplotlib.pyplot", "plots", "ParetoFrontDisplay")
        n_tasks = len(self.task_names)
        if ax is None:
            width = 5.0 if n_tasks == 2 else max(5.0, 1.6 * n_tasks)
            _, ax = pyplot.subplots(figsize=(width, 4.0), layout="constrained")
        self.front_ = non_dominated(self.scores)
        if n_tasks == 2:
            self._scatter(ax)
        else:
            self._parallel(ax)
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    def _scatter(self, ax: AxesLike) -> None:
        front = self.scores[self.front_]
        front = front[np.argsort(front[:, 0])]
        ax.plot(*self.scores[~self.front_].T, "o", color=OTHERS, markersize=5, label="other candidates")
        # for each point below the staircase, some candidate is at least as good on both tasks
        ax.step(*front.T, where="pre", color="C0", linewidth=1.2, alpha=0.6)
        ax.plot(*front.T, "o", color="C0", markersize=6, label="Pareto front")
        if self._marks_one():
            ax.plot(
                *self.scores[self.chosen], "o", markersize=13, markerfacecolor="none", markeredgecolor=CHOSEN,
                markeredgewidth=1.8, label="chosen",
            )  # fmt: skip
        ax.set(
            xlabel=f"{self.task_names[0]} (validation score)", ylabel=f"{self.task_names[1]} (validation score)"
        )
        ax.margins(0.08)
        _finish(ax, ["top", "right"])

    def _parallel(self, ax: AxesLike) -> None:
        succeeded = ~np.isnan(self.scores).any(axis=1)
        low, high = _range(self.scores[succeeded])
        heights = (self.scores - low) / np.where(high > low, high - low, 1.0)
        places = np.arange(len(self.task_names))
        others, front = heights[succeeded & ~self.front_], heights[self.front_]
        _lines(ax, places, others, "other candidates", color=OTHERS, linewidth=0.8, zorder=1)
        _lines(ax, places, front, "Pareto front", color="C0", linewidth=1.2, alpha=0.6, marker="o", markersize=4)
        if self._marks_one():
            _lines(
                ax, places, heights[[self.chosen]], "chosen",
                color=CHOSEN, linewidth=2.6, marker="o", markersize=6, zorder=4,
            )  # fmt: skip
        for place, *ends in zip(places, low, high, strict=True):
            ax.plot([place, place], [0, 1], color="0.3", linewidth=0.8, zorder=0)
            for height, (score, offset) in enumerate(zip(ends, (-13, 6), strict=True)):
                ax.annotate(
                    f"{score:.3g}", (place, height), (0, offset),
                    textcoords="offset points", ha="center", fontsize="small",
                )  # fmt: skip
        ax.set(xticks=places, xticklabels=self.task_names, yticks=[], ylabel="validation score, worst to best")
        ax.set(ylim=(-0.12, 1.12))
        ax.tick_params(length=0)
        _finish(ax, ["top", "right", "left", "bottom"])

    def _marks_one(self) -> bool:
        return self.chosen is not None and not np.isnan(self.scores[self.chosen]).any()


def _range(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the worst and the best score of each task."""
    if not len(scores):
        return np.full(scores.shape[1], np.nan), np.full(scores.shape[1], np.nan)
    return scores.min(axis=0), scores.max(axis=0)


def _lines(ax: AxesLike, places: np.ndarray, heights: np.ndarray, label: str, **style: Any) -> None:
    """Draw a line for each row, with one legend entry."""
    for number, row in enumerate(heights):
        ax.plot(places, row, label=label if number == 0 else None, **style)


def _finish(ax: AxesLike, without: Sequence[str]) -> None:
    ax.spines[list(without)].set_visible(False)
    if not ax.get_legend_handles_labels()[0]:  # all candidates failed
        return
    ax.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=3)
