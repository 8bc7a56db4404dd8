"""What a fitted network says of each task, in one form for all kinds of networks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from ..columns._columns import objects_of
from ..columns._missing import is_missing
from ..targets import align_targets
from ..tasks import Task
from ..utils._types import RowsLike


class Said(NamedTuple):
    """Predictions of one task for some rows, as far as they were asked for.

    Parameters
    ----------
    centre : ndarray of shape (n_rows, n_columns) or None
        Predicted numbers.
    spread : ndarray of shape (n_rows, n_columns) or None
        Their standard deviation.
    quantiles : ndarray of shape (n_rows, n_columns, 2) or None
        A lower and an upper quantile.
    probabilities : ndarray of shape (n_rows, n_classes) or None
        Of classes or labels, in the order of the task's classes. For tokens it is an array (n_tokens, n_classes)
        for each row, as an array of objects, or of shape (n_rows, n_tokens, n_classes).
    """

    centre: np.ndarray | None = None
    spread: np.ndarray | None = None
    quantiles: np.ndarray | None = None
    probabilities: np.ndarray | None = None


class Asked(NamedTuple):
    """What to ask a network of a task: fields of `Said`, and the task as the sets are built with it."""

    fields: Collection[str]
    task: Task
    quantiles: tuple[float, float]


def is_holder(net: Any) -> bool:
    """Return whether an object of this package holds a fitted network, whose predictions are its own."""
    return bool(getattr(type(net), "holds_net", False))


def inner_net(net: Any) -> Any:
    """Return the network within frozen estimators, calibrated ones, and at the end of pipelines."""
    if isinstance(net, FrozenEstimator):
        return inner_net(net.estimator)
    if isinstance(net, Pipeline):
        return inner_net(net.steps[-1][1])
    return inner_net(net.net_) if is_holder(net) else net


def inner_rows(net: Any, X: RowsLike) -> Any:
    """Return the rows as the network within frozen estimators and pipelines reads them."""
    if isinstance(net, FrozenEstimator):
        return inner_rows(net.estimator, X)
    if isinstance(net, Pipeline):
        before = net[:-1].transform(X) if len(net.steps) > 1 else X
        return inner_rows(net.steps[-1][1], before)
    return inner_rows(net.net_, X) if is_holder(net) else X


def said_by(net: Any, X: RowsLike, asked: Mapping[str, Asked]) -> dict[str, Said]:
    """Ask a network of some tasks; what it predicts for the same rows is computed together.

    Parameters
    ----------
    net : object
        Fitted, maybe frozen or at the end of a pipeline.
    X : object
        Inputs.
    asked : mapping of str to Asked
    """
    X, net = inner_rows(net, X), inner_net(net)
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in asked}
    numbers = _asking(asked, "centre")
    if numbers:
        predicted, _ = align_targets(net.predict(X, tasks=numbers), numbers)
        for name in numbers:
            found[name]["centre"] = as_numbers(asked[name].task.predicted_labels(predicted[name]))
    spread = _asking(asked, "spread")
    if spread:
        deviations, _ = align_targets(net.predict_std(X, tasks=spread), spread)
        for name in spread:
            found[name]["spread"] = as_numbers(deviations[name])
    classes = _asking(asked, "probabilities")
    if classes:
        each = _by_task(net.predict_proba(X, tasks=classes), classes)
        for name in classes:
            found[name]["probabilities"] = in_order(each[name], net.tasks_[name], asked[name].task)
    for name in _asking(asked, "quantiles"):
        values = net.predict_quantiles(X, list(asked[name].quantiles), tasks=[name])
        found[name]["quantiles"] = _pairs(name, _by_task(values, [name])[name])
    return {name: Said(**fields) for name, fields in found.items()}


def as_numbers(values: np.ndarray) -> np.ndarray:
    """Return numbers as float64 of shape (n_rows, n_columns), with NaN for missing ones."""
    numbers = np.where(is_missing(values), np.nan, values).astype(np.float64)
    return numbers.reshape(len(numbers), -1)


def _pairs(name: str, quantiles: np.ndarray) -> np.ndarray:
    """Return two quantiles of each column (n_rows, n_columns, 2), the lower one first."""
    if quantiles.ndim not in (2, 3) or quantiles.shape[-1] != 2:
        raise ValueError(
            f"predict_quantiles of the net should return two quantiles of the task {name!r} for each row, got the "
            f"shape {quantiles.shape}."
        )
    return np.sort(quantiles.reshape(len(quantiles), -1, 2), axis=2)


def _asking(asked: Mapping[str, Asked], field: str) -> list[str]:
    return [name for name, each in asked.items() if field in each.fields]


def _by_task(values: Any, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return arrays by task: a mapping has them, a list is in order, and one array is that of one task."""
    if isinstance(values, Mapping):
        return {name: np.asarray(values[name]) for name in names}
    listed = values if isinstance(values, list) else [values]
    return {name: np.asarray(value) for name, value in zip(names, listed, strict=True)}


def as_float64(probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities in float64, also those of an array of arrays."""
    if probabilities.dtype != object:
        return probabilities.astype(np.float64)
    return objects_of([np.asarray(row, dtype=np.float64) for row in probabilities])


def in_order(probabilities: np.ndarray, own: Task, wanted: Task) -> np.ndarray:
    """Return probabilities with columns in the order of another task; classes that are not known have 0."""
    if own is wanted:
        return as_float64(probabilities)
    if probabilities.dtype == object:
        return objects_of([in_order(row, own, wanted) for row in probabilities])
    place = {label: column for column, label in enumerate(own.classes_.tolist())}
    columns = [place.get(label, -1) for label in wanted.classes_.tolist()]
    padding = [(0, 0)] * (probabilities.ndim - 1) + [(0, 1)]
    return np.pad(probabilities.astype(np.float64), padding)[..., columns]
