"""Tasks that have rows of their own, as one table with missing labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_consistent_length

from ._targets import Targets, read_targets


def concatenate_task_sets(sets: Mapping[str, tuple[Any, Any]]) -> tuple[Any, Targets]:
    """Put the rows of several tasks below each other; a row has a label for its own task only.

    The result is what every estimator here takes. With a ``task_sampling`` other than "all" a step trains one task
    on its own rows, so that sets of unequal size cost no more than their rows.

    Parameters
    ----------
    sets : mapping of str to (X, y)
        For each task its inputs, of the same columns, and its target: all frames of one library, all sparse
        matrices, or anything else that is array-like.

    Returns
    -------
    X : frame, sparse matrix or ndarray
        All rows, task by task.
    y : Targets
        The target of each task, missing (NaN or None) in the rows of the others.

    Raises
    ------
    ValueError
        If there is no set, columns differ, or X and y of a task differ in length.

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
    targets = {}
    for name, pair in sets.items():
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise ValueError(f"sets[{name!r}] should be a pair (X, y).")
        targets[str(name)] = read_targets({str(name): pair[1]})[0][str(name)]
        check_consistent_length(pair[0], targets[str(name)])
    sizes = [len(target) for target in targets.values()]
    ends = np.cumsum(sizes)
    y = {
        name: _with_gaps(target, int(end) - len(target), int(ends[-1]))
        for (name, target), end in zip(targets.items(), ends, strict=True)
    }
    return _below_each_other([pair[0] for pair in sets.values()]), Targets(y)


def _with_gaps(target: np.ndarray, start: int, n_rows: int) -> np.ndarray:
    """Put a target into a longer one that is missing elsewhere."""
    # floats would make numbers of classes that are integers
    numbers = target.dtype.kind == "f"
    whole = np.full(
        (n_rows, *target.shape[1:]), np.nan if numbers else None, dtype=target.dtype if numbers else object
    )
    whole[start : start + len(target)] = target
    return whole


def _below_each_other(tables: Sequence[Any]) -> Any:
    frames = [nw.from_native(table, eager_only=True, pass_through=True) for table in tables]
    libraries = {f.implementation if isinstance(f, nw.DataFrame) else None for f in frames}
    n_sparse = sum(sparse.issparse(table) for table in tables)
    if len(libraries) > 1 or 0 < n_sparse < len(tables):
        kinds = sorted({type(table).__module__.split(".")[0] + "." + type(table).__name__ for table in tables})
        raise ValueError(
            f"X of all tasks should be frames of one library, or all be sparse, or neither; got {kinds}."
        )
    if n_sparse:
        _check_widths(tables)
        return sparse.vstack(tables, format="csr")
    if None not in libraries:
        columns = frames[0].columns
        if any(frame.columns != columns for frame in frames):
            raise ValueError(f"the frames of all tasks should have the same columns; the first has {columns}.")
        return nw.maybe_reset_index(nw.concat(frames, how="vertical")).to_native()
    arrays = [np.asarray(table) for table in tables]
    _check_widths(arrays)
    return np.concatenate(arrays)


def _check_widths(arrays: Sequence[Any]) -> None:
    if len({array.shape[1:] for array in arrays}) > 1:
        raise ValueError(
            f"X of all tasks should have the same columns; got the shapes {[a.shape for a in arrays]}."
        )
