"""Contenders of `conformal.py`: each is fitted once, and predicts sets from many splits of the rows that are left.

What a model predicts for these rows is computed once. `Remembered` and `Known` return it by the positions of rows,
so that a split costs the arithmetic of sets only.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _rows import Rows
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.tasks import Regression
from sklearn_mtl.uncertainty import ConformalMultiTask

LEVELS = (0.8, 0.9, 0.95)
#: the level at which quantiles are fitted
LEVEL_OF_QUANTILES = 0.9
QUANTILES = (0.05, 0.95)
JOINT = ("max", "bonferroni")
#: in the place of a task, for joint sets
ALL = "all tasks"
#: rows with labels of all tasks, from which on joint sets are compared
FEWEST_JOINT = 200
#: features from which on a split of a tree of numbers tries a third of them
MANY_FEATURES = 500


class Cell(NamedTuple):
    """Which labels are in the sets of one task, NaN without a label, and the sizes of the sets."""

    task: str
    level: float
    inside: np.ndarray
    sizes: np.ndarray


class Remembered(BaseEstimator):
    """What a fitted network says of some rows, as a network whose inputs are the positions of these rows."""

    n_features_in_ = 1

    def __init__(self, net: Any = None, X: Any = None, n_rows: int = 0) -> None:
        self.net, self.X, self.n_rows = net, X, n_rows

    def fit(self, positions: np.ndarray, y: None = None) -> Remembered:
        self.tasks_, self.task_names_ = self.net.tasks_, list(self.net.tasks_)
        numbers = [name for name, task in self.tasks_.items() if task.is_regression]
        classes = [name for name in self.tasks_ if name not in numbers]
        rows, self.kept = self.X.iloc[positions], {}
        quantiles = [name for name in numbers if self.tasks_[name].has_quantiles]
        if quantiles:
            found = self.net.predict_quantiles(rows, QUANTILES, tasks=quantiles)
            self._keep("predict_quantiles", found, quantiles, positions)
        if numbers:
            self._keep("predict", self.net.predict(rows, tasks=numbers), numbers, positions)
            self._keep("predict_std", self.net.predict_std(rows, tasks=numbers), numbers, positions)
        if classes:
            self._keep("predict_proba", self.net.predict_proba(rows, tasks=classes), classes, positions)
        return self

    def _keep(self, call: str, values: Any, names: list[str], positions: np.ndarray) -> None:
        for name in names:
            own = np.asarray(values[name], dtype=float)
            self.kept[call, name] = np.full((self.n_rows, *own.shape[1:]), np.nan)
            self.kept[call, name][positions] = own

    def _at(self, call: str, X: Any, tasks: Sequence[str]) -> Targets:
        positions = np.asarray(X).ravel()
        return Targets({name: self.kept[call, name][positions] for name in tasks})

    def predict(self, X: Any, tasks: Sequence[str]) -> Targets:
        return self._at("predict", X, tasks)

    def predict_std(self, X: Any, tasks: Sequence[str]) -> Targets:
        return self._at("predict_std", X, tasks)

    def predict_proba(self, X: Any, tasks: Sequence[str]) -> Targets:
        return self._at("predict_proba", X, tasks)

    def predict_quantiles(self, X: Any, q: Any, tasks: Sequence[str]) -> Targets:
        return self._at("predict_quantiles", X, tasks)


class Known(BaseEstimator):
    """Predictions of a model by positions of rows, for MAPIE."""

    def __init__(self, values: Any = None, classes: Any = None) -> None:
        self.values, self.classes = values, classes

    def fit(self, X: Any, y: Any) -> Known:
        self.n_features_in_ = 1
        if self.classes is not None:
            self.classes_ = self.classes
            self._estimator_type = "classifier"
        return self

    def predict(self, X: Any) -> np.ndarray:
        values = self.values[np.asarray(X, dtype=int).ravel()]
        return values if self.classes is None else self.classes_[values.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        return self.values[np.asarray(X, dtype=int).ravel()]


class Ours:
    """A network with the default parameters, and `ConformalMultiTask` with its default methods or others.

    With ``quantiles`` the network learns quantiles of numbers in place of means.
    """

    def __init__(self, rows: Rows, learned: np.ndarray, rest: np.ndarray, quantiles: bool = False) -> None:
        self.rows, self.kinds = rows, rows.kinds
        tasks: dict[str, Any] = dict(self.kinds)
        if quantiles:
            low, high = QUANTILES
            quantile = Regression(loss="quantile", quantile=[low, 0.5, high])
            tasks = {name: quantile if kind == "regression" else kind for name, kind in tasks.items()}
        net = MultiTaskNetEstimator(tasks=tasks, device="cpu", random_state=0)
        net.fit(rows.X.iloc[learned], rows.y.iloc[learned])
        self.net = Remembered(net, rows.X, len(rows.X)).fit(rest)

    def cells(self, calibration: np.ndarray, test: np.ndarray, method: str) -> Iterator[Cell]:
        names = [name for name, kind in self.kinds.items() if method == "auto" or kind == "regression"]
        one = self._calibrated(calibration, method=method, tasks=names)
        for level in LEVELS:
            sets = one.predict_set(test[:, None], confidence_level=level)
            for name in names:
                yield Cell(name, level, *self._found(name, test, sets[name]))

    def joint_cells(self, calibration: np.ndarray, test: np.ndarray, joint: str) -> Iterator[Cell]:
        """Return one cell for all tasks; its sizes are whether all sets of a row are finite."""
        one = self._calibrated(calibration, joint=joint)
        for level in LEVELS:
            sets = one.predict_set(test[:, None], confidence_level=level)
            each = {name: self._found(name, test, sets[name]) for name in self.kinds}
            inside = np.column_stack([found for found, _ in each.values()])
            all_inside = np.where(np.isnan(inside).any(axis=1), np.nan, np.nanmin(inside, axis=1, initial=1.0))
            finite = np.all([np.isfinite(sizes) for _, sizes in each.values()], axis=0).astype(float)
            yield Cell(ALL, level, all_inside, finite)

    def _calibrated(self, calibration: np.ndarray, **params: Any) -> ConformalMultiTask:
        one = ConformalMultiTask(self.net, **params)
        with warnings.catch_warnings():  # of tasks with few labels
            warnings.simplefilter("ignore", UserWarning)
            return one.conformalize(calibration[:, None], self.rows.y.iloc[calibration])

    def _found(self, name: str, test: np.ndarray, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kind = self.kinds[name]
        if kind == "regression":
            return inside_interval(self.rows, name, test, sets)
        found = inside_set if kind == "classification" else found_labels
        return found(self.rows, name, test, sets, self.net.tasks_[name].classes_)


class Forest:
    """MAPIE around a random forest for each task: absolute residuals, and LAC."""

    def __init__(self, rows: Rows, learned: np.ndarray, rest: np.ndarray, tasks: Sequence[str]) -> None:
        self.rows, self.kinds, self.models, X = rows, rows.kinds, {}, inputs_of(rows)
        for task in tasks:
            own, labels = labelled(rows, task, learned)
            if self.kinds[task] == "regression":
                share = 1 / 3 if X.shape[1] >= MANY_FEATURES else 1.0
                model = RandomForestRegressor(min_samples_leaf=2, max_features=share, random_state=0)
                values, classes = np.full(len(X), np.nan), None
                values[rest] = model.fit(X[own], labels.astype(float)).predict(X[rest])
            else:
                model = RandomForestClassifier(min_samples_leaf=2, random_state=0).fit(X[own], labels)
                classes = model.classes_
                values = np.full((len(X), len(classes)), np.nan)
                values[rest] = model.predict_proba(X[rest])
            self.models[task] = Known(values, classes).fit(None, None)

    def cells(self, calibration: np.ndarray, test: np.ndarray) -> Iterator[Cell]:
        from mapie.classification import SplitConformalClassifier
        from mapie.regression import SplitConformalRegressor

        for task, model in self.models.items():
            own, labels = labelled(self.rows, task, calibration)
            levels = [level for level in LEVELS if len(own) > 1 / (1 - level)]  # fewer are refused by MAPIE
            if not levels:
                continue
            is_number = self.kinds[task] == "regression"
            peer = (SplitConformalRegressor if is_number else SplitConformalClassifier)(
                model, confidence_level=levels, prefit=True
            )
            peer.conformalize(own[:, None], labels.astype(float) if is_number else labels)
            predicted = (peer.predict_interval if is_number else peer.predict_set)(test[:, None])[1]
            for place, level in enumerate(levels):
                if is_number:
                    found = inside_interval(self.rows, task, test, predicted[:, :, place])
                else:
                    found = inside_set(self.rows, task, test, predicted[:, :, place], model.classes_)
                yield Cell(task, level, *found)


class BoostedQuantiles:
    """Two quantiles of gradient boosting for each task, conformalised (Romano, Patterson and Candes, 2019)."""

    def __init__(self, rows: Rows, learned: np.ndarray, rest: np.ndarray, tasks: Sequence[str]) -> None:
        self.rows, self.bounds, X = rows, {}, inputs_of(rows)
        for task in tasks:
            own, labels = labelled(rows, task, learned)
            self.bounds[task] = np.full((len(X), 2), np.nan)
            for side, quantile in enumerate(QUANTILES):
                model = HistGradientBoostingRegressor(loss="quantile", quantile=quantile, random_state=0)
                self.bounds[task][rest, side] = model.fit(X[own], labels.astype(float)).predict(X[rest])

    def cells(self, calibration: np.ndarray, test: np.ndarray) -> Iterator[Cell]:
        for task, bounds in self.bounds.items():
            own, labels = labelled(self.rows, task, calibration)
            place = place_of(len(own), LEVEL_OF_QUANTILES)
            if place > len(own):
                continue
            low, high = bounds[own].T
            reach = np.sort(np.maximum(low - labels.astype(float), labels.astype(float) - high))[place - 1]
            moved = bounds[test] + [-reach, reach]
            yield Cell(task, LEVEL_OF_QUANTILES, *inside_interval(self.rows, task, test, moved))


def place_of(n_rows: int, level: float) -> int:
    """Return the rank of the threshold among the scores of calibration rows."""
    return int(np.ceil(round((n_rows + 1) * level, 9)))


def labelled(rows: Rows, task: str, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of rows with a label, and their labels."""
    own = positions[rows.y[task].iloc[positions].notna().to_numpy()]
    return own, rows.y[task].iloc[own].to_numpy()


