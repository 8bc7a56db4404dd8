"""Concatenation of tasks with separate rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_consistent_length

from ..columns._concatenate import below_each_other
from ._read import read_targets
from ._targets import Targets


def concatenate_task_sets(sets: Mapping[str, tuple[Any, Any]]) -> tuple[Any, Targets]:
    """Concatenate the rows of several tasks; a row has a label for its own task only.

    All estimators of this package accept the result. With a ``task_sampling`` other than "all", each step trains
    one task on its own rows, so no computation is spent on missing labels.

    Parameters
    ----------
    sets : mapping of str to (X, y)
        Inputs and target of each task. The inputs of all tasks have one kind: frames of one library with the same
        columns, whose categories are united; sparse matrices; sentences, token lists or rows of steps; mappings of
        the same inputs; or array-likes, including tensors.

    Returns
    -------
    X : frame, sparse matrix, ndarray or Targets
        All rows, task by task. Rows of different lengths are an array of objects, and mappings are `Targets`.
    y : Targets
        The target of each task, missing (NaN or None) in the rows of the others.

    Raises
    ------
    ValueError
        If sets is empty, kinds or columns of inputs differ, or X and y of a task differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl import MultiTaskNetEstimator, concatenate_task_sets
    >>> rng = np.random.default_rng(0)
    >>> few, many = rng.normal(size=(40, 3)), rng.normal(size=(400, 3))
    >>> X, y = concatenate_task_sets({"rare": (few, few[:, 0] > 0), "common": (many, many[:, 0] * 2)})
    >>> X.shape, int(np.isnan(y["common"]).sum())
    ((440, 3), 40)
    >>> net = MultiTaskNetEstimator(task_sampling="temperature", max_epochs=5, random_state=0).fit(X, y)
    """
    if not isinstance(sets, Mapping) or not sets:
        raise ValueError(f"sets should be a mapping from task to (X, y) with at least one task, got {sets!r}.")
    targets, inputs = {}, []
    for name, pair in sets.items():
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise ValueError(f"sets[{name!r}] should be a pair (X, y).")
        targets[str(name)] = read_targets({str(name): pair[1]})[0][str(name)]
        X = pair[0]
        # a DOK sparse matrix is also a mapping
        inputs.append(Targets(X) if isinstance(X, Mapping) and not sparse.issparse(X) else X)
        check_consistent_length(inputs[-1], targets[str(name)])
    sizes = [len(target) for target in targets.values()]
    ends = np.cumsum(sizes)
    y = {
        name: _with_gaps(target, int(end) - len(target), int(ends[-1]))
        for (name, target), end in zip(targets.items(), ends, strict=True)
    }
    return _below_each_other(inputs), Targets(y)


def _with_gaps(target: np.ndarray, start: int, n_rows: int) -> np.ndarray:
    """Extend a target with missing labels."""
    # integers would become floats, and classes therefore numbers
    numbers = target.dtype.kind == "f"
    whole = np.full(
        (n_rows, *target.shape[1:]), np.nan if numbers else None, dtype=target.dtype if numbers else object
    )
    whole[start : start + len(target)] = target
    return whole


def _below_each_other(inputs: Sequence[Any]) -> Any:
    """Concatenate inputs by rows, and each input of mappings separately."""
    several = [isinstance(one, Targets) for one in inputs]
    if not any(several):
        return below_each_other(inputs)
    if not all(several) or len({tuple(sorted(one)) for one in inputs}) > 1:
        names = [list(one) if isinstance(one, Targets) else type(one).__name__ for one in inputs]
        raise ValueError(f"X of all tasks should be mappings with the same inputs; got {names}.")
    joined = {}
    for name in inputs[0]:
        try:
            joined[name] = below_each_other([one.as_given(name) for one in inputs])
        except ValueError as error:
            raise ValueError(f"input {name!r}: {error}") from error
    return Targets(joined)
