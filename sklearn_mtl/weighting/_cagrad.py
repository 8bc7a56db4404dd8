"""Conflict-averse gradient descent."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from ..utils._params import Interval
from ._cone import UnitGradients, nonnegative_least_squares
from ._gramian import GramianWeighting, Solver

# Upper bound for the sum of the lengths of the added gradients, in radii. A larger sum is the rounding error of
# gradients that cancel.
LARGEST = 1e4
# Unit vectors whose mean is shorter than this cancel.
ROUNDING = 1e-8
# Relative precision of the radius, and the maximum number of iterations; a few are enough.
TOLERANCE = 1e-9
MAX_ITERATIONS = 100


class CAGrad(GramianWeighting):
    r"""Stay near the mean gradient, and improve the task that gains least there [1]_.

    Among all d with :math:`\|d - g_0\| \le c \|g_0\|`, :math:`g_0` the mean gradient, it chooses the one with the
    largest :math:`\min_t \langle g_t, d \rangle`. The weights are :math:`1 + T c \, (\|g_0\| / \|g_w\|) \, w`,
    where w on the simplex minimises :math:`\langle g_w, g_0 \rangle + c \|g_0\| \|g_w\|`, :math:`g_w = \sum_t w_t
    g_t`. Gradients that are orthogonal and equally long have weights of 1 + c.

    If no direction improves all tasks, :math:`g_w` is 0 and the solution is not unique: it chooses a d near the
    mean that harms no task, if there is one within the radius. For c >= 1 there always is one.

    Parameters
    ----------
    c : float >= 0, default=0.5
        Radius around the mean gradient; 0 is plain summing.
    grad_at : {"representation", "trunk"}, default="representation"
        Where the gradients are taken; see `GramianWeighting`.
    every : int >= 1, default=1
        Steps between two computations of the weights.

    References
    ----------
    .. [1] Liu et al., "Conflict-Averse Gradient Descent for Multi-task Learning", NeurIPS 2021.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.weighting import CAGrad
    >>> MultiTaskNetEstimator(weighting=CAGrad(c=0.4))
    MultiTaskNetEstimator(weighting=CAGrad(c=0.4))
    """

    _parameter_constraints = {
        **GramianWeighting._parameter_constraints,
        "c": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, c: float = 0.5, grad_at: str = "representation", every: int = 1) -> None:
        self.c = c
        self.grad_at = grad_at
        self.every = every

    def solver(self) -> Solver:
        return lambda gramian: cagrad(gramian, self.c)


def cagrad(gramian: Tensor, c: float) -> Tensor:
    """Compute the weights of CAGrad, times T, for a Gram matrix (T, T)."""
    lengths, vectors = UnitGradients.of(gramian)
    shares = lengths / (lengths.max() * len(lengths))  # of unit vectors in the mean gradient
    mean = vectors @ shares
    radius = c * float(np.linalg.norm(mean))
    if radius <= c * ROUNDING:
        return torch.ones_like(gramian[0])
    return torch.from_numpy(1 + _within(vectors, mean, lengths.min() / lengths, radius) / shares)


def _within(vectors: np.ndarray, mean: np.ndarray, units: np.ndarray, radius: float) -> np.ndarray:
    r"""Return the x >= 0 for which d = mean + vectors @ x is the best direction within a radius around the mean.

    Of all d with :math:`\langle v_t, d \rangle \ge \tau u_t`, with units u, the closest one to the mean is found
    by least squares. Its distance grows with the worst gain :math:`\tau`, so the best d within a radius lies on
    this path, which is piecewise linear; s is the position on it. If no direction improves all tasks, the path
    never leaves the radius: it ends where the sum of x is `LARGEST` times the radius. There no task is harmed.
    """
    matrix, vector = np.vstack([vectors, units]), np.append(-mean, 0.0)
    x = nonnegative_least_squares(vectors, -mean)
    length = np.linalg.norm(vectors @ x)
    if abs(length / radius - 1) < TOLERANCE:
        return x
    if length < radius:
        low, high, bound = float(units @ x), np.inf, max(LARGEST * radius, float(x.sum()))
    else:  # every direction within the radius harms some task
        low, high, bound = -np.inf, float(units @ x), np.inf
    s = float(units @ x)
    for _ in range(MAX_ITERATIONS):
        s = _next_on_path(matrix, vector, x > 0, radius, bound, low, high, s)
        vector[-1] = s
        x = nonnegative_least_squares(matrix, vector)
        excess = max(np.linalg.norm(vectors @ x) / radius, x.sum() / bound) - 1
        if abs(excess) < TOLERANCE:
            break
        low, high = (s, high) if excess < 0 else (low, s)
        if high - low <= TOLERANCE * min(abs(low), abs(high)):
            break
    return x


def _next_on_path(
    matrix: np.ndarray,
    vector: np.ndarray,
    active: np.ndarray,
    radius: float,
    bound: float,
    low: float,
    high: float,
    s: float,
) -> float:
    """Return the position where the current segment leaves the radius, or one between the bounds."""
    if active.any():
        part = matrix[:, active]
        ends = np.stack([np.append(vector[:-1], 0.0), np.append(np.zeros(len(vector) - 1), 1.0)], axis=1)
        (start, slope) = np.linalg.lstsq(part, ends, rcond=None)[0].T
        at, along = part[:-1] @ start, part[:-1] @ slope
        a, b, rest = along @ along, at @ along, at @ at - radius**2
        found = []
        if a > 0 and b * b - a * rest >= 0:
            found.append((math.sqrt(b * b - a * rest) - b) / a)
        if slope.sum() > 0 and np.isfinite(bound):
            found.append((bound - start.sum()) / slope.sum())
        inside = [place for place in found if low < place < high]
        if inside:
            return float(min(inside))
    if np.isinf(low):
        return high - max(1.0, 2 * abs(high))
    return low + max(1.0, 2 * abs(low)) if np.isinf(high) else (low + high) / 2
