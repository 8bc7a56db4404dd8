"""Partial dependence of several tasks on inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence

from ..columns._columns import objects_of, plain, read_column
from ..columns._frame import as_frame
from ..diagram._layout import shortened
from ..estimator._task_view import TaskView
from ..tasks import Task
from ..utils._modes import own_modes
from ..utils._optional import import_optional
from ..utils._types import AxesLike, RowsLike, WeightsLike
from ._columns_of_rows import columns_of
from ._task_scores import reach

_NAME = "TaskPartialDependenceDisplay"


class Dependence(NamedTuple):
    """Partial dependence of all tasks on one input.

    Parameters
    ----------
    grid : ndarray of shape (n_points,)
        Values of the input.
    averages : dict of str to ndarray of shape (n_values, n_points)
        By task, the mean prediction: a probability for each class or label, or a number for each column.
    deciles : ndarray of shape (9,) or None
        Deciles of the input; None for text and categories.
    """

    grid: np.ndarray
    averages: dict[str, np.ndarray]
    deciles: np.ndarray | None


class TaskPartialDependenceDisplay:
    """Partial dependence [1]_ of several tasks: a row of panels for each task, a column for each input.

    A panel shows the mean prediction for some rows, if all had the same value of the input. One forward pass for
    each value computes all tasks. Of classes and labels the probability is drawn; of two classes that of the
    second. Marks at the bottom are deciles of the input. Create it with `from_estimator`; `plot` draws it.

    Parameters
    ----------
    dependence : mapping of str to Dependence
        By input: the fields ``grid``, ``averages`` and ``deciles``.
    labels : mapping of str to list of str
        Names of the values of each task.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    axes_ : ndarray of matplotlib Axes of shape (n_tasks, n_inputs)
        The panels.

    See Also
    --------
    TaskImportancesDisplay : Which inputs matter for which task.
    sklearn.inspection.PartialDependenceDisplay : For the view of a single task; also for two inputs at once.

    Notes
    -----
    Values that are put into all rows may not suit the other inputs, such as a tall child. Groups of correlated
    columns (`correlated_groups`) say where this may be.

    References
    ----------
    .. [1] Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics, 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> from sklearn_mtl.inspection import TaskPartialDependenceDisplay
    >>> X = np.random.default_rng(0).normal(size=(300, 3))
    >>> y = Targets(sick=X[:, 0] > 0, mass=2 * X[:, 1])
    >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=20, random_state=0).fit(X, y)
    >>> display = TaskPartialDependenceDisplay.from_estimator(net, X, [0, 1], grid_resolution=5)
    >>> display.axes_.shape
    (2, 2)
    """

    def __init__(self, dependence: Mapping[str, Any], labels: Mapping[str, Sequence[str]]) -> None:
        self.dependence = dict(dependence)
        self.labels = {name: list(of) for name, of in labels.items()}

    @classmethod
    @own_modes()
    def from_estimator(
        cls,
        net: Any,
        X: RowsLike,
        columns: Sequence[Any],
        *,
        tasks: Sequence[str] | None = None,
        grid_resolution: int = 30,
        percentiles: tuple[float, float] = (0.05, 0.95),
        sample_weight: WeightsLike = None,
        axes: AxesLike = None,
    ) -> TaskPartialDependenceDisplay:
        """Compute partial dependence by `sklearn.inspection.partial_dependence` and draw it.

        Parameters
        ----------
        net : MultiTaskNetEstimator, or a Pipeline or search that ends in one
            Fitted.
        X : array-like of shape (n_samples, n_features) or frame
            Rows to average over.
        columns : sequence of str or int
            The inputs, by name or position.
        tasks : sequence of str or None, default=None
            Tasks to draw; None draws all that label rows.
        grid_resolution : int >= 2, default=30
            Number of values of an input; of text, categories and columns with fewer values, all are used.
        percentiles : pair of float in [0, 1], default=(0.05, 0.95)
            The range of the values.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weight of each row in the mean.
        axes : array of matplotlib Axes of shape (n_tasks, n_inputs), or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        TaskPartialDependenceDisplay

        Raises
        ------
        TypeError, ValueError
            If X is sparse or has no columns, a column or task is unknown, or a task labels tokens or pixels.
        """
        if isinstance(grid_resolution, bool) or not isinstance(grid_resolution, Integral) or grid_resolution < 2:
            raise ValueError(f"grid_resolution={grid_resolution!r} should be an int of at least 2.")
        if isinstance(columns, str) or not len(columns):
            raise ValueError(f"columns={columns!r} should be a list of columns, with at least one.")
        answers = _AllTasks.of(net, tasks)
        rows = _assignable(X)
        known = columns_of(rows, _NAME)
        found = {}
        for position in known.positions(list(columns), "columns"):
            grid, deciles = _grid(rows, position, int(grid_resolution), percentiles)
            curves = partial_dependence(
                answers, rows, [position], custom_values={position: grid}, kind="average", method="brute",
                sample_weight=None if sample_weight is None else np.asarray(sample_weight),
            )  # fmt: skip
            split = np.split(curves.average, np.cumsum([len(of) for of in answers.labels.values()])[:-1])
            averages = dict(zip(answers.labels, split, strict=True))
            found[known.names[position]] = Dependence(grid, averages, deciles)
        return cls(found, answers.labels).plot(axes=axes)

    def plot(self, *, axes: AxesLike = None) -> TaskPartialDependenceDisplay:
        """Draw the curves.

        Parameters
        ----------
        axes : array of matplotlib Axes of shape (n_tasks, n_inputs), or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        pyplot = import_optional("matplotlib.pyplot", "plots", _NAME)
        shape = len(self.labels), len(self.dependence)
        if axes is None:
            size = (1.6 + 2.2 * shape[1], 0.9 + 1.7 * shape[0])
            _, axes = pyplot.subplots(
                *shape, figsize=size, sharex="col", sharey="row", squeeze=False, layout="constrained"
            )
        self.axes_ = np.asarray(axes, dtype=object)
        if self.axes_.shape != shape:
            raise ValueError(f"axes should be of shape {shape}, tasks by inputs; got {self.axes_.shape}.")
        self.figure_ = self.axes_[0, 0].figure
        for row, task in enumerate(self.labels):
            for column, name in enumerate(self.dependence):
                self._draw(self.axes_[row, column], task, name)
            only = self.labels[task][0] if len(self.labels[task]) == 1 else task
            self.axes_[row, 0].set_ylabel(task if only == task else f"{task}: {only}", parse_math=False)
            if len(self.labels[task]) > 1:
                self.axes_[row, -1].legend(
                    frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=0
                )
        for column, name in enumerate(self.dependence):
            self.axes_[-1, column].set_xlabel(name, parse_math=False)
        return self

    def _draw(self, ax: Any, task: str, name: str) -> None:
        grid, averages, deciles = self.dependence[name]
        places = np.arange(len(grid)) if deciles is None else grid
        style = "o" if deciles is None else "o-" if len(grid) < 10 else "-"
        for number, (label, curve) in enumerate(zip(self.labels[task], averages[task], strict=True)):
            ax.plot(places, curve, style, color=f"C{number}", markersize=4, label=label)
        if deciles is None:
            names = [shortened(str(value)) for value in grid]
            ax.set_xticks(places, names, rotation=45, ha="right", parse_math=False)
            ax.set_xlim(-0.5, len(grid) - 0.5)
        else:
            ax.plot(
                deciles, np.full(len(deciles), 0.02), "|", color="0.4", markersize=5,
                transform=ax.get_xaxis_transform(),
            )  # fmt: skip
        ax.spines[["top", "right"]].set_visible(False)


