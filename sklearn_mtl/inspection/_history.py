"""Display of loss and score over the epochs."""

from __future__ import annotations

from typing import Any

from ..estimator import MultiTaskNetEstimator
from ..utils._optional import import_optional
from ..utils._types import AxesLike


class LearningHistoryDisplay:
    """Loss of each task over the epochs, and its score if it was computed on validation rows.

    Curves of an ensemble are the means over its members, and of a `Portfolio` those of its first recipe.

    Create it with `from_estimator`; `plot` draws it.

    Parameters
    ----------
    history : DataFrame
        The ``history_`` of a fitted estimator.
    task_names : sequence of str
        Tasks to draw.
    metrics : sequence of str, default=()
        Names of further metrics in the history, ``valid_<metric>__<task>``, to draw.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    axes_ : ndarray of matplotlib Axes
        Axes of the loss, of the score if there is one, and of each further metric.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.inspection import LearningHistoryDisplay
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> regressor = MultiTaskNetRegressor(max_epochs=10, random_state=0).fit(X, y)
    >>> display = LearningHistoryDisplay.from_estimator(regressor)
    >>> len(display.axes_)
    1
    """

    def __init__(self, history: Any, task_names: Any, metrics: Any = ()) -> None:
        self.history = history
        self.task_names = list(task_names)
        self.metrics = list(metrics)

    @classmethod
    def from_estimator(
        cls, estimator: MultiTaskNetEstimator, *, tasks: Any = None, axes: AxesLike = None
    ) -> LearningHistoryDisplay:
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : MultiTaskNetEstimator
            Fitted.
        tasks : sequence of str or None, default=None
            Tasks to draw; None for all trained tasks.
        axes : sequence of matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        LearningHistoryDisplay
        """
        history = estimator.history_
        if "recipe" in history:  # recipes train for different numbers of epochs
            history = history[history["recipe"] == history["recipe"].iloc[0]]
        if "member" in history:
            history = history.groupby("epoch").mean(numeric_only=True)
        trained = [name for name in estimator.task_names_ if f"train_loss__{name}" in history]
        names = trained if tasks is None else list(tasks)
        ends = {name: f"__{name}" for name in names}
        found = [
            column.removeprefix("valid_").removesuffix(end)
            for column in history
            for end in ends.values()
            if column.startswith("valid_") and column.endswith(end)
        ]
        further = [name for name in dict.fromkeys(found) if name not in ("loss", "score")]
        return cls(history, names, further).plot(axes=axes)

    def plot(self, *, axes: AxesLike = None) -> LearningHistoryDisplay:
        """Draw the curves: training dashed, validation solid, one colour per task.

        Parameters
        ----------
        axes : sequence of matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        pyplot = import_optional("matplotlib.pyplot", "plots", "LearningHistoryDisplay")
        scored = ["score"] if "valid_score" in self.history else []
        panels = ["loss", *scored, *self.metrics]
        if axes is None:
            size = (4.8 * len(panels), 3.6)
            _, axes = pyplot.subplots(1, len(panels), figsize=size, squeeze=False, layout="constrained")
            axes = axes[0]
        for what, ax in zip(panels, axes, strict=False):
            self._draw(ax, what)
        self.axes_ = axes
        self.figure_ = axes[0].figure
        return self

    def _draw(self, ax: AxesLike, what: str) -> None:
        for number, name in enumerate(self.task_names):
            for rows, style in (("train", "--"), ("valid", "-")):
                column = f"{rows}_{what}__{name}"
                if column in self.history:
                    label = f"{name} ({'training' if rows == 'train' else 'validation'})"
                    ax.plot(self.history.index, self.history[column], style, color=f"C{number}", label=label)
        ax.set(xlabel="epoch", ylabel=f"{what} per task")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize="small")