def inside_interval(rows: Rows, task: str, test: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which numbers are in their intervals, and the widths in standard deviations of the target."""
    every = rows.y[task].to_numpy(dtype=float)
    y = every[test]
    inside = np.where(np.isnan(y), np.nan, (bounds[:, 0] <= y) & (y <= bounds[:, 1]))
    return inside, np.maximum(bounds[:, 1] - bounds[:, 0], 0.0) / np.nanstd(every, ddof=1)


def inside_set(
    rows: Rows, task: str, test: np.ndarray, sets: np.ndarray, classes: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return which classes are in their sets, and the numbers of classes."""
    y = rows.y[task].iloc[test]
    codes = pd.Index(classes).get_indexer(y)
    inside = np.where(codes >= 0, sets[np.arange(len(test)), codes], 0.0)
    return np.where(y.isna(), np.nan, inside), sets.sum(axis=1).astype(float)


def found_labels(
    rows: Rows, task: str, test: np.ndarray, sets: np.ndarray, classes: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of the true labels of each row that are in its set, and the numbers of labels."""
    place = {label: code for code, label in enumerate(classes)}
    shares = [
        np.mean([sets[n, place[label]] if label in place else 0.0 for label in labels]) if len(labels) else 1.0
        for n, labels in enumerate(rows.y[task].iloc[test])
    ]
    return np.array(shares, dtype=float), sets.sum(axis=1).astype(float)


def inputs_of(rows: Rows) -> np.ndarray:
    """Return numbers: categories become columns of 0 and 1, missing numbers the median."""
    X = pd.get_dummies(rows.X, dtype=float)
    return X.fillna(X.median()).to_numpy(dtype=float)