class _AllTasks(RegressorMixin, BaseEstimator):
    """The predictions of all tasks side by side, as a regressor of several targets.

    Parameters
    ----------
    steps : list of transformer
        Before the network.
    network : MultiTaskNetEstimator
    labels : dict of str to list of str
        Names of the values of each task.
    """

    def __init__(self, steps: Any, network: Any, labels: Any) -> None:
        self.steps, self.network, self.labels = steps, network, labels

    @classmethod
    def of(cls, net: Any, tasks: Sequence[str] | None) -> _AllTasks:
        """Return the tasks of an estimator that label rows."""
        steps, network = reach(net, _NAME)
        if isinstance(network, TaskView):
            network, tasks = network.net_, [network.task] if tasks is None else tasks
        if not hasattr(network, "metrics_of_tasks"):
            raise TypeError(f"{_NAME} requires a MultiTaskNetEstimator, got {type(network).__name__}.")
        names = network._chosen(tasks)
        others = [name for name in names if network.tasks_[name].labels_positions]
        if others and tasks is not None:
            raise ValueError(f"tasks {others} have no labels of rows, and so no partial dependence.")
        chosen = [name for name in names if name not in others]
        if not chosen:
            raise ValueError(f"{_NAME}: no task labels rows; the tasks are {names}.")
        return cls(steps, network, {name: _labels_of(name, network.tasks_[name]) for name in chosen})

    def fit(self, X: RowsLike, y: Any = None) -> _AllTasks:
        """Do nothing: the network is fitted."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: RowsLike) -> np.ndarray:
        """Return the values (n_rows, n_values) of all tasks by one forward pass."""
        for step in self.steps:
            X = step.transform(X)
        answers, _ = self.network._answers(X, list(self.labels))
        values = []
        for name, answer in answers.items():
            found = answer.predictions if answer.probabilities is None else answer.probabilities
            found = np.asarray(found, dtype=np.float64).reshape(len(found), -1)
            values.append(found[:, 1:] if _has_two_classes(self.network.tasks_[name]) else found)
        return np.hstack(values)


def _has_two_classes(task: Task) -> bool:
    return task.has_one_label and task.has_probabilities and len(getattr(task, "classes_", ())) == 2


def _labels_of(name: str, task: Task) -> list[str]:
    if _has_two_classes(task):
        return [f"P({task.classes_[1]})"]
    if hasattr(task, "classes_"):
        return [str(label) for label in task.classes_]
    return [name] if task.n_elements_ == 1 else [f"column {number}" for number in range(task.n_elements_)]


def _assignable(X: RowsLike) -> Any:
    """Return X as an array or a frame of pandas, with floats in the place of integers."""
    if issparse(X):
        raise TypeError(f"{_NAME} does not take a sparse matrix; pass X.toarray() of some rows.")
    X = plain(X)
    if as_frame(X) is None:
        array = columns_of(X, _NAME).permuted([], np.arange(0))
        return array.astype(np.float64) if getattr(array, "dtype", np.dtype("O")).kind in "biu" else array
    frame: Any = nw.from_native(X, eager_only=True).to_pandas().reset_index(drop=True)
    whole = [name for name, dtype in frame.dtypes.items() if getattr(dtype, "kind", "O") in "biu"]
    return frame.astype(dict.fromkeys(whole, np.float64))


def _grid(
    rows: Any, position: int, resolution: int, percentiles: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the values of an input, and its deciles, None for text and categories."""
    column = read_column(rows.iloc[:, position] if hasattr(rows, "iloc") else rows[:, position])
    known = column.values[~column.missing]
    if not len(known):
        raise ValueError(f"column {position} of X has no values.")
    if column.kind not in ("number", "boolean"):
        there = set(known.tolist())
        ordered = sorted(there, key=str) if column.categories is None else column.categories
        return objects_of([value for value in ordered if value in there]), None
    numbers = known.astype(np.float64)
    unique = np.unique(numbers)
    deciles = np.quantile(numbers, np.linspace(0.1, 0.9, 9))
    if len(unique) <= resolution:
        return unique, deciles
    low, high = np.quantile(numbers, percentiles)
    if low == high:
        raise ValueError(f"column {position} of X: percentiles={percentiles} are equal; choose wider ones.")
    return np.linspace(low, high, resolution), deciles
