"""Read any y as `Targets` and its container."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ..columns._columns import plain
from ..columns._labels import as_target, read_labels
from ..columns._survival import are_fields_of_one_label
from ..utils._types import TargetsLike
from ._container import Container, read_container
from ._container_type import GivenTargets
from ._naming import are_records, frame_or_series
from ._targets import Targets


def read_targets(y: TargetsLike, tasks: Collection[Any] | None = None) -> tuple[Targets, Container]:
    """Read any kind of y as `Targets`.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_tasks), structured array, frame, mapping or Targets
        A 1-D y is one task, named after its Series or "y". The columns of a 2-D array are tasks "0", "1", ...
        All other types name their tasks, also a list of one dict per row.
    tasks : collection of str or None, default=None
        Names of tasks that are known. If it is a single one, and y is a structured array of an event and a time,
        neither of which has its name, these are the censored times of this task.

    Returns
    -------
    targets : Targets
    container : Container
        The kind of y, which predictions are returned in.

    Raises
    ------
    ValueError, TypeError
        If y is None, empty, sparse or of more than two dimensions, or names a task twice.
    """
    if issparse(y):
        raise TypeError(
            "Sparse y is not supported, because scikit-learn reads what is not stored as 0. Pass "
            "Targets.from_sparse(y) if it is missing, Targets.from_long(row, task, label) for a list of labels, "
            "or y.toarray() if it is 0."
        )
    if isinstance(y, Targets):
        return _as_targets(y), y._container or Container.named(tuple(y))
    if tasks is not None and len(tasks) == 1 and isinstance(y, np.ndarray) and are_fields_of_one_label(y):
        name = str(next(iter(tasks)))
        if name.partition("__")[0] not in (y.dtype.names or ()):  # nor a parameter of the task of a field
            return Targets({name: y}), Container.of_one_task(name)
    container, columns = read_container(_as_given(y))
    return _as_targets(Targets(zip(container.names, columns, strict=True))), container


def align_targets(y: TargetsLike, names: Sequence[str]) -> tuple[Targets, Container]:
    """Read y for known tasks.

    Columns without names are matched by position, others by name; columns of other names are ignored.

    Raises
    ------
    ValueError
        If a task has no column.
    """
    if len(names) == 1 and isinstance(y, list) and not are_records(y):
        y = {names[0]: y}  # inner lists are sets of labels, even if all have one length
    targets, container = read_targets(y, names)
    if not container.names_tasks and len(container.names) == len(names):
        return targets._named(names), container
    lacking = [name for name in names if name not in targets]
    if lacking:
        raise ValueError(f"y lacks the tasks {lacking}; it has {list(targets)}.")
    return targets._select(names), container


def name_of(key: Any, names: Any) -> Any:
    """Return the task of a key, which may be the integer name of a column of a frame or an array."""
    if key not in names and isinstance(key, int | np.integer) and not isinstance(key, bool):
        return str(key) if str(key) in names else key
    return key


def _as_given(y: TargetsLike) -> GivenTargets:
    """Convert y to one of the types that `read_container` distinguishes."""
    if isinstance(y, Mapping) or are_records(y):
        return y
    y = plain(y)
    frame = frame_or_series(y)
    return _as_array(y) if frame is None else frame


def _as_array(y: TargetsLike) -> np.ndarray:
    """Convert y without names as scikit-learn does: inner lists of one length are rows of a 2-D array."""
    array = read_labels(y, "y").values
    if array.dtype.kind == "O" and array.ndim == 1 and isinstance(y, list | tuple):
        lengths = {len(row) if isinstance(row, list | tuple) else -1 for row in array}
        if len(lengths) == 1 and -1 not in lengths:
            return np.array([list(row) for row in array])
    return array


def _as_targets(given: Targets) -> Targets:
    """Convert each column to the form that tasks accept; see `as_target`."""
    if given.is_sparse:
        return given
    return Targets._of({k: as_target(values) for k, values in given.items()}, given._categories, given._of_whole)
