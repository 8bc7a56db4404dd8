"""Display of which inputs matter for which task."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..diagram._layout import shortened
from ..utils._optional import import_optional
from ..utils._types import AxesLike, RowsLike, TargetsLike
from ._heat_map import name_cells, write_numbers
from ._importances import task_importances

# With more cells in a row they are too small for numbers.
MOST_NUMBERS = 20


class TaskImportancesDisplay:
    """Heat map of permutation importances: tasks as rows, inputs as columns.

    The numbers are falls of the score. Colours are relative to the most important input of the task, because the
    scores of tasks may have different units. Inputs whose importance may be chance are grey: their p-value, times
    the number of cells, is above ``level``. Create it with `from_estimator` or `from_importances`; `plot` draws
    it.

    Parameters
    ----------
    importances : Bunch
        Returned by `task_importances`.

    Attributes
    ----------
    inputs_ : list of str
        The inputs in the picture, from left to right.
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    im_ : matplotlib AxesImage
        The heat map.
    text_ : ndarray of shape (n_tasks, n_inputs), dtype=matplotlib Text
        The numbers; None for cells without one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> from sklearn_mtl.inspection import TaskImportancesDisplay
    >>> X = np.random.default_rng(0).normal(size=(600, 3))
    >>> y = Targets(sick=X[:, 0] > 0, mass=2 * X[:, 1])
    >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=20, random_state=0).fit(X[:300], y[:300])
    >>> display = TaskImportancesDisplay.from_estimator(net, X[300:], y[300:], random_state=0)
    >>> display.inputs_
    ['x0', 'x1', 'x2']
    """

    def __init__(self, importances: Any) -> None:
        self.importances = importances

    @classmethod
    def from_estimator(
        cls, net: Any, X: RowsLike, y: TargetsLike, *, most: int | None = 20, ax: AxesLike = None, **options: Any
    ) -> TaskImportancesDisplay:
        """Compute importances and draw them.

        Parameters
        ----------
        net, X, y : object
            See `task_importances`.
        most : int or None, default=20
            Maximum number of inputs; of more, those that are most important for some task. None draws all.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.
        **options : dict
            Further arguments of `task_importances`.

        Returns
        -------
        TaskImportancesDisplay
        """
        return cls.from_importances(task_importances(net, X, y, **options), most=most, ax=ax)

    @classmethod
    def from_importances(
        cls, importances: Any, *, most: int | None = 20, ax: AxesLike = None
    ) -> TaskImportancesDisplay:
        """Draw the result of `task_importances`.

        Parameters
        ----------
        importances : Bunch
            Returned by `task_importances`.
        most : int or None, default=20
            Maximum number of inputs; of more, those that are most important for some task. None draws all.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        TaskImportancesDisplay
        """
        return cls(importances).plot(most=most, ax=ax)

    def plot(
        self, *, most: int | None = 20, level: float = 0.05, cmap: Any = "Blues", ax: AxesLike = None
    ) -> TaskImportancesDisplay:
        """Draw the heat map.

        Parameters
        ----------
        most : int or None, default=20
            Maximum number of inputs; of more, those that are most important for some task. None draws all.
        level : float in (0, 1], default=0.05
            Probability that some cell of an input that says nothing is not grey. With ``n_repeats=1`` there are no
            p-values, and no cell is grey.
        cmap : str or matplotlib Colormap, default="Blues"
            Colours.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        pyplot = import_optional("matplotlib.pyplot", "plots", "TaskImportancesDisplay")
        if not hasattr(self.importances, "importances_mean") or not hasattr(self.importances, "p_values"):
            raise TypeError("importances should be what task_importances returned.")
        table = self.importances.importances_mean
        values = table.to_numpy(dtype=float).T
        largest = np.nanmax(values, axis=1, initial=0.0, keepdims=True)
        shares = np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)
        is_chance = self.importances.p_values.to_numpy(dtype=float).T * values.size > level
        shown = self._most(np.where(is_chance, 0.0, shares), most)
        if ax is None:
            longest = max(len(shortened(str(table.index[place]))) for place in shown)
            size = (3.4 + 0.62 * len(shown), 1.6 + 0.45 * len(values) + 0.065 * longest)
            _, ax = pyplot.subplots(figsize=size, layout="constrained")
        self.inputs_ = [str(table.index[place]) for place in shown]
        self.ax_, self.figure_ = ax, ax.figure
        chance, drawn = is_chance[:, shown], np.where(np.isnan(values), np.nan, shares.clip(0, 1))[:, shown]
        # grey below the colours: a masked cell shows it
        ax.imshow(np.zeros(drawn.shape), cmap="Greys", vmin=-0.12, vmax=1)
        self.im_ = ax.imshow(np.ma.masked_where(chance | np.isnan(drawn), drawn), cmap=cmap, vmin=0, vmax=1)
        name_cells(ax, [f"{task} ({self.importances.metrics[task]})" for task in table.columns], self.inputs_)
        self._write(values[:, shown], chance, drawn)
        ax.set(xlabel="input that is permuted", title="fall of the score")
        self.figure_.colorbar(self.im_, ax=ax, shrink=0.9, label="relative to the largest")
        return self

    @staticmethod
    def _most(shares: np.ndarray, most: int | None) -> np.ndarray:
        """Return the positions of the inputs to draw."""
        if most is None or shares.shape[1] <= most:
            return np.arange(shares.shape[1])
        return np.sort(np.argsort(-np.nan_to_num(shares).max(axis=0), kind="stable")[:most])

    def _write(self, values: np.ndarray, chance: np.ndarray, drawn: np.ndarray) -> None:
        """Write the falls of the scores, with two digits of the largest of a task; grey if they may be chance."""
        self.text_ = np.full(values.shape, None)
        if values.shape[1] > MOST_NUMBERS:
            return
        self.text_ = write_numbers(self.ax_, self.im_, np.where(np.isnan(values), np.nan, drawn), ".2f")
        for (task, place), text in np.ndenumerate(self.text_):
            if text is None:
                continue
            largest = np.nanmax(np.abs(values[task]))
            decimals = max(0, 1 - math.floor(math.log10(largest))) if largest > 0 else 0
            text.set_text(format(values[task, place], f"z.{decimals}f"))
            if chance[task, place]:
                text.set_color("0.45")
