"""From the user's rows to fitted tasks and encoded data."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_consistent_length

from ..exceptions import SingleClassWarning
from ..tasks import Task, infer_task, resolve_task
from ..utils._random import Streams
from ._blueprint import Blueprint
from ._data import Dataset, ValidationRows, encode_targets, encode_task, split_rows
from ._positions import NO_POSITIONS, Positions


class DataSplit(NamedTuple):
    """Rows to train on, and rows to watch or None."""

    train: Dataset
    valid: ValidationRows | None

    @property
    def n_rows(self) -> int:
        """Number of rows in both."""
        return len(self.train) + (0 if self.valid is None else len(self.valid.data))


def fit_tasks(
    targets: Mapping[str, np.ndarray],
    given: Mapping[str, Any] | None,
    kind: str | None,
    sample_weight: Mapping[str, np.ndarray] | None,
    classes: Mapping[str, np.ndarray] | None = None,
    positions: Positions = NO_POSITIONS,
) -> dict[str, Task]:
    """Choose and fit the task of each target.

    Parameters
    ----------
    targets : mapping of str to ndarray
        Labels by task.
    given : mapping of str to Task or str, or None
        Tasks that the user chose; the others are inferred.
    kind : {"classification", "regression"} or None
        The only kind of tasks that is allowed; None for any.
    sample_weight : mapping of str to ndarray or None
        Weights of the rows by task.
    classes : mapping of str to ndarray or None, default=None
        All classes of some tasks.
    positions : Positions
        What the rows of X have that labels can belong to.

    Raises
    ------
    ValueError
        With the name of the task, if its labels are not of its kind.
    """
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise TypeError(f"tasks should be a mapping from name to Task, got {given!r}.")
    unknown = [name for name in given if name not in targets]
    if unknown:
        raise ValueError(f"tasks names {unknown}, but y has the targets {list(targets)}.")
    fitted = {}
    for name, y in targets.items():
        weight = None if sample_weight is None else sample_weight[name]
        rows = positions
        if weight is not None:  # a row of weight 0 is as good as absent
            check_consistent_length(y, weight)
            y, weight, rows = y[weight > 0], weight[weight > 0], positions.of(weight > 0)
        try:
            chosen = given.get(name)
            task = infer_task(y, kind, rows.lengths, rows.grid) if chosen is None else clone(resolve_task(chosen))
            rows.check(task, y)
            if kind is not None and task.kind != kind:
                raise ValueError(f"{task!r} is not a {kind} task")
            fitted[name] = task.fit(y, weight, None if classes is None else classes.get(name))
        except (TypeError, ValueError) as error:
            raise ValueError(f"task {name!r}: {error}") from error
        for remark in task.remarks:
            warnings.warn(f"task {name!r}: {remark}", UserWarning, stacklevel=4)
        if len(getattr(task, "classes_", ("", ""))) == 1:
            warnings.warn(
                f"task {name!r} has labels of one class only, {task.classes_.tolist()[0]!r}.",
                SingleClassWarning,
                stacklevel=4,
            )
    return fitted


def prepare_data(
    blueprint: Blueprint,
    X: Any,
    targets: Mapping[str, np.ndarray],
    sample_weight: Mapping[str, np.ndarray] | None,
    *,
    owner: BaseEstimator,
    device: torch.device,
    validation_fraction: float,
    epoch: int = 0,
) -> DataSplit:
    """Encode the rows once and split off those to validate on.

    Parameters
    ----------
    blueprint : Blueprint
    X : object
        What the user passed to ``fit``.
    targets : mapping of str to ndarray
        Labels by task.
    sample_weight : mapping of str to ndarray or None
        Weights of the rows by task.
    owner : BaseEstimator
        The estimator in whose name X is checked.
    device : torch.device
    validation_fraction : float
        Share of the rows to validate on; 0 for none.
    epoch : int, default=0
        Epochs trained before; a later fit draws another split.
    """
    inputs = blueprint.trunk.encode(X, owner=owner)
    first = next(iter(inputs.values()))
    check_consistent_length(first, next(iter(targets.values())))
    for name, task in blueprint.tasks.items():
        if name in targets and name not in blueprint.active:  # not trained, and yet its labels are checked
            encode_task(task, name, targets[name], None if sample_weight is None else sample_weight[name])
    encoded, weights = encode_targets(
        blueprint.objective().groups, blueprint.tasks, targets, sample_weight, blueprint.torch_dtype
    )
    data = Dataset(inputs, encoded, weights).to(device)
    return split_data(blueprint, data, targets, sample_weight, validation_fraction, epoch)


def split_data(
    blueprint: Blueprint,
    data: Dataset,
    targets: Mapping[str, np.ndarray],
    sample_weight: Mapping[str, np.ndarray] | None,
    validation_fraction: float,
    epoch: int = 0,
    fold: int = 0,
) -> DataSplit:
    """Split encoded rows at random into those to train on and those to validate on.

    Parameters are those of `prepare_data`, and ``data``, the encoded rows, and ``fold``, which of the shares of
    the rows is validated on.
    """
    n_valid = min(max(1, round(validation_fraction * len(data))), len(data) - 1)
    if validation_fraction == 0 or n_valid == 0:
        return DataSplit(data, None)
    generator = Streams(blueprint.seed).generator("validation", epoch)
    train, valid = split_rows(len(data), n_valid, generator, fold)
    rows = valid.numpy()
    watched = ValidationRows(
        data.subset(valid),
        labels={name: targets[name][rows] for name in blueprint.active},
        sample_weight=None if sample_weight is None else {k: v[rows] for k, v in sample_weight.items()},
    )
    return DataSplit(data.subset(train), watched)
