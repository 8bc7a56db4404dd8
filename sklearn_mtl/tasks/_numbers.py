"""Targets that are numbers, and their statistics."""

from __future__ import annotations

from numbers import Real

import numpy as np

from ..columns._missing import is_missing
from ._base import require_dimensions


def numbers_of(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a target as float columns, and which elements are labelled."""
    require_dimensions(y, "regression")
    y = y if y.ndim == 2 else y[:, None]
    labelled = ~is_missing(y)
    values = np.full(y.shape, np.nan)
    if y.dtype.kind in "cmMSU" or any(isinstance(value, str) for value in _objects(y[labelled])):
        raise ValueError(f"the target of a regression must be numbers, got dtype {y.dtype}")
    try:
        values[labelled] = y[labelled].astype(np.float64)
    except (TypeError, ValueError) as error:
        first = next(value for value in y[labelled] if not isinstance(value, Real))
        raise ValueError(f"the target of a regression must be numbers, got values such as {first!r}") from error
    if np.isinf(values).any():
        raise ValueError("the target contains infinity")
    return values, labelled


def mean_and_deviation(values: np.ndarray, weight: np.ndarray | None) -> tuple[float, float]:
    """Compute the mean and standard deviation of numbers of any size; the deviation of equal numbers is 0."""
    lowest, highest = values.min(), values.max()
    if lowest == highest:
        return float(lowest), 0.0
    largest = max(highest / 2 - lowest / 2, np.finfo(np.float64).tiny)
    if largest > np.finfo(np.float64).max / 4:
        raise ValueError(f"the target ranges from {lowest:g} to {highest:g}, which is too wide to be standardised")
    middle = lowest / 2 + highest / 2
    parts = (values - middle) / largest  # from -1 to 1: no sum of squares overflows or vanishes
    mean = np.average(parts, weights=weight)
    deviation = np.sqrt(np.average((parts - mean) ** 2, weights=weight))
    return float(middle + mean * largest), float(deviation * largest)


def _objects(values: np.ndarray) -> np.ndarray:
    return values if values.dtype.kind == "O" else values[:0]


def highest_of(values: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Return the largest labelled number of each column."""
    return np.asarray(np.where(labelled, values, -np.inf).max(axis=0, initial=-np.inf))
