"""Display of the Pareto front of a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    errors : array-like of shape (n_candidates, n_tasks) or None, default=None
        Half the length of the error bar of each score, drawn for the front; None draws none.
    labels : sequence of str or None, default=None
        Text for each candidate, drawn beside the points of the front; None draws none.

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

    def __init__(
        self,
        scores: ArrayLike,
        task_names: Sequence[str],
        chosen: int | None = None,
        errors: ArrayLike | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        self.scores = np.asarray(scores, dtype=np.float64)
        self.task_names = list(task_names)
        self.chosen = chosen
        self.errors = None if errors is None else np.asarray(errors, dtype=np.float64)
        self.labels = labels

    @classmethod
    def from_search(
        cls,
        search: Any,
        tasks: Sequence[str] | None = None,
        *,
        metrics: Sequence[str] | None = None,
        chosen: int | None = None,
        error_bars: bool = False,
        show_weights: bool = False,
        ax: AxesLike = None,
    ) -> ParetoFrontDisplay:
        """Draw the mean validation scores of a fitted search.

        Parameters
        ----------
        search : TaskWeightSearchCV or TaskWeightRandomSearchCV
            Fitted.
        tasks : sequence of str or None, default=None
            At least two tasks to draw; None for all. The front is computed for these tasks.
        metrics : sequence of str or None, default=None
            At least two metrics of the scoring to draw instead, as the scorer names them, such as
            "income_roc_auc".
        chosen : int or None, default=None
            The candidate to mark, for instance ``search.choose(maximize="a")``; None marks the search's best.
        error_bars : bool, default=False
            Whether points of the front have bars of one standard deviation over the folds on either side.
        show_weights : bool, default=False
            Whether the task weights of the front's candidates are written beside their points, in the order of
            the tasks; a weight that the search does not vary is left out. For two tasks or metrics.
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
        if tasks is not None and metrics is not None:
            raise ValueError("tasks and metrics are alternatives; pass only one of them.")
        names = list(metrics if metrics is not None else search.task_names_ if tasks is None else tasks)
        unknown = [name for name in names if name not in search.task_names_] if metrics is None else []
        if unknown or len(set(names)) < max(2, len(names)):
            given = f"tasks={tasks!r}" if metrics is None else f"metrics={metrics!r}"
            known = search.task_names_ if metrics is None else "the metrics of the scoring"
            raise ValueError(f"{given} should be at least two different ones of {known}.")
        columns = search.score_columns(names)
        scores = np.column_stack([search.cv_results_[column] for column in columns])
        errors = [search.cv_results_["std" + column.removeprefix("mean")] for column in columns]
        best = getattr(search, "best_index_", None)
        display = cls(
            scores,
            names,
            best if chosen is None else chosen,
            np.column_stack(errors) if error_bars else None,
            [_weights_in(params) for params in search.cv_results_["params"]] if show_weights else None,
        )
        return display.plot(ax=ax)

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
        for row in np.flatnonzero(self.front_).tolist():
            self._describe(ax, row)
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

    def _describe(self, ax: AxesLike, row: int) -> None:
        """Draw the error bars and the text of a candidate."""
        if self.errors is not None:
            x, y = self.errors[row]
            style = {"fmt": "none", "ecolor": "C0", "elinewidth": 0.8, "alpha": 0.5, "capsize": 2}
            ax.errorbar(*self.scores[row], xerr=x, yerr=y, **style)
        if self.labels is not None:
            style = {"textcoords": "offset points", "fontsize": "small", "color": "0.3"}
            ax.annotate(self.labels[row], self.scores[row], (6, 5), **style)

    def _parallel(self, ax: AxesLike) -> None:
        succeeded = ~np.isnan(self.scores).any(axis=1)
        low, high = _range(self.scores[succeeded])
        heights = (self.scores - low) / np.where(high > low, high - low, 1.0)
        places = np.arange(len(self.task_names))
        others, front = heights[succeeded & ~self.front_], heights[self.front_]
        _lines(ax, places, others, "other candidates", color=OTHERS, linewidth=0.8, zorder=1)
        _lines(ax, places, front, "Pareto front", color="C0", linewidth=1.2, alpha=0.6, marker="o", markersize=4)
        if self.errors is not None:
            bars = self.errors / np.where(high > low, high - low, 1.0)
            for height, bar in zip(front, bars[self.front_], strict=True):
                ax.errorbar(places, height, bar, fmt="none", ecolor="C0", elinewidth=0.8, alpha=0.5, capsize=2)
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
        if self.errors is None:
            ax.set(ylim=(-0.12, 1.12))
        ax.tick_params(length=0)
        _finish(ax, ["top", "right", "left", "bottom"])

    def _marks_one(self) -> bool:
        return self.chosen is not None and not np.isnan(self.scores[self.chosen]).any()


def _weights_in(params: Mapping[str, Any]) -> str:
    """Return the task weights in the parameters of a candidate as text, from a mapping or single weights."""
    weights: dict[str, Any] = {}
    for name, value in params.items():
        of, _, task = f"__{name}".partition("__task_weights")
        if of != f"__{name}":
            weights |= {task.removeprefix("__"): value} if task else dict(value or {})
    return ", ".join(f"{task} {weight:.3g}" for task, weight in weights.items())


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
