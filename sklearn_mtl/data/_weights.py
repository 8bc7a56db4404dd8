"""Check the weights of tasks and of rows."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from ..columns._columns import read_column
from ..targets import name_of, read_targets
from ..utils._types import WeightsLike


def check_weights(weights: Any, tasks: Collection[str], parameter: str) -> dict[str, float]:
    """Check a mapping of weights, and add 1.0 for tasks without an entry.

    Raises
    ------
    ValueError, TypeError
        If it is not a mapping, has an unknown task or a value that is not a finite number of at least 0, or no
        weight is above 0.
    """
    if weights is None:
        return dict.fromkeys(tasks, 1.0)
    if not isinstance(weights, Mapping):
        raise TypeError(f"{parameter} should be a mapping from task to weight, got {weights!r}.")
    given, weights = weights, {name_of(name, tasks): weight for name, weight in weights.items()}
    if len(weights) < len(given):
        raise ValueError(f"{parameter} names a task twice: {list(given)}.")
    unknown = [name for name in weights if name not in tasks]
    if unknown:
        raise ValueError(f"{parameter} names unknown tasks {unknown}; the tasks are {list(tasks)}.")
    for name, weight in weights.items():
        number = isinstance(weight, Real) and not isinstance(weight, bool | np.bool_)
        if not number or not math.isfinite(weight) or weight < 0:
            raise ValueError(f"{parameter}[{name!r}]={weight!r} should be a finite number of at least 0.")
    complete = {name: float(weights.get(name, 1.0)) for name in tasks}
    if not any(complete.values()):
        raise ValueError(f"{parameter}: all tasks have weight 0; at least one must be above 0.")
    return complete


def check_score_weights(weights: Any, tasks: Collection[str], auxiliary: Collection[str] = ()) -> dict[str, float]:
    """Check the weights of scores as `check_weights` does; auxiliary tasks are not scored, and weigh 0.

    Raises
    ------
    ValueError, TypeError
        As in `check_weights`; also if an auxiliary task has a weight.
    """
    given = weights if isinstance(weights, Mapping) else {}
    named = [name for name in given if name_of(name, tasks) in auxiliary]
    if named:
        raise ValueError(
            f"score_weights names {named}, which are auxiliary and therefore not scored; leave them out."
        )
    known = check_weights(weights, [name for name in tasks if name not in auxiliary], "score_weights")
    return {name: known.get(name, 0.0) for name in tasks}


def check_sample_weight(
    sample_weight: WeightsLike, tasks: Collection[str], n_rows: int, *, may_be_zero: bool = False
) -> dict[str, np.ndarray] | None:
    """Check the weights of rows, and return them by task.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), mapping or frame of such by task, or None
        Tasks that a mapping does not name weigh 1.
    tasks : collection of str
    n_rows : int
    may_be_zero : bool, default=False
        Whether the weights of all rows may be 0, as in ``score``.

    Raises
    ------
    ValueError
        If weights are negative, NaN, all zero, of the wrong length, or of an unknown task.

    Notes
    -----
    A loss is a weighted mean over rows, so only the ratios of the weights of a task matter. They are scaled by
    `in_common_units`, so that float32 can represent weights of any unit.
    """
    if sample_weight is None:
        return None
    if not (isinstance(sample_weight, Mapping) or _has_columns(sample_weight)):
        common = _check_one(sample_weight, n_rows, "sample_weight", may_be_zero)
        return dict.fromkeys(tasks, common)
    by_task, _ = read_targets(sample_weight)
    unknown = [name for name in by_task if name not in tasks]
    if unknown:
        raise ValueError(f"sample_weight names unknown tasks {unknown}; the tasks are {list(tasks)}.")
    ones = np.ones(len(next(iter(by_task.values()))))
    given = {name: by_task.get(name, ones) for name in tasks}
    return {name: _check_one(given[name], n_rows, f"sample_weight[{name!r}]", may_be_zero) for name in tasks}


def common_weight(
    sample_weight: Mapping[str, np.ndarray] | None, task_weights: Mapping[str, float]
) -> np.ndarray | None:
    """Return the weights of the rows if they agree for all trained tasks, otherwise None."""
    if sample_weight is None:
        return None
    first, *others = (sample_weight[name] for name, weight in task_weights.items() if weight > 0)
    return first if all(other is first or np.array_equal(other, first) for other in others) else None


def in_common_units(weight: np.ndarray) -> np.ndarray:
    """Scale weights by a power of two, without rounding, so that the largest is in [1, 2)."""
    _, exponent = np.frexp(weight.max(initial=0.0))
    return weight if exponent == 1 else np.ldexp(weight, 1 - exponent)


def _check_one(weight: Any, n_rows: int, name: str, may_be_zero: bool) -> np.ndarray:
    rows = np.empty((n_rows, 1))  # scikit-learn compares its length
    try:
        return in_common_units(
            _check_sample_weight(
                _numbers(weight),
                rows,
                dtype=np.float64,
                ensure_non_negative=True,
                allow_all_zero_weights=may_be_zero,
            )
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def _numbers(weight: Any) -> Any:
    """Read the weights of rows from any container; a number is the weight of all rows."""
    if isinstance(weight, Real) or not hasattr(weight, "__len__"):
        return weight
    if getattr(weight, "ndim", 1) == 2 and weight.shape[1] == 1:
        weight = weight[:, 0]
    if getattr(weight, "ndim", 1) != 1:
        return weight  # scikit-learn refuses it
    column = read_column(weight)
    if column.missing.any():
        raise ValueError(f"Input sample_weight contains NaN or None, first in row {int(column.missing.argmax())}.")
    if column.kind not in ("number", "boolean"):
        raise TypeError(f"weights should be numbers, got values such as {column.values[0]!r}.")
    return column.values


def _has_columns(values: Any) -> bool:
    return hasattr(values, "columns") and getattr(values, "ndim", 2) == 2
